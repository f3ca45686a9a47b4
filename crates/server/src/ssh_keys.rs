//! The JSON API of one's own public key, with which instances are reached by SSH.

use axum::body::Body as RequestBody;
use entrepot_access::{Access, AccountName, ChangeError, HeldSshKey, Operation, SshKey};
use entrepot_api::{NewSshKey, Problem as ProblemBody, SshKey as SshKeyBody};
use http::{Response, StatusCode};

use crate::{
    accounts::own,
    answer,
    body::Body,
    headers::JSON,
    sync::problem::Problem,
    web::{
        allowed::{allowed, by},
        call::WebCall,
        request::document,
    },
};

/// One's own public key
#[utoipa::path(
    get, path = "/api/v1/me/ssh-key", operation_id = "getSshKey", tag = "accounts",
    responses(
        (status = 200, description = "The key that the caller's account has", body = SshKeyBody),
        (status = 404, description = "It has none", body = ProblemBody, content_type = "application/problem+json"),
        (status = "default", description = "Refused", body = ProblemBody, content_type = "application/problem+json")
    )
)]
pub(crate) async fn ssh_key(call: WebCall) -> Result<Response<Body>, Problem> {
    let (access, account) = account(&call)?;
    Ok(answer::json(&view(access.ssh_key(&account).await?), JSON))
}

/// Set one's own public key
///
/// In place of the one that the account has: what runs by that one ends. Whoever holds the private key reaches the instances
/// of the account by SSH, where the server listens for it.
#[utoipa::path(
    put, path = "/api/v1/me/ssh-key", operation_id = "setSshKey", tag = "accounts",
    request_body = NewSshKey,
    responses(
        (status = 200, description = "The account has it", body = SshKeyBody),
        (status = 409, description = "Another account has it", body = ProblemBody, content_type = "application/problem+json"),
        (status = "default", description = "Refused", body = ProblemBody, content_type = "application/problem+json")
    )
)]
pub(crate) async fn set_ssh_key(call: WebCall, body: RequestBody) -> Result<Response<Body>, Problem> {
    let (access, account) = account(&call)?;
    let NewSshKey { key } = document(body).await?;
    let key: SshKey = key.parse().map_err(|error| Problem::from(ChangeError::SshKey(error)))?;
    access.set_ssh_key(&account, &key, &by(&call)).await?;
    Ok(answer::json(&view(access.ssh_key(&account).await?), JSON))
}

/// Remove one's own public key
///
/// What runs by it ends.
#[utoipa::path(
    delete, path = "/api/v1/me/ssh-key", operation_id = "removeSshKey", tag = "accounts",
    responses(
        (status = 204, description = "The account has none"),
        (status = 404, description = "It had none", body = ProblemBody, content_type = "application/problem+json"),
        (status = "default", description = "Refused", body = ProblemBody, content_type = "application/problem+json")
    )
)]
pub(crate) async fn remove_ssh_key(call: WebCall) -> Result<Response<Body>, Problem> {
    let (access, account) = account(&call)?;
    access.remove_ssh_key(&account, &by(&call)).await?;
    Ok(answer::empty(StatusCode::NO_CONTENT))
}

// Who owns the server has no account, and so no key.
fn account(call: &WebCall) -> Result<(&Access, AccountName), Problem> {
    let access = allowed(call, Operation::ManageSelf)?;
    let account = own(call).map(|account| account.name.clone());
    let account = account.ok_or_else(|| {
        Problem::bad("a public key belongs to an account, and you are none")
            .with_hint("log in with one: `entrepot login SERVER`, then `--server SERVER`")
            .in_chinese("公钥属于账号，而您并未使用账号登录")
            .with_chinese_hint("请先登录：`entrepot login SERVER`，再加上 `--server SERVER`")
    })?;
    Ok((access, account))
}

fn view(held: HeldSshKey) -> SshKeyBody {
    let HeldSshKey { key, since } = held;
    SshKeyBody {
        algorithm: key.algorithm().to_owned(),
        fingerprint: key.fingerprint(),
        comment: key.comment().to_owned(),
        key: key.to_string(),
        since: since.into(),
    }
}
