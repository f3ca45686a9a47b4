//! Media types of manifests.

use std::fmt;

/// The media type of a manifest. Unknown types are kept unchanged, the known ones in lower case.
///
/// ```
/// use entrepot_oci::MediaType;
///
/// let index = MediaType::parse("application/vnd.oci.image.index.v1+json; charset=utf-8");
/// assert_eq!(index, Some(MediaType::OCI_INDEX));
/// assert!(MediaType::OCI_INDEX.is_index() && MediaType::DOCKER_MANIFEST.is_image());
/// assert_eq!(MediaType::parse("manifest"), None);
/// ```
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct MediaType(std::borrow::Cow<'static, str>);

impl MediaType {
    /// `application/vnd.oci.image.index.v1+json`
    pub const OCI_INDEX: Self = Self::of("application/vnd.oci.image.index.v1+json");
    /// `application/vnd.oci.image.manifest.v1+json`
    pub const OCI_MANIFEST: Self = Self::of("application/vnd.oci.image.manifest.v1+json");
    /// `application/vnd.oci.artifact.manifest.v1+json`, dropped before the release of OCI 1.1 but still in use.
    pub const OCI_ARTIFACT: Self = Self::of("application/vnd.oci.artifact.manifest.v1+json");
    /// `application/vnd.docker.distribution.manifest.list.v2+json`
    pub const DOCKER_LIST: Self = Self::of("application/vnd.docker.distribution.manifest.list.v2+json");
    /// `application/vnd.docker.distribution.manifest.v2+json`
    pub const DOCKER_MANIFEST: Self = Self::of("application/vnd.docker.distribution.manifest.v2+json");

    /// `application/vnd.docker.distribution.manifest.v1+json`, Docker's schema 1.
    pub const DOCKER_SCHEMA1: Self = Self::of("application/vnd.docker.distribution.manifest.v1+json");
    /// `application/vnd.docker.distribution.manifest.v1+prettyjws`, schema 1 with signatures in it. Its digest is that of
    /// the document without them.
    pub const DOCKER_SCHEMA1_SIGNED: Self =
        Self::of("application/vnd.docker.distribution.manifest.v1+prettyjws");

    /// The `Accept` header for upstream requests. Independent of the client's: the response is stored for all clients.
    pub const ACCEPT: &'static str = "application/vnd.oci.image.index.v1+json, \
        application/vnd.docker.distribution.manifest.list.v2+json, \
        application/vnd.oci.image.manifest.v1+json, \
        application/vnd.docker.distribution.manifest.v2+json, \
        application/vnd.oci.artifact.manifest.v1+json, */*;q=0.1";

    const fn of(text: &'static str) -> Self {
        Self(std::borrow::Cow::Borrowed(text))
    }

    /// Parses a `Content-Type` header or a `mediaType` field; parameters are dropped, as the spec requires.
    /// `None` if it is not printable ASCII of the form `type/subtype`.
    pub fn parse(text: &str) -> Option<Self> {
        let bare = text.split(';').next().unwrap_or(text).trim();
        let known = [
            Self::OCI_INDEX,
            Self::OCI_MANIFEST,
            Self::OCI_ARTIFACT,
            Self::DOCKER_LIST,
            Self::DOCKER_MANIFEST,
            Self::DOCKER_SCHEMA1,
            Self::DOCKER_SCHEMA1_SIGNED,
        ];
        // Media types have no case (RFC 9110 §8.3.1).
        if let Some(known) = known.into_iter().find(|known| known.as_str().eq_ignore_ascii_case(bare)) {
            return Some(known);
        }
        let printable = bare.len() <= 255 && bare.bytes().all(|byte| byte.is_ascii_graphic());
        let halves = bare.split_once('/').is_some_and(|(kind, sub)| !kind.is_empty() && !sub.is_empty());
        (printable && halves).then(|| Self(bare.to_owned().into()))
    }

    /// The whole media type.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// True if no browser renders or runs content of this type, whatever it contains: JSON, octet streams, and
    /// `application/vnd.` types, which the specifications use; except XML, which a browser always renders. Unknown
    /// types are not considered inert.
    ///
    /// ```
    /// use entrepot_oci::MediaType;
    ///
    /// assert!(MediaType::OCI_MANIFEST.is_inert());
    /// assert!(MediaType::parse("text/html").is_some_and(|html| !html.is_inert()));
    /// ```
    pub fn is_inert(&self) -> bool {
        let (kind, subtype) = self.0.split_once('/').unwrap_or_default();
        // For a browser, a comma ends the type, and the last one in a list counts (Fetch §3.1).
        let is_name =
            subtype.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"!#$&-^_.+".contains(&byte));
        let subtype = subtype.to_ascii_lowercase();
        let is_bytes = matches!(subtype.as_str(), "json" | "octet-stream");
        let is_structured = subtype.ends_with("+json");
        let is_vendors = subtype.starts_with("vnd.") && !subtype.ends_with("+xml");
        kind.eq_ignore_ascii_case("application") && is_name && (is_bytes || is_structured || is_vendors)
    }

    /// True if it lists other manifests.
    pub fn is_index(&self) -> bool {
        *self == Self::OCI_INDEX || *self == Self::DOCKER_LIST
    }

    /// True if it is Docker's schema 1, with or without signatures.
    pub fn is_schema1(&self) -> bool {
        *self == Self::DOCKER_SCHEMA1 || *self == Self::DOCKER_SCHEMA1_SIGNED
    }

    /// True if it is a single image or artifact, with config and layers.
    pub fn is_image(&self) -> bool {
        *self == Self::OCI_MANIFEST || *self == Self::DOCKER_MANIFEST || *self == Self::OCI_ARTIFACT
    }
}

impl fmt::Display for MediaType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

impl fmt::Debug for MediaType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_types_have_no_case() {
        let shouted = MediaType::OCI_MANIFEST.as_str().to_ascii_uppercase();
        assert_eq!(MediaType::parse(&shouted), Some(MediaType::OCI_MANIFEST));
        assert_eq!(MediaType::parse("Application/X").unwrap().as_str(), "Application/X");
    }

    #[test]
    fn what_browsers_render_or_run_is_not_inert() {
        let is_inert = |text: &str| MediaType::parse(text).unwrap().is_inert();
        for inert in [
            MediaType::OCI_INDEX.as_str(),
            MediaType::OCI_MANIFEST.as_str(),
            MediaType::OCI_ARTIFACT.as_str(),
            MediaType::DOCKER_LIST.as_str(),
            MediaType::DOCKER_MANIFEST.as_str(),
            "application/vnd.docker.distribution.manifest.v1+prettyjws",
            "application/vnd.cncf.helm.config.v1+json",
            "application/vnd.x",
            "Application/VND.x+JSON",
            "application/json",
            "application/octet-stream",
            "application/spdx+json",
            "application/vnd.x+json; charset=utf-8",
        ] {
            assert!(is_inert(inert), "{inert}");
        }
        for other in [
            "text/html",
            "Text/HTML; charset=utf-8",
            "text/plain",
            "text/xml",
            "text/vnd.x",
            "image/svg+xml",
            "image/png",
            "application/xml",
            "application/xhtml+xml",
            "application/vnd.x+xml",
            "application/vnd.mozilla.xul+XML",
            "application/pdf",
            "application/javascript",
            "text/javascript",
            "application/x-shockwave-flash",
            "application/vnd.x,text/html",
            "application/vnd.x/../text/html",
            "application/vnd.\"x\"",
            "application/json,text/html",
            "multipart/x-mixed-replace",
            "message/rfc822",
            "a/b",
        ] {
            assert!(!is_inert(other), "{other}");
        }
    }

    #[test]
    fn drops_parameters() {
        let parsed = MediaType::parse("application/vnd.oci.image.index.v1+json; charset=utf-8").unwrap();
        assert!(parsed.is_index());
        assert_eq!(MediaType::parse("text/plain").unwrap().as_str(), "text/plain");
        for bad in ["", "x", "a/", "/b", "a/b c", "a/\u{7f}"] {
            assert!(MediaType::parse(bad).is_none(), "{bad}");
        }
    }
}
