//! What is stored sealed: registry credentials, and the list of all columns with sealed values.
//!
//! Nothing here can be used by whoever reads the database: the keys are somewhere else.

mod credentials;
mod sealed;

pub use credentials::{CredentialRecord, NewCredential};
pub use sealed::{SealedRow, SealedTable};
