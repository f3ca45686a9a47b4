//! Referrers: manifests that name another as their subject (distribution-spec, §listing referrers).

use serde::{Deserialize, Serialize};

use crate::{Descriptor, Digest, MediaType, Tag};

/// The body of a referrers response, and the content of a referrers tag.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ReferrersIndex {
    schema_version: u8,
    media_type: String,
    /// One descriptor per referrer.
    pub manifests: Vec<Descriptor>,
}

impl ReferrersIndex {
    /// A response that lists `manifests`.
    pub fn new(manifests: Vec<Descriptor>) -> Self {
        Self { schema_version: 2, media_type: MediaType::OCI_INDEX.as_str().to_owned(), manifests }
    }
}

/// The tag under which registries without the referrers API list the referrers of `subject`: `sha256-<hex>`
/// (distribution-spec, §referrers tag schema).
///
/// ```
/// use entrepot_oci::{Digest, referrers_tag};
///
/// let subject = Digest::of(b"");
/// assert_eq!(referrers_tag(&subject).as_str(), format!("sha256-{}", subject.hex()));
/// ```
pub fn referrers_tag(subject: &Digest) -> Tag {
    let mut hex = subject.hex();
    hex.truncate(64);
    let text = format!("{}-{hex}", subject.algorithm().name());
    // Algorithm names and hexadecimal digits are tag characters, and 6 + 1 + 64 is less than 128.
    text.parse().unwrap_or_else(|_| Tag::latest())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Algorithm;

    #[test]
    fn tag_schema_truncates() {
        let digest = Digest::with(Algorithm::Sha512, b"x");
        let tag = referrers_tag(&digest);
        assert_eq!(tag.as_str(), format!("sha512-{}", &digest.hex()[..64]));
    }
}
