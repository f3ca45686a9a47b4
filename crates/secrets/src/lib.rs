//! Secret values as they are stored: sealed with a key that is kept somewhere else.
//!
//! - [`Keyring`]: the key that seals, and older keys that still open
//! - [`SealedValue`]: a sealed value, as text for a database column; [`SealedLocation`]: the row that it belongs to
//! - [`KeyFile`]: the keyring's file, created at first start
//! - [`SharedKeyring`]: the keyring in use, which can be rotated meanwhile
//!
//! XChaCha20-Poly1305 with a random nonce for every value. The place is authenticated with it, so a sealed value that is
//! copied to another row does not open there.

#![forbid(unsafe_code)]

mod file;
mod key;
mod keyring;
mod keys;
mod sealed;

pub use file::{FileError, KeyFile, OpenedKeyFile, Warning};
pub use key::{KeyError, KeyId};
pub use keyring::{Keyring, OpenError};
pub use keys::{HeldKeys, RotationError, SharedKeyring};
pub use sealed::{SealedError, SealedLocation, SealedValue};
