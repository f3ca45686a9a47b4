//! Header names of the registry protocol, and header values made from its types.

use bytes::{BufMut as _, Bytes, BytesMut};
use entrepot_oci::{Digest, MediaType};
use http::{HeaderMap, HeaderName, HeaderValue, header};

pub(crate) const DOCKER_CONTENT_DIGEST: HeaderName = HeaderName::from_static("docker-content-digest");
const DOCKER_API_VERSION: HeaderName = HeaderName::from_static("docker-distribution-api-version");
pub(crate) const DOCKER_UPLOAD_UUID: HeaderName = HeaderName::from_static("docker-upload-uuid");
pub(crate) const OCI_FILTERS_APPLIED: HeaderName = HeaderName::from_static("oci-filters-applied");
pub(crate) const OCI_NAMESPACE: HeaderName = HeaderName::from_static("oci-namespace");
pub(crate) const OCI_SUBJECT: HeaderName = HeaderName::from_static("oci-subject");
pub(crate) const OCI_TAG: HeaderName = HeaderName::from_static("oci-tag");
pub(crate) const X_REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

const API_VERSION: HeaderValue = HeaderValue::from_static("registry/2.0");
pub(crate) const BYTES: HeaderValue = HeaderValue::from_static("bytes");
pub(crate) const IMMUTABLE: HeaderValue = HeaderValue::from_static("max-age=31536000, immutable");
/// For what an account got: it is not for everybody who comes through the same cache.
pub(crate) const PRIVATE_IMMUTABLE: HeaderValue =
    HeaderValue::from_static("private, max-age=31536000, immutable");
pub(crate) const HTML: HeaderValue = HeaderValue::from_static("text/html; charset=utf-8");
pub(crate) const JSON: HeaderValue = HeaderValue::from_static("application/json");
pub(crate) const OCTETS: HeaderValue = HeaderValue::from_static("application/octet-stream");
pub(crate) const TEXT: HeaderValue = HeaderValue::from_static("text/plain; charset=utf-8");
pub(crate) const STALE: HeaderValue = HeaderValue::from_static("110 - \"Response is Stale\"");
pub(crate) const IGNORED_CREDENTIALS: HeaderValue =
    HeaderValue::from_static("299 - \"The credentials are not accepted here, and not needed\"");

/// Content pushed by others must not act as a page of ours: scripts do not run, forms are not sent, nothing is loaded,
/// and the origin is opaque.
const SANDBOX: HeaderValue = HeaderValue::from_static("sandbox; default-src 'none'");
const NO_SNIFF: HeaderValue = HeaderValue::from_static("nosniff");

/// Sets the headers that every response below `/v2/` has.
pub(crate) fn put_on_all(headers: &mut HeaderMap) {
    headers.insert(DOCKER_API_VERSION, API_VERSION);
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, NO_SNIFF);
    headers.insert(header::CONTENT_SECURITY_POLICY, SANDBOX);
}

/// Makes a header value from text known to be valid; invalid text becomes an empty value.
pub(crate) fn value(text: impl Into<Bytes>) -> HeaderValue {
    shared(text.into())
}

fn shared(bytes: Bytes) -> HeaderValue {
    HeaderValue::from_maybe_shared(bytes).unwrap_or(HeaderValue::from_static(""))
}

/// Sets `Docker-Content-Digest` and `ETag` to the digest; they share one buffer.
pub(crate) fn put_digest(headers: &mut HeaderMap, digest: &Digest) {
    let mut text = [0; Digest::LONGEST];
    let text = digest.write(&mut text).as_bytes();
    let mut quoted = BytesMut::with_capacity(text.len() + 2);
    quoted.put_u8(b'"');
    quoted.put_slice(text);
    quoted.put_u8(b'"');
    let quoted = quoted.freeze();
    let bare = quoted.slice(1..quoted.len() - 1);
    headers.insert(DOCKER_CONTENT_DIGEST, shared(bare));
    headers.insert(header::ETAG, shared(quoted));
}

/// Makes a `Content-Type`; the common ones do not allocate. A type that a browser might render or run is not passed on:
/// clients know it from the document, or from what they asked for.
pub(crate) fn content_type(media_type: &MediaType) -> HeaderValue {
    const USUAL: [HeaderValue; 4] = [
        HeaderValue::from_static("application/vnd.oci.image.manifest.v1+json"),
        HeaderValue::from_static("application/vnd.oci.image.index.v1+json"),
        HeaderValue::from_static("application/vnd.docker.distribution.manifest.v2+json"),
        HeaderValue::from_static("application/vnd.docker.distribution.manifest.list.v2+json"),
    ];
    let usual = USUAL.into_iter().find(|usual| usual == media_type.as_str());
    match usual {
        Some(usual) => usual,
        None if media_type.is_inert() => value(media_type.as_str().to_owned()),
        None => OCTETS,
    }
}

/// True if the client already has `digest`, by `If-None-Match` (RFC 9110 §13.1.2; weak comparison).
pub(crate) fn has_already(headers: &HeaderMap, digest: &Digest) -> bool {
    let mut said = headers.get_all(header::IF_NONE_MATCH).iter().peekable();
    if said.peek().is_none() {
        return false;
    }
    let digest = digest.to_string();
    said.filter_map(|value| value.to_str().ok()).flat_map(|value| value.split(',')).any(|tag| {
        let tag = tag.trim();
        tag == "*" || tag.strip_prefix("W/").unwrap_or(tag).trim_matches('"') == digest
    })
}

/// True if `Range` applies: `If-Range` is absent or matches (RFC 9110 §13.1.5; strong comparison).
pub(crate) fn range_counts(headers: &HeaderMap, digest: &Digest) -> bool {
    match headers.get(header::IF_RANGE) {
        Some(value) => value.as_bytes() == format!("\"{digest}\"").as_bytes(),
        None => true,
    }
}

/// Makes the `Range` of an upload with `offset` bytes received. The spec has no form for zero bytes.
pub(crate) fn received(offset: u64) -> HeaderValue {
    value(format!("0-{}", offset.saturating_sub(1)))
}

/// Parses the `Content-Length` of a request.
pub(crate) fn content_length(headers: &HeaderMap) -> Option<u64> {
    let text = headers.get(header::CONTENT_LENGTH)?.to_str().ok()?;
    // `u64::from_str` accepts a sign.
    text.bytes().all(|byte| byte.is_ascii_digit()).then(|| text.parse().ok())?
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with(name: HeaderName, text: &str) -> HeaderMap {
        HeaderMap::from_iter([(name, HeaderValue::from_str(text).unwrap())])
    }

    #[test]
    fn if_none_match() {
        let digest = Digest::of(b"");
        let other = Digest::of(b"x");
        for yes in [
            format!("\"{digest}\""),
            format!("W/\"{digest}\""),
            format!("\"{other}\", \"{digest}\""),
            "*".into(),
        ] {
            assert!(has_already(&with(header::IF_NONE_MATCH, &yes), &digest), "{yes}");
        }
        for no in [format!("\"{other}\""), String::new(), "\"\"".into()] {
            assert!(!has_already(&with(header::IF_NONE_MATCH, &no), &digest), "{no}");
        }
        assert!(!has_already(&HeaderMap::new(), &digest));
    }

    #[test]
    fn if_range() {
        let digest = Digest::of(b"");
        assert!(range_counts(&HeaderMap::new(), &digest));
        assert!(range_counts(&with(header::IF_RANGE, &format!("\"{digest}\"")), &digest));
        assert!(!range_counts(&with(header::IF_RANGE, &format!("W/\"{digest}\"")), &digest));
        assert!(!range_counts(&with(header::IF_RANGE, "Sat, 29 Oct 1994 19:43:31 GMT"), &digest));
    }

    #[test]
    fn received_ranges() {
        assert_eq!(
            [0, 1, 2].map(received).map(|value| value.to_str().unwrap().to_owned()),
            ["0-0", "0-0", "0-1"]
        );
    }

    #[test]
    fn content_types() {
        assert_eq!(content_type(&MediaType::OCI_INDEX), MediaType::OCI_INDEX.as_str());
        let odd = MediaType::parse("application/vnd.example+json").unwrap();
        assert_eq!(content_type(&odd), odd.as_str());
        for rendered in ["text/html", "image/svg+xml", "application/vnd.x,text/html"] {
            assert_eq!(content_type(&MediaType::parse(rendered).unwrap()), OCTETS, "{rendered}");
        }
    }
}
