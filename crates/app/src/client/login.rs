//! The login that `entrepot login` or `docker login` stored for a server.

use entrepot_credentials::{AuthFilePaths, Credential, Logins};
use entrepot_oci::Host;
use url::{Position, Url};

use crate::{
    config::{Environment, Warning},
    failure,
};

/// Finds the login of this user for a server. Blocks while credential helpers run.
pub(super) fn find(server: &Url, environment: &Environment) -> Option<Credential> {
    let host = host(server)?;
    let (logins, errors) = Logins::read(&AuthFilePaths::new(|name| environment.get(name)));
    let found = logins.find(&host);
    failure::warn(&errors.iter().chain(&found.errors).map(Warning::from).collect::<Vec<_>>());
    let whole = found.logins.into_iter().find(|login| login.namespace.is_none());
    whole.map(|login| login.credential).filter(|credential| credential.username != "<token>")
}

// The host whose login may be sent there. Logins do not say whether they were made over TLS: without it, one is sent only
// where the port says so, or to this machine.
fn host(server: &Url) -> Option<Host> {
    let host: Host = server[Position::BeforeHost..Position::AfterPort].parse().ok()?;
    let is_here = matches!(server.host_str(), Some("localhost" | "127.0.0.1" | "[::1]"));
    (server.scheme() == "https" || server.port().is_some() || is_here).then_some(host)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_login_is_not_sent_in_the_clear_to_a_server_of_tls() {
        for (server, sent_as) in [
            ("https://m.example.com", Some("m.example.com")),
            ("https://m.example.com:8443/x", Some("m.example.com:8443")),
            ("http://m.lan:5000", Some("m.lan:5000")),
            ("http://127.0.0.1", Some("127.0.0.1")),
            ("http://m.example.com", None),
            ("http://m.example.com:80", None),
        ] {
            let found = host(&server.parse().unwrap());
            assert_eq!(found.as_ref().map(Host::as_str), sent_as, "{server}");
        }
    }
}
