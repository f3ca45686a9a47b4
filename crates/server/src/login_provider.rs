//! Ways to log in besides a password, as the pages offer them.

/// Another way to log in, which has an address of its own here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LoginProvider {
    /// Its name, as people know it.
    pub name: String,
    /// Where it begins: a path of this server. It is called with `next`, the path to come back to.
    pub path: String,
}
