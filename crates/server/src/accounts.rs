//! The JSON API of accounts, API tokens and the audit log.
//!
//! Everybody manages themselves; an admin, and the owner over the local socket, manages all.

use axum::body::Body as RequestBody;
use entrepot_access::{
    Access, Account, AccountName, AccountUpdate, ApiToken, ChangeError, NewToken, Operation, Scopes, TokenId,
};
use entrepot_api::{
    AccountChange, AccountList, AccountListQuery, ApiTokenList, ApiTokenListQuery, AuditList, AuditQuery,
    IssuedToken, Me, NewAccount, NewApiToken, Problem as ProblemBody, Timestamp,
};
use entrepot_catalog::{AccountFilter, ApiTokenFilter, AuditFilter};
use http::{Response, StatusCode};

use crate::{
    account_views as views, answer,
    body::Body,
    headers::JSON,
    query,
    sync::problem::Problem,
    web::{
        allowed::{access, allowed, by, may},
        call::WebCall,
        request::{Segment, document, limit, parsed},
        revision,
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
    access(&call)?;
    Ok(answer::json(&views::me(&call.caller.sender.principal, |operation| may(&call, operation)), JSON))
}

/// List accounts
#[utoipa::path(
    get, path = "/api/v1/accounts", operation_id = "listAccounts", tag = "accounts", params(AccountListQuery),
    responses(
        (status = 200, description = "A page of accounts", body = AccountList),
        (status = "default", description = "Refused", body = ProblemBody, content_type = "application/problem+json")
    )
)]
pub(crate) async fn accounts(call: WebCall) -> Result<Response<Body>, Problem> {
    let access = allowed(&call, Operation::ManageAccounts)?;
    let query = call.query();
    let filter = AccountFilter {
        search: query::text(query, "search"),
        role: parsed(query, "role", views::role_named)?.map(|role| role.to_string()),
        kind: parsed(query, "kind", views::kind_named)?,
        is_disabled: parsed(query, "disabled", |text| text.parse().ok())?,
        order: parsed(query, "sort", views::order_named)?.unwrap_or_default(),
        after: query::text(query, "last"),
    };
    let page = access.find_accounts(&filter, limit(query)?).await?;
    Ok(answer::json(&views::accounts(page, filter.order)?, JSON))
}

/// One account
///
/// Everybody may read their own. `ETag` is its revision, for `If-Match`.
#[utoipa::path(
    get, path = "/api/v1/accounts/{name}", operation_id = "getAccount", tag = "accounts",
    params(("name" = String, Path, description = "The account")),
    responses(
        (status = 200, description = "The account", body = entrepot_api::Account),
        (status = "default", description = "Refused", body = ProblemBody, content_type = "application/problem+json")
    )
)]
pub(crate) async fn account(name: Segment, call: WebCall) -> Result<Response<Body>, Problem> {
    let name = name?.0;
    let access = allowed(&call, for_account(&call, Some(&name)))?;
    let record = access.account(&account_name(&name)?).await?;
    let revision = record.revision;
    Ok(revision::described(&views::account(record)?, revision, StatusCode::OK))
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
    let name = account_name(&new.name).map_err(|problem| problem.about("name"))?;
    access.create_account(&name, views::role(new.role), new.password.map(Into::into), &by(&call)).await?;
    Ok(answer::empty(StatusCode::CREATED))
}

/// Change an account: its role, its password, or whether it is disabled
///
/// Everybody may change their own password. With `If-Match`, the change counts only if the account still has that revision.
#[utoipa::path(
    patch, path = "/api/v1/accounts/{name}", operation_id = "changeAccount", tag = "accounts",
    params(
        ("name" = String, Path, description = "The account"),
        ("If-Match" = Option<String>, Header, description = "The revision that the change is for")
    ),
    request_body = AccountChange,
    responses(
        (status = 204, description = "It was changed"),
        (status = 412, description = "It was changed since", body = ProblemBody, content_type = "application/problem+json"),
        (status = "default", description = "Refused", body = ProblemBody, content_type = "application/problem+json")
    )
)]
pub(crate) async fn change_account(
    name: Segment,
    call: WebCall,
    body: RequestBody,
) -> Result<Response<Body>, Problem> {
    let name = name?.0;
    // Who may not change it is not told what is wrong with the request.
    allowed(&call, for_account(&call, Some(&name)))?;
    let change: AccountChange = document(body).await?;
    let is_own = change.role.is_none() && change.disabled.is_none();
    let operation = if is_own { for_account(&call, Some(&name)) } else { Operation::ManageAccounts };
    let access = allowed(&call, operation)?;
    let change = AccountUpdate {
        role: change.role.map(views::role),
        password: change.password.map(Into::into),
        is_disabled: change.disabled,
        revision: revision::expected(&call.headers)?,
    };
    access.change_account(&account_name(&name)?, change, &by(&call)).await?;
    Ok(answer::empty(StatusCode::NO_CONTENT))
}

/// Remove an account with all its tokens
///
/// Grants that were made to it by API go with it. With `If-Match`, only if the account still has that revision.
#[utoipa::path(
    delete, path = "/api/v1/accounts/{name}", operation_id = "removeAccount", tag = "accounts",
    params(
        ("name" = String, Path, description = "The account"),
        ("If-Match" = Option<String>, Header, description = "The revision that is to be removed")
    ),
    responses(
        (status = 204, description = "It was removed"),
        (status = 412, description = "It was changed since", body = ProblemBody, content_type = "application/problem+json"),
        (status = "default", description = "Refused", body = ProblemBody, content_type = "application/problem+json")
    )
)]
pub(crate) async fn remove_account(name: Segment, call: WebCall) -> Result<Response<Body>, Problem> {
    let access = allowed(&call, Operation::ManageAccounts)?;
    let (name, revision) = (account_name(&name?.0)?, revision::expected(&call.headers)?);
    access.remove_account_as_seen(&name, revision, &by(&call)).await?;
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
    let query = call.query();
    let asked = query::text(query, "account");
    let account = asked.or_else(|| own(&call).map(|account| account.name.to_string()));
    let access = allowed(&call, for_account(&call, account.as_deref()))?;
    let account = match account {
        Some(name) => Some(access.account(&account_name(&name)?).await?.id),
        None => None,
    };
    let ends_before = parsed(query, "ends_before", |text| text.parse::<Timestamp>().ok())?;
    let after = query::text(query, "last");
    let filter = ApiTokenFilter { account, ends_before: ends_before.map(Into::into), after };
    let page = access.find_tokens(&filter, limit(query)?).await?;
    Ok(answer::json(&views::tokens(page, &filter), JSON))
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
    // Who may make none at all is not told what is wrong with the request.
    allowed(&call, Operation::ManageSelf)?;
    let new: NewApiToken = document(body).await?;
    let account = new.account.or_else(|| own(&call).map(|account| account.name.to_string()));
    let account = account.ok_or_else(|| {
        Problem::bad("the token belongs to nobody")
            .about("account")
            .with_hint("name the `account` that it is for")
            .in_chinese("没有指定令牌属于哪个账号")
            .with_chinese_hint("请在 `account` 中写明账号")
    })?;
    let access = allowed(&call, for_account(&call, Some(&account)))?;
    let account = account_name(&account).map_err(|problem| problem.about("account"))?;
    let scopes: Scopes =
        new.scopes.join(" ").parse().map_err(|error| Problem::from(ChangeError::Scope(error)))?;
    let new = NewToken { account, name: new.name, scopes, expires: new.expires.map(Into::into) };
    Ok(issued(&access.create_token(&new, &by(&call)).await?))
}

/// One API token, without its secrets
///
/// `ETag` is its revision, for `If-Match`.
#[utoipa::path(
    get, path = "/api/v1/tokens/{id}", operation_id = "getToken", tag = "accounts",
    params(("id" = String, Path, description = "The token's public part")),
    responses(
        (status = 200, description = "The token", body = entrepot_api::ApiToken),
        (status = "default", description = "Refused", body = ProblemBody, content_type = "application/problem+json")
    )
)]
pub(crate) async fn token(id: Segment, call: WebCall) -> Result<Response<Body>, Problem> {
    let (access, id) = allowed_token(&call, &id?.0).await?;
    let record = access.token(&id).await?;
    let revision = record.revision;
    Ok(revision::described(&views::token(record), revision, StatusCode::OK))
}

/// Give an API token a new secret
///
/// The one so far works for another 24 hours. With `If-Match`, only if the token still has that revision.
#[utoipa::path(
    post, path = "/api/v1/tokens/{id}/renew", operation_id = "renewToken", tag = "accounts",
    params(
        ("id" = String, Path, description = "The token's public part"),
        ("If-Match" = Option<String>, Header, description = "The revision that is to have a new secret")
    ),
    responses(
        (status = 201, description = "It has a new secret", body = IssuedToken),
        (status = 412, description = "It was changed since", body = ProblemBody, content_type = "application/problem+json"),
        (status = "default", description = "Refused", body = ProblemBody, content_type = "application/problem+json")
    )
)]
pub(crate) async fn renew_token(id: Segment, call: WebCall) -> Result<Response<Body>, Problem> {
    let (access, id) = allowed_token(&call, &id?.0).await?;
    let revision = revision::expected(&call.headers)?;
    Ok(issued(&access.renew_token(&id, revision, &by(&call)).await?))
}

/// Remove an API token
///
/// With `If-Match`, only if it still has that revision.
#[utoipa::path(
    delete, path = "/api/v1/tokens/{id}", operation_id = "removeToken", tag = "accounts",
    params(
        ("id" = String, Path, description = "The token's public part"),
        ("If-Match" = Option<String>, Header, description = "The revision that is to be removed")
    ),
    responses(
        (status = 204, description = "It was removed"),
        (status = 412, description = "It was changed since", body = ProblemBody, content_type = "application/problem+json"),
        (status = "default", description = "Refused", body = ProblemBody, content_type = "application/problem+json")
    )
)]
pub(crate) async fn remove_token(id: Segment, call: WebCall) -> Result<Response<Body>, Problem> {
    let (access, id) = allowed_token(&call, &id?.0).await?;
    access.remove_token(&id, revision::expected(&call.headers)?, &by(&call)).await?;
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
    let query = call.query();
    let time = |text: &str| text.parse::<Timestamp>().ok();
    let filter = AuditFilter {
        actor: query::text(query, "actor"),
        action: query::text(query, "action"),
        object: query::text(query, "object"),
        outcome: parsed(query, "outcome", views::outcome_named)?,
        since: parsed(query, "since", time)?.map(Into::into),
        until: parsed(query, "until", time)?.map(Into::into),
        before: parsed(query, "last", |text| text.parse().ok())?,
    };
    let page = access.audit(&filter, limit(query)?).await?;
    Ok(answer::json(&views::audit(page), JSON))
}

/// What is needed to read or manage what belongs to an account, or all of it.
pub(crate) fn for_account(call: &WebCall, account: Option<&str>) -> Operation {
    match account {
        Some(name) if own(call).is_some_and(|own| own.name.as_str() == name) => Operation::ManageSelf,
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
    let owner = access.token(&parsed).await?.account;
    if own(call).is_some_and(|account| account.id == owner) { Ok((access, parsed)) } else { Err(unknown()) }
}

pub(crate) fn own(call: &WebCall) -> Option<&Account> {
    call.caller.sender.principal.account()
}

fn issued(token: &ApiToken) -> Response<Body> {
    answer::created(&IssuedToken { id: token.id().to_string(), token: token.expose().to_owned() })
}

pub(crate) fn account_name(text: &str) -> Result<AccountName, Problem> {
    text.parse().map_err(|error| Problem::from(ChangeError::Name(error)))
}
