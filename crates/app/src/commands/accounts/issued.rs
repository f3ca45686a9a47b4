//! A new API token in the form that a client reads. Pure.

use base64::{Engine, prelude::BASE64_STANDARD};
use entrepot_api::IssuedToken;
use serde_json::json;
use url::Url;

use crate::failure::Failure;

/// The form in which a new token is printed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum TokenFormat {
    /// The token alone.
    #[default]
    Text,
    /// The API's answer.
    Json,
    /// What Kubernetes has in a secret of the type `kubernetes.io/dockerconfigjson`, and Docker in `config.json`.
    DockerConfigJson,
    /// containerd's `certs.d/HOST/hosts.toml`.
    HostsToml,
    /// k3s's and RKE2's `registries.yaml`.
    RegistriesYaml,
}

/// The server as its clients name it.
#[derive(Clone, Debug)]
pub(crate) struct Registry(Url);

impl Registry {
    /// Reads an address: `m.example.com`, `http://10.0.0.7:5000`.
    ///
    /// # Errors
    /// It is not one.
    pub(crate) fn read(text: &str) -> Result<Self, Failure> {
        let whole = if text.contains("://") { text.to_owned() } else { format!("https://{text}") };
        let wrong = || {
            Failure::wrong(format!("`{text}` is not the address of a registry"))
                .with_hint("write `m.example.com`, or `http://10.0.0.7:5000` for plain HTTP")
        };
        let url: Url = whole.parse().map_err(|_| wrong())?;
        let is_plain = matches!(url.scheme(), "http" | "https")
            && url.has_host()
            && url.username().is_empty()
            && url.password().is_none()
            && matches!(url.path(), "" | "/")
            && url.query().is_none();
        if is_plain { Ok(Self(url)) } else { Err(wrong()) }
    }

    fn url(&self) -> &str {
        self.0.as_str().trim_end_matches('/')
    }

    // As image names have it, with the port if it is not the scheme's own.
    fn host(&self) -> &str {
        self.url().split_once("://").map_or("", |(_, host)| host)
    }
}

/// Whoever will read the document.
pub(crate) struct TokenClient {
    /// The user name that it sends; the server takes any.
    pub(crate) user: String,
    /// The server.
    pub(crate) registry: Registry,
}

/// The document of this form; `None` for those that need none.
pub(crate) fn document(form: TokenFormat, token: &IssuedToken, client: &TokenClient) -> Option<String> {
    let (secret, name, at) = (&token.token, &client.user, &client.registry);
    match form {
        TokenFormat::Text | TokenFormat::Json => None,
        TokenFormat::DockerConfigJson => {
            let auth = BASE64_STANDARD.encode(format!("{name}:{secret}"));
            let login = json!({ "username": name, "password": secret, "auth": auth });
            Some(format!("{:#}\n", json!({ "auths": { at.host(): login } })))
        }
        TokenFormat::HostsToml => Some(format!(
            "# /etc/containerd/certs.d/docker.io/hosts.toml; one such file for each registry that is mirrored\n\
             [host.\"{url}\"]\n  capabilities = [\"pull\", \"resolve\"]\n  [host.\"{url}\".header]\n    \
             Authorization = [\"Bearer {secret}\"]\n",
            url = at.url()
        )),
        // The login is looked up by the endpoint's host, and not by the registry that it mirrors.
        TokenFormat::RegistriesYaml => Some(format!(
            "# /etc/rancher/k3s/registries.yaml\nmirrors:\n  docker.io:\n    endpoint: [\"{url}\"]\nconfigs:\n  \
             \"{host}\":\n    auth:\n      username: \"{name}\"\n      password: \"{secret}\"\n",
            url = at.url(),
            host = at.host()
        )),
    }
}

/// A user name that needs no escaping anywhere, made of a token's name. The server takes any.
pub(crate) fn user(name: &str) -> String {
    let is_plain = |letter: &char| letter.is_ascii_alphanumeric() || "._-".contains(*letter);
    let plain: String = name.chars().filter(is_plain).collect();
    if plain.is_empty() { "token".to_owned() } else { plain }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(format: TokenFormat, at: &str) -> String {
        let token = IssuedToken { id: "0123456789".to_owned(), token: "ep_secret".to_owned() };
        let reader = TokenClient { user: user("ci: \"build\""), registry: Registry::read(at).unwrap() };
        document(format, &token, &reader).unwrap()
    }

    #[test]
    fn each_form_is_what_its_client_reads() {
        let docker: serde_json::Value =
            serde_json::from_str(&written(TokenFormat::DockerConfigJson, "m.example.com:8443")).unwrap();
        let login = &docker["auths"]["m.example.com:8443"];
        assert_eq!((&login["username"], &login["password"]), (&"cibuild".into(), &"ep_secret".into()));
        assert_eq!(login["auth"], BASE64_STANDARD.encode("cibuild:ep_secret"));
        let hosts = written(TokenFormat::HostsToml, "http://10.0.0.7:5000");
        assert!(
            hosts.contains(
                "[host.\"http://10.0.0.7:5000\".header]\n    Authorization = [\"Bearer ep_secret\"]\n"
            ),
            "{hosts}"
        );
        let k3s = written(TokenFormat::RegistriesYaml, "m.example.com");
        assert!(
            k3s.contains(
                "endpoint: [\"https://m.example.com\"]\nconfigs:\n  \"m.example.com\":\n    auth:\n"
            ),
            "{k3s}"
        );
        assert!(k3s.ends_with("      username: \"cibuild\"\n      password: \"ep_secret\"\n"), "{k3s}");
    }

    #[test]
    fn addresses_of_registries() {
        for bad in ["", "ftp://x", "https://u:p@x", "m.example.com/path", "https://x?y"] {
            assert!(Registry::read(bad).is_err(), "{bad}");
        }
        assert_eq!(Registry::read("https://m.example.com/").unwrap().host(), "m.example.com");
        assert_eq!(user("中文"), "token");
    }
}
