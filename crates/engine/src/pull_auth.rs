//! Who the engine says it is to a registry.

use base64::{Engine as _, engine::general_purpose::URL_SAFE};
use http::HeaderValue;
use secrecy::{ExposeSecret as _, SecretString};
use serde::Serialize;

use crate::error::Error;

/// The header with it.
pub(crate) const HEADER: &str = "x-registry-auth";
/// What the login of Docker Hub is stored under.
const DOCKER_HUB: &str = "https://index.docker.io/v1/";

/// The account that an engine pulls or pushes with.
#[derive(Clone, Debug)]
pub struct PullAuth {
    /// The registry.
    pub host: entrepot_oci::Host,
    /// The account.
    pub username: String,
    /// Its password or token.
    pub password: SecretString,
}

#[derive(Serialize)]
struct AuthDocument<'a> {
    username: &'a str,
    password: &'a str,
    serveraddress: &'a str,
}

impl PullAuth {
    /// The header's value. Engines read the alphabet for addresses: with the other one, Docker pulls as nobody for every
    /// fifth password and does not say so.
    pub(crate) fn header(&self) -> Result<HeaderValue, Error> {
        let serveraddress = if self.host.is_docker_hub() { DOCKER_HUB } else { self.host.as_str() };
        let document =
            AuthDocument { username: &self.username, password: self.password.expose_secret(), serveraddress };
        let json = serde_json::to_vec(&document).map_err(|_| Error::Answer("the login cannot be written"))?;
        let value = HeaderValue::try_from(URL_SAFE.encode(json));
        let mut value = value.map_err(|_| Error::Answer("the login cannot be written"))?;
        value.set_sensitive(true);
        Ok(value)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn auth(password: &str) -> PullAuth {
        PullAuth {
            host: "quay.io".parse().unwrap(),
            username: "robot".to_owned(),
            password: password.to_owned().into(),
        }
    }

    #[test]
    fn the_password_that_clients_get_wrong_is_right() {
        let header = auth("abc>>>def~~~???").header().unwrap();
        let text = header.to_str().unwrap();
        assert!(!text.contains(['+', '/']) && text.contains(['-', '_']), "{text}");
        let json = URL_SAFE.decode(text).unwrap();
        assert_eq!(
            String::from_utf8(json).unwrap(),
            r#"{"username":"robot","password":"abc>>>def~~~???","serveraddress":"quay.io"}"#
        );
        assert!(header.is_sensitive() && !format!("{:?}", auth("hunter2")).contains("hunter2"));
    }

    #[test]
    fn docker_hub_is_named_as_docker_names_it() {
        let hub = PullAuth { host: "docker.io".parse().unwrap(), ..auth("x") };
        let json = URL_SAFE.decode(hub.header().unwrap().as_bytes()).unwrap();
        assert!(String::from_utf8(json).unwrap().contains(r#""https://index.docker.io/v1/""#));
    }

    proptest! {
        #[test]
        fn every_password_arrives(password in "\\PC{0,40}") {
            let header = auth(&password).header().unwrap();
            let json = URL_SAFE.decode(header.as_bytes()).unwrap();
            let read: serde_json::Value = serde_json::from_slice(&json).unwrap();
            prop_assert_eq!(read["password"].as_str(), Some(password.as_str()));
        }
    }
}
