//! The JSON API of sessions.

use axum::body::Body as RequestBody;
use entrepot_access::{Access, AccountName, ChangeError, LoginError, Operation, SessionId};
use entrepot_api::{
    EndedSessions, NewSession, Problem as ProblemBody, Session, SessionEndQuery, SessionList,
    SessionListQuery,
};
use entrepot_catalog::SessionRecord;
use http::{HeaderMap, Response, StatusCode, header};
use secrecy::SecretString;

use crate::{
    accounts::{account_name, for_account, own},
    answer,
    body::Body,
    cookie,
    headers::JSON,
    query,
    sender::Credentials,
    sync::problem::Problem,
    web::{
        allowed::{access, allowed, by},
        call::WebCall,
        request::{Segment, document, limit},
    },
};

/// Log in
///
/// The session is in a cookie. One that the browser had before ends.
#[utoipa::path(
    post, path = "/api/v1/session", operation_id = "logIn", tag = "accounts",
    request_body = NewSession,
    responses(
        (status = 201, description = "A session began; its cookie is in the response", body = Session),
        (status = "default", description = "Refused", body = ProblemBody, content_type = "application/problem+json")
    )
)]
pub(crate) async fn log_in(call: WebCall, body: RequestBody) -> Result<Response<Body>, Problem> {
    let access = access(&call)?;
    let NewSession { name, password } = document(body).await?;
    match begin(&call, access, &name, &password.into()).await {
        Ok(BegunSession { id, cookie }) => {
            let record = access.session_record(&id).await?;
            let record = record.ok_or_else(|| ChangeError::NoSession(id.to_string()))?;
            let mut response = answer::created(&view(record, Some(&id)));
            response.headers_mut().extend(cookie);
            Ok(response)
        }
        Err(error) => Ok(refused(&error)),
    }
}

/// A session that has just begun.
pub(crate) struct BegunSession {
    id: SessionId,
    /// What hands it to the browser.
    pub(crate) cookie: HeaderMap,
}

/// Logs in and begins a session in place of the one that the browser had.
pub(crate) async fn begin(
    call: &WebCall,
    access: &Access,
    name: &str,
    password: &SecretString,
) -> Result<BegunSession, LoginError> {
    let secret = access.log_in(name, password, &call.session_origin()).await?;
    Ok(replaced(call, access, &secret).await)
}

/// A session that has begun, in place of the one that the browser had.
pub(crate) async fn replaced(
    call: &WebCall,
    access: &Access,
    secret: &entrepot_access::SessionSecret,
) -> BegunSession {
    if let Credentials::Session(before) = &call.caller.sender.credentials
        && let Err(error) = access.end_session(before, &by(call)).await
    {
        tracing::warn!(%error, "the session that a browser had before did not end");
    }
    begun(call, access, secret)
}

/// The cookie of a session that has begun.
pub(crate) fn begun(
    call: &WebCall,
    access: &Access,
    secret: &entrepot_access::SessionSecret,
) -> BegunSession {
    let lifetime = access.session_limits().max_age;
    let value = cookie::SESSION.set(secret.expose(), call.origin().is_https(), lifetime);
    BegunSession { id: secret.id().clone(), cookie: HeaderMap::from_iter([(header::SET_COOKIE, value)]) }
}

fn refused(error: &LoginError) -> Response<Body> {
    let (status, hint) = match error {
        LoginError::Wrong
        | LoginError::NoRole
        | LoginError::Unconfirmed { .. }
        | LoginError::Workload(_)
        | LoginError::Token(_)
        | LoginError::Expired { .. } => (
            StatusCode::UNAUTHORIZED,
            "somebody who manages accounts can set another password: `entrepot account password`",
        ),
        LoginError::TokenForSession => {
            (StatusCode::UNAUTHORIZED, "send the token in `Authorization` with each request instead")
        }
        LoginError::Throttled(_) => (StatusCode::TOO_MANY_REQUESTS, "wait; API tokens are not slowed down"),
        LoginError::Busy(_) | LoginError::Unavailable(_) => {
            (StatusCode::SERVICE_UNAVAILABLE, "try again soon")
        }
        LoginError::Catalog(cause) => {
            tracing::warn!(%cause, "a login could not be decided");
            (StatusCode::SERVICE_UNAVAILABLE, "try again later; the server's log says more")
        }
    };
    let mut response = Problem::new(status, error.to_string()).with_hint(hint).answer();
    if let LoginError::Throttled(wait) = error {
        response.headers_mut().insert(header::RETRY_AFTER, wait.as_secs().max(1).into());
    }
    response
}

/// Log out
#[utoipa::path(
    delete, path = "/api/v1/session", operation_id = "logOut", tag = "accounts",
    responses(
        (status = 204, description = "The session of the request has ended"),
        (status = "default", description = "Refused", body = ProblemBody, content_type = "application/problem+json")
    )
)]
pub(crate) async fn log_out(call: WebCall) -> Result<Response<Body>, Problem> {
    let access = access(&call)?;
    let Credentials::Session(id) = &call.caller.sender.credentials else {
        let problem = Problem::bad("this request has no session");
        return Err(problem.with_hint("end another one by its id: `DELETE /api/v1/sessions/{id}`"));
    };
    access.end_session(id, &by(&call)).await?;
    let mut response = answer::empty(StatusCode::NO_CONTENT);
    response.headers_mut().insert(header::SET_COOKIE, cookie::SESSION.clear(call.origin().is_https()));
    Ok(response)
}

/// List sessions
#[utoipa::path(
    get, path = "/api/v1/sessions", operation_id = "listSessions", tag = "accounts", params(SessionListQuery),
    responses(
        (status = 200, description = "A page of sessions, without their secrets", body = SessionList),
        (status = "default", description = "Refused", body = ProblemBody, content_type = "application/problem+json")
    )
)]
pub(crate) async fn sessions(call: WebCall) -> Result<Response<Body>, Problem> {
    let account = whose(&call)?;
    let access = allowed(&call, for_account(&call, account.as_ref().map(AccountName::as_str)))?;
    let page = access
        .sessions(
            account.as_ref(),
            &query::text(call.query(), "last").unwrap_or_default(),
            limit(call.query())?,
        )
        .await?;
    let current = current(&call);
    let sessions = page.rows.into_iter().map(|record| view(record, current)).collect();
    Ok(answer::json(&SessionList { sessions, next: page.next }, JSON))
}

/// End all sessions of an account
#[utoipa::path(
    delete, path = "/api/v1/sessions", operation_id = "endSessions", tag = "accounts", params(SessionEndQuery),
    responses(
        (status = 200, description = "They have ended", body = EndedSessions),
        (status = "default", description = "Refused", body = ProblemBody, content_type = "application/problem+json")
    )
)]
pub(crate) async fn end_sessions(call: WebCall) -> Result<Response<Body>, Problem> {
    let account = whose(&call)?;
    let access = allowed(&call, for_account(&call, account.as_ref().map(AccountName::as_str)))?;
    let account = account.ok_or_else(|| {
        Problem::bad("the request does not say whose sessions end").with_hint("name the `account`")
    })?;
    let ended = access.end_sessions(&account, &by(&call)).await?;
    Ok(answer::json(&EndedSessions { ended }, JSON))
}

/// End a session
///
/// The next request with it is refused.
#[utoipa::path(
    delete, path = "/api/v1/sessions/{id}", operation_id = "endSession", tag = "accounts",
    params(("id" = String, Path, description = "The session's public part")),
    responses(
        (status = 204, description = "It has ended"),
        (status = "default", description = "Refused", body = ProblemBody, content_type = "application/problem+json")
    )
)]
pub(crate) async fn end_session(id: Segment, call: WebCall) -> Result<Response<Body>, Problem> {
    end(&call, &id?.0).await?;
    Ok(answer::empty(StatusCode::NO_CONTENT))
}

/// Ends a session for somebody who may. Somebody else's session does not exist for those who may not.
pub(crate) async fn end(call: &WebCall, id: &str) -> Result<(), Problem> {
    let unknown = || Problem::from(ChangeError::NoSession(id.to_owned()));
    let access =
        allowed(call, Operation::ManageSelf).or_else(|_| allowed(call, Operation::ManageAccounts))?;
    let parsed: SessionId = id.parse().map_err(|_| unknown())?;
    if allowed(call, Operation::ManageAccounts).is_err() {
        let owner = access.session_record(&parsed).await?.map(|record| record.account);
        if own(call).is_none_or(|account| owner != Some(account.id)) {
            return Err(unknown());
        }
    }
    Ok(access.end_session(&parsed, &by(call)).await?)
}

fn whose(call: &WebCall) -> Result<Option<AccountName>, Problem> {
    let asked = query::find(call.query(), "account").map(|name| account_name(&name)).transpose()?;
    Ok(asked.or_else(|| own(call).map(|account| account.name.clone())))
}

/// The session that a request was made with.
pub(crate) fn current(call: &WebCall) -> Option<&SessionId> {
    match &call.caller.sender.credentials {
        Credentials::Session(id) => Some(id),
        _ => None,
    }
}

/// A session as the API has it.
pub(crate) fn view(record: SessionRecord, current: Option<&SessionId>) -> Session {
    Session {
        current: current.is_some_and(|id| id.as_str() == record.id),
        id: record.id,
        account: record.account_name,
        created: record.created.into(),
        last_used: record.used.into(),
        ends: record.ends.into(),
        address: record.address,
        agent: record.agent,
    }
}
