//! What a failing store or catalog becomes: the log gets the cause, the client the fact.

use crate::Error;

/// Logs what was said and says that the store failed.
pub(crate) fn store_failed(error: impl std::error::Error) -> Error {
    let cause = error.source().map(ToString::to_string);
    tracing::error!(%error, cause, "store");
    Error::Store
}

/// The same for the blob store, whose full disk is something to tell.
pub(crate) fn blobs_failed(error: entrepot_blobs::Error) -> Error {
    match error {
        entrepot_blobs::Error::Full => Error::Full,
        other => store_failed(other),
    }
}
