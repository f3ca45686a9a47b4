//! A file of the project, and what changes in it.

use serde::Serialize;

/// A file of the project.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct File {
    /// What it is called, seen from the checkout.
    pub name: String,
    /// What is in it.
    pub text: String,
}

/// What changes in a file.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Document {
    /// Which.
    pub file: String,
    /// How many images get another name.
    pub images: usize,
    /// How many logins are adapted.
    pub logins: usize,
    /// How many places are left to people.
    pub left: usize,
    /// Why it cannot be read.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
}
