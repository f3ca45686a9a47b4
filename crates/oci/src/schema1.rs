//! Docker's schema 1, the format before `config` and `layers` (distribution, manifest-v2-1.md). It is recognised so that it
//! can be passed on or refused by name; nothing here reads its layers.

use base64::{Engine as _, prelude::BASE64_URL_SAFE_NO_PAD};
use serde::Deserialize;

use crate::{Digest, MediaType};

/// The parts that tell schema 1 from other documents.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Schema1Document {
    schema_version: u64,
    #[serde(rename = "fsLayers")]
    _layers: Vec<serde::de::IgnoredAny>,
    #[serde(default)]
    signatures: Vec<Signature>,
}

#[derive(Deserialize)]
struct Signature {
    protected: String,
}

/// What a signature says about the document that it was added to.
#[derive(Deserialize, PartialEq, Eq)]
#[serde(rename_all = "camelCase")]
struct Protected {
    /// The length of the signed document's beginning, which is unchanged.
    format_length: usize,
    /// Its end, after which signatures would not fit.
    format_tail: String,
}

/// The media type of a schema 1 document that came without one; `None` if it is something else.
///
/// ```
/// use entrepot_oci::{MediaType, schema1_media_type};
///
/// let old = br#"{"schemaVersion": 1, "name": "a", "tag": "1", "fsLayers": [], "history": []}"#;
/// assert_eq!(schema1_media_type(old), Some(MediaType::DOCKER_SCHEMA1));
/// assert_eq!(schema1_media_type(br#"{"schemaVersion": 2, "layers": []}"#), None);
/// ```
pub fn schema1_media_type(bytes: &[u8]) -> Option<MediaType> {
    let document = read(bytes)?;
    let is_signed = !document.signatures.is_empty();
    Some(if is_signed { MediaType::DOCKER_SCHEMA1_SIGNED } else { MediaType::DOCKER_SCHEMA1 })
}

/// The bytes that the digest of a signed schema 1 document is of: the document as it was before it was signed. `None` if
/// `bytes` are no such document.
pub fn schema1_signed_payload(bytes: &[u8]) -> Option<Vec<u8>> {
    let signatures = read(bytes)?.signatures;
    let mut all = signatures.iter().map(|signature| protected(&signature.protected));
    let first = all.next()??;
    if !all.all(|other| other.as_ref() == Some(&first)) {
        return None;
    }
    let tail = base64url(&first.format_tail)?;
    let payload = [bytes.get(..first.format_length)?, &tail].concat();
    // What was signed must be schema 1 itself: a signature does not make another manifest one.
    read(&payload).map(|_| payload)
}

/// True if `digest` is the content's, or that of a signed schema 1 document without its signatures.
pub fn is_manifest_digest(digest: &Digest, bytes: &[u8]) -> bool {
    digest.matches(bytes) || schema1_signed_payload(bytes).is_some_and(|payload| digest.matches(&payload))
}

fn read(bytes: &[u8]) -> Option<Schema1Document> {
    serde_json::from_slice(bytes).ok().filter(|document: &Schema1Document| document.schema_version == 1)
}

fn protected(text: &str) -> Option<Protected> {
    serde_json::from_slice(&base64url(text)?).ok()
}

fn base64url(text: &str) -> Option<Vec<u8>> {
    BASE64_URL_SAFE_NO_PAD.decode(text.trim_end_matches('=')).ok()
}

#[cfg(test)]
mod tests {
    use base64::prelude::BASE64_URL_SAFE;

    use super::*;

    const BEGINNING: &str = r#"{"schemaVersion":1,"name":"a","fsLayers":[{"blobSum":"x"}]"#;

    fn signature(length: usize, tail: &str) -> String {
        let tail = BASE64_URL_SAFE_NO_PAD.encode(tail);
        let protected = format!(r#"{{"formatLength":{length},"formatTail":"{tail}","time":"2016"}}"#);
        format!(r#"{{"signature":"s","protected":"{}"}}"#, BASE64_URL_SAFE.encode(protected))
    }

    fn signed(signatures: &[String]) -> String {
        format!(r#"{BEGINNING},"signatures":[{}]}}"#, signatures.join(","))
    }

    #[test]
    fn a_signed_document_has_the_digest_that_it_had_before() {
        let before = format!("{BEGINNING}\n}}");
        let one = signature(BEGINNING.len(), "\n}");
        let signed = signed(&[one.clone(), one]);
        assert_eq!(schema1_signed_payload(signed.as_bytes()).unwrap(), before.as_bytes());
        assert!(is_manifest_digest(&Digest::of(before.as_bytes()), signed.as_bytes()));
        assert!(is_manifest_digest(&Digest::of(signed.as_bytes()), signed.as_bytes()));
        assert_eq!(schema1_media_type(signed.as_bytes()), Some(MediaType::DOCKER_SCHEMA1_SIGNED));
        assert_eq!(schema1_media_type(before.as_bytes()), Some(MediaType::DOCKER_SCHEMA1));
    }

    #[test]
    fn signatures_that_say_something_else_are_none() {
        let length = BEGINNING.len();
        for signatures in [
            vec![],
            vec![signature(length + 1000, "}")],
            vec![signature(usize::MAX, "}")],
            vec![signature(length - 1, "}")],
            vec![signature(0, "")],
            vec![signature(0, r#"{"schemaVersion":2,"config":{},"layers":[]}"#)],
            vec![signature(length, "}"), signature(length, " }")],
            vec![r#"{"protected":"e30"}"#.to_owned()],
            vec![r#"{"protected":"*"}"#.to_owned()],
        ] {
            assert_eq!(schema1_signed_payload(signed(&signatures).as_bytes()), None, "{signatures:?}");
        }
        // The manifest of another format, with a signature added to it.
        let image = r#"{"schemaVersion":2,"config":{},"layers":[]"#;
        let added = format!(r#"{image},"signatures":[{}]}}"#, signature(image.len(), "}"));
        assert!(!is_manifest_digest(&Digest::of(format!("{image}}}").as_bytes()), added.as_bytes()));
    }
}
