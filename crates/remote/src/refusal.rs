//! What a refusal is about, for whoever can do something about it. Pure: read from the status and the registry's words.

use crate::error::Error;

/// What a registry minds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Refusal {
    /// The form of the manifest, such as an OCI index at Huawei's SWR. Another form of it may do.
    Form,
    /// Something that the manifest names is not in the repository. Push that first.
    Incomplete,
    /// The repository, or the project it would be in, is not there and does not come by pushing. Create it first.
    Repository,
    /// The name of the repository or the tag. It needs another.
    Name,
    /// The account. It may not do that.
    Rights,
    /// The length of one request. Send less at once.
    Size,
    /// The space that the account or the project has left.
    Quota,
    /// The tag: it is there, and may not be moved.
    Immutable,
    /// The upload: it is gone, or what came of it is not what was said. Begin anew.
    Upload,
    /// The very thing: it is not done there.
    Unsupported,
    /// Something else; the registry's words say what.
    Other,
}

impl Error {
    /// What a refusal is about; `None` for what is none.
    pub fn refusal(&self) -> Option<Refusal> {
        match self {
            Self::Denied { status, reason } => Some(read(*status, reason)),
            _ => None,
        }
    }
}

fn read(status: u16, reason: &str) -> Refusal {
    let codes = || reason.split("; ").map(|one| one.split_once(':').map_or(one, |(code, _)| code));
    // Beside it stands what follows from it, or, for a list whose child is just being written, something else entirely.
    if codes().any(|code| code == "MANIFEST_BLOB_UNKNOWN") {
        return Refusal::Incomplete;
    }
    by_words(&reason.to_ascii_lowercase())
        .or_else(|| codes().find_map(by_code))
        .unwrap_or_else(|| by_status(status))
}

// Where codes say too little: Harbor denies what its quota does not allow, ECR calls a tag that is there invalid.
fn by_words(words: &str) -> Option<Refusal> {
    let says = |part: &str| words.contains(part);
    if says("immutable") || says("cannot be overwritten") {
        Some(Refusal::Immutable)
    } else if says("quota") || says("exceed the configured upper limit") {
        Some(Refusal::Quota)
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
                Refusal::Quota,
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
