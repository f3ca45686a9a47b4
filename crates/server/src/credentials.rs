//! The JSON API of stored credentials and of the key that they are sealed with, for admins and the owner.
//!
//! Passwords come in and never go out.

use std::time::SystemTime;

use axum::body::Body as RequestBody;
use entrepot_access::Operation;
use entrepot_api::{
    CredentialChange, CredentialList, CredentialQuery, CredentialVerification, NewCredential, PageQuery,
    Problem as ProblemBody, SecretsStatus, StoredCredential,
};
use entrepot_vault::{
    CredentialFault, CredentialName, CredentialUpdate, Error, NewCredential as New, RotateError, Vault,
};
use http::{Response, StatusCode};
use secrecy::SecretString;
use url::Url;

use crate::{
    answer,
    body::Body,
    headers::JSON,
    query, secret_views as views,
    sync::problem::Problem,
    web::{
        allowed::{allowed, by},
        call::WebCall,
        request::{Segment, document_up_to, limit, wrong},
        revision,
    },
};

/// The largest document, in bytes: a password may have 64 KiB, and more as JSON.
const MAX_DOCUMENT: usize = 256 << 10;

/// List stored credentials, without their passwords
#[utoipa::path(
    get, path = "/api/v1/credentials", operation_id = "listCredentials", tag = "secrets", params(PageQuery),
    responses(
        (status = 200, description = "A page of credentials", body = CredentialList),
        (status = "default", description = "Refused", body = ProblemBody, content_type = "application/problem+json")
    )
)]
pub(crate) async fn credentials(call: WebCall) -> Result<Response<Body>, Problem> {
    let page = vault(&call)?
        .credentials(&query::text(call.query(), "last").unwrap_or_default(), limit(call.query())?)
        .await?;
    Ok(answer::json(&views::credentials(page), JSON))
}

/// One stored credential, without its password
///
/// `ETag` is its revision, for `If-Match`.
#[utoipa::path(
    get, path = "/api/v1/credentials/{name}", operation_id = "getCredential", tag = "secrets",
    params(("name" = String, Path, description = "The credential")),
    responses(
        (status = 200, description = "The credential", body = entrepot_api::Credential),
        (status = "default", description = "Refused", body = ProblemBody, content_type = "application/problem+json")
    )
)]
pub(crate) async fn credential(name: Segment, call: WebCall) -> Result<Response<Body>, Problem> {
    let record = vault(&call)?.credential(&credential_name(&name?.0)?).await?;
    let revision = record.revision;
    Ok(revision::described(&views::credential(record), revision, StatusCode::OK))
}

/// Store a credential for a registry
///
/// It is used from the next request to that registry on. Its password is never shown again.
#[utoipa::path(
    post, path = "/api/v1/credentials", operation_id = "addCredential", tag = "secrets",
    request_body = NewCredential,
    responses(
        (status = 201, description = "It is stored and in use", body = StoredCredential),
        (status = "default", description = "Refused", body = ProblemBody, content_type = "application/problem+json")
    )
)]
pub(crate) async fn add_credential(call: WebCall, body: RequestBody) -> Result<Response<Body>, Problem> {
    let vault = vault(&call)?;
    let new = new_credential(document_up_to(body, MAX_DOCUMENT).await?)?;
    let name = vault.add(new, by(&call)).await?.to_string();
    Ok(answer::created(&StoredCredential { name }))
}

/// Change the account of a stored credential
///
/// With `If-Match`, only if it still has that revision.
#[utoipa::path(
    patch, path = "/api/v1/credentials/{name}", operation_id = "changeCredential", tag = "secrets",
    params(
        ("name" = String, Path, description = "The credential"),
        ("If-Match" = Option<String>, Header, description = "The revision that the change is for")
    ),
    request_body = CredentialChange,
    responses(
        (status = 204, description = "It was changed"),
        (status = 412, description = "It was changed since", body = ProblemBody, content_type = "application/problem+json"),
        (status = "default", description = "Refused", body = ProblemBody, content_type = "application/problem+json")
    )
)]
pub(crate) async fn change_credential(
    name: Segment,
    call: WebCall,
    body: RequestBody,
) -> Result<Response<Body>, Problem> {
    let vault = vault(&call)?;
    let CredentialChange { username, password } = document_up_to(body, MAX_DOCUMENT).await?;
    let revision = revision::expected(&call.headers)?;
    let change = CredentialUpdate { username, password: password.map(Into::into), revision };
    vault.change(credential_name(&name?.0)?, change, by(&call)).await?;
    Ok(answer::empty(StatusCode::NO_CONTENT))
}

/// Remove a stored credential
///
/// With `If-Match`, only if it still has that revision.
#[utoipa::path(
    delete, path = "/api/v1/credentials/{name}", operation_id = "removeCredential", tag = "secrets",
    params(
        ("name" = String, Path, description = "The credential"),
        ("If-Match" = Option<String>, Header, description = "The revision that is to be removed")
    ),
    responses(
        (status = 204, description = "It was removed"),
        (status = 412, description = "It was changed since", body = ProblemBody, content_type = "application/problem+json"),
        (status = "default", description = "Refused", body = ProblemBody, content_type = "application/problem+json")
    )
)]
pub(crate) async fn remove_credential(name: Segment, call: WebCall) -> Result<Response<Body>, Problem> {
    let vault = vault(&call)?;
    vault.remove(credential_name(&name?.0)?, revision::expected(&call.headers)?, by(&call)).await?;
    Ok(answer::empty(StatusCode::NO_CONTENT))
}

/// Ask the registry whether it takes a stored credential
///
/// With a repository, also whether the account sees that. What the registry refuses is told with status 200.
#[utoipa::path(
    post, path = "/api/v1/credentials/{name}/verify", operation_id = "verifyCredential", tag = "secrets",
    params(("name" = String, Path, description = "The credential"), CredentialQuery),
    responses(
        (status = 200, description = "What the registry says", body = CredentialVerification),
        (status = "default", description = "Refused", body = ProblemBody, content_type = "application/problem+json")
    )
)]
pub(crate) async fn verify_credential(name: Segment, call: WebCall) -> Result<Response<Body>, Problem> {
    let vault = vault(&call)?;
    let repository = query::find(call.query(), "repository").map(|text| text.parse());
    let repository = repository.transpose().map_err(wrong)?;
    let found = vault.verify(&credential_name(&name?.0)?, repository.as_ref(), &by(&call)).await?;
    Ok(answer::json(&views::verification(found), JSON))
}

/// Show the keys that secrets are sealed with
#[utoipa::path(
    get, path = "/api/v1/secrets", operation_id = "getSecrets", tag = "secrets",
    responses(
        (status = 200, description = "The keys, by their ids", body = SecretsStatus),
        (status = "default", description = "Refused", body = ProblemBody, content_type = "application/problem+json")
    )
)]
pub(crate) async fn secrets(call: WebCall) -> Result<Response<Body>, Problem> {
    let status = vault(&call)?.status().await.map_err(Error::from)?;
    Ok(answer::json(&views::status(status), JSON))
}

/// Seal everything with a new key, and replace the key that signs registry tokens
///
/// Tokens that were signed before go on working.
#[utoipa::path(
    post, path = "/api/v1/secrets/rotate", operation_id = "rotateSecrets", tag = "secrets",
    responses(
        (status = 200, description = "The keys afterwards", body = SecretsStatus),
        (status = "default", description = "Refused", body = ProblemBody, content_type = "application/problem+json")
    )
)]
pub(crate) async fn rotate_secrets(call: WebCall) -> Result<Response<Body>, Problem> {
    let vault = vault(&call)?;
    let status = vault.rotate(by(&call)).await?;
    if let Some(access) = &call.state.access {
        access.rotate_signing_key(SystemTime::now()).await.map_err(|cause| {
            tracing::warn!(cause = &cause as &dyn std::error::Error, "the signing key is not replaced");
            Problem::new(
                StatusCode::SERVICE_UNAVAILABLE,
                "the key that signs registry tokens is not replaced",
            )
            .with_hint("the server's log says more")
        })?;
    }
    Ok(answer::json(&views::status(status), JSON))
}

/// Returns the stored credentials if the caller may manage them.
fn vault(call: &WebCall) -> Result<&Vault, Problem> {
    allowed(call, Operation::ManageSecrets)?;
    call.state.vault.as_ref().ok_or_else(Problem::not_found)
}

fn credential_name(text: &str) -> Result<CredentialName, Problem> {
    text.parse().map_err(wrong)
}

fn new_credential(new: NewCredential) -> Result<New, Problem> {
    let endpoint = new.endpoint.map(|text| text.parse::<Url>());
    let credential = entrepot_vault::Credential {
        username: new.username,
        password: SecretString::from(new.password),
        namespace: new.namespace.map(|text| text.parse()).transpose().map_err(wrong)?,
        endpoint: endpoint.transpose().map_err(|_| wrong(CredentialFault::Endpoint))?,
    };
    Ok(New {
        name: new.name.as_deref().map(credential_name).transpose()?,
        host: new.registry.parse().map_err(wrong)?,
        credential,
    })
}

impl From<Error> for Problem {
    fn from(error: Error) -> Self {
        let text = error.to_string();
        match error {
            Error::Fault(CredentialFault::Account(_)) => Self::bad(text).with_hint(
                "the registry has other endpoints in the configuration: say which of them sees the account, as `endpoint`",
            ),
            Error::Fault(_) => Self::bad(text),
            Error::Unknown(_) => Self::new(StatusCode::NOT_FOUND, text)
                .with_hint("see what there is: `entrepot credentials list`"),
            Error::Exists(_) => Self::new(StatusCode::CONFLICT, text)
                .with_hint("change that one, or give this one another name"),
            Error::Conflict => Self::new(StatusCode::CONFLICT, text),
            Error::Stale => revision::stale(),
            Error::Sealed { .. } => Self::new(StatusCode::CONFLICT, text)
                .with_hint("remove it, and add it again: `entrepot credentials`"),
            Error::Settings(cause) => Self::bad(format!("{text}: {cause}"))
                .with_hint("look at its section under `registries` in the configuration"),
            Error::Catalog(cause) => {
                tracing::warn!(%cause, "{text}");
                Self::new(StatusCode::SERVICE_UNAVAILABLE, text)
            }
        }
    }
}

impl From<RotateError> for Problem {
    fn from(error: RotateError) -> Self {
        let text = format!("the keys are not rotated: {error}");
        let problem = |status| Self::new(status, text.clone());
        match error {
            RotateError::Keys(entrepot_vault::RotationError::NotAFile) => problem(StatusCode::CONFLICT).with_hint(
                "print a new key with `entrepot secrets key`, put it in front of the others, and start again",
            ),
            RotateError::Keys(entrepot_vault::RotationError::File(cause)) => {
                let why = std::error::Error::source(&cause).map(ToString::to_string).unwrap_or_default();
                tracing::warn!(%cause, why, "the keys are not rotated");
                problem(StatusCode::CONFLICT).with_hint(
                    "the server must be able to replace the key file; where it is mounted, put a new key from \
                     `entrepot secrets key` in front of the others, and start again",
                )
            }
            RotateError::Sealed { .. } => problem(StatusCode::CONFLICT).with_hint(
                "`entrepot secrets status` shows which key is missing; a credential that is damaged can be removed and \
                 added again",
            ),
            RotateError::Catalog(cause) => {
                tracing::warn!(%cause, "the keys are not rotated");
                problem(StatusCode::SERVICE_UNAVAILABLE).with_hint("try again: nothing is lost")
            }
        }
    }
}
