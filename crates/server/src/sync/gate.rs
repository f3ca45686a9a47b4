//! Who may begin and stop runs. Pure.
//!
//! There are no accounts yet. A program on this machine may, and whoever has the token. Not asked is a browser that
//! another site sends (it says so), nor is a request local that a proxy on this machine passed on (it says so too, or
//! keeps the name it was asked for). A name other than this machine's may have been pointed here by a stranger's DNS.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use entrepot_oci::Digest;
use http::{HeaderMap, StatusCode, header};

use super::Problem;

/// What proxies add.
const PROXIED: [&str; 5] = ["forwarded", "x-forwarded-for", "x-forwarded-host", "x-real-ip", "via"];

/// Who asks.
pub(super) struct Asker<'a> {
    /// The address of the other end; the socket for the local command line has none.
    pub(super) address: Option<IpAddr>,
    /// The host that was asked for.
    pub(super) host: Option<&'a str>,
    pub(super) headers: &'a HeaderMap,
}

/// Whether `asker` may change something, where `token` is what lets others in.
pub(super) fn admit(asker: &Asker<'_>, token: Option<&Digest>) -> Result<(), Problem> {
    if is_cross_site(asker) {
        let problem = Problem::new(StatusCode::FORBIDDEN, "another site sent this");
        return Err(problem.with_hint("use the page `/sync` of this server"));
    }
    match (bearer(asker.headers), token) {
        (Some(sent), Some(token)) if Digest::of(sent) == *token => return Ok(()),
        (Some(_), Some(_)) => {
            let problem = Problem::new(StatusCode::UNAUTHORIZED, "the token is not the right one");
            return Err(problem.with_hint("it is what `api_token` says in the server's configuration"));
        }
        _ => {}
    }
    if is_local(asker) {
        return Ok(());
    }
    Err(match token {
        Some(_) => Problem::new(StatusCode::UNAUTHORIZED, "this needs a token").with_hint(
            "send `Authorization: Bearer …` with what `api_token` says in the server's configuration",
        ),
        None => Problem::new(StatusCode::FORBIDDEN, "only programs on the server's machine may do this")
            .with_hint("set `api_token` in the server's configuration"),
    })
}

fn is_cross_site(asker: &Asker<'_>) -> bool {
    let said = |name: &str| asker.headers.get(name).map(|value| value.to_str().unwrap_or("?"));
    let site = said("sec-fetch-site").is_some_and(|site| !matches!(site, "same-origin" | "none"));
    let origin = said("origin").is_some_and(|origin| {
        let authority = origin.split_once("://").map(|(_, authority)| authority);
        authority.is_none() || !same(authority, asker.host)
    });
    site || origin
}

fn same(a: Option<&str>, b: Option<&str>) -> bool {
    matches!((a, b), (Some(a), Some(b)) if a.eq_ignore_ascii_case(b))
}

fn bearer(headers: &HeaderMap) -> Option<&[u8]> {
    let value = headers.get(header::AUTHORIZATION)?.as_bytes();
    let (scheme, token) = value.split_at_checked(b"Bearer ".len())?;
    scheme.eq_ignore_ascii_case(b"Bearer ").then(|| token.trim_ascii())
}

fn is_local(asker: &Asker<'_>) -> bool {
    let is_here = asker.address.is_none_or(|address| address.to_canonical().is_loopback());
    let is_proxied = PROXIED.iter().any(|name| asker.headers.contains_key(*name));
    let names_here = asker.address.is_none() || asker.host.is_some_and(names_this_machine);
    is_here && !is_proxied && names_here
}

fn names_this_machine(host: &str) -> bool {
    let name = match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => name,
        _ => host,
    };
    let inner = name.strip_prefix('[').and_then(|name| name.strip_suffix(']'));
    match inner {
        Some(inner) => inner.parse::<Ipv6Addr>().is_ok_and(|address| address.is_loopback()),
        None => {
            name.eq_ignore_ascii_case("localhost")
                || name.parse::<Ipv4Addr>().is_ok_and(|address| address.is_loopback())
        }
    }
}

#[cfg(test)]
mod tests {
    use http::{HeaderName, HeaderValue};

    use super::*;

    fn asked(
        address: &str,
        host: &str,
        headers: &[(&'static str, &'static str)],
        token: Option<&str>,
    ) -> u16 {
        let headers: HeaderMap = headers
            .iter()
            .map(|(name, value)| (HeaderName::from_static(name), HeaderValue::from_static(value)))
            .collect();
        let asker = Asker { address: address.parse().ok(), host: Some(host), headers: &headers };
        let token = token.map(|token| Digest::of(token.as_bytes()));
        admit(&asker, token.as_ref()).map_or_else(|problem| problem.status.as_u16(), |()| 200)
    }

    #[test]
    fn this_machine_may() {
        for (address, host) in [
            ("127.0.0.1", "127.0.0.1:5000"),
            ("127.9.9.9", "localhost:5000"),
            ("::1", "[::1]:5000"),
            ("::ffff:127.0.0.1", "LOCALHOST"),
            ("", "entrepot"),
        ] {
            assert_eq!(asked(address, host, &[], None), 200, "{address} {host}");
        }
    }

    #[test]
    fn others_need_the_token() {
        assert_eq!(asked("10.0.0.7", "m.example.com", &[], None), 403);
        assert_eq!(asked("10.0.0.7", "localhost", &[], None), 403);
        assert_eq!(asked("10.0.0.7", "m.example.com", &[], Some("t")), 401);
        assert_eq!(asked("10.0.0.7", "m.example.com", &[("authorization", "Bearer t")], Some("t")), 200);
        assert_eq!(asked("10.0.0.7", "m.example.com", &[("authorization", "bearer t ")], Some("t")), 200);
        for wrong in ["Bearer u", "Bearer", "Bearer ", "Basic t", "t"] {
            assert_eq!(asked("10.0.0.7", "x", &[("authorization", wrong)], Some("t")), 401, "{wrong}");
        }
        assert_eq!(asked("10.0.0.7", "x", &[("authorization", "Bearer ")], None), 403);
        assert_eq!(asked("127.0.0.1", "localhost", &[("authorization", "Bearer u")], Some("t")), 401);
    }

    #[test]
    fn a_proxy_or_a_strangers_name_is_not_this_machine() {
        for name in PROXIED {
            let headers = [(name, "10.0.0.7")];
            assert_eq!(asked("127.0.0.1", "localhost", &headers, None), 403, "{name}");
        }
        for host in ["m.example.com", "evil.example:5000", "127.0.0.1.evil.example", "localhost.evil.example"]
        {
            assert_eq!(asked("127.0.0.1", host, &[], None), 403, "{host}");
        }
    }

    #[test]
    fn browsers_of_other_sites_may_not_even_with_a_token() {
        let token = ("authorization", "Bearer t");
        for headers in [
            [("sec-fetch-site", "cross-site"), token],
            [("sec-fetch-site", "same-site"), token],
            [("origin", "https://evil.example"), token],
            [("origin", "null"), token],
        ] {
            assert_eq!(asked("127.0.0.1", "localhost:5000", &headers, Some("t")), 403, "{headers:?}");
        }
        let own = [("sec-fetch-site", "same-origin"), ("origin", "http://localhost:5000")];
        assert_eq!(asked("127.0.0.1", "localhost:5000", &own, None), 200);
    }
}
