//! Error codes and the body that carries them (distribution-spec, §error codes).

use std::collections::HashSet;

use serde::{Deserialize, Serialize};

/// The codes of the distribution spec, plus two of its predecessor that clients still know.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ErrorCode {
    /// The blob is not in this repository.
    BlobUnknown,
    /// The upload cannot continue as requested.
    BlobUploadInvalid,
    /// No such upload.
    BlobUploadUnknown,
    /// The digest is malformed or does not match the content.
    DigestInvalid,
    /// A manifest names a blob or manifest that is not in this repository.
    ManifestBlobUnknown,
    /// The content is not a valid manifest.
    ManifestInvalid,
    /// The manifest is not in this repository.
    ManifestUnknown,
    /// The name or tag is malformed.
    NameInvalid,
    /// The repository is not known.
    NameUnknown,
    /// The `n` of a listing is malformed.
    PaginationNumberInvalid,
    /// The content's length differs from the announced one.
    SizeInvalid,
    /// Credentials are required.
    Unauthorized,
    /// Not allowed, with any credentials.
    Denied,
    /// Not supported by this server.
    Unsupported,
    /// Too many requests.
    TooManyRequests,
    /// An internal error, or an upstream error.
    Unknown,
}

impl ErrorCode {
    /// The code as written in the body.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::BlobUnknown => "BLOB_UNKNOWN",
            Self::BlobUploadInvalid => "BLOB_UPLOAD_INVALID",
            Self::BlobUploadUnknown => "BLOB_UPLOAD_UNKNOWN",
            Self::DigestInvalid => "DIGEST_INVALID",
            Self::ManifestBlobUnknown => "MANIFEST_BLOB_UNKNOWN",
            Self::ManifestInvalid => "MANIFEST_INVALID",
            Self::ManifestUnknown => "MANIFEST_UNKNOWN",
            Self::NameInvalid => "NAME_INVALID",
            Self::NameUnknown => "NAME_UNKNOWN",
            Self::PaginationNumberInvalid => "PAGINATION_NUMBER_INVALID",
            Self::SizeInvalid => "SIZE_INVALID",
            Self::Unauthorized => "UNAUTHORIZED",
            Self::Denied => "DENIED",
            Self::Unsupported => "UNSUPPORTED",
            Self::TooManyRequests => "TOOMANYREQUESTS",
            Self::Unknown => "UNKNOWN",
        }
    }
}

/// The JSON body of an error response.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ErrorBody {
    errors: Vec<ErrorEntry>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct ErrorEntry {
    #[serde(default)]
    code: String,
    #[serde(default)]
    message: String,
}

impl ErrorBody {
    /// A body with one error.
    pub fn new(code: ErrorCode, message: impl Into<String>) -> Self {
        Self { errors: vec![ErrorEntry { code: code.as_str().to_owned(), message: message.into() }] }
    }

    /// The body as JSON.
    pub fn to_json(&self) -> Vec<u8> {
        // Serialising a struct of two strings cannot fail.
        serde_json::to_vec(self).unwrap_or_default()
    }

    /// Parses the body of another registry's error response; `None` if it is not one.
    pub fn parse(bytes: &[u8]) -> Option<Self> {
        serde_json::from_slice::<Self>(bytes).ok().filter(|body| !body.errors.is_empty())
    }

    /// The first error of each code as `CODE: message`, joined with `; `.
    ///
    /// ```
    /// use entrepot_oci::{ErrorBody, ErrorCode};
    ///
    /// let json = ErrorBody::new(ErrorCode::BlobUnknown, "no such blob").to_json();
    /// assert_eq!(ErrorBody::parse(&json).unwrap().summary(), "BLOB_UNKNOWN: no such blob");
    /// ```
    pub fn summary(&self) -> String {
        let mut seen = HashSet::new();
        let firsts = self.errors.iter().filter(|entry| seen.insert(&entry.code));
        let words = firsts.map(|ErrorEntry { code, message }| match message.as_str() {
            "" => code.clone(),
            message => format!("{code}: {message}"),
        });
        words.collect::<Vec<_>>().join("; ")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn writes_and_reads() {
        let body = ErrorBody::new(ErrorCode::BlobUnknown, "no such blob");
        let json = body.to_json();
        assert_eq!(
            String::from_utf8(json.clone()).unwrap(),
            r#"{"errors":[{"code":"BLOB_UNKNOWN","message":"no such blob"}]}"#
        );
        assert_eq!(ErrorBody::parse(&json).unwrap().summary(), "BLOB_UNKNOWN: no such blob");
        let several = br#"{"errors":[{"code":"A","message":"x"},{"code":"A","message":"y"},{"code":"B"}]}"#;
        assert_eq!(ErrorBody::parse(several).unwrap().summary(), "A: x; B");
        assert_eq!(ErrorBody::parse(b"<html>"), None);
        assert_eq!(ErrorBody::parse(br#"{"errors":[]}"#), None);
    }
}
