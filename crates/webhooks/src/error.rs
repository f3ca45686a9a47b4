//! Why webhooks refuse.

/// Why something that was asked for is refused.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// No webhook has this name.
    #[error("there is no webhook `{0}`")]
    UnknownWebhook(String),
    /// No delivery has this id, or it is so old that its record was removed.
    #[error("there is no delivery `{0}`")]
    UnknownDelivery(i64),
    /// The catalog failed.
    #[error(transparent)]
    Catalog(#[from] entrepot_catalog::Error),
}

/// Why webhooks cannot be set up.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The HTTP client cannot be set up.
    #[error("cannot set up HTTP")]
    Client(#[source] reqwest::Error),
    /// The catalog failed.
    #[error(transparent)]
    Catalog(#[from] entrepot_catalog::Error),
}
