//! Why something is refused or fails.

use std::time::{Duration, SystemTime};

use entrepot_secrets::OpenError as SealError;

use crate::{
    api_token::ApiTokenError,
    name::AccountNameError,
    password::{Busy, PasswordError},
    registry_token::{KeyDamaged, RegistryTokenError},
    scope::ScopeError,
    ssh_key::SshKeyError,
};

/// Why accounts and keys cannot be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The database failed.
    #[error("the accounts cannot be read")]
    Catalog(#[from] entrepot_catalog::Error),
    /// The key file is not the one that sealed the secrets in the database.
    #[error("the key file does not fit the database: {0}")]
    WrongKey(SealError),
    /// The database holds something else where a sealed value should be.
    #[error("the database holds a sealed value that is none")]
    Damaged,
    /// A provider or directory cannot be set up.
    #[error(transparent)]
    Federation(#[from] entrepot_federation::SetupError),
    /// The system has no random bytes.
    #[error("the system has no random bytes")]
    Random,
    /// The key that signs registry tokens cannot be made or read.
    #[error(transparent)]
    Key(#[from] KeyDamaged),
}

/// Why a login is refused.
#[derive(Debug, thiserror::Error)]
pub enum LoginError {
    /// The name or the password is wrong, or the account is disabled: outsiders are not told which.
    #[error("the user name or the password is wrong")]
    Wrong,
    /// The API token was cut off or mistyped.
    #[error(transparent)]
    Token(#[from] ApiTokenError),
    /// The API token has expired.
    #[error("the API token `{name}` expired at {}", rfc3339(.at))]
    Expired {
        /// Its name.
        name: String,
        /// When it ended.
        at: SystemTime,
    },
    /// An API token was sent where a session begins, which has more rights than a token.
    #[error("an API token begins no session; log in with the account's password")]
    TokenForSession,
    /// The credential is right, and the account's provider or directory last gave it a role too long ago.
    #[error("the groups of `{name}` were last confirmed too long ago; its holder has to log in again")]
    Unconfirmed {
        /// The account.
        name: String,
    },
    /// The password is right, and no group of theirs gives a role here.
    #[error("the directory knows this user, and none of the user's groups has access here")]
    NoRole,
    /// The token of a CI job, or of another workload, is refused.
    #[error("the workload's token is refused: {0}")]
    Workload(String),
    /// The directory or the issuer that should confirm it cannot be asked now.
    #[error("{0}; try again soon")]
    Unavailable(&'static str),
    /// Too many failures: try again later.
    #[error("too many failed logins; try again in {} s", .0.as_secs().max(1))]
    Throttled(Duration),
    /// Too many logins at once.
    #[error(transparent)]
    Busy(#[from] Busy),
    /// The database failed.
    #[error("the accounts cannot be read")]
    Catalog(#[from] entrepot_catalog::Error),
}

fn rfc3339(at: &SystemTime) -> humantime::Rfc3339Timestamp {
    humantime::format_rfc3339_seconds(*at)
}

/// Why a bearer token is refused.
#[derive(Debug, thiserror::Error)]
pub enum BearerError {
    /// The registry token is not valid, or no longer.
    #[error(transparent)]
    Token(#[from] RegistryTokenError),
    /// Whoever it was issued to is gone or disabled.
    #[error("the account of the token is gone or disabled")]
    Revoked,
    /// It is an API token, and it is refused.
    #[error(transparent)]
    Login(#[from] LoginError),
}

/// Why a session does not count.
#[derive(Debug, thiserror::Error)]
pub enum SessionError {
    /// It has ended, by itself or by somebody, or there never was one.
    #[error("the session has ended; log in again")]
    Ended,
    /// The database failed.
    #[error("the sessions cannot be read")]
    Catalog(#[from] entrepot_catalog::Error),
}

/// Why a change of accounts or tokens is refused.
#[derive(Debug, thiserror::Error)]
pub enum ChangeError {
    /// The name is not one.
    #[error(transparent)]
    Name(#[from] AccountNameError),
    /// The password is not accepted.
    #[error(transparent)]
    Password(#[from] PasswordError),
    /// A scope is not one.
    #[error(transparent)]
    Scope(#[from] ScopeError),
    /// The name is taken.
    #[error("there is an account `{0}` already")]
    Exists(String),
    /// There is no such account.
    #[error("there is no account `{0}`")]
    NoAccount(String),
    /// There is no such API token.
    #[error("there is no API token `{0}`")]
    NoToken(String),
    /// There is no such session.
    #[error("there is no session `{0}`")]
    NoSession(String),
    /// The account has no public key.
    #[error("`{0}` has no public key")]
    NoSshKey(String),
    /// The public key is none that is taken.
    #[error(transparent)]
    SshKey(#[from] SshKeyError),
    /// Another account has the public key.
    #[error("another account has this public key")]
    SshKeyTaken,
    /// It was changed by somebody else in the meantime.
    #[error("it was changed in the meantime; look at it again")]
    Conflict,
    /// It has another revision than the one that the change is for.
    #[error("it was changed since you looked at it")]
    Stale,
    /// Several API tokens have the name.
    #[error("several API tokens are named `{0}`")]
    SeveralTokens(String),
    /// There is no such grant.
    #[error("there is no grant `{0}`")]
    NoGrant(String),
    /// A grant of the configuration is changed there.
    #[error("the grant `{0}` is in the configuration file, and is changed there")]
    GrantOfFile(String),
    /// A grant names no repository, or no verb.
    #[error("a grant has at least one repository and at least one verb")]
    EmptyGrant,
    /// There are too many grants.
    #[error("there are {} grants already, the most that can be made by API", crate::grants::MOST)]
    TooManyGrants,
    /// The account has no password because it comes from a directory, or is a robot.
    #[error("`{0}` has no password here: it is a robot, or comes from a directory")]
    NoPassword(String),
    /// The time is over already.
    #[error("the time of expiry is in the past")]
    Past,
    /// Nobody could manage accounts any more.
    #[error("`{0}` is the last admin: make another account an admin first")]
    LastAdmin(String),
    /// Too many passwords are hashed at once.
    #[error(transparent)]
    Busy(#[from] Busy),
    /// The database failed.
    #[error("the accounts cannot be changed")]
    Catalog(#[from] entrepot_catalog::Error),
}
