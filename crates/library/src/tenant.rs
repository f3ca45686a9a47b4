//! For whom something is done.

use std::fmt;

/// For whom something is done in the library: an account, or the server's owner over the local socket.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Tenant {
    id: i64,
    name: String,
}

impl Tenant {
    /// An account, by its key in the catalog and its name.
    pub fn account(id: i64, name: impl Into<String>) -> Self {
        Self { id, name: name.into() }
    }

    /// The server's owner.
    pub fn owner() -> Self {
        Self { id: 0, name: "owner".to_owned() }
    }

    /// The account's key; 0 for the owner, whose key no account has.
    pub fn id(&self) -> i64 {
        self.id
    }

    /// The name, for people.
    pub fn name(&self) -> &str {
        &self.name
    }
}

impl fmt::Display for Tenant {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.pad(&self.name)
    }
}
