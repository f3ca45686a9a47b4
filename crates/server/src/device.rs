//! The JSON API of logins by programs that have no browser (RFC 8628). Whoever confirms them does so on a page.

use axum::body::Body as RequestBody;
use entrepot_access::{Audit, DeviceError, DevicePollError};
use entrepot_api::{DeviceLogin, DeviceLoginState, DevicePoll, NewDeviceLogin, Problem as ProblemBody};
use http::{Response, StatusCode};
use secrecy::{ExposeSecret, SecretString};

use crate::{
    answer,
    body::Body,
    headers::JSON,
    sync::problem::Problem,
    web::{
        allowed::{access, by},
        call::WebCall,
        request::document,
    },
};

/// The page where a login is confirmed.
pub(crate) const PAGE: &str = "/login/device";

/// Begin the login of a program that has no browser
///
/// A person confirms it at the address that the response names. No credentials are needed.
#[utoipa::path(
    post, path = "/api/v1/device-logins", operation_id = "beginDeviceLogin", tag = "accounts",
    request_body = NewDeviceLogin,
    responses(
        (status = 201, description = "It has begun", body = DeviceLogin),
        (status = "default", description = "Refused", body = ProblemBody, content_type = "application/problem+json")
    )
)]
pub(crate) async fn begin(call: WebCall, body: RequestBody) -> Result<Response<Body>, Problem> {
    let access = access(&call)?;
    let NewDeviceLogin { client } = document(body).await?;
    let Audit { address, .. } = by(&call);
    let begun = access
        .begin_device_login(&client, address)
        .map_err(|error| Problem::new(StatusCode::SERVICE_UNAVAILABLE, error.to_string()))?;
    let page = format!("{}{PAGE}", call.origin().url());
    let login = DeviceLogin {
        device_code: begun.device_code.expose_secret().to_owned(),
        verification_uri_complete: format!("{page}?code={}", begun.user_code),
        verification_uri: page,
        user_code: begun.user_code,
        expires_in: begun.expires_in.as_secs(),
        interval: begun.interval.as_secs(),
    };
    Ok(answer::created(&login))
}

/// Ask for the token of a login
#[utoipa::path(
    post, path = "/api/v1/device-logins/poll", operation_id = "pollDeviceLogin", tag = "accounts",
    request_body = DevicePoll,
    responses(
        (status = 200, description = "How it stands, with the token if it was confirmed", body = DeviceLoginState),
        (status = "default", description = "Refused", body = ProblemBody, content_type = "application/problem+json")
    )
)]
pub(crate) async fn poll(call: WebCall, body: RequestBody) -> Result<Response<Body>, Problem> {
    let access = access(&call)?;
    let DevicePoll { device_code } = document(body).await?;
    let state = match access.poll_device_login(&SecretString::from(device_code), &by(&call)).await {
        Ok(done) => DeviceLoginState::Done {
            account: done.account.to_string(),
            id: done.token.id().to_string(),
            token: done.token.expose().to_owned(),
        },
        Err(DevicePollError::Device(error)) => match error {
            DeviceError::Pending => DeviceLoginState::Pending,
            DeviceError::SlowDown => DeviceLoginState::SlowDown,
            DeviceError::Denied => DeviceLoginState::Denied,
            DeviceError::Expired => DeviceLoginState::Expired,
        },
        Err(DevicePollError::Change(error)) => return Err(error.into()),
    };
    Ok(answer::json(&state, JSON))
}
