//! `index.json` of an image layout: its entries and their names (image-spec, image-layout.md §index.json).

use std::path::Path;

use bytes::Bytes;
use entrepot_oci::{Descriptor, Digest, Manifest, MediaType, Reference, Tag};
use serde_json::{Value, json};

use super::error::EndpointError;

/// The annotation with an entry's name.
const NAME: &str = "org.opencontainers.image.ref.name";

/// The entries of an `index.json`. Entries are written back unchanged, including unknown fields.
#[derive(Clone, Debug, Default)]
pub(crate) struct Index {
    entries: Vec<(Descriptor, Value)>,
}

impl Index {
    /// Parses the file at `path` with the content `bytes`.
    pub(crate) fn parse(path: &Path, bytes: &[u8]) -> Result<Self, EndpointError> {
        let malformed = |what: String| {
            EndpointError::malformed(path, format!("is not the index of an image layout: {what}"))
        };
        Manifest::parse(bytes, Some(&MediaType::OCI_INDEX)).map_err(|error| malformed(error.to_string()))?;
        let mut document: Value =
            serde_json::from_slice(bytes).map_err(|error| malformed(error.to_string()))?;
        let entries: Vec<Value> = match document["manifests"].take() {
            Value::Array(entries) => entries,
            _ => Vec::new(),
        };
        let read = |entry: Value| match serde_json::from_value(entry.clone()) {
            Ok(descriptor) => Ok((descriptor, entry)),
            Err(error) => Err(malformed(error.to_string())),
        };
        Ok(Self { entries: entries.into_iter().map(read).collect::<Result<_, _>>()? })
    }

    /// The file's content.
    pub(crate) fn bytes(&self) -> Bytes {
        let entries: Vec<&Value> = self.entries.iter().map(|(_, entry)| entry).collect();
        let document = json!({
            "schemaVersion": 2,
            "mediaType": MediaType::OCI_INDEX.as_str(),
            "manifests": entries,
        });
        document.to_string().into()
    }

    /// Finds the entry with this name or digest. A single image without a name matches any tag.
    ///
    /// # Errors
    /// Several images have the tag behind other names: these names.
    pub(crate) fn find(&self, reference: &Reference) -> Result<Option<&Descriptor>, Vec<String>> {
        let mut entries = self.entries.iter().map(|(entry, _)| entry);
        let tag = match reference {
            Reference::Digest(digest) => return Ok(entries.find(|entry| entry.digest == *digest)),
            Reference::Tag(tag) => tag.as_str(),
        };
        let named: Vec<&Descriptor> =
            entries.filter(|entry| name(entry).is_some_and(|name| names(name, tag))).collect();
        let bare = named.iter().copied().find(|entry| name(entry) == Some(tag));
        match (bare, &named[..], &self.entries[..]) {
            (Some(bare), ..) => Ok(Some(bare)),
            (None, [], [(only, _)]) if name(only).is_none() => Ok(Some(only)),
            (None, [], _) => Ok(None),
            (None, [first, others @ ..], _) if others.iter().all(|other| other.digest == first.digest) => {
                Ok(Some(first))
            }
            (None, several, _) => {
                Err(several.iter().filter_map(|entry| name(entry)).map(str::to_owned).collect())
            }
        }
    }

    /// The names of all entries.
    pub(crate) fn names(&self) -> impl Iterator<Item = &str> {
        self.entries.iter().filter_map(|(entry, _)| name(entry))
    }

    /// The name of an entry.
    pub(crate) fn name(entry: &Descriptor) -> Option<&str> {
        name(entry)
    }

    /// All entries.
    pub(crate) fn entries(&self) -> impl Iterator<Item = &Descriptor> {
        self.entries.iter().map(|(entry, _)| entry)
    }

    /// Renames the entries named by this tag, and adds annotations.
    pub(crate) fn rename(&mut self, tag: &Tag, annotations: &[(&str, &str)], new: &str) {
        let named = self.entries.iter_mut().filter(|(entry, _)| name(entry) == Some(tag.as_str()));
        for (entry, written) in named {
            let known = entry.annotations.get_or_insert_default();
            for (key, value) in annotations.iter().copied().chain([(NAME, new)]) {
                known.insert(key.to_owned(), value.to_owned());
            }
            written["annotations"] = json!(known);
        }
    }

    /// Adds an entry under a full name.
    pub(crate) fn put_named(&mut self, name: &str, media_type: &MediaType, digest: Digest, size: usize) {
        self.entries.retain(|(entry, _)| self::name(entry) != Some(name));
        self.push(Some(name), media_type, digest, size);
    }

    /// Adds an entry, under `reference` if that is a tag; replaces the entry that had the name.
    pub(crate) fn put(&mut self, reference: &Reference, media_type: &MediaType, digest: Digest, size: usize) {
        match reference {
            Reference::Tag(tag) => self.put_named(tag.as_str(), media_type, digest, size),
            Reference::Digest(_) if self.entries.iter().any(|(entry, _)| entry.digest == digest) => {}
            Reference::Digest(_) => self.push(None, media_type, digest, size),
        }
    }

    fn push(&mut self, name: Option<&str>, media_type: &MediaType, digest: Digest, size: usize) {
        let mut entry = json!({ "mediaType": media_type.as_str(), "digest": digest, "size": size });
        if let Some(name) = name {
            entry["annotations"] = json!({ NAME: name });
        }
        let descriptor = Descriptor {
            media_type: media_type.to_string(),
            digest,
            size: size as u64,
            artifact_type: None,
            annotations: name.map(|name| [(NAME.to_owned(), name.to_owned())].into()),
            platform: None,
            urls: Vec::new(),
        };
        self.entries.push((descriptor, entry));
    }
}

fn name(entry: &Descriptor) -> Option<&str> {
    entry.annotations.as_ref()?.get(NAME).map(String::as_str)
}

// Some tools store the full reference there instead of the tag.
fn names(name: &str, tag: &str) -> bool {
    name == tag || name.rsplit_once(':').is_some_and(|(_, end)| end == tag)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tag(text: &str) -> Reference {
        text.parse().unwrap()
    }

    #[test]
    fn names_are_found_and_replaced() {
        let mut index = Index::default();
        let (first, second) = (Digest::of(b"1"), Digest::of(b"2"));
        index.put(&tag("a"), &MediaType::OCI_MANIFEST, first, 1);
        index.put(&tag("b"), &MediaType::OCI_MANIFEST, first, 1);
        index.put(&tag("a"), &MediaType::OCI_MANIFEST, second, 1);
        index.put(&Reference::Digest(second), &MediaType::OCI_MANIFEST, second, 1);
        let read = Index::parse(Path::new("index.json"), &index.bytes()).unwrap();
        assert_eq!(read.entries().count(), 2);
        assert_eq!(read.names().collect::<Vec<_>>(), ["b", "a"]);
        assert_eq!(read.find(&tag("a")).unwrap().unwrap().digest, second);
        assert_eq!(read.find(&tag("b")).unwrap().unwrap().digest, first);
        assert!(read.find(&tag("c")).unwrap().is_none());
        assert!(read.find(&Reference::Digest(first)).unwrap().is_some());
        assert_eq!(read.bytes(), index.bytes());
    }

    #[test]
    fn whole_references_and_single_images_are_understood() {
        let of = |name: &str| {
            let digest = Digest::of(b"1");
            let text = format!(
                r#"{{"schemaVersion":2,"manifests":[{{"mediaType":"a/b","size":1,"digest":"{digest}"{name},"x":1}}]}}"#
            );
            Index::parse(Path::new("index.json"), text.as_bytes()).unwrap()
        };
        let named =
            of(r#","annotations":{"org.opencontainers.image.ref.name":"docker.io/library/nginx:1.27"}"#);
        assert!(named.find(&tag("1.27")).unwrap().is_some() && named.find(&tag("latest")).unwrap().is_none());
        assert!(of("").find(&tag("latest")).unwrap().is_some());
        // What we do not know is kept.
        assert!(String::from_utf8_lossy(&of("").bytes()).contains(r#""x":1"#));
    }

    #[test]
    fn a_tag_of_several_images_is_none_of_them() {
        let mut index = Index::default();
        let (first, second) = (Digest::of(b"1"), Digest::of(b"2"));
        index.put_named("nginx:latest", &MediaType::OCI_MANIFEST, first, 1);
        index.put_named("nginx:stable", &MediaType::OCI_MANIFEST, first, 1);
        index.put_named("docker.io/library/nginx:latest", &MediaType::OCI_MANIFEST, first, 1);
        assert_eq!(index.find(&tag("latest")).unwrap().unwrap().digest, first);
        index.put_named("redis:latest", &MediaType::OCI_MANIFEST, second, 1);
        let several = ["nginx:latest", "docker.io/library/nginx:latest", "redis:latest"];
        assert_eq!(index.find(&tag("latest")).unwrap_err(), several);
        assert_eq!(index.find(&tag("stable")).unwrap().unwrap().digest, first);
        index.put(&tag("latest"), &MediaType::OCI_MANIFEST, second, 1);
        assert_eq!(index.find(&tag("latest")).unwrap().unwrap().digest, second);
    }

    #[test]
    fn what_is_no_index_is_said() {
        let refused = Index::parse(Path::new("d/index.json"), b"{}").unwrap_err().to_string();
        assert!(refused.starts_with("`d/index.json` is not the index of an image layout: "), "{refused}");
    }
}
