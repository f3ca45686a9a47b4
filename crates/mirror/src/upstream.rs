//! An upstream's refusals in the mirror's words.

use entrepot_catalog::RepoKey;
use entrepot_oci::{Digest, Host, Reference};
use entrepot_remote::Error as Remote;

use crate::{Error, UpstreamFault};

/// What is told of a manifest that `host` did not give.
pub(crate) fn manifest_refused(host: &Host, key: &RepoKey, reference: &Reference, error: Remote) -> Error {
    match error {
        Remote::NotFound => {
            Error::ManifestUnknown { name: key.to_string(), reference: reference.to_string() }
        }
        other => refused(host, other),
    }
}

/// What is told of a blob that `host` did not give.
pub(crate) fn blob_refused(host: &Host, key: &RepoKey, digest: &Digest, error: Remote) -> Error {
    match error {
        Remote::NotFound => Error::BlobUnknown { name: key.to_string(), digest: *digest },
        other => refused(host, other),
    }
}

/// What is told of a listing that `host` did not give.
pub(crate) fn list_refused(host: &Host, key: &RepoKey, error: Remote) -> Error {
    match error {
        Remote::NotFound => Error::RepositoryUnknown { name: key.to_string() },
        other => refused(host, other),
    }
}

fn refused(host: &Host, error: Remote) -> Error {
    tracing::info!(%host, %error, "upstream");
    let fault = match error {
        Remote::Denied { reason, .. } => UpstreamFault::Denied(reason),
        Remote::Limited { retry_after } => UpstreamFault::Limited { retry_after },
        Remote::Failing { status, .. } => UpstreamFault::Failing(status),
        Remote::Unreachable { .. } | Remote::Cut { .. } => UpstreamFault::Unreachable,
        Remote::TimedOut => UpstreamFault::TimedOut,
        other => UpstreamFault::Invalid(other.to_string()),
    };
    Error::Upstream { host: host.clone(), fault }
}

impl Error {
    /// The upstream has answered, and asking again soon would get the same answer: what it says counts, also
    /// against what is held. Everything else is an upstream that could not be asked.
    pub(crate) fn is_an_answer(&self) -> bool {
        matches!(
            self,
            Self::ManifestUnknown { .. }
                | Self::BlobUnknown { .. }
                | Self::RepositoryUnknown { .. }
                | Self::Upstream { fault: UpstreamFault::Denied(_), .. }
        )
    }
}
