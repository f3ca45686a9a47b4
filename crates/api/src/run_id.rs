//! What a run is called.

use std::fmt;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// The id of a run. Clients compare it and send it back; it says nothing else.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(transparent)]
pub struct RunId(String);

impl RunId {
    /// An id as the server wrote it, or as somebody typed it; only the server can say whether there is such a run.
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// The id as it is written.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for RunId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
