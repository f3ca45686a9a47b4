//! Logins of programs that have no browser, which end with an API token.

use std::time::{Duration, SystemTime};

use entrepot_oci::RepositoryPattern;
use secrecy::SecretString;
use tokio::time::Instant;

use crate::{
    access::Access,
    api_token::ApiToken,
    audit::Audit,
    device::{ApprovedLogin, Decision, DeviceError, DeviceLogin, DeviceRequest},
    error::ChangeError,
    manage::NewToken,
    name::AccountName,
    scope::{Scope, Scopes},
    verb::Verbs,
};

/// How long the token lives.
const LIFETIME: Duration = Duration::from_secs(90 * 24 * 60 * 60);

/// Why a program gets no token.
#[derive(Debug, thiserror::Error)]
pub enum DevicePollError {
    /// Not yet, or never.
    #[error(transparent)]
    Device(#[from] DeviceError),
    /// The token cannot be made.
    #[error(transparent)]
    Change(#[from] ChangeError),
}

/// The token of a program whose login was confirmed.
#[derive(Debug)]
pub struct DeviceToken {
    /// Whose it is.
    pub account: AccountName,
    /// The token.
    pub token: ApiToken,
}

impl Access {
    /// Begins the login of a program, which calls itself `client`.
    ///
    /// # Errors
    /// The system has no random bytes.
    pub fn begin_device_login(
        &self,
        client: &str,
        address: Option<String>,
    ) -> Result<DeviceLogin, DeviceError> {
        self.0.devices.begin(client, address).ok_or(DeviceError::Expired)
    }

    /// The login with the code that a person typed, if it waits for a decision.
    pub fn device_request(&self, user_code: &str) -> Option<DeviceRequest> {
        self.0.devices.request(user_code)
    }

    /// Decides about a login. With `account`, the program gets a token of that account.
    ///
    /// # Errors
    /// There is no such login, or it was decided.
    pub fn decide_device_login(
        &self,
        user_code: &str,
        account: Option<AccountName>,
    ) -> Result<DeviceRequest, DeviceError> {
        let decision = account.map_or(Decision::Denied, Decision::Approved);
        self.0.devices.decide(user_code, decision)
    }

    /// Asks for the token of a login. It may do with repositories whatever its account may, and nothing else.
    ///
    /// # Errors
    /// The login is not confirmed, or the token cannot be made.
    pub async fn poll_device_login(
        &self,
        device_code: &SecretString,
        by: &Audit,
    ) -> Result<DeviceToken, DevicePollError> {
        let ApprovedLogin { account, client } = self.0.devices.poll(device_code, Instant::now())?;
        let pattern: RepositoryPattern = "**".parse().map_err(|_| DeviceError::Expired)?;
        let scopes = Scopes::new(vec![Scope::Repositories { may: Verbs::ALL, pattern }]);
        let new = NewToken {
            account: account.clone(),
            name: format!("login: {client}"),
            scopes: scopes.map_err(ChangeError::from)?,
            expires: Some(SystemTime::now() + LIFETIME),
        };
        let by = Audit { actor: format!("account:{account}"), ..by.clone() };
        Ok(DeviceToken { token: self.create_token(&new, &by).await?, account })
    }
}
