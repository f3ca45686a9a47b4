//! Which host a request is for, and which hosts we answer to. Pure.
//!
//! A stranger's name can be pointed at this machine (DNS rebinding); a browser then takes us for the stranger's own
//! site and shows its pages what is here. A listener on loopback is meant for this machine, so it answers to names that
//! mean this machine and to those that it was told of. Elsewhere nobody knows all names, and any will do.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use http::{header, request::Parts, uri::Authority};

/// The request names no host that one could be sure of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Unclear {
    /// Several `Host` fields (RFC 9112 §3.2), or another one than the request's target or `:authority` names (RFC 9113
    /// §8.3.1): whoever passed this on may have gone by the other one.
    Several,
    /// What it names cannot be a host, such as one with a user in it.
    Malformed,
}

/// The host that a request names, with its port where it has one; `None` where it names none, as HTTP/1.0 may.
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

/// The hosts that we answer to.
#[derive(Debug)]
pub(crate) enum Hosts {
    /// Any.
    All,
    /// Those that mean this machine, and these.
    Loopback(Vec<String>),
}

impl Hosts {
    /// Of a listener at `address` that was told of `names`.
    pub(crate) fn of(address: IpAddr, names: Vec<String>) -> Self {
        if address.to_canonical().is_loopback() { Self::Loopback(names) } else { Self::All }
    }

    /// Whether `host` is one of them; its port does not matter.
    pub(crate) fn include(&self, host: Option<&str>) -> bool {
        let Self::Loopback(names) = self else { return true };
        let Some(name) = host.map(without_port) else { return false };
        is_this_machine(name)
            || is_below_localhost(name)
            || names.iter().any(|known| known.eq_ignore_ascii_case(name))
    }
}

/// Whether `host` is an address of loopback or `localhost`, with or without a port.
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
    match name.strip_prefix('[').and_then(|name| name.strip_suffix(']')) {
        Some(inner) => inner.parse::<Ipv6Addr>().is_ok_and(|address| address.is_loopback()),
        None => {
            name.eq_ignore_ascii_case("localhost")
                || name.parse::<Ipv4Addr>().is_ok_and(|address| address.is_loopback())
        }
    }
}

// Browsers and resolvers send these to loopback without asking any DNS (RFC 6761 §6.3).
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
