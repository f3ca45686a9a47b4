//! Who is asking, and may they.
//!
//! - pure: [`Role`] and [`Operation`], [`Verb`] and [`Grant`], [`Scopes`] of API tokens; [`Rules`] decide about a
//!   [`Principal`]
//! - [`Access`]: logs people and machines in, issues registry tokens, manages accounts
//! - credentials: [`Passwords`], [`ApiToken`], [`SessionSecret`], [`VerifyingKeys`] for the registry's own tokens

#![forbid(unsafe_code)]

mod access;
mod admission;
mod api_token;
mod audit;
mod device;
mod device_login;
mod directory_login;
mod error;
mod explain;
mod federation;
mod federation_settings;
mod grant;
mod grants;
mod hashers;
mod lasting;
mod login;
mod manage;
mod manage_grants;
mod name;
mod networks;
mod password;
mod principal;
mod provider_login;
mod refusals;
mod registry_scope;
mod registry_token;
mod repository_pass;
mod role;
mod role_groups;
mod rotation;
mod rules;
mod scope;
mod session;
mod sessions;
mod settings;
mod settings_fault;
mod signing_keys;
mod ssh_key;
mod ssh_keys;
mod throttle;
mod to_the_end;
mod verb;
mod verified;
mod workload;
mod workloads;

pub use access::{Access, AccessSettings};
pub use api_token::{ApiToken, ApiTokenError, TokenId};
pub use audit::{Audit, AuditAction};
pub use device::{DeviceError, DeviceLogin, DeviceRequest};
pub use device_login::{DevicePollError, DeviceToken};
pub use entrepot_federation::AttemptError;
pub use error::{BearerError, ChangeError, LoginError, OpenError, SessionError};
pub use explain::{ExplainedSubject, Explanation, RightOrigin, SomebodyError};
pub use federation_settings::{
    FederationSettings, LdapSection, LdapSettings, OidcSection, OidcSettings, WorkloadSection,
};
pub use grant::{Grant, Subject, SubjectError};
pub use grants::{GrantOrigin, RulesInForce};
pub use lasting::OngoingAccess;
pub use login::Bearer;
pub use manage::{AccountUpdate, NewToken};
pub use name::{AccountName, AccountNameError};
pub use networks::{NetworkError, Networks};
pub use password::{Busy, PasswordError, Passwords};
pub use principal::{Account, Carries, HeldToken, Identity, Principal};
pub use provider_login::{ProviderLogin, ProviderLoginDone, ProviderLoginError, ProviderReturn};
pub use registry_scope::RegistryScopes;
pub use registry_token::{Claims, KeyDamaged, LIFETIME, RegistryTokenError, SigningKey, VerifyingKeys};
pub use repository_pass::RepositoryPass;
pub use role::{Operation, Role, RoleError};
pub use role_groups::RoleGroups;
pub use rules::{MatchedRule, Reason, Repository, Rules, Visibility, WrongCredentials};
pub use scope::{Scope, ScopeError, Scopes};
pub use session::{SessionFormError, SessionId, SessionLimits, SessionOrigin, SessionSecret};
pub use sessions::{Session, SessionPage};
pub use settings::{AccessSection, AuditSection, GrantSection, NetworkSettings, SessionSection};
pub use settings_fault::SettingsFault;
pub use ssh_key::{SshKey, SshKeyError};
pub use ssh_keys::HeldSshKey;
pub use to_the_end::to_the_end;
pub use verb::{Verb, VerbError, Verbs};
pub use workload::{Workload, WorkloadRule};
