//! What a refusal is about, so that the caller can do something about it. Pure: derived from the status and the
//! registry's message.

use crate::error::Error;

/// The reason of a refusal.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Refusal {
    /// The registry does not take this kind of manifest, such as an OCI index at Huawei's SWR. Another format may be
    /// accepted.
    Form,
    /// The manifest references something that is not in the repository. Push that first.
    Incomplete,
    /// The repository or its project does not exist and is not created by pushing. Create it first.
    Repository,
    /// The name of the repository or tag is not allowed. Choose another.
    Name,
    /// The account does not have the right.
    Rights,
    /// One request is too long. Send less at once.
    Size,
    /// The account or project has no space left.
    StorageQuota,
    /// The tag exists and may not be moved.
    Immutable,
    /// The upload is gone, or its bytes are not the announced ones. Begin again.
    Upload,
    /// The registry does not support the operation.
    Unsupported,
    /// Another reason; the registry's message says which.
    Other,
}

impl Error {
    /// The reason of [`Error::Denied`]; `None` for other errors.
    pub fn refusal(&self) -> Option<Refusal> {
        match self {
            Self::Denied { status, reason } => Some(read(*status, reason)),
            _ => None,
        }
    }
}

fn read(status: u16, reason: &str) -> Refusal {
    let codes = || reason.split("; ").map(|one| one.split_once(':').map_or(one, |(code, _)| code));
    // Other codes beside it are consequences, or, for an index whose child is just being written, unrelated.
    if codes().any(|code| code == "MANIFEST_BLOB_UNKNOWN") {
        return Refusal::Incomplete;
    }
    by_words(&reason.to_ascii_lowercase())
        .or_else(|| codes().find_map(by_code))
        .unwrap_or_else(|| by_status(status))
}

// For codes that say too little: Harbor sends DENIED for an exceeded quota, ECR TAG_INVALID for an existing tag.
fn by_words(words: &str) -> Option<Refusal> {
    let says = |part: &str| words.contains(part);
    if says("immutable") || says("cannot be overwritten") {
        Some(Refusal::Immutable)
    } else if says("quota") || says("exceed the configured upper limit") {
        Some(Refusal::StorageQuota)
    } else if says("fail to parse 'manifest.json'") {
        Some(Refusal::Form)
    } else {
        None
    }
}

fn by_code(code: &str) -> Option<Refusal> {
    Some(match code {
        "MANIFEST_INVALID" | "MANIFEST_UNVERIFIED" => Refusal::Form,
        "MANIFEST_BLOB_UNKNOWN" | "BLOB_UNKNOWN" | "MANIFEST_UNKNOWN" => Refusal::Incomplete,
        "NAME_UNKNOWN" | "REPOSITORY_NOT_FOUND" | "PROJECT_NOT_FOUND" => Refusal::Repository,
        "NAME_INVALID" | "TAG_INVALID" => Refusal::Name,
        "DENIED" | "UNAUTHORIZED" => Refusal::Rights,
        "TAG_IMMUTABLE" => Refusal::Immutable,
        "BLOB_UPLOAD_UNKNOWN" | "BLOB_UPLOAD_INVALID" | "DIGEST_INVALID" => Refusal::Upload,
        "UNSUPPORTED" => Refusal::Unsupported,
        _ => return None,
    })
}

fn by_status(status: u16) -> Refusal {
    match status {
        401 | 403 => Refusal::Rights,
        404 => Refusal::Repository,
        405 | 501 => Refusal::Unsupported,
        413 => Refusal::Size,
        415 => Refusal::Form,
        _ => Refusal::Other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn registries_are_understood() {
        for (status, reason, about) in [
            (400, "MANIFEST_INVALID: Invalid image, fail to parse 'manifest.json'", Refusal::Form),
            (400, "UNKNOWN: Invalid image, fail to parse 'manifest.json'", Refusal::Form),
            (415, "", Refusal::Form),
            (404, "MANIFEST_BLOB_UNKNOWN: blob unknown to registry", Refusal::Incomplete),
            (
                400,
                "DIGEST_INVALID: provided digest did not match uploaded content; MANIFEST_BLOB_UNKNOWN: blob unknown",
                Refusal::Incomplete,
            ),
            (404, "NAME_UNKNOWN: The repository with name 'a' does not exist", Refusal::Repository),
            (404, "", Refusal::Repository),
            (404, "BLOB_UPLOAD_UNKNOWN: blob upload unknown to registry", Refusal::Upload),
            (400, "DIGEST_INVALID: provided digest did not match uploaded content", Refusal::Upload),
            (403, "DENIED: requested access to the resource is denied", Refusal::Rights),
            (401, "", Refusal::Rights),
            (413, "", Refusal::Size),
            (413, "413 Request Entity Too Large", Refusal::Size),
            (
                403,
                "DENIED: adding 1.1 MiB of storage resource, which when updated to current usage of 9 MiB will \
                 exceed the configured upper limit of 10 MiB.",
                Refusal::StorageQuota,
            ),
            (
                400,
                "TAG_INVALID: The image tag '1' already exists and cannot be overwritten",
                Refusal::Immutable,
            ),
            (
                412,
                "PRECONDITION: Failed to process request due to 'a:1' configured as immutable.",
                Refusal::Immutable,
            ),
            (409, "TAG_IMMUTABLE", Refusal::Immutable),
            (400, "TAG_INVALID: manifest tag did not match URI", Refusal::Name),
            (405, "UNSUPPORTED: The operation is unsupported.", Refusal::Unsupported),
            (405, "", Refusal::Unsupported),
            (418, "a teapot", Refusal::Other),
        ] {
            let error = Error::Denied { status, reason: reason.to_owned() };
            assert_eq!(error.refusal(), Some(about), "{status} {reason}");
        }
        assert_eq!(Error::NotFound.refusal(), None);
    }
}
