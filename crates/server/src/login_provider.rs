//! Ways to log in besides a password, as the pages offer them.

/// Where logins by the OpenID provider of [`entrepot_access`] begin.
pub const OIDC: &str = "/login/oidc";
/// Where it sends browsers back to.
pub(crate) const CALLBACK: &str = "/login/oidc/callback";

/// The page after a logout, with the way out of the provider.
pub(crate) const END: &str = "/login/oidc/end";

/// Another way to log in, which has an address of its own here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LoginProvider {
    /// Its name, as people know it.
    pub name: String,
    /// Where it begins: a path of this server. It is called with `next`, the path to come back to.
    pub path: String,
}
