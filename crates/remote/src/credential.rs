//! One account at a registry.

use entrepot_oci::Repository;
use secrecy::SecretString;
use serde::{Deserialize, Deserializer, de};
use url::Url;

/// One account at a registry.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Credential {
    /// The name of the account; `<token>` if `password` is an identity token, which is exchanged by OAuth2.
    pub username: String,
    /// The password or access token. `Debug` does not show it.
    pub password: SecretString,
    /// The only repository that it is for, with those below it; `None` for the whole registry.
    #[serde(default, deserialize_with = "namespace")]
    pub namespace: Option<Repository>,
    /// The only one of [`crate::RemoteSettings::endpoints`] that sees it; `None` for the registry itself, by its own name.
    #[serde(default)]
    pub endpoint: Option<Url>,
}

impl Credential {
    /// Whether the secret is an identity token: Docker's helpers return it under this name.
    pub(crate) fn is_identity_token(&self) -> bool {
        self.username == "<token>"
    }

    /// Whether the account is for `repository`.
    pub fn covers(&self, repository: &Repository) -> bool {
        self.namespace.as_ref().is_none_or(|namespace| {
            let rest = repository.as_str().strip_prefix(namespace.as_str());
            rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        })
    }
}

fn namespace<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Repository>, D::Error> {
    let text = Option::<String>::deserialize(deserializer)?;
    text.map(|text| text.parse().map_err(de::Error::custom)).transpose()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn namespaces_end_at_a_slash() {
        let of = |namespace: &str| -> Credential {
            let text = format!(r#"{{"username":"u","password":"p","namespace":{namespace}}}"#);
            serde_json::from_str(&text).unwrap()
        };
        let (org, all) = (of(r#""org/team""#), of("null"));
        for (repository, covered) in [
            ("org/team", true),
            ("org/team/app", true),
            ("org/teams", false),
            ("org", false),
            ("x/org/team", false),
        ] {
            let repository = repository.parse().unwrap();
            assert_eq!((org.covers(&repository), all.covers(&repository)), (covered, true), "{repository}");
        }
        let upper = r#"{"username":"u","password":"p","namespace":"Org"}"#;
        assert!(serde_json::from_str::<Credential>(upper).is_err());
    }
}
