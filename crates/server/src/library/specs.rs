//! The JSON API of specs: everybody with a login sees those on the shelf, operators manage them.

use axum::body::Body as RequestBody;
use entrepot_access::Operation;
use entrepot_api::{NewSpec, Problem as ProblemBody, SpecChange, SpecList, SpecListQuery};
use entrepot_catalog::{SpecFilter, SpecRecord};
use entrepot_library::{Error, SpecId};
use http::{Response, StatusCode};

use super::{
    caller::{library, tenant},
    spec_views as views,
};
use crate::{
    answer,
    body::Body,
    headers::JSON,
    query,
    sync::problem::Problem,
    web::{
        allowed::{by, may},
        call::WebCall,
        request::{Segment, document, limit, parsed},
        revision,
    },
};

/// List specs
///
/// Those that are off the shelf are only for operators.
#[utoipa::path(
    get, path = "/api/v1/library/specs", operation_id = "listSpecs", tag = "library", params(SpecListQuery),
    responses(
        (status = 200, description = "A page of specs", body = SpecList),
        (status = "default", description = "Refused", body = ProblemBody, content_type = "application/problem+json")
    )
)]
pub(crate) async fn specs(call: WebCall) -> Result<Response<Body>, Problem> {
    let library = library(&call, Operation::BrowseLibrary)?;
    let query = call.query();
    let on_shelf = parsed(query, "on_shelf", |text| text.parse().ok())?;
    let filter = SpecFilter {
        vendor: parsed(query, "vendor", views::vendor_named)?,
        on_shelf: if manages(&call) { on_shelf } else { Some(true) },
        memory_split: parsed(query, "memory_split", |text| text.parse().ok())?,
        search: query::text(query, "search"),
        after: query::text(query, "last"),
    };
    let page = library.specs(&filter, limit(query)?).await?;
    Ok(answer::json(&views::list(page), JSON))
}

/// One spec
///
/// `ETag` is its revision, for `If-Match`.
#[utoipa::path(
    get, path = "/api/v1/library/specs/{id}", operation_id = "getSpec", tag = "library",
    params(("id" = u32, Path, description = "The spec")),
    responses(
        (status = 200, description = "The spec", body = entrepot_api::Spec),
        (status = "default", description = "Refused", body = ProblemBody, content_type = "application/problem+json")
    )
)]
pub(crate) async fn spec(id: Segment, call: WebCall) -> Result<Response<Body>, Problem> {
    let library = library(&call, Operation::BrowseLibrary)?;
    let id = spec_id(&id?.0)?;
    let record = library.spec(id).await?;
    if !record.fields.on_shelf && !manages(&call) {
        return Err(Error::Unknown { kind: "spec", id: id.to_string() }.into());
    }
    Ok(described(record, StatusCode::OK))
}

/// Create a spec
///
/// What is wrong with it is told at once, as `errors`.
#[utoipa::path(
    post, path = "/api/v1/library/specs", operation_id = "createSpec", tag = "library",
    request_body = NewSpec,
    responses(
        (status = 201, description = "It was created", body = entrepot_api::Spec),
        (status = "default", description = "Refused", body = ProblemBody, content_type = "application/problem+json")
    )
)]
pub(crate) async fn create_spec(call: WebCall, body: RequestBody) -> Result<Response<Body>, Problem> {
    let library = library(&call, Operation::ManageLibrary)?;
    let new: NewSpec = document(body).await?;
    let record = library.add_spec(views::fields(new), by(&call)).await?;
    Ok(described(record, StatusCode::CREATED))
}

/// Change a spec, or put it on or off the shelf
///
/// Instances keep what they were made with. With `If-Match`, only if the spec still has that revision.
#[utoipa::path(
    patch, path = "/api/v1/library/specs/{id}", operation_id = "changeSpec", tag = "library",
    params(
        ("id" = u32, Path, description = "The spec"),
        ("If-Match" = Option<String>, Header, description = "The revision that the change is for")
    ),
    request_body = SpecChange,
    responses(
        (status = 200, description = "The spec as it is now", body = entrepot_api::Spec),
        (status = 412, description = "It was changed since", body = ProblemBody, content_type = "application/problem+json"),
        (status = "default", description = "Refused", body = ProblemBody, content_type = "application/problem+json")
    )
)]
pub(crate) async fn change_spec(
    id: Segment,
    call: WebCall,
    body: RequestBody,
) -> Result<Response<Body>, Problem> {
    let library = library(&call, Operation::ManageLibrary)?;
    let (id, revision) = (spec_id(&id?.0)?, revision::expected(&call.headers)?);
    let change: SpecChange = document(body).await?;
    let change = move |before| views::changed(before, change.clone());
    Ok(described(library.change_spec(id, revision, change, by(&call)).await?, StatusCode::OK))
}

/// Remove a spec that no instance uses
///
/// With `If-Match`, only if the spec still has that revision.
#[utoipa::path(
    delete, path = "/api/v1/library/specs/{id}", operation_id = "removeSpec", tag = "library",
    params(
        ("id" = u32, Path, description = "The spec"),
        ("If-Match" = Option<String>, Header, description = "The revision that is to be removed")
    ),
    responses(
        (status = 204, description = "It was removed"),
        (status = 409, description = "Instances use it", body = ProblemBody, content_type = "application/problem+json"),
        (status = 412, description = "It was changed since", body = ProblemBody, content_type = "application/problem+json"),
        (status = "default", description = "Refused", body = ProblemBody, content_type = "application/problem+json")
    )
)]
pub(crate) async fn remove_spec(id: Segment, call: WebCall) -> Result<Response<Body>, Problem> {
    let library = library(&call, Operation::ManageLibrary)?;
    library.remove_spec(spec_id(&id?.0)?, revision::expected(&call.headers)?, by(&call)).await?;
    Ok(answer::empty(StatusCode::NO_CONTENT))
}

/// Wait until an instance of a spec could be made
///
/// The webhooks that ask for `card.free` are told then, once, with the names of those who wait.
#[utoipa::path(
    put, path = "/api/v1/library/specs/{id}/wait", operation_id = "waitForSpec", tag = "library",
    params(("id" = u32, Path, description = "The spec")),
    responses(
        (status = 204, description = "The caller waits"),
        (status = 409, description = "Nobody would be told", body = ProblemBody, content_type = "application/problem+json"),
        (status = "default", description = "Refused", body = ProblemBody, content_type = "application/problem+json")
    )
)]
pub(crate) async fn wait_for_spec(id: Segment, call: WebCall) -> Result<Response<Body>, Problem> {
    let library = library(&call, Operation::RunInstances)?;
    library.wait_for_spec(spec_id(&id?.0)?, &tenant(&call)?, &by(&call)).await?;
    Ok(answer::empty(StatusCode::NO_CONTENT))
}

/// Wait no longer
#[utoipa::path(
    delete, path = "/api/v1/library/specs/{id}/wait", operation_id = "endSpecWait", tag = "library",
    params(("id" = u32, Path, description = "The spec")),
    responses(
        (status = 204, description = "The caller does not wait"),
        (status = "default", description = "Refused", body = ProblemBody, content_type = "application/problem+json")
    )
)]
pub(crate) async fn end_spec_wait(id: Segment, call: WebCall) -> Result<Response<Body>, Problem> {
    let library = library(&call, Operation::RunInstances)?;
    library.end_spec_wait(spec_id(&id?.0)?, &tenant(&call)?).await?;
    Ok(answer::empty(StatusCode::NO_CONTENT))
}

fn manages(call: &WebCall) -> bool {
    may(call, Operation::ManageLibrary) || may(call, Operation::Inspect)
}

fn spec_id(text: &str) -> Result<SpecId, Problem> {
    text.parse().map_err(|_| Error::Unknown { kind: "spec", id: text.to_owned() }.into())
}

fn described(record: SpecRecord, status: StatusCode) -> Response<Body> {
    let revision = record.revision;
    revision::described(&views::spec(record), revision, status)
}
