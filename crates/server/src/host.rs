//! The host that a request is for, and the hosts that we serve. Pure.
//!
//! An attacker can point a name at this machine (DNS rebinding); a browser then takes us for the attacker's own site
//! and lets its pages read our responses. A loopback listener is meant for this machine, so it serves names of this
//! machine and configured names. Other listeners cannot know all their names and serve any.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use http::{header, request::Parts, uri::Authority};

/// The request names no unambiguous host.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Unclear {
    /// Several `Host` fields (RFC 9112 §3.2), or one that differs from the request target or `:authority` (RFC 9113
    /// §8.3.1): an intermediary may have used the other one.
    Several,
    /// The value cannot be a host, for example because it contains a user.
    Malformed,
}

/// Returns the host that a request names, with its port if given; `None` if it names none, as HTTP/1.0 may.
pub(crate) fn of(head: &Parts) -> Result<Option<&str>, Unclear> {
    let mut fields = head.headers.get_all(header::HOST).iter();
    let field = match (fields.next(), fields.next()) {
        (_, Some(_)) => return Err(Unclear::Several),
        (field, None) => field.map(|field| field.to_str().map_err(|_| Unclear::Malformed)).transpose()?,
    };
    match (head.uri.authority().map(Authority::as_str), field) {
        (Some(target), Some(field)) if !target.eq_ignore_ascii_case(field) => Err(Unclear::Several),
        (Some(host), _) | (None, Some(host)) if host.contains('@') => Err(Unclear::Malformed),
        (target, field) => Ok(target.or(field)),
    }
}

/// The hosts that we serve.
#[derive(Debug)]
pub(crate) enum Hosts {
    /// Any host.
    All,
    /// Names of this machine, and these.
    Loopback(Vec<String>),
}

impl Hosts {
    /// The hosts of a listener at `address` with the configured `names`.
    pub(crate) fn of(address: IpAddr, names: Vec<String>) -> Self {
        if address.to_canonical().is_loopback() { Self::Loopback(names) } else { Self::All }
    }

    /// True if `host` is one of them; the port is ignored.
    pub(crate) fn include(&self, host: Option<&str>) -> bool {
        let Self::Loopback(names) = self else { return true };
        let Some(name) = host.map(without_port) else { return false };
        is_this_machine(name)
            || is_below_localhost(name)
            || names.iter().any(|known| known.eq_ignore_ascii_case(name.strip_suffix('.').unwrap_or(name)))
    }
}

/// True if `host` is a loopback address or `localhost`, with or without a port.
pub(crate) fn is_loopback(host: &str) -> bool {
    is_this_machine(without_port(host))
}

fn without_port(host: &str) -> &str {
    match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => name,
        _ => host,
    }
}

fn is_this_machine(name: &str) -> bool {
    // Each request asks, and nearly all of them say it so.
    if name == "127.0.0.1" {
        return true;
    }
    match name.strip_prefix('[').and_then(|name| name.strip_suffix(']')) {
        Some(inner) => inner.parse::<Ipv6Addr>().is_ok_and(|address| address.is_loopback()),
        None => {
            name.eq_ignore_ascii_case("localhost")
                || name.parse::<Ipv4Addr>().is_ok_and(|address| address.is_loopback())
        }
    }
}

// Browsers and resolvers map these to loopback without asking DNS (RFC 6761 §6.3).
fn is_below_localhost(name: &str) -> bool {
    let end = name.len().checked_sub(".localhost".len()).and_then(|start| name.get(start..));
    end.is_some_and(|end| end.eq_ignore_ascii_case(".localhost"))
}

#[cfg(test)]
mod tests {
    use http::Request;

    use super::*;

    fn named(target: &str, fields: &[&str]) -> Result<Option<String>, Unclear> {
        let request = fields
            .iter()
            .fold(Request::builder().uri(target), |request, field| request.header("host", field.as_bytes()));
        let (head, ()) = request.body(()).unwrap().into_parts();
        of(&head).map(|host| host.map(str::to_owned))
    }

    #[test]
    fn a_request_names_one_host() {
        let is = |host: &str| Ok(Some(host.to_owned()));
        assert_eq!(named("/v2/", &["m.example.com:5000"]), is("m.example.com:5000"));
        assert_eq!(named("http://a/v2/", &[]), is("a"));
        assert_eq!(named("http://a:5/v2/", &["A:5"]), is("a:5"));
        assert_eq!(named("/v2/", &[]), Ok(None));
        for (target, fields) in [
            ("/v2/", ["localhost", "evil.example"].as_slice()),
            ("/v2/", &["localhost", "localhost"]),
            ("http://localhost/v2/", &["evil.example"]),
            ("http://evil.example/v2/", &["localhost"]),
            ("http://localhost/v2/", &[""]),
        ] {
            assert_eq!(named(target, fields), Err(Unclear::Several), "{target} {fields:?}");
        }
        for (target, fields) in [
            ("/v2/", ["localhost@evil.example"].as_slice()),
            ("http://localhost@evil.example/v2/", &[]),
            ("/v2/", &["\u{e9}"]),
        ] {
            assert_eq!(named(target, fields), Err(Unclear::Malformed), "{target} {fields:?}");
        }
    }

    #[test]
    fn loopback_answers_to_its_own_names() {
        let hosts = Hosts::of([127, 0, 0, 1].into(), vec!["m.example.com".into(), "10.0.0.7".into()]);
        for host in [
            "localhost",
            "LocalHost:5000",
            "127.0.0.1:5000",
            "127.9.9.9",
            "[::1]:5000",
            "[::1]",
            "registry.localhost:5000",
            "M.example.com:443",
            "m.example.com.:5000",
            "10.0.0.7:5000",
        ] {
            assert!(hosts.include(Some(host)), "{host}");
        }
        for host in [
            "evil.example:5000",
            "127.0.0.1.evil.example",
            "127.0.0.1.nip.io",
            "localhost.evil.example",
            "localhost.",
            ".localhost.evil",
            "x.m.example.com",
            "0.0.0.0:5000",
            "[::]:5000",
            "[::ffff:127.0.0.1]",
            "127.1",
            "0x7f.1",
            "2130706433",
            "localhost:5000@evil.example",
            "é.localhost.x",
            "",
        ] {
            assert!(!hosts.include(Some(host)), "{host}");
        }
        assert!(!hosts.include(None));
    }

    #[test]
    fn other_listeners_answer_to_any() {
        for address in ["0.0.0.0", "::", "10.0.0.7"] {
            assert!(Hosts::of(address.parse().unwrap(), Vec::new()).include(Some("x")), "{address}");
        }
        assert!(!Hosts::of("::1".parse().unwrap(), Vec::new()).include(Some("x")));
    }

    #[test]
    fn only_addresses_and_localhost_are_loopback() {
        assert!(is_loopback("127.0.0.1:5000") && is_loopback("[::1]:5000") && is_loopback("LOCALHOST"));
        for host in ["x.localhost", "localhost.", "m.example.com", "127.0.0.1.evil.example", ""] {
            assert!(!is_loopback(host), "{host}");
        }
    }
}
