//! Properties that hold for any archive, as functions that panic if violated.
//!
//! Shared by the property tests beside this and the target `archives` in `fuzz/`. Built only for tests and fuzzing.

use std::{fs, io::Cursor, path::Path};

use entrepot_oci::Reference;

use crate::endpoints::{Archive, Index, tar};

/// Any bytes as a tar archive: names and extents stay within it.
pub fn listing(bytes: &[u8]) {
    let length = bytes.len() as u64;
    let Ok(listing) = tar::list_in(Path::new("a.tar"), Cursor::new(bytes), length) else { return };
    for (name, extent) in listing.files() {
        assert!(
            !name.starts_with('/') && name.split('/').all(|part| !matches!(part, "." | "..")),
            "{name:?}"
        );
        assert!(
            extent.start >= 512 && extent.start.checked_add(extent.size).is_some_and(|end| end <= length)
        );
        assert_eq!(listing.find(name), Some(extent), "{name:?}");
        assert_eq!(listing.find(&format!("./{name}")), Some(extent), "{name:?}");
    }
    for name in ["", "/", "..", "../etc/passwd", "/etc/passwd", "index.json", "relay.json"] {
        let found = listing.find(name);
        assert!(found.is_none_or(|extent| extent.start + extent.size <= length), "{name:?}");
    }
}

/// Any bytes as the `index.json` of a layout: writing and reading it again gives the same.
pub fn index(bytes: &[u8]) {
    let path = Path::new("index.json");
    let Ok(index) = Index::parse(path, bytes) else { return };
    let Ok(again) = Index::parse(path, &index.bytes()) else { panic!("what was written cannot be read") };
    assert!(index.entries().eq(again.entries()), "{index:?}");
    for entry in index.entries() {
        assert!(index.find(&Reference::Digest(entry.digest)).is_ok_and(|found| found.is_some()));
    }
}

/// Any file as an archive of images, in both formats: extents stay within the file, and derived data is bounded.
///
/// # Panics
/// The file does not exist.
pub fn archive(path: &Path) {
    assert!(fs::exists(path).unwrap_or(false), "there is no archive to look at");
    for open in [Archive::oci_now, Archive::docker_now] {
        let Ok(archive) = open(path) else { continue };
        assert!(archive.is_within(), "{archive:?}");
        assert!(archive.index().names().all(|name| name.len() < 4 << 20));
    }
}

#[cfg(test)]
mod tests {
    use entrepot_oci::Digest;
    use proptest::prelude::*;

    use super::*;

    fn name() -> impl Strategy<Value = String> {
        let part = prop::sample::select(vec![
            "a",
            "..",
            ".",
            "/",
            "index.json",
            "manifest.json",
            "blobs/sha256/",
            "\u{1b}",
            "é",
        ]);
        prop::collection::vec(part, 0..5).prop_map(|parts| parts.concat().chars().take(40).collect())
    }

    fn document() -> impl Strategy<Value = Vec<u8>> {
        let digest = Digest::of(b"{}");
        let index = format!(
            r#"{{"schemaVersion":2,"manifests":[{{"mediaType":"a/b","size":2,"digest":"{digest}","x":[1]}}]}}"#
        );
        let saved = r#"[{"Config":"a","RepoTags":["a:1","b"],"Layers":["a","index.json"]}]"#;
        let texts = ["{}", &index, saved, "[[[[", "x"].map(|text| text.as_bytes().to_vec());
        prop::sample::select(texts.to_vec())
    }

    // An entry of any kind, with a size that need not be its own.
    fn entry() -> impl Strategy<Value = Vec<u8>> {
        let kinds = prop::sample::select(b"0125xgLK".to_vec());
        (name(), document(), kinds, prop::option::of(any::<u64>()), name()).prop_map(
            |(name, body, kind, size, link)| {
                let mut block = tar::header(&name, size.unwrap_or(body.len() as u64));
                block.truncate(512);
                block[156] = kind;
                block[157..157 + link.len()].copy_from_slice(link.as_bytes());
                block[148..156].copy_from_slice(b"        ");
                let sum: u64 = block.iter().map(|byte| u64::from(*byte)).sum();
                block[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
                block.extend_from_slice(&body);
                block.resize(block.len().next_multiple_of(512), 0);
                block
            },
        )
    }

    proptest! {
        #[test]
        fn archives_lead_nowhere(entries in prop::collection::vec(entry(), 0..8), cut in 0_usize..2000) {
            let mut bytes = entries.concat();
            bytes.truncate(bytes.len().saturating_sub(cut / 3));
            listing(&bytes);
            let directory = tempfile::tempdir().unwrap();
            let path = directory.path().join("a.tar");
            fs::write(&path, &bytes).unwrap();
            archive(&path);
        }

        #[test]
        fn indexes_say_the_same_again(bytes in document(), at in 0_usize..100, byte: u8) {
            let mut bytes = bytes;
            index(&bytes);
            let length = bytes.len();
            bytes[at % length] = byte;
            index(&bytes);
        }
    }
}
