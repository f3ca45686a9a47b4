//! The JSON API of the mirror's holdings: list, count, remove, verify.
//!
//! For the owner of the data directory, who is whoever can open its socket, and for accounts whose role may.

use entrepot_access::{Identity, Operation};
use entrepot_api::{
    CacheImageList, CacheRemoval, CacheRepositoryList, CacheTotals, CacheVerification, ImageListQuery,
    ImageQuery, Problem as ProblemBody, RepositoryListQuery, VerificationQuery,
};
use entrepot_mirror::{Check, Mirror, RepoKey};
use entrepot_oci::{Digest, Name, Page, Reference};
use http::{Response, StatusCode};

use crate::{
    answer,
    body::Body,
    headers::JSON,
    held, query,
    sync::problem::Problem,
    web::{
        allowed::{may, refused},
        call::WebCall,
        request::wrong,
    },
};

/// Count everything that is held
#[utoipa::path(
    get, path = "/api/v1/cache/totals", operation_id = "getCacheTotals", tag = "cache",
    responses(
        (status = 200, description = "The counts", body = CacheTotals),
        (status = "default", description = "Refused", body = ProblemBody, content_type = "application/problem+json")
    )
)]
pub(crate) async fn totals(call: WebCall) -> Result<Response<Body>, Problem> {
    let holdings = allowed(&call, Operation::Inspect)?.holdings().await?;
    Ok(answer::json(&held::totals(holdings), JSON))
}

/// List repositories that hold something
#[utoipa::path(
    get, path = "/api/v1/cache/repositories", operation_id = "listCacheRepositories", tag = "cache",
    params(RepositoryListQuery),
    responses(
        (status = 200, description = "A page of repositories", body = CacheRepositoryList),
        (status = "default", description = "Refused", body = ProblemBody, content_type = "application/problem+json")
    )
)]
pub(crate) async fn repositories(call: WebCall) -> Result<Response<Body>, Problem> {
    let (mirror, prefix) = (allowed(&call, Operation::Inspect)?, query::find(call.query(), "prefix"));
    let repositories = mirror.repositories(prefix.as_deref(), &page(&call)?).await?;
    Ok(answer::json(&held::repositories(repositories), JSON))
}

/// Images of a repository
#[utoipa::path(
    get, path = "/api/v1/cache/images", operation_id = "listCacheImages", tag = "cache", params(ImageListQuery),
    responses(
        (status = 200, description = "A page of images", body = CacheImageList),
        (status = "default", description = "Refused", body = ProblemBody, content_type = "application/problem+json")
    )
)]
pub(crate) async fn images(call: WebCall) -> Result<Response<Body>, Problem> {
    let mirror = allowed(&call, Operation::Inspect)?;
    let images = mirror.images(&repository(&call)?, &page(&call)?).await?;
    Ok(answer::json(&held::images(images), JSON))
}

/// Remove an image, or all images of a repository
#[utoipa::path(
    delete, path = "/api/v1/cache/images", operation_id = "removeCacheImages", tag = "cache", params(ImageQuery),
    responses(
        (status = 200, description = "What was removed", body = CacheRemoval),
        (status = "default", description = "Refused", body = ProblemBody, content_type = "application/problem+json")
    )
)]
pub(crate) async fn remove_images(call: WebCall) -> Result<Response<Body>, Problem> {
    let mirror = allowed(&call, Operation::ManageCache)?;
    let reference = query::find(call.query(), "reference");
    let reference: Option<Reference> =
        reference.map(|reference| reference.parse().map_err(wrong)).transpose()?;
    let removal = mirror.remove(&repository(&call)?, reference.as_ref()).await?;
    Ok(answer::json(&held::removal(removal), JSON))
}

/// Compare stored bytes with records
///
/// One part of all digests at a time: ask again with `last` as it is in the answer, until there is none.
#[utoipa::path(
    get, path = "/api/v1/cache/verification", operation_id = "verifyCache", tag = "cache",
    params(VerificationQuery),
    responses(
        (status = 200, description = "Where they disagree", body = CacheVerification),
        (status = "default", description = "Refused", body = ProblemBody, content_type = "application/problem+json")
    )
)]
pub(crate) async fn verify(call: WebCall) -> Result<Response<Body>, Problem> {
    verified(&call, false).await
}

/// Repair what is found when stored bytes are compared with records
///
/// Bytes without a record are deleted. Mirrored content without bytes is forgotten, and fetched again when somebody asks for
/// it. Pushed content without bytes stays as it is: it has to be pushed again.
#[utoipa::path(
    post, path = "/api/v1/cache/verification", operation_id = "repairCache", tag = "cache",
    params(VerificationQuery),
    responses(
        (status = 200, description = "What was found and repaired", body = CacheVerification),
        (status = "default", description = "Refused", body = ProblemBody, content_type = "application/problem+json")
    )
)]
pub(crate) async fn repair(call: WebCall) -> Result<Response<Body>, Problem> {
    verified(&call, true).await
}

async fn verified(call: &WebCall, repair: bool) -> Result<Response<Body>, Problem> {
    let mirror = allowed(call, Operation::ManageCache)?;
    let last: Option<Digest> =
        query::find(call.query(), "last").map(|last| last.parse().map_err(wrong)).transpose()?;
    let found = mirror.verify(last.as_ref(), Check { repair, ..Check::default() }).await?;
    Ok(answer::json(&held::verification(found), JSON))
}

/// Returns the mirror if the caller is its owner, or an account that may do this. Programs on this machine that cannot open
/// the socket are not the owner's.
pub(crate) fn allowed(call: &WebCall, operation: Operation) -> Result<&Mirror, Problem> {
    match &call.caller.sender.principal.identity {
        Identity::Owner => Ok(&call.state.mirror),
        Identity::Account(_) if may(call, operation) => Ok(&call.state.mirror),
        Identity::Account(_) | Identity::Workload(_) | Identity::SyncToken | Identity::Anonymous => {
            Err(refused(call))
        }
        Identity::Local => {
            let problem =
                Problem::new(StatusCode::FORBIDDEN, "only the owner of the data directory may do this");
            Err(problem
                .with_hint("run `entrepot cache` on the server's machine, or log in as an operator")
                .in_chinese("只有数据目录的所有者可以这样做")
                .with_chinese_hint("请在服务器上运行 `entrepot cache`，或以 operator 登录"))
        }
    }
}

pub(crate) fn page(call: &WebCall) -> Result<Page, Problem> {
    let (n, last) = (query::find(call.query(), "n"), query::find(call.query(), "last"));
    Page::parse(n.as_deref(), last.as_deref()).map_err(wrong)
}

fn repository(call: &WebCall) -> Result<RepoKey, Problem> {
    let missing = || Problem::bad("`name` is missing").with_hint("add `?name=REPOSITORY`");
    let name: Name = query::find(call.query(), "name").ok_or_else(missing)?.parse().map_err(wrong)?;
    Ok(call.state.mirror.held_as(&name)?)
}
