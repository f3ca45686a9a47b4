//! Who is asking, and may they.
//!
//! - pure: [`Role`] and [`Operation`], [`Verb`] and [`Grant`], [`Scopes`] of API tokens; [`Rules`] decide about a
//!   [`Principal`]
//! - [`Access`]: logs people and machines in, issues registry tokens, manages accounts
//! - credentials: [`Passwords`], [`ApiToken`], [`SessionSecret`], [`VerifyingKeys`] for the registry's own tokens

#![forbid(unsafe_code)]

mod access;
mod api_token;
mod audit;
mod error;
mod explain;
mod grant;
mod grants;
mod hashers;
mod login;
mod manage;
mod manage_grants;
mod name;
mod networks;
mod password;
mod principal;
mod refusals;
mod registry_scope;
mod registry_token;
mod role;
mod rotation;
mod rules;
mod scope;
mod session;
mod sessions;
mod settings;
mod signing_keys;
mod throttle;
mod verb;
mod verified;

pub use access::{Access, AccessSettings};
pub use api_token::{ApiToken, ApiTokenError, TokenId};
pub use audit::{Audit, Deed};
pub use error::{BearerError, ChangeError, LoginError, OpenError, SessionError};
pub use explain::{Explanation, Rule, Somebody, SomebodyError};
pub use grant::{Grant, Subject, SubjectError};
pub use grants::{GrantOrigin, RulesInForce};
pub use login::Bearer;
pub use manage::{Change, NewToken};
pub use name::{AccountName, NameError};
pub use networks::{NetworkError, Networks};
pub use password::{Busy, PasswordError, Passwords};
pub use principal::{Account, Carries, HeldToken, Identity, Principal};
pub use registry_scope::RegistryScopes;
pub use registry_token::{Claims, KeyDamaged, LIFETIME, RegistryTokenError, SigningKey, VerifyingKeys};
pub use role::{Operation, Role, RoleError};
pub use rules::{Reason, Repository, Rules, Source, Visibility, WrongCredentials};
pub use scope::{Scope, ScopeError, Scopes};
pub use session::{SessionFormError, SessionId, SessionLimits, SessionOrigin, SessionSecret};
pub use sessions::{Session, SessionPage};
pub use settings::{
    AccessSection, AuditSection, GrantSection, NetworkSettings, SessionSection, SettingsFault,
};
pub use verb::{Verb, VerbError, Verbs};
