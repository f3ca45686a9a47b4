//! The JSON API of what accounts may have at most, and of the volumes with their data.

use axum::body::Body as RequestBody;
use entrepot_access::Operation;
use entrepot_api::{DataVolumeList, PageQuery, Problem as ProblemBody, Quota, QuotaLimits};
use entrepot_catalog::AccountRecord;
use entrepot_library::QuotaSettings;
use http::{Response, StatusCode};

use super::{
    caller::{library, whose},
    instance_views as views,
};
use crate::{
    accounts::{account_name, own},
    answer,
    body::Body,
    headers::JSON,
    query,
    sync::problem::Problem,
    web::{
        allowed::{access, by},
        call::WebCall,
        request::{Segment, document, limit},
    },
};

/// What an account may have, and has
///
/// Everybody may read their own.
#[utoipa::path(
    get, path = "/api/v1/library/quotas/{account}", operation_id = "getQuota", tag = "library",
    params(("account" = String, Path, description = "The account")),
    responses(
        (status = 200, description = "What it may have, and has", body = Quota),
        (status = "default", description = "Refused", body = ProblemBody, content_type = "application/problem+json")
    )
)]
pub(crate) async fn quota(account: Segment, call: WebCall) -> Result<Response<Body>, Problem> {
    let name = account?.0;
    let is_own = own(&call).is_some_and(|own| own.name.as_str() == name);
    let operation = if is_own { Operation::BrowseLibrary } else { Operation::ManageInstances };
    let library = library(&call, operation)?;
    let account = account_called(&call, &name).await?;
    Ok(answer::json(&views::quota(library.allowance(account.id).await?), JSON))
}

/// Set what an account may have at most
#[utoipa::path(
    put, path = "/api/v1/library/quotas/{account}", operation_id = "setQuota", tag = "library",
    params(("account" = String, Path, description = "The account")),
    request_body = QuotaLimits,
    responses(
        (status = 204, description = "It was set"),
        (status = "default", description = "Refused", body = ProblemBody, content_type = "application/problem+json")
    )
)]
pub(crate) async fn set_quota(
    account: Segment,
    call: WebCall,
    body: RequestBody,
) -> Result<Response<Body>, Problem> {
    let library = library(&call, Operation::ManageInstances)?;
    let QuotaLimits { instances, cards, hours } = document(body).await?;
    let account = account_called(&call, &account?.0).await?;
    library
        .set_quota((account.id, &account.name), QuotaSettings { instances, cards, hours }, by(&call))
        .await?;
    Ok(answer::empty(StatusCode::NO_CONTENT))
}

/// Let the configuration say again what an account may have at most
#[utoipa::path(
    delete, path = "/api/v1/library/quotas/{account}", operation_id = "removeQuota", tag = "library",
    params(("account" = String, Path, description = "The account")),
    responses(
        (status = 204, description = "What was set for it does not count any more"),
        (status = "default", description = "Refused", body = ProblemBody, content_type = "application/problem+json")
    )
)]
pub(crate) async fn remove_quota(account: Segment, call: WebCall) -> Result<Response<Body>, Problem> {
    let library = library(&call, Operation::ManageInstances)?;
    let account = account_called(&call, &account?.0).await?;
    library.remove_quota((account.id, &account.name), by(&call)).await?;
    Ok(answer::empty(StatusCode::NO_CONTENT))
}

/// List volumes with data: one's own, or all for who manages instances
#[utoipa::path(
    get, path = "/api/v1/library/volumes", operation_id = "listVolumes", tag = "library", params(PageQuery),
    responses(
        (status = 200, description = "A page of volumes, by name", body = DataVolumeList),
        (status = "default", description = "Refused", body = ProblemBody, content_type = "application/problem+json")
    )
)]
pub(crate) async fn volumes(call: WebCall) -> Result<Response<Body>, Problem> {
    let library = library(&call, Operation::RunInstances)?;
    let account = whose(&call)?;
    let after = query::text(call.query(), "last").unwrap_or_default();
    let page = library.volumes(account, &after, limit(call.query())?).await?;
    Ok(answer::json(&views::volumes(page), JSON))
}

/// Remove a volume that no instance has, with all that is in it
#[utoipa::path(
    delete, path = "/api/v1/library/volumes/{name}", operation_id = "removeVolume", tag = "library",
    params(("name" = String, Path, description = "The volume")),
    responses(
        (status = 204, description = "It was removed"),
        (status = 409, description = "An instance has it", body = ProblemBody, content_type = "application/problem+json"),
        (status = "default", description = "Refused", body = ProblemBody, content_type = "application/problem+json")
    )
)]
pub(crate) async fn remove_volume(name: Segment, call: WebCall) -> Result<Response<Body>, Problem> {
    let library = library(&call, Operation::RunInstances)?;
    let account = whose(&call)?;
    library.remove_data_volume(&name?.0, account, by(&call)).await?;
    Ok(answer::empty(StatusCode::NO_CONTENT))
}

async fn account_called(call: &WebCall, name: &str) -> Result<AccountRecord, Problem> {
    Ok(access(call)?.account(&account_name(name)?).await?)
}
