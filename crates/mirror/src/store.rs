//! Errors of the blob store and the catalog: the cause goes to the log, the client is told that the store failed.

use crate::error::Error;

/// Logs `error` and returns [`Error::Store`].
pub(crate) fn store_failed(error: impl std::error::Error) -> Error {
    let cause = error.source().map(ToString::to_string);
    tracing::error!(%error, cause, "store");
    Error::Store
}

/// The same for the blob store; a full disk stays [`Error::Full`], and one that does not answer is [`Error::StoreDown`].
pub(crate) fn blobs_failed(error: entrepot_blobs::Error) -> Error {
    match error {
        entrepot_blobs::Error::Full => Error::Full,
        error if error.is_unavailable() => down(error),
        other => store_failed(other),
    }
}

/// The same for the catalog.
pub(crate) fn catalog_failed(error: entrepot_catalog::Error) -> Error {
    if error.is_unavailable() { down(error) } else { store_failed(error) }
}

fn down(error: impl std::error::Error) -> Error {
    store_failed(error);
    Error::StoreDown
}
