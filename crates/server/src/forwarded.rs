//! What proxies say about a request, in `X-Forwarded-*` or in `Forwarded` (RFC 7239). Pure.
//!
//! Whether they are believed is decided by the caller. A proxy adds its word at the end, so the last one is that of the
//! proxy next to us. Where there is any `X-Forwarded-*`, `Forwarded` is not looked at: a proxy that writes the one may pass
//! the other on as its client sent it.

use std::net::IpAddr;

use http::{HeaderMap, HeaderName, header};

static FOR: HeaderName = HeaderName::from_static("x-forwarded-for");
static PROTO: HeaderName = HeaderName::from_static("x-forwarded-proto");
static HOST: HeaderName = HeaderName::from_static("x-forwarded-host");
static PORT: HeaderName = HeaderName::from_static("x-forwarded-port");

/// True if a proxy may have said something. Cheaper than asking what.
pub(crate) fn says_anything(headers: &HeaderMap) -> bool {
    let is_told = |name: &HeaderName| name.as_str().starts_with("x-forwarded-") || *name == header::FORWARDED;
    headers.keys().any(is_told)
}

/// The addresses that proxies say the request passed, the nearest first. It ends at the first one that is none.
pub(crate) fn hops(headers: &HeaderMap) -> impl Iterator<Item = IpAddr> + '_ {
    let listed = listed(headers, &FOR);
    let elements = standard(headers).map(|element| parameter(element, "for").unwrap_or_default());
    listed.chain(elements).map_while(address)
}

/// Whether the client of the nearest proxy speaks TLS, if it says so.
pub(crate) fn is_https(headers: &HeaderMap) -> Option<bool> {
    let told = listed(headers, &PROTO).next();
    let told = told.or_else(|| parameter(standard(headers).next()?, "proto"))?;
    if told.eq_ignore_ascii_case("https") {
        return Some(true);
    }
    told.eq_ignore_ascii_case("http").then_some(false)
}

/// The host that the nearest proxy was asked for, if it says so.
pub(crate) fn host(headers: &HeaderMap) -> Option<&str> {
    let told = listed(headers, &HOST).next();
    told.or_else(|| parameter(standard(headers).next()?, "host")).filter(|host| !host.is_empty())
}

/// The port that the nearest proxy was asked at, if it says so.
pub(crate) fn port(headers: &HeaderMap) -> Option<u16> {
    listed(headers, &PORT).next()?.parse().ok()
}

// The members of a list header, the last first.
fn listed<'a>(headers: &'a HeaderMap, name: &'static HeaderName) -> impl Iterator<Item = &'a str> + 'a {
    let values = headers.get_all(name).iter().rev();
    values.flat_map(|value| value.to_str().unwrap_or_default().rsplit(',')).map(str::trim)
}

// The elements of `Forwarded`, the last first.
fn standard(headers: &HeaderMap) -> impl Iterator<Item = &str> {
    // Nearly no request has it, and the log asks at each.
    let counts = headers.contains_key(header::FORWARDED)
        && [&FOR, &PROTO, &HOST].into_iter().all(|name| !headers.contains_key(name));
    let values = headers.get_all(header::FORWARDED).iter().rev().filter(move |_| counts);
    values.flat_map(|value| {
        let mut elements = split(value.to_str().unwrap_or_default(), ',');
        elements.reverse();
        elements
    })
}

fn parameter<'a>(element: &'a str, name: &str) -> Option<&'a str> {
    split(element, ';').into_iter().find_map(|pair| {
        let (key, value) = pair.split_once('=')?;
        let value = value.trim();
        let value = value.strip_prefix('"').and_then(|value| value.strip_suffix('"')).unwrap_or(value);
        key.trim().eq_ignore_ascii_case(name).then_some(value)
    })
}

// Splits where no quotes are open.
fn split(text: &str, at: char) -> Vec<&str> {
    let mut is_quoted = false;
    let parts = text.split(|character| {
        is_quoted ^= character == '"';
        character == at && !is_quoted
    });
    parts.map(str::trim).collect()
}

// Some proxies add the port: `10.0.0.7:4711`, `[2001:db8::1]:4711`.
fn address(text: &str) -> Option<IpAddr> {
    let text = text.trim();
    let bare = match text.strip_prefix('[') {
        Some(rest) => rest.split_once(']').map(|(inner, _)| inner)?,
        None if text.matches(':').count() == 1 => text.split_once(':')?.0,
        None => text,
    };
    bare.parse::<IpAddr>().ok().map(|address| address.to_canonical())
}

#[cfg(test)]
mod tests {
    use http::{HeaderName, HeaderValue};

    use super::*;

    fn headers(list: &[(&'static str, &'static str)]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for (name, value) in list {
            headers.append(HeaderName::from_static(name), HeaderValue::from_static(value));
        }
        headers
    }

    fn hops_of(list: &[(&'static str, &'static str)]) -> Vec<String> {
        hops(&headers(list)).map(|hop| hop.to_string()).collect()
    }

    #[test]
    fn the_nearest_hop_comes_first() {
        assert_eq!(hops_of(&[]), [""; 0]);
        assert_eq!(hops_of(&[("x-forwarded-for", "6.6.6.6, 10.0.0.8")]), ["10.0.0.8", "6.6.6.6"]);
        assert_eq!(
            hops_of(&[("x-forwarded-for", "6.6.6.6"), ("x-forwarded-for", "10.0.0.8,::ffff:10.0.0.9")]),
            ["10.0.0.9", "10.0.0.8", "6.6.6.6"]
        );
        assert_eq!(
            hops_of(&[(
                "forwarded",
                r#"for=192.0.2.60;proto=http;by=203.0.113.43, FOR="[2001:db8:cafe::17]:4711""#
            )]),
            ["2001:db8:cafe::17", "192.0.2.60"]
        );
    }

    #[test]
    fn garbage_ends_the_list() {
        assert_eq!(hops_of(&[("x-forwarded-for", "6.6.6.6, unknown, 10.0.0.8")]), ["10.0.0.8"]);
        for garbage in ["unknown", "", "1.2.3", "_hidden", "10.0.0.8 10.0.0.9", "[::1", "1.2.3.4.5:80", ","] {
            assert_eq!(hops_of(&[("x-forwarded-for", garbage)]), [""; 0], "{garbage}");
        }
        for garbage in ["for=unknown", "for", "proto=http", r#"for="_secret""#, r#"for="1.2.3.4"#] {
            assert_eq!(hops_of(&[("forwarded", garbage)]), [""; 0], "{garbage}");
        }
        assert_eq!(hops_of(&[("x-forwarded-for", "10.0.0.8:4711, [2001:db8::1]:80, 2001:db8::2")]).len(), 3);
    }

    #[test]
    fn what_a_client_forges_beside_is_not_looked_at() {
        let both = [("x-forwarded-for", "10.0.0.8"), ("forwarded", "for=6.6.6.6;proto=https;host=evil.test")];
        assert_eq!(hops_of(&both), ["10.0.0.8"]);
        assert_eq!((is_https(&headers(&both)), host(&headers(&both))), (None, None));
        let quoted = [("forwarded", r#"for="6.6.6.6, for=10.0.0.8";proto=https"#)];
        assert_eq!(hops_of(&quoted), [""; 0], "a comma in quotes separates nothing");
    }

    #[test]
    fn scheme_host_and_port_are_those_of_the_nearest_proxy() {
        let told = |list: &[_]| {
            let headers = headers(list);
            (is_https(&headers), host(&headers).map(str::to_owned), port(&headers))
        };
        assert_eq!(told(&[]), (None, None, None));
        assert_eq!(
            told(&[
                ("x-forwarded-proto", "http, HTTPS"),
                ("x-forwarded-host", "a.test, m.test"),
                ("x-forwarded-port", "8443")
            ]),
            (Some(true), Some("m.test".to_owned()), Some(8443))
        );
        assert_eq!(
            told(&[("forwarded", r#"host="m.test:8443";proto=http"#)]),
            (Some(false), Some("m.test:8443".to_owned()), None)
        );
        assert_eq!(told(&[("x-forwarded-proto", "wss"), ("x-forwarded-port", "x")]), (None, None, None));
    }
}
