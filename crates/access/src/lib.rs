//! Who is asking, and may they.
//!
//! - pure: [`Role`] and [`Operation`], [`Verb`] and [`Grant`], [`Scopes`] of API tokens; [`Rules`] decide about a
//!   [`Principal`]
//! - [`Access`]: logs people and machines in, issues registry tokens, manages accounts
//! - credentials: [`Passwords`], [`ApiToken`], [`VerifyingKeys`] for the registry's own tokens

#![forbid(unsafe_code)]

mod access;
mod api_token;
mod error;
mod grant;
mod login;
mod manage;
mod name;
mod password;
mod principal;
mod registry_scope;
mod registry_token;
mod role;
mod rotation;
mod rules;
mod scope;
mod settings;
mod signing_keys;
mod throttle;
mod verb;
mod verified;

pub use access::Access;
pub use api_token::{ApiToken, ApiTokenError, TokenId};
pub use error::{BearerError, ChangeError, LoginError, OpenError};
pub use grant::{Grant, Subject, SubjectError};
pub use login::Bearer;
pub use manage::{Audit, Change, NewToken};
pub use name::{AccountName, NameError};
pub use password::{Busy, PasswordError, Passwords};
pub use principal::{Account, Carries, HeldToken, Identity, Principal};
pub use registry_scope::RegistryScopes;
pub use registry_token::{Claims, KeyDamaged, LIFETIME, RegistryTokenError, SigningKey, VerifyingKeys};
pub use role::{Operation, Role, RoleError};
pub use rules::{Rules, Visibility};
pub use scope::{Scope, ScopeError, Scopes};
pub use settings::{AccessSection, GrantSection, SettingsFault};
pub use verb::{Verb, VerbError, Verbs};
