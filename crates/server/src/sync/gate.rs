//! Permission to start and stop runs. Pure.
//!
//! Allowed: the local socket, whoever has the token, and, if no token is set, programs on this machine, provided that a
//! local address proves anything. Pages of other sites were refused before (`admission`).

use http::{HeaderMap, StatusCode};

use super::problem::Problem;
use crate::principal::{ApiToken, Principal, bearer};

/// The permission to start and stop runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Permission {
    /// Allowed.
    Granted,
    /// The API token is required.
    NeedsToken,
    /// Denied: no token is configured, so another way is needed.
    Refused,
}

/// Returns the permission of `principal`; `token` is the configured one.
pub(crate) fn permission(principal: &Principal, token: Option<&ApiToken>) -> Permission {
    match (principal, token) {
        (Principal::Owner | Principal::Token, _) | (Principal::Local, None) => Permission::Granted,
        (Principal::Local | Principal::Anonymous { .. }, Some(_)) => Permission::NeedsToken,
        (Principal::Anonymous { .. }, None) => Permission::Refused,
    }
}

/// Lets `principal` start and stop runs, or says what is missing. `headers` are those of the request.
pub(super) fn admit(
    principal: &Principal,
    token: Option<&ApiToken>,
    headers: &HeaderMap,
) -> Result<(), Problem> {
    match (permission(principal, token), bearer(headers)) {
        (Permission::Granted, _) => Ok(()),
        (Permission::NeedsToken, Some(_)) => {
            let problem = Problem::new(StatusCode::UNAUTHORIZED, "the token is not the right one");
            Err(problem.with_hint("it is what `api_token` says in the server's configuration"))
        }
        (Permission::NeedsToken, None) => {
            let hint =
                "send `Authorization: Bearer …` with what `api_token` says in the server's configuration";
            Err(Problem::new(StatusCode::UNAUTHORIZED, "this needs a token").with_hint(hint))
        }
        (Permission::Refused, _) => {
            let problem =
                Problem::new(StatusCode::FORBIDDEN, "only programs on the server's machine may do this");
            let hint = "run `entrepot sync run` there, or set `api_token` in the server's configuration";
            Err(problem.with_hint(hint))
        }
    }
}

#[cfg(test)]
mod tests {
    use http::{HeaderValue, header};

    use super::*;
    use crate::{peer::Door, principal::Evidence};

    /// A sender at `address` who requests `host` and sends `token`.
    struct Case<'a> {
        address: &'a str,
        host: &'a str,
        sent: Option<&'static str>,
        local_counts: bool,
    }

    impl Case<'_> {
        fn asked(&self, door: Door, token: Option<&str>) -> u16 {
            let sent = self.sent.map(|sent| (header::AUTHORIZATION, HeaderValue::from_static(sent)));
            let headers = HeaderMap::from_iter(sent);
            let token = token.map(ApiToken::new);
            let principal = Principal::of(&Evidence {
                door,
                address: self.address.parse().ok(),
                host: Some(self.host),
                local_counts: self.local_counts,
                headers: &headers,
                token: token.as_ref(),
            });
            let admitted = admit(&principal, token.as_ref(), &headers);
            admitted.map_or_else(|problem| problem.status.as_u16(), |()| 200)
        }
    }

    fn here(address: &str, host: &str) -> u16 {
        Case { address, host, sent: None, local_counts: true }.asked(Door::Public, None)
    }

    fn with_token(sent: &'static str, token: Option<&str>) -> u16 {
        let case = Case { address: "10.0.0.7", host: "m.example.com", sent: Some(sent), local_counts: false };
        case.asked(Door::Public, token)
    }

    #[test]
    fn this_machine_may_where_that_counts() {
        for (address, host) in [
            ("127.0.0.1", "127.0.0.1:5000"),
            ("127.9.9.9", "localhost:5000"),
            ("::1", "[::1]:5000"),
            ("::ffff:127.0.0.1", "LOCALHOST"),
        ] {
            assert_eq!(here(address, host), 200, "{address} {host}");
            let case = Case { address, host, sent: None, local_counts: false };
            assert_eq!(case.asked(Door::Public, None), 403, "{address} {host}");
            let case = Case { local_counts: true, ..case };
            assert_eq!(case.asked(Door::Public, Some("t")), 401, "{address} {host}");
        }
    }

    #[test]
    fn the_socket_may_whatever_is_configured() {
        let case = Case { address: "", host: "entrepot", sent: None, local_counts: false };
        assert_eq!((case.asked(Door::Control, None), case.asked(Door::Control, Some("t"))), (200, 200));
        // A request without an address that did not come through the socket is anonymous.
        assert_eq!(here("", "localhost"), 403);
    }

    #[test]
    fn others_need_the_token() {
        assert_eq!(here("10.0.0.7", "m.example.com"), 403);
        assert_eq!(here("10.0.0.7", "localhost"), 403);
        assert_eq!((with_token("Bearer t", Some("t")), with_token("bearer t ", Some("t"))), (200, 200));
        for wrong in ["Bearer u", "Bearer", "Bearer ", "Basic t", "t"] {
            assert_eq!(with_token(wrong, Some("t")), 401, "{wrong}");
        }
        assert_eq!(with_token("Bearer ", None), 403);
    }

    #[test]
    fn a_strangers_name_is_not_this_machine() {
        for host in
            ["m.example.com", "evil.example:5000", "127.0.0.1.evil.example", "x.localhost", "localhost.", ""]
        {
            assert_eq!(here("127.0.0.1", host), 403, "{host}");
        }
    }
}
