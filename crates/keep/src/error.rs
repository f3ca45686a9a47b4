//! Why something cannot be done with a keep list.

/// Why something cannot be done with a keep list.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// There is no list of this name.
    #[error("there is no keep list `{0}`")]
    Unknown(String),
    /// The list does not run.
    #[error("keep list `{0}` does not run")]
    Idle(String),
    /// The database failed.
    #[error("what is known of keep lists cannot be read or written")]
    Catalog(#[from] entrepot_catalog::Error),
}
