//! What a provider says about itself (OpenID Connect Discovery §3). Pure.

use serde::Deserialize;
use url::Url;

use crate::{error::ProviderError, fetch::Fetcher, token::printable};

/// What the document is called in errors.
pub(crate) const WHAT: &str = "discovery document";

/// The endpoints of a provider. All of them may be contacted.
#[derive(Clone, Debug)]
pub(crate) struct Metadata {
    pub(crate) keys: Url,
    pub(crate) authorization: Option<Url>,
    pub(crate) token: Option<Url>,
    pub(crate) userinfo: Option<Url>,
    pub(crate) end_session: Option<Url>,
    /// Whether the token endpoint wants the secret in the form.
    pub(crate) wants_secret_in_form: bool,
}

#[derive(Deserialize)]
struct MetadataDocument {
    issuer: String,
    jwks_uri: String,
    authorization_endpoint: Option<String>,
    token_endpoint: Option<String>,
    userinfo_endpoint: Option<String>,
    end_session_endpoint: Option<String>,
    token_endpoint_auth_methods_supported: Option<Vec<String>>,
}

/// The address of the document.
pub(crate) fn address(issuer: &Url) -> Url {
    let mut address = issuer.clone();
    let path = format!("{}/.well-known/openid-configuration", issuer.path().trim_end_matches('/'));
    address.set_path(&path);
    address
}

impl Metadata {
    /// Reads the document of `issuer`, which must call itself exactly that (Discovery §4.3).
    pub(crate) fn read(issuer: &str, document: &[u8], fetcher: &Fetcher) -> Result<Self, ProviderError> {
        let read: MetadataDocument = serde_json::from_slice(document).map_err(|error| {
            let why = format!(
                "it is not one ({}); is `issuer` the provider's address?",
                printable(&error.to_string())
            );
            ProviderError::Answer { what: WHAT, why }
        })?;
        if read.issuer != issuer {
            let told = printable(&read.issuer);
            return Err(ProviderError::Issuer { configured: issuer.to_owned(), told });
        }
        let optional = |what, url: Option<String>| url.map(|url| fetcher.address(what, &url)).transpose();
        let methods = read.token_endpoint_auth_methods_supported.unwrap_or_default();
        let has = |method: &str| methods.iter().any(|known| known == method);
        Ok(Self {
            keys: fetcher.address("key endpoint", &read.jwks_uri)?,
            authorization: optional("authorization endpoint", read.authorization_endpoint)?,
            token: optional("token endpoint", read.token_endpoint)?,
            userinfo: optional("userinfo endpoint", read.userinfo_endpoint)?,
            end_session: optional("logout endpoint", read.end_session_endpoint)?,
            wants_secret_in_form: has("client_secret_post") && !has("client_secret_basic"),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_document_is_below_the_issuer() {
        for (issuer, expected) in [
            ("https://id.example", "https://id.example/.well-known/openid-configuration"),
            ("https://id.example/", "https://id.example/.well-known/openid-configuration"),
            ("https://id.example/realms/a", "https://id.example/realms/a/.well-known/openid-configuration"),
            ("https://id.example/t/v2.0/", "https://id.example/t/v2.0/.well-known/openid-configuration"),
        ] {
            assert_eq!(address(&issuer.parse().unwrap()).as_str(), expected);
        }
    }
}
