//! Errors of the blob store and the catalog: the cause goes to the log, the client is told that the store failed.

use crate::error::Error;

/// Logs `error` and returns [`Error::Store`].
pub(crate) fn store_failed(error: impl std::error::Error) -> Error {
    let cause = error.source().map(ToString::to_string);
    tracing::error!(%error, cause, "store");
    Error::Store
}

/// The same for the blob store; a full disk stays [`Error::Full`].
pub(crate) fn blobs_failed(error: entrepot_blobs::Error) -> Error {
    match error {
        entrepot_blobs::Error::Full => Error::Full,
        other => store_failed(other),
    }
}
