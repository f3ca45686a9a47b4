//! Detects requests that a browser sends for a page of another site (Fetch Metadata, RFC 6454 §7). Pure.
//!
//! Other programs send neither header. A page cannot make a browser omit or forge them.

use http::{HeaderMap, HeaderName, Method, header};

use crate::origin::Origin;

static SEC_FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");

/// What a request does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum RequestEffect {
    /// It reads what is there.
    Read,
    /// It reads, and makes the mirror download what nobody here asked for, or takes a place. An image tag in a page is enough
    /// to send one.
    CostlyRead,
    /// It changes something, or begins a conversation that may: browsers let pages of all sites begin one (RFC 6455 §10.2).
    Change,
}

impl RequestEffect {
    /// What a request does; `reads_cost`: at its address even a read costs something.
    pub(crate) fn of(method: &Method, headers: &HeaderMap, reads_cost: bool) -> Self {
        if !method.is_safe() || headers.contains_key(header::UPGRADE) {
            Self::Change
        } else if reads_cost {
            Self::CostlyRead
        } else {
            Self::Read
        }
    }
}

/// True if the request comes from a page of another site and must be refused.
pub(crate) fn is_refused(effect: RequestEffect, origin: &Origin<'_>) -> bool {
    match effect {
        RequestEffect::Read => false,
        RequestEffect::CostlyRead => is_elsewhere(origin.headers),
        RequestEffect::Change => is_elsewhere(origin.headers) || is_foreign(origin),
    }
}

/// True if the request, which a browser sent with a session, must be refused. A browser sends the session by itself, so a
/// change must be shown to come from one of our own pages, and a page of another site reads nothing either.
pub(crate) fn is_unproven(effect: RequestEffect, origin: &Origin<'_>) -> bool {
    if effect != RequestEffect::Change {
        return is_foreign(origin);
    }
    let mut told = origin.headers.get_all(header::ORIGIN).iter();
    match (told.next(), told.next()) {
        (Some(told), None) => !told.to_str().is_ok_and(|told| origin.is_ours(told, true)),
        (Some(_), Some(_)) => true,
        (None, _) => origin.headers.get(&SEC_FETCH_SITE).is_none_or(|site| site != "same-origin"),
    }
}

// `same-site` is another host or port under our domain. It is no more ours than any other site.
fn is_elsewhere(headers: &HeaderMap) -> bool {
    headers.get_all(&SEC_FETCH_SITE).iter().any(|site| site != "same-origin" && site != "none")
}

// The scheme in front of a proxy may be unknown here, so only hosts are compared.
fn is_foreign(origin: &Origin<'_>) -> bool {
    let told = origin.headers.get_all(header::ORIGIN).iter();
    told.into_iter().any(|told| !told.to_str().is_ok_and(|told| origin.is_ours(told, false)))
}

#[cfg(test)]
mod tests {
    use entrepot_access::Networks;
    use http::HeaderValue;

    use super::*;
    use crate::origin::Front;

    const HOST: Option<&str> = Some("localhost:5000");

    fn at<T>(headers: &[(&'static str, &'static str)], ask: impl Fn(&Origin<'_>) -> T) -> T {
        let mut all = HeaderMap::new();
        for (name, value) in headers {
            all.append(HeaderName::from_static(name), HeaderValue::from_static(value));
        }
        let front = Front { has_tls: false, proxies: Networks::loopback(), public_url: None };
        ask(&Origin { front: &front, address: Some([10, 0, 0, 7].into()), headers: &all, host: HOST })
    }

    fn refused(method: Method, headers: &[(&'static str, &'static str)], reads_cost: bool) -> bool {
        at(headers, |origin| is_refused(RequestEffect::of(&method, origin.headers, reads_cost), origin))
    }

    fn unproven(method: Method, headers: &[(&'static str, &'static str)]) -> bool {
        at(headers, |origin| is_unproven(RequestEffect::of(&method, origin.headers, false), origin))
    }

    const FOREIGN: [&[(&str, &str)]; 8] = [
        &[("sec-fetch-site", "cross-site")],
        &[("sec-fetch-site", "same-site")],
        &[("sec-fetch-site", "none"), ("sec-fetch-site", "cross-site")],
        &[("origin", "https://evil.example")],
        &[("origin", "null")],
        &[("origin", "")],
        &[("origin", "http://localhost:5000"), ("origin", "http://evil.example")],
        &[("origin", "http://localhost:5001"), ("sec-fetch-site", "same-origin")],
    ];

    #[test]
    fn other_sites_change_nothing() {
        for headers in FOREIGN {
            for method in [Method::POST, Method::PUT, Method::PATCH, Method::DELETE] {
                assert!(refused(method, headers, false), "{headers:?}");
            }
            assert!(!refused(Method::GET, headers, false), "{headers:?}");
        }
    }

    #[test]
    fn nor_do_they_fill_the_mirror() {
        assert!(refused(Method::GET, &[("sec-fetch-site", "cross-site")], true));
        assert!(refused(Method::HEAD, &[("sec-fetch-site", "same-site")], true));
        assert!(!refused(Method::GET, &[("sec-fetch-site", "none")], true));
        assert!(!refused(Method::GET, &[], true));
    }

    #[test]
    fn a_change_with_a_session_comes_from_one_of_our_pages() {
        for headers in FOREIGN.into_iter().chain([[].as_slice(), &[("sec-fetch-site", "none")]]) {
            for method in [Method::POST, Method::PUT, Method::PATCH, Method::DELETE] {
                assert!(unproven(method, headers), "{headers:?}");
            }
        }
        assert!(unproven(Method::POST, &[("origin", "https://localhost:5000")]), "another scheme");
        assert!(!unproven(Method::POST, &[("origin", "http://localhost:5000")]));
        assert!(!unproven(Method::DELETE, &[("sec-fetch-site", "same-origin")]));
        assert!(!unproven(Method::GET, &[]) && !unproven(Method::GET, &[("sec-fetch-site", "cross-site")]));
        assert!(unproven(Method::GET, &[("origin", "http://evil.example")]), "events for another site");
    }

    // W02: whoever is on a page of another site is logged in here too.
    #[test]
    fn a_conversation_is_begun_by_our_own_pages_and_by_programs() {
        let with =
            |headers: &[(&'static str, &'static str)]| [headers, &[("upgrade", "websocket")][..]].concat();
        for headers in FOREIGN {
            assert!(refused(Method::GET, &with(headers), false), "{headers:?}");
            assert!(unproven(Method::GET, &with(headers)), "{headers:?}");
        }
        assert!(unproven(Method::GET, &with(&[])), "a session without a page");
        assert!(!refused(Method::GET, &with(&[]), false), "a program");
        let own = with(&[("origin", "http://localhost:5000")]);
        assert!(!refused(Method::GET, &own, false) && !unproven(Method::GET, &own));
    }

    #[test]
    fn our_own_pages_and_programs_may() {
        let own = [("sec-fetch-site", "same-origin"), ("origin", "http://LOCALHOST:5000")];
        assert!(!refused(Method::POST, &own, true));
        assert!(!refused(Method::POST, &[("origin", "https://localhost:5000")], true));
        assert!(!refused(Method::DELETE, &[], true));
    }
}
