"""Configurations that entrepot must refuse without repeating the secret that is in them."""
import json


def mistakes(canary):
    """Each as its text and the environment it is read in."""
    password, plain = json.dumps(canary.typed), json.dumps(canary.userinfo)
    s3, database, pasted = json.dumps(canary.s3), canary.database, canary.pasted
    account = '{{registries: {{a.test: {{mirror: true, credentials: {0}}}}}}}\n'
    bucket = '{{blobs: {{s3: {{bucket: b, endpoint: "http://127.0.0.1:1", access_key: {0}, secret_key: {1}}}}}}}\n'
    pem = f"-----BEGIN PRIVATE KEY-----\\n{pasted}\\n-----END PRIVATE KEY-----"
    texts = [
        account.format(password),
        account.format(f"[{password}]"),
        account.format(f"[{{username: u, password: [{password}]}}]"),
        account.format(f"[{{username: u, password: {{a: {password}}}}}]"),
        account.format(f"[{{username: u, passwrd: {password}}}]"),
        account.format(f"[{{username: u, password: {password}, password: {password}}}]"),
        account.format(f"[{{username: u, password: {password}, namespace: [{password}]}}]"),
        account.format(f'[{{username: u, password: {password}, endpoint: "http://u:{canary.userinfo}@a.test"}}]'),
        f"registries:\n  a.test: {{mirror: true, credentials: [{{username: u, password: {password}\nlisten: 1\n",
        f'registries:\n  a.test:\n    credentials:\n      - username: u\n        password: "{canary.userinfo}\n',
        f"registries:\n  a.test:\n    credentials:\n      - password: {canary.userinfo}: x: y\n",
        f"registries:\n  a.test:\n    credentials:\n      - username: u\n     password: {password}\n",
        f'{{registries: {{a.test: {{mirror: true, endpoints: ["http://u:{canary.userinfo}@a.test"]}}}}}}\n',
        f'{{registries: {{a.test: {{mirror: true, endpoints: ["http://a.test/?token={canary.userinfo}"]}}}}}}\n',
        f'{{registries: {{a.test: {{mirror: true, endpoints: ["u:{canary.userinfo}@a.test"]}}}}}}\n',
        f'{{registries: {{"u:{canary.userinfo}@a.test": {{mirror: true}}}}}}\n',
        f"{{api_token: [{json.dumps(canary.api_token)}]}}\n",
        f"{{api_token: {json.dumps(canary.api_token)}, listen: nonsense}}\n",
        f'{{apitoken: {json.dumps(canary.api_token)}}}\n',
        f'{{database: "mysql://me:{database}@127.0.0.1/x"}}\n',
        f'{{database: "postgres://me:{database}@127.0.0.1:1/x"}}\n',
        f'{{database: "postgres://me:{database}@[bad/x"}}\n',
        f'{{database: "postgres://me:{database}@127.0.0.1:99999/x"}}\n',
        f'{{database: {{url: "postgres://me:{database}@127.0.0.1/x"}}}}\n',
        bucket.format('"k"', f"[{s3}]"),
        bucket.format(s3, "env:ABSENT"),
        bucket.format('"k"', s3) + "listen: nonsense\n",
        f"{{blobs: {{s3: {{bucket: b, secret: {s3}}}}}}}\n",
        f'{{tls: {{cert: "{canary.folder}/tls.crt", key: "{pem}"}}}}\n',
        f'{{tls: {{cert: "{canary.folder}/tls.crt", key: ["{pem}"]}}}}\n',
        f'{{secrets: {{key_file: ["{pasted}"]}}}}\n',
        f'{{sync: [{{name: r, from: "u:{canary.userinfo}@a.test/x/y", to: [b.test/x/y]}}]}}\n',
        f'{{sync: [{{name: r, from: "https://u:{canary.userinfo}@a.test/x/y", to: [b.test/x/y]}}]}}\n',
        f'{{sync: [{{name: r, from: a.test/x/y, to: ["https://u:{canary.userinfo}@b.test/x/y"]}}]}}\n',
        f"{{access: {{oidc: {{issuer: 1, client_secret: {json.dumps(canary.oidc)}, client_secrets: {json.dumps(canary.oidc)}}}}}}}\n",
        f"{{access: {{ldap: {{url: 1, bind_password: [{json.dumps(canary.ldap)}]}}}}}}\n",
        f"{{access: {{grants: {plain}}}}}\n",
    ]
    yield from ((text, {}) for text in texts)
    credentials = f"{{a.test: {{mirror: true, credentials: [{{username: u, password: {password}"
    for name, value in (
        ("ENTREPOT_REGISTRIES", credentials),
        ("ENTREPOT_REGISTRIES", f"{credentials}, more: 1}}]}}}}"),
        ("ENTREPOT_API_TOKENS", canary.api_token),
        ("ENTREPOT_API_TOKEN", f"[{canary.api_token}"),
        ("ENTREPOT_DATABASE", f"mysql://me:{database}@127.0.0.1/x"),
        ("ENTREPOT_DATABASE", f"postgres://me:{database}@127.0.0.1:1/x"),
        ("ENTREPOT_BLOBS__S3__SECRET_KEY", canary.s3),
        ("ENTREPOT_TLS__KEY", pem.replace("\\n", "\n")),
    ):
        yield "listen: 127.0.0.1:0\n" if "DATABASE" in name else "log: {level: loud}\n", {name: value}
