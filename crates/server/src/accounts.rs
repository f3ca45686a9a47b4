//! The JSON API of accounts, API tokens and the audit log.
//!
//! Everybody manages themselves; an admin, and the owner over the local socket, manages all.

use axum::body::Body as RequestBody;
use entrepot_access::{
    Access, Account, AccountName, ApiToken, Audit, Change, ChangeError, Identity, NewToken, Operation,
    Scopes, TokenId,
};
use entrepot_api::{
    AccountChange, AccountList, ApiTokenList, ApiTokenListQuery, AuditList, AuditQuery, IssuedToken, Me,
    NewAccount, NewApiToken, PageQuery, Problem as ProblemBody,
};
use entrepot_catalog::AuditFilter;
use http::{Response, StatusCode};
use serde::de::DeserializeOwned;

use crate::{
    account_views as views, answer,
    body::Body,
    headers::JSON,
    query,
    sync::problem::Problem,
    web::{
        call::WebCall,
        request::{Segment, limit, read, wrong},
    },
};

/// Who the caller is, and what they may do
#[utoipa::path(
    get, path = "/api/v1/me", operation_id = "getMe", tag = "accounts",
    responses(
        (status = 200, description = "The caller", body = Me),
        (status = "default", description = "Refused", body = ProblemBody, content_type = "application/problem+json")
    )
)]
pub(crate) async fn me(call: WebCall) -> Result<Response<Body>, Problem> {
    let access = access(&call)?;
    Ok(answer::json(&views::me(access.rules(), &call.caller.sender.principal), JSON))
}

/// List accounts
#[utoipa::path(
    get, path = "/api/v1/accounts", operation_id = "listAccounts", tag = "accounts", params(PageQuery),
    responses(
        (status = 200, description = "A page of accounts", body = AccountList),
        (status = "default", description = "Refused", body = ProblemBody, content_type = "application/problem+json")
    )
)]
pub(crate) async fn accounts(call: WebCall) -> Result<Response<Body>, Problem> {
    let access = allowed(&call, Operation::ManageAccounts)?;
    let page = access.accounts(&last(&call), limit(call.query())?).await?;
    Ok(answer::json(&views::accounts(page)?, JSON))
}

/// Create an account
#[utoipa::path(
    post, path = "/api/v1/accounts", operation_id = "createAccount", tag = "accounts",
    request_body = NewAccount,
    responses(
        (status = 201, description = "It was created"),
        (status = "default", description = "Refused", body = ProblemBody, content_type = "application/problem+json")
    )
)]
pub(crate) async fn create_account(call: WebCall, body: RequestBody) -> Result<Response<Body>, Problem> {
    let access = allowed(&call, Operation::ManageAccounts)?;
    let new: NewAccount = document(body).await?;
    let name = account_name(&new.name)?;
    access.create_account(&name, views::role(new.role), new.password.map(Into::into), &by(&call)).await?;
    Ok(answer::empty(StatusCode::CREATED))
}

/// Change an account: its role, its password, or whether it is disabled
///
/// Everybody may change their own password.
#[utoipa::path(
    patch, path = "/api/v1/accounts/{name}", operation_id = "changeAccount", tag = "accounts",
    params(("name" = String, Path, description = "The account")),
    request_body = AccountChange,
    responses(
        (status = 204, description = "It was changed"),
        (status = "default", description = "Refused", body = ProblemBody, content_type = "application/problem+json")
    )
)]
pub(crate) async fn change_account(
    name: Segment,
    call: WebCall,
    body: RequestBody,
) -> Result<Response<Body>, Problem> {
    let name = account_name(&name?.0)?;
    let change: AccountChange = document(body).await?;
    let is_own_password = change.role.is_none() && change.disabled.is_none() && is_own(&call, &name);
    let operation = if is_own_password { Operation::ManageSelf } else { Operation::ManageAccounts };
    let access = allowed(&call, operation)?;
    let change = Change {
        role: change.role.map(views::role),
        password: change.password.map(Into::into),
        is_disabled: change.disabled,
    };
    access.change_account(&name, change, &by(&call)).await?;
    Ok(answer::empty(StatusCode::NO_CONTENT))
}

/// Remove an account with all its tokens
#[utoipa::path(
    delete, path = "/api/v1/accounts/{name}", operation_id = "removeAccount", tag = "accounts",
    params(("name" = String, Path, description = "The account")),
    responses(
        (status = 204, description = "It was removed"),
        (status = "default", description = "Refused", body = ProblemBody, content_type = "application/problem+json")
    )
)]
pub(crate) async fn remove_account(name: Segment, call: WebCall) -> Result<Response<Body>, Problem> {
    let name = account_name(&name?.0)?;
    allowed(&call, Operation::ManageAccounts)?.remove_account(&name, &by(&call)).await?;
    Ok(answer::empty(StatusCode::NO_CONTENT))
}

/// List API tokens
#[utoipa::path(
    get, path = "/api/v1/tokens", operation_id = "listTokens", tag = "accounts", params(ApiTokenListQuery),
    responses(
        (status = 200, description = "A page of API tokens, without their secrets", body = ApiTokenList),
        (status = "default", description = "Refused", body = ProblemBody, content_type = "application/problem+json")
    )
)]
pub(crate) async fn tokens(call: WebCall) -> Result<Response<Body>, Problem> {
    let asked = query::find(call.query(), "account").map(|name| account_name(&name)).transpose()?;
    let account = asked.or_else(|| own(&call).map(|account| account.name.clone()));
    let access = allowed(&call, for_account(&call, account.as_ref()))?;
    let page = access.tokens(account.as_ref(), &last(&call), limit(call.query())?).await?;
    Ok(answer::json(&views::tokens(page), JSON))
}

/// Create an API token
///
/// The response is the only place where its secret ever is.
#[utoipa::path(
    post, path = "/api/v1/tokens", operation_id = "createToken", tag = "accounts",
    request_body = NewApiToken,
    responses(
        (status = 201, description = "It was created", body = IssuedToken),
        (status = "default", description = "Refused", body = ProblemBody, content_type = "application/problem+json")
    )
)]
pub(crate) async fn create_token(call: WebCall, body: RequestBody) -> Result<Response<Body>, Problem> {
    let new: NewApiToken = document(body).await?;
    let asked = new.account.map(|name| account_name(&name)).transpose()?;
    let account = asked.or_else(|| own(&call).map(|account| account.name.clone())).ok_or_else(|| {
        Problem::bad("the token belongs to nobody").with_hint("name the `account` that it is for")
    })?;
    let access = allowed(&call, for_account(&call, Some(&account)))?;
    let scopes: Scopes = new.scopes.join(" ").parse().map_err(wrong)?;
    let new = NewToken { account, name: new.name, scopes, expires: new.expires.map(Into::into) };
    Ok(issued(&access.create_token(&new, &by(&call)).await?))
}

/// Give an API token a new secret
///
/// The one so far works for another 24 hours.
#[utoipa::path(
    post, path = "/api/v1/tokens/{id}/renew", operation_id = "renewToken", tag = "accounts",
    params(("id" = String, Path, description = "The token's public part")),
    responses(
        (status = 201, description = "It has a new secret", body = IssuedToken),
        (status = "default", description = "Refused", body = ProblemBody, content_type = "application/problem+json")
    )
)]
pub(crate) async fn renew_token(id: Segment, call: WebCall) -> Result<Response<Body>, Problem> {
    let (access, id) = allowed_token(&call, &id?.0).await?;
    Ok(issued(&access.renew_token(&id, &by(&call)).await?))
}

/// Remove an API token
#[utoipa::path(
    delete, path = "/api/v1/tokens/{id}", operation_id = "removeToken", tag = "accounts",
    params(("id" = String, Path, description = "The token's public part")),
    responses(
        (status = 204, description = "It was removed"),
        (status = "default", description = "Refused", body = ProblemBody, content_type = "application/problem+json")
    )
)]
pub(crate) async fn remove_token(id: Segment, call: WebCall) -> Result<Response<Body>, Problem> {
    let (access, id) = allowed_token(&call, &id?.0).await?;
    access.remove_token(&id, &by(&call)).await?;
    Ok(answer::empty(StatusCode::NO_CONTENT))
}

/// Read the audit log
#[utoipa::path(
    get, path = "/api/v1/audit", operation_id = "listAudit", tag = "accounts", params(AuditQuery),
    responses(
        (status = 200, description = "A page of the audit log, the latest first", body = AuditList),
        (status = "default", description = "Refused", body = ProblemBody, content_type = "application/problem+json")
    )
)]
pub(crate) async fn audit(call: WebCall) -> Result<Response<Body>, Problem> {
    let access = allowed(&call, Operation::ReadAudit)?;
    let before = query::find(call.query(), "last").map(|last| last.parse());
    let before = before.transpose().map_err(|_| Problem::bad("`last` is not the id of an entry"))?;
    let actor = query::find(call.query(), "actor").map(std::borrow::Cow::into_owned);
    let page = access.audit(&AuditFilter { actor, before }, limit(call.query())?).await?;
    Ok(answer::json(&views::audit(page), JSON))
}

pub(crate) fn access(call: &WebCall) -> Result<&Access, Problem> {
    call.state.access.as_ref().ok_or_else(Problem::not_found)
}

/// Returns the accounts if the caller may do this.
pub(crate) fn allowed(call: &WebCall, operation: Operation) -> Result<&Access, Problem> {
    let access = access(call)?;
    let principal = &call.caller.sender.principal;
    if access.rules().may(principal, operation) {
        return Ok(access);
    }
    Err(match principal.identity {
        Identity::Account(_) | Identity::Workload(_) => {
            let problem =
                Problem::new(StatusCode::FORBIDDEN, format!("{} may not do this", principal.label()));
            problem.with_hint("an admin can, or the server's owner on its machine: `entrepot account`")
        }
        _ => Problem::new(StatusCode::UNAUTHORIZED, "this needs a login").with_hint(
            "send a user name and password, or an API token; on the server's machine: `entrepot account`",
        ),
    })
}

// What is needed to manage the tokens of an account, or of all.
pub(crate) fn for_account(call: &WebCall, account: Option<&AccountName>) -> Operation {
    match account {
        Some(name) if is_own(call, name) => Operation::ManageSelf,
        _ => Operation::ManageAccounts,
    }
}

/// Returns the accounts and the token's id if the caller may manage the token. Somebody else's token does not exist for
/// those who may not.
async fn allowed_token<'a>(call: &'a WebCall, id: &str) -> Result<(&'a Access, TokenId), Problem> {
    let unknown = || Problem::from(ChangeError::NoToken(id.to_owned()));
    let parsed: TokenId = id.parse().map_err(|_| unknown())?;
    if let Ok(access) = allowed(call, Operation::ManageAccounts) {
        return Ok((access, parsed));
    }
    let access = allowed(call, Operation::ManageSelf)?;
    let owner = access.token_owner(&parsed).await?;
    let is_own = own(call).is_some_and(|account| owner == Some(account.id));
    if is_own { Ok((access, parsed)) } else { Err(unknown()) }
}

pub(crate) fn own(call: &WebCall) -> Option<&Account> {
    call.caller.sender.principal.account()
}

fn is_own(call: &WebCall, name: &AccountName) -> bool {
    own(call).is_some_and(|account| account.name == *name)
}

pub(crate) fn by(call: &WebCall) -> Audit {
    Audit {
        actor: call.caller.sender.principal.label(),
        address: call.origin().client().map(|address| address.to_string()),
        request_id: Some(call.caller.id.as_str().to_owned()),
    }
}

fn issued(token: &ApiToken) -> Response<Body> {
    let body = IssuedToken { id: token.id().to_string(), token: token.expose().to_owned() };
    let mut response = answer::json(&body, JSON);
    *response.status_mut() = StatusCode::CREATED;
    response
}

pub(crate) async fn document<T: DeserializeOwned>(body: RequestBody) -> Result<T, Problem> {
    let bytes = read(body).await?;
    // The position, and never the text, which may hold a password.
    serde_json::from_slice(&bytes).map_err(|error| {
        let what = match error.classify() {
            serde_json::error::Category::Data => "the body has other fields than it should",
            _ => "the body is not JSON",
        };
        let at = format!("line {}, column {}", error.line(), error.column());
        Problem::bad(format!("{what} ({at})")).with_hint("see `/api/v1/openapi.json`")
    })
}

pub(crate) fn account_name(text: &str) -> Result<AccountName, Problem> {
    text.parse().map_err(wrong)
}

pub(crate) fn last(call: &WebCall) -> String {
    query::find(call.query(), "last").unwrap_or_default().into_owned()
}

impl From<ChangeError> for Problem {
    fn from(error: ChangeError) -> Self {
        let text = error.to_string();
        match error {
            ChangeError::Name(_)
            | ChangeError::Password(_)
            | ChangeError::Scope(_)
            | ChangeError::NoPassword(_)
            | ChangeError::Past => Self::bad(text),
            ChangeError::NoAccount(_) => {
                Self::new(StatusCode::NOT_FOUND, text).with_hint("see who there is: `entrepot account ls`")
            }
            ChangeError::NoToken(_) => {
                Self::new(StatusCode::NOT_FOUND, text).with_hint("see what there is: `entrepot token ls`")
            }
            ChangeError::NoSession(_) => {
                Self::new(StatusCode::NOT_FOUND, text).with_hint("see what there is: `entrepot session ls`")
            }
            ChangeError::Exists(_) | ChangeError::Conflict | ChangeError::LastAdmin(_) => {
                Self::new(StatusCode::CONFLICT, text)
            }
            ChangeError::Busy(_) => {
                Self::new(StatusCode::SERVICE_UNAVAILABLE, text).with_hint("try again soon")
            }
            ChangeError::Catalog(cause) => {
                tracing::warn!(%cause, "{text}");
                Self::new(StatusCode::SERVICE_UNAVAILABLE, text)
            }
        }
    }
}
