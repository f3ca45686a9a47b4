//! Looking inside manifests (image-spec, manifest.md and image-index.md).
//!
//! This is a read-only view: the original bytes are stored and sent, never a document written back.

use std::collections::BTreeMap;

use serde::Deserialize;

use crate::{Descriptor, Digest, DocumentError, MediaType, Platform, json};

/// Maximum size of a manifest in bytes (distribution-spec requires at least 4 MB).
pub const MAX_MANIFEST_BYTES: usize = 4 << 20;

/// The content that a manifest refers to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Manifest {
    media_type: MediaType,
    artifact_type: Option<String>,
    annotations: Option<BTreeMap<String, String>>,
    subject: Option<Descriptor>,
    config: Option<Descriptor>,
    layers: Vec<Descriptor>,
    manifests: Vec<Descriptor>,
    lists_content: bool,
}

/// Why bytes are refused as a manifest.
#[derive(Debug, thiserror::Error)]
pub enum ManifestError {
    /// Not a JSON object of the expected shape.
    #[error(transparent)]
    Document(#[from] DocumentError),
    /// It lists both manifests and layers, so two readers would see two images in it (CVE-2021-41190).
    #[error("the document is both an index and an image")]
    Hybrid,
    /// Its `mediaType` differs from the type it was sent as.
    #[error("the document says it is `{field}` but was sent as `{declared}`")]
    MediaTypeDiffers {
        /// The `mediaType` in the document.
        field: String,
        /// The `Content-Type` it came with.
        declared: String,
    },
    /// Neither `Content-Type` nor `mediaType` gives a well-formed media type.
    #[error("the media type is missing or malformed")]
    NoMediaType,
    /// Its fields do not match its media type.
    #[error("the document does not have the fields of `{0}`")]
    Shape(MediaType),
    /// It is Docker's schema 1, whose blobs are not read.
    #[error("it is a Docker schema 1 image, a format that was given up in 2016")]
    Schema1,
    /// Its media type is none that is known, and it has none of the fields that list content.
    #[error("it is a `{0}`, and what belongs to one of those is not known")]
    UnknownContent(MediaType),
    /// A size outside the range of a signed 64-bit integer.
    #[error("the size of `{0}` is out of range")]
    Size(Digest),
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Fields {
    media_type: Option<String>,
    artifact_type: Option<String>,
    annotations: Option<BTreeMap<String, String>>,
    subject: Option<Descriptor>,
    config: Option<Descriptor>,
    layers: Option<Vec<Descriptor>>,
    // The artifact manifest's name for layers.
    blobs: Option<Vec<Descriptor>>,
    manifests: Option<Vec<Descriptor>>,
}

impl Manifest {
    /// Parses `bytes` that were sent with `declared` as their `Content-Type`.
    ///
    /// # Errors
    /// The document is not JSON, is deeper than [`crate::MAX_DEPTH`], has a duplicate key, contradicts its media type,
    /// or contains a malformed descriptor.
    ///
    /// ```
    /// use entrepot_oci::{Digest, Manifest, MediaType};
    ///
    /// let digest = Digest::of(b"an image manifest");
    /// let bytes = format!(r#"{{"manifests": [{{"mediaType": "{}", "digest": "{digest}", "size": 17}}]}}"#, MediaType::OCI_MANIFEST);
    /// let index = Manifest::parse(bytes.as_bytes(), Some(&MediaType::OCI_INDEX))?;
    /// assert_eq!(index.manifests()[0].digest, digest);
    /// assert!(Manifest::parse(bytes.as_bytes(), Some(&MediaType::OCI_MANIFEST)).is_err());
    /// # Ok::<(), entrepot_oci::ManifestError>(())
    /// ```
    pub fn parse(bytes: &[u8], declared: Option<&MediaType>) -> Result<Self, ManifestError> {
        json::check(bytes)?;
        let fields: Fields = serde_json::from_slice(bytes).map_err(DocumentError::from)?;
        let media_type = media_type(fields.media_type.as_deref(), declared)?;
        let is_image = fields.config.is_some() || fields.layers.is_some() || fields.blobs.is_some();
        let is_index = fields.manifests.is_some();
        if is_image && is_index {
            return Err(ManifestError::Hybrid);
        }
        if (media_type.is_index() && !is_index) || (media_type.is_image() && !is_image) {
            return Err(ManifestError::Shape(media_type));
        }
        let manifest = Self {
            media_type,
            artifact_type: fields.artifact_type.filter(|kind| !kind.is_empty()),
            annotations: fields.annotations,
            subject: fields.subject,
            config: fields.config,
            layers: fields.layers.or(fields.blobs).unwrap_or_default(),
            manifests: fields.manifests.unwrap_or_default(),
            lists_content: is_image || is_index,
        };
        let impossible = manifest.all().find(|descriptor| i64::try_from(descriptor.size).is_err());
        if let Some(digest) = impossible.map(|descriptor| descriptor.digest) {
            return Err(ManifestError::Size(digest));
        }
        Ok(manifest)
    }

    /// The media type.
    pub fn media_type(&self) -> &MediaType {
        &self.media_type
    }

    /// Checks that it is known which blobs and manifests belong to it. Other manifests can be passed on, but not copied,
    /// measured or checked.
    ///
    /// # Errors
    /// [`ManifestError::Schema1`] or [`ManifestError::UnknownContent`].
    ///
    /// ```
    /// use entrepot_oci::{Manifest, ManifestError, MediaType};
    ///
    /// let old = Manifest::parse(br#"{"schemaVersion": 1, "fsLayers": []}"#, Some(&MediaType::DOCKER_SCHEMA1))?;
    /// assert!(matches!(old.require_known_content(), Err(ManifestError::Schema1)));
    /// # Ok::<(), ManifestError>(())
    /// ```
    pub fn require_known_content(&self) -> Result<(), ManifestError> {
        if self.media_type.is_schema1() {
            Err(ManifestError::Schema1)
        } else if self.lists_content {
            Ok(())
        } else {
            Err(ManifestError::UnknownContent(self.media_type.clone()))
        }
    }

    /// The manifest it refers to, if it is a referrer.
    pub fn subject(&self) -> Option<&Descriptor> {
        self.subject.as_ref()
    }

    /// The manifest's annotations.
    pub fn annotations(&self) -> Option<&BTreeMap<String, String>> {
        self.annotations.as_ref()
    }

    /// The artifact type for a referrers response: its own, or for an image the media type of its config.
    pub fn artifact_type(&self) -> Option<&str> {
        let own = self.artifact_type.as_deref();
        own.or_else(|| {
            self.config.as_ref().map(|config| config.media_type.as_str()).filter(|kind| !kind.is_empty())
        })
    }

    /// The manifests of an index, by value.
    pub fn into_manifests(self) -> Vec<Descriptor> {
        self.manifests
    }

    /// The layers, the lowest first.
    pub fn layers(&self) -> &[Descriptor] {
        &self.layers
    }

    /// The image's config, if it is an image.
    pub fn config(&self) -> Option<&Descriptor> {
        self.config.as_ref()
    }

    /// The manifests of an index, in order.
    pub fn manifests(&self) -> &[Descriptor] {
        &self.manifests
    }

    /// In an index: the manifest that runs on this platform. One without a variant comes before one with another variant,
    /// as engines have it.
    pub fn manifest_for(&self, wanted: &Platform) -> Option<&Descriptor> {
        let fits = |descriptor: &&Descriptor| {
            let platform = descriptor.platform.as_ref();
            platform.is_some_and(|is| is.os == wanted.os && is.architecture == wanted.architecture)
        };
        let variant = |descriptor: &&Descriptor| {
            let variant = descriptor.platform.as_ref().and_then(|platform| platform.variant.as_deref());
            match (variant, wanted.variant.as_deref()) {
                (one, other) if one == other => 0,
                (None, _) => 1,
                _ => 2,
            }
        };
        self.manifests().iter().filter(fits).min_by_key(variant)
    }

    /// The blobs of an image: config, then layers in order, including foreign layers.
    pub fn blobs(&self) -> impl Iterator<Item = &Descriptor> {
        self.config.iter().chain(&self.layers)
    }

    fn all(&self) -> impl Iterator<Item = &Descriptor> {
        self.blobs().chain(&self.manifests).chain(&self.subject)
    }
}

fn media_type(field: Option<&str>, declared: Option<&MediaType>) -> Result<MediaType, ManifestError> {
    match (field, declared) {
        (Some(field), Some(declared)) if MediaType::parse(field).as_ref() != Some(declared) => {
            Err(ManifestError::MediaTypeDiffers { field: field.to_owned(), declared: declared.to_string() })
        }
        (_, Some(declared)) => Ok(declared.clone()),
        (field, None) => field.and_then(MediaType::parse).ok_or(ManifestError::NoMediaType),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str, declared: &MediaType) -> Result<Manifest, ManifestError> {
        Manifest::parse(text.as_bytes(), Some(declared))
    }

    fn descriptor(size: &str) -> String {
        format!(r#"{{"mediaType":"a/b","digest":"{}","size":{size}}}"#, Digest::of(b""))
    }

    #[test]
    fn looks_inside_an_image() {
        let d = descriptor("7");
        let text = format!(r#"{{"config":{d},"layers":[{d},{d}],"subject":{d},"annotations":{{"a":"b"}}}}"#);
        let manifest = parse(&text, &MediaType::OCI_MANIFEST).unwrap();
        assert_eq!(manifest.blobs().count(), 3);
        assert_eq!(manifest.artifact_type(), Some("a/b"));
        assert!(manifest.subject().is_some() && manifest.manifests().is_empty());
    }

    #[test]
    fn looks_inside_an_index() {
        let text =
            format!(r#"{{"mediaType":"{}","manifests":[{}]}}"#, MediaType::DOCKER_LIST, descriptor("1"));
        let manifest = Manifest::parse(text.as_bytes(), None).unwrap();
        assert_eq!((manifest.manifests().len(), manifest.artifact_type()), (1, None));
    }

    #[test]
    fn content_is_known_by_the_fields_that_list_it() {
        let known = |text: &str, kind: &str| {
            parse(text, &MediaType::parse(kind).unwrap()).unwrap().require_known_content()
        };
        let d = descriptor("1");
        for fields in [format!(r#""layers":[{d}]"#), format!(r#""manifests":[{d}]"#), r#""blobs":[]"#.into()]
        {
            assert!(known(&format!("{{{fields}}}"), "application/vnd.x+json").is_ok(), "{fields}");
        }
        for (text, kind) in [(r#"{"files":[]}"#, "application/vnd.x+json"), ("{}", "a/b")] {
            assert!(matches!(known(text, kind), Err(ManifestError::UnknownContent(_))), "{text}");
        }
        for kind in [MediaType::DOCKER_SCHEMA1, MediaType::DOCKER_SCHEMA1_SIGNED] {
            for text in [r#"{"schemaVersion":1,"fsLayers":[]}"#, &format!(r#"{{"layers":[{d}]}}"#)] {
                assert!(matches!(known(text, kind.as_str()), Err(ManifestError::Schema1)), "{text}");
            }
        }
    }

    #[test]
    fn refuses_contradictions() {
        let d = descriptor("1");
        let hybrid = format!(r#"{{"layers":[{d}],"manifests":[{d}]}}"#);
        assert!(matches!(parse(&hybrid, &MediaType::OCI_INDEX), Err(ManifestError::Hybrid)));
        let other = format!(r#"{{"mediaType":"{}","manifests":[]}}"#, MediaType::DOCKER_LIST);
        assert!(matches!(parse(&other, &MediaType::OCI_INDEX), Err(ManifestError::MediaTypeDiffers { .. })));
        for media_type in [MediaType::OCI_INDEX, MediaType::OCI_MANIFEST] {
            assert!(matches!(parse(r#"{"errors":[]}"#, &media_type), Err(ManifestError::Shape(_))));
        }
        assert!(matches!(Manifest::parse(b"{}", None), Err(ManifestError::NoMediaType)));
        for size in ["-1", "1.5", "\"1\""] {
            let text = format!(r#"{{"manifests":[{}]}}"#, descriptor(size));
            assert!(matches!(parse(&text, &MediaType::OCI_INDEX), Err(ManifestError::Document(_))), "{size}");
        }
        let huge = format!(r#"{{"manifests":[{}]}}"#, descriptor("9223372036854775808"));
        assert!(matches!(parse(&huge, &MediaType::OCI_INDEX), Err(ManifestError::Size(_))));
        assert!(parse("[]", &MediaType::OCI_INDEX).is_err());
    }

    fn index(platforms: &[&str]) -> Manifest {
        let child = |platform: &&str| {
            let platform: Platform = platform.parse().unwrap();
            serde_json::json!({
                "mediaType": MediaType::OCI_MANIFEST.as_str(),
                "digest": Digest::of(platform.to_string().as_bytes()).to_string(),
                "size": 1,
                "platform": platform,
            })
        };
        let children: Vec<_> = platforms.iter().map(child).collect();
        let text = serde_json::json!({ "schemaVersion": 2, "manifests": children }).to_string();
        Manifest::parse(text.as_bytes(), Some(&MediaType::OCI_INDEX)).unwrap()
    }

    #[test]
    fn a_node_pulls_the_image_of_its_platform() {
        let all =
            index(&["linux/amd64", "linux/arm64/v8", "linux/arm/v6", "linux/arm/v7", "unknown/unknown"]);
        for (wanted, expected) in [
            ("linux/amd64", Some("linux/amd64")),
            ("linux/arm64", Some("linux/arm64/v8")),
            ("linux/arm/v7", Some("linux/arm/v7")),
            ("linux/s390x", None),
            ("windows/amd64", None),
        ] {
            let chosen = all.manifest_for(&wanted.parse().unwrap());
            let platform = chosen.and_then(|chosen| chosen.platform.as_ref()).map(ToString::to_string);
            assert_eq!(platform.as_deref(), expected, "{wanted}");
        }
    }
}
