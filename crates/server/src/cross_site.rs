//! Detects requests that a browser sends for a page of another site (Fetch Metadata, RFC 6454 §7). Pure.
//!
//! Other programs send neither header. A page cannot make a browser omit or forge them.

use http::{HeaderMap, HeaderName, Method, header};

static SEC_FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");

/// True if the request comes from a page of another site and must be refused.
///
/// Writes are refused at any address. Reads are refused if `reads_cost`: they would make the mirror download what
/// nobody here asked for, or take a place, and an image tag in a page is enough to send one.
pub(crate) fn is_refused(method: &Method, headers: &HeaderMap, host: Option<&str>, reads_cost: bool) -> bool {
    if method.is_safe() {
        reads_cost && is_elsewhere(headers)
    } else {
        is_elsewhere(headers) || is_foreign(headers, host)
    }
}

// `same-site` is another host or port under our domain. It is no more ours than any other site.
fn is_elsewhere(headers: &HeaderMap) -> bool {
    headers.get_all(&SEC_FETCH_SITE).iter().any(|site| site != "same-origin" && site != "none")
}

// The scheme in front of a proxy is unknown here, so only hosts are compared.
fn is_foreign(headers: &HeaderMap, host: Option<&str>) -> bool {
    headers.get_all(header::ORIGIN).iter().any(|origin| {
        let authority = origin.to_str().ok().and_then(|origin| Some(origin.split_once("://")?.1));
        !matches!((authority, host), (Some(authority), Some(host)) if authority.eq_ignore_ascii_case(host))
    })
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    const HOST: Option<&str> = Some("localhost:5000");

    fn refused(method: Method, headers: &[(&'static str, &'static str)], reads_cost: bool) -> bool {
        let mut all = HeaderMap::new();
        for (name, value) in headers {
            all.append(HeaderName::from_static(name), HeaderValue::from_static(value));
        }
        is_refused(&method, &all, HOST, reads_cost)
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
    fn our_own_pages_and_programs_may() {
        let own = [("sec-fetch-site", "same-origin"), ("origin", "http://LOCALHOST:5000")];
        assert!(!refused(Method::POST, &own, true));
        assert!(!refused(Method::POST, &[("origin", "https://localhost:5000")], true));
        assert!(!refused(Method::DELETE, &[], true));
    }
}
