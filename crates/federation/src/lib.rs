//! Asks OpenID providers and LDAP directories who somebody is. Knows nothing of accounts.
//!
//! - [`Provider`]: an OpenID provider that people log in with; [`PendingLogin`]s bind a login to a browser
//! - [`Issuer`]: whoever signs tokens, with their keys; [`Claims`]: what a verified token says
//! - [`Directory`]: an LDAP directory; [`Dn`]: names in it, compared as directories do
//!
//! Everything is bounded in time and size, and a server that does not answer is told apart from one that refuses.

#![forbid(unsafe_code)]

mod attempt;
mod claims;
mod directory;
mod dn;
mod error;
mod fetch;
mod issuer;
mod keys;
mod ldap_filter;
mod metadata;
mod provider;
mod tls;
mod token;

pub use attempt::{AttemptError, Attempts, PendingLogin};
pub use claims::Claims;
pub use directory::{Directory, DirectorySettings, GroupSearch, Member};
pub use dn::{Dn, DnError};
pub use error::{DirectoryError, ProviderError, SetupError};
pub use fetch::Trust;
pub use issuer::{Issuer, KeySource};
pub use ldap_filter::{FilterError, FilterTemplate};
pub use provider::{ExternalUser, Provider, ProviderSettings};
pub use token::TokenError;
