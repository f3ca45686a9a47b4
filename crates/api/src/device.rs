//! Logins of programs that have no browser (RFC 8628).

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// A program that wants to log in.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewDeviceLogin {
    /// What it calls itself; whoever confirms the login is shown it.
    pub client: String,
}

/// The login of a program, which a person has to confirm.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct DeviceLogin {
    /// What it asks for the token with. Secret.
    pub device_code: String,
    /// What it shows, and the person compares.
    pub user_code: String,
    /// Where the person goes.
    pub verification_uri: String,
    /// The same with the code in it.
    pub verification_uri_complete: String,
    /// How long there is, in seconds.
    pub expires_in: u64,
    /// How often it may ask, in seconds.
    pub interval: u64,
}

/// A question for the token of a login.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct DevicePoll {
    /// The code that the login began with.
    pub device_code: String,
}

/// How a login stands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(tag = "state", rename_all = "kebab-case")]
pub enum DeviceLoginState {
    /// Nobody has confirmed it yet: ask again after the interval.
    Pending,
    /// It was asked too often: ask again after the interval and five seconds more.
    SlowDown,
    /// Somebody refused it.
    Denied,
    /// It took too long, or the token was given already.
    Expired,
    /// It was confirmed. This is the only place where the token ever is.
    Done {
        /// The account.
        account: String,
        /// The token's public part.
        id: String,
        /// The whole token.
        token: String,
    },
}
