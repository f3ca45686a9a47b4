//! A file of the project, and the changes to it.

use serde::Serialize;

/// A file of the project.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct File {
    /// The path relative to the checkout.
    pub name: String,
    /// The content.
    pub text: String,
}

/// The changes to a file.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct FileChanges {
    /// The file.
    pub file: String,
    /// The number of renamed images.
    pub images: usize,
    /// The number of changed logins.
    pub logins: usize,
    /// The number of places left for a manual check.
    pub left: usize,
    /// The error, if it cannot be edited.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
}
