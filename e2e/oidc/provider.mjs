// An OpenID provider with some people, on loopback. Everybody logs in with any password.
//
//   node provider.mjs PORT CALLBACK RETURN [id-token]      id-token: the claims are in the ID token and not only in userinfo
import Provider from "oidc-provider";

const [port, callback, home, where] = process.argv.slice(2);
const groups = { alice: ["dev", "staff"], olivia: ["ops"], eve: ["/dev"] };

const provider = new Provider(`http://127.0.0.1:${port}`, {
  clients: [
    {
      client_id: "entrepot",
      client_secret: "a-secret/with+100%",
      redirect_uris: [callback],
      post_logout_redirect_uris: [home],
      response_types: ["code"],
      grant_types: ["authorization_code"],
    },
  ],
  findAccount: (_context, id) => ({
    accountId: id,
    claims: () => ({ sub: id, preferred_username: id, email: `${id}@example.org`, groups: groups[id] ?? [] }),
  }),
  claims: { profile: ["preferred_username"], email: ["email"], groups: ["groups"] },
  conformIdTokenClaims: where !== "id-token",
  cookies: { keys: ["not a secret: it lives as long as a test"] },
  pkce: { required: () => true },
  features: { devInteractions: { enabled: true }, rpInitiatedLogout: { enabled: true } },
});
provider.listen(Number(port), "127.0.0.1", () => console.log("ready"));
