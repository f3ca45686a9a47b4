//! Who sends an `x-token`: a session that `/base/login` began, or one of our API tokens.
//!
//! A browser sends that header only from a page that set it, so no page of another site can use it. Without it, whatever
//! else identifies a caller counts. A cookie of that name does not: a browser would send it by itself.

use entrepot_access::{Access, AuditAction, Bearer, Identity, Operation, SessionError};
use entrepot_library::Library;
use http::{HeaderName, Method};

use super::envelope::CallFailure;
use crate::{
    sender::Sender,
    sync::problem::Problem,
    web::{
        allowed::{by, may},
        call::WebCall,
    },
};

static X_TOKEN: HeaderName = HeaderName::from_static("x-token");

/// The call as of whoever sends the token.
///
/// # Errors
/// The token is none, or has ended.
pub(super) async fn identified(mut call: WebCall) -> Result<WebCall, CallFailure> {
    let Some(token) = call.headers.get(&X_TOKEN).filter(|token| !token.is_empty()) else { return Ok(call) };
    let token = token.to_str().map_err(|_| CallFailure::NoLogin)?;
    let access = call.state.access.as_ref().ok_or_else(Problem::not_found)?;
    let sender = sender(access, token).await?;
    call.caller.sender = sender;
    Ok(call)
}

async fn sender(access: &Access, token: &str) -> Result<Sender, CallFailure> {
    match access.session(token).await {
        Ok(session) => return Ok(Sender::accepted(session.principal)),
        Err(SessionError::Ended) => {}
        Err(SessionError::Catalog(error)) => {
            tracing::warn!(%error, "sessions cannot be read");
            return Err(Problem::from(entrepot_library::EntryError::Catalog(error)).into());
        }
    }
    match access.bearer(token).await {
        // A registry token, which has scopes, is for the registry API.
        Ok(Bearer { principal, scopes: None, .. }) => Ok(Sender::accepted(principal)),
        Ok(_) | Err(_) => Err(CallFailure::NoLogin),
    }
}

/// The library, if the caller may do this with it. An attempt to change it without the right is in the audit log.
pub(super) async fn allowed(call: &WebCall, operation: Operation) -> Result<&Library, CallFailure> {
    if may(call, operation) {
        return call.state.library.as_ref().ok_or_else(|| Problem::not_found().into());
    }
    if let Some(access) = call.state.access.as_ref().filter(|_| call.method != Method::GET) {
        let object = format!("{} {}", call.method, call.path());
        let deed = AuditAction { action: "request", object: &object, detail: None };
        if let Err(error) = access.record_refused(deed, &by(call)).await {
            tracing::warn!("the audit log cannot be written: {error}");
        }
    }
    match &call.caller.sender.principal.identity {
        Identity::Account(_) | Identity::SyncToken => Err(CallFailure::Forbidden),
        _ => Err(CallFailure::NoLogin),
    }
}
