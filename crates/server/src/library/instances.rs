//! The JSON API of instances: everybody manages their own, operators all of them.
//!
//! Somebody else's instance does not exist for those who may not manage it.

use std::time::SystemTime;

use axum::body::Body as RequestBody;
use entrepot_access::Operation;
use entrepot_api::{
    FreeQuery, FreeSpecs, InstanceChange, InstanceList, InstanceListQuery, InstanceRemovalQuery,
    InstanceRunList, InstanceStart, NewInstance, PageQuery, Problem as ProblemBody, Timestamp,
};
use entrepot_catalog::{InstanceFilter, InstancePhase};
use entrepot_library::{
    CreatedInstance, Error, InstanceId, InstanceTarget, InstanceView, Library, RunRequest, Volumes,
};
use http::{Response, StatusCode};

use super::{
    caller::{library, sees_all, tenant, whose},
    instance_views as views,
};
use crate::{
    answer,
    body::Body,
    headers::JSON,
    query,
    sync::problem::Problem,
    web::{
        allowed::by,
        call::WebCall,
        request::{Segment, document_up_to, limit, parse, parsed, read_up_to},
        revision,
    },
};

/// The largest document, in bytes: variables and a command.
const MAX_DOCUMENT: usize = 1 << 20;

/// List instances
///
/// One's own; with `all`, also those of others, for who manages them.
#[utoipa::path(
    get, path = "/api/v1/library/instances", operation_id = "listInstances", tag = "library",
    params(InstanceListQuery),
    responses(
        (status = 200, description = "A page of instances, the latest first", body = InstanceList),
        (status = "default", description = "Refused", body = ProblemBody, content_type = "application/problem+json")
    )
)]
pub(crate) async fn instances(call: WebCall) -> Result<Response<Body>, Problem> {
    let library = library(&call, Operation::RunInstances)?;
    let query = call.query();
    let id = |text: &str| text.parse::<u32>().ok().map(i64::from);
    let wants_all = parsed(query, "all", |text| text.parse().ok())?.unwrap_or(false);
    let filter = InstanceFilter {
        account: if wants_all && sees_all(&call) { None } else { Some(tenant(&call)?.id()) },
        node: parsed(query, "node", id)?,
        entry: parsed(query, "entry", id)?,
        spec: parsed(query, "spec", id)?,
        phase: parsed(query, "phase", InstancePhase::named)?,
        search: query::text(query, "search"),
        before: parsed(query, "last", id)?,
    };
    let page = library.instances(&filter, limit(query)?).await?;
    Ok(answer::json(&views::list(page, ssh_door(&call).as_ref()), JSON))
}

/// One instance
///
/// `ETag` is its revision, for `If-Match`.
#[utoipa::path(
    get, path = "/api/v1/library/instances/{id}", operation_id = "getInstance", tag = "library",
    params(("id" = u32, Path, description = "The instance")),
    responses(
        (status = 200, description = "The instance", body = entrepot_api::Instance),
        (status = "default", description = "Refused", body = ProblemBody, content_type = "application/problem+json")
    )
)]
pub(crate) async fn instance(id: Segment, call: WebCall) -> Result<Response<Body>, Problem> {
    let (library, target) = meant(&call, &id?.0)?;
    let view = library.instance(target.id, target.account).await?;
    Ok(described(&call, view, StatusCode::OK))
}

/// Create an instance
///
/// It is placed at once, and brought up after the answer. What is wrong with the request is told at once, as `errors`.
#[utoipa::path(
    post, path = "/api/v1/library/instances", operation_id = "createInstance", tag = "library",
    request_body = NewInstance,
    responses(
        (status = 201, description = "It is placed, and comes up", body = entrepot_api::Instance),
        (status = 200, description = "The same request has made it before", body = entrepot_api::Instance),
        (status = 409, description = "There is no room, or not more is allowed", body = ProblemBody, content_type = "application/problem+json"),
        (status = "default", description = "Refused", body = ProblemBody, content_type = "application/problem+json")
    )
)]
pub(crate) async fn create_instance(call: WebCall, body: RequestBody) -> Result<Response<Body>, Problem> {
    let library = library(&call, Operation::RunInstances)?;
    let tenant = tenant(&call)?;
    let new: NewInstance = document_up_to(body, MAX_DOCUMENT).await?;
    let (record, status) = match library.create_instance(&tenant, request(new)?, by(&call)).await? {
        CreatedInstance::New(record) => (record, StatusCode::CREATED),
        CreatedInstance::Known(record) => (record, StatusCode::OK),
    };
    let id = InstanceId::try_from(record.id).map_err(|_| unknown(&record.id.to_string()))?;
    Ok(described(&call, library.instance(id, None).await?, status))
}

/// Change the name of an instance, or when it ends
///
/// With `If-Match`, only if it still has that revision.
#[utoipa::path(
    patch, path = "/api/v1/library/instances/{id}", operation_id = "changeInstance", tag = "library",
    params(
        ("id" = u32, Path, description = "The instance"),
        ("If-Match" = Option<String>, Header, description = "The revision that the change is for")
    ),
    request_body = InstanceChange,
    responses(
        (status = 200, description = "The instance as it is now", body = entrepot_api::Instance),
        (status = 412, description = "It was changed since", body = ProblemBody, content_type = "application/problem+json"),
        (status = "default", description = "Refused", body = ProblemBody, content_type = "application/problem+json")
    )
)]
pub(crate) async fn change_instance(
    id: Segment,
    call: WebCall,
    body: RequestBody,
) -> Result<Response<Body>, Problem> {
    let (library, target) = meant(&call, &id?.0)?;
    let change: InstanceChange = document_up_to(body, MAX_DOCUMENT).await?;
    library.edit_instance(target, views::edit(change), by(&call)).await?;
    Ok(described(&call, library.instance(target.id, target.account).await?, StatusCode::OK))
}

/// Remove an instance
///
/// What becomes of its volumes has to be said. Where its node does not answer, it is done as soon as that does.
#[utoipa::path(
    delete, path = "/api/v1/library/instances/{id}", operation_id = "removeInstance", tag = "library",
    params(
        ("id" = u32, Path, description = "The instance"), InstanceRemovalQuery,
        ("If-Match" = Option<String>, Header, description = "The revision that is to be removed")
    ),
    responses(
        (status = 202, description = "It is being removed"),
        (status = 412, description = "It was changed since", body = ProblemBody, content_type = "application/problem+json"),
        (status = "default", description = "Refused", body = ProblemBody, content_type = "application/problem+json")
    )
)]
pub(crate) async fn remove_instance(id: Segment, call: WebCall) -> Result<Response<Body>, Problem> {
    let (library, target) = meant(&call, &id?.0)?;
    let volumes = parsed(call.query(), "volumes", |text| match text {
        "keep" => Some(Volumes::Keep),
        "remove" => Some(Volumes::Remove),
        _ => None,
    })?;
    let volumes = volumes.ok_or_else(|| {
        Problem::bad("it is not said what becomes of the volumes")
            .about("volumes")
            .with_hint("`volumes=keep` keeps the data for another instance, `volumes=remove` removes it")
            .in_chinese("没有说明数据卷如何处理")
            .with_chinese_hint("`volumes=keep` 保留数据供其他实例挂载，`volumes=remove` 一并删除")
    })?;
    library.remove_instance(target, volumes, by(&call)).await?;
    Ok(answer::empty(StatusCode::ACCEPTED))
}

/// Start an instance that is stopped
///
/// With its cards, or without them where none is free, to copy data.
#[utoipa::path(
    post, path = "/api/v1/library/instances/{id}/start", operation_id = "startInstance", tag = "library",
    params(("id" = u32, Path, description = "The instance")),
    request_body = InstanceStart,
    responses(
        (status = 202, description = "It has its place, and starts"),
        (status = 409, description = "It is not stopped, or there is no room", body = ProblemBody, content_type = "application/problem+json"),
        (status = "default", description = "Refused", body = ProblemBody, content_type = "application/problem+json")
    )
)]
pub(crate) async fn start_instance(
    id: Segment,
    call: WebCall,
    body: RequestBody,
) -> Result<Response<Body>, Problem> {
    let (library, target) = meant(&call, &id?.0)?;
    let body = read_up_to(body, MAX_DOCUMENT).await?;
    let start: InstanceStart = if body.is_empty() { InstanceStart::default() } else { parse(&body)? };
    library.start_instance(target, start.cards.unwrap_or(true), by(&call)).await?;
    Ok(answer::empty(StatusCode::ACCEPTED))
}

/// Stop an instance
///
/// It keeps its disk and its data volume; its cards are free for others.
#[utoipa::path(
    post, path = "/api/v1/library/instances/{id}/stop", operation_id = "stopInstance", tag = "library",
    params(("id" = u32, Path, description = "The instance")),
    responses(
        (status = 202, description = "It is being stopped"),
        (status = 409, description = "It is stopped", body = ProblemBody, content_type = "application/problem+json"),
        (status = "default", description = "Refused", body = ProblemBody, content_type = "application/problem+json")
    )
)]
pub(crate) async fn stop_instance(id: Segment, call: WebCall) -> Result<Response<Body>, Problem> {
    let (library, target) = meant(&call, &id?.0)?;
    library.stop_instance(target, by(&call)).await?;
    Ok(answer::empty(StatusCode::ACCEPTED))
}

/// Stop an instance and start it again
///
/// It keeps its cards.
#[utoipa::path(
    post, path = "/api/v1/library/instances/{id}/restart", operation_id = "restartInstance", tag = "library",
    params(("id" = u32, Path, description = "The instance")),
    responses(
        (status = 202, description = "It starts again"),
        (status = 409, description = "It does not run", body = ProblemBody, content_type = "application/problem+json"),
        (status = "default", description = "Refused", body = ProblemBody, content_type = "application/problem+json")
    )
)]
pub(crate) async fn restart_instance(id: Segment, call: WebCall) -> Result<Response<Body>, Problem> {
    let (library, target) = meant(&call, &id?.0)?;
    library.restart_instance(target, by(&call)).await?;
    Ok(answer::empty(StatusCode::ACCEPTED))
}

/// List the runs of an instance, which are what is charged
#[utoipa::path(
    get, path = "/api/v1/library/instances/{id}/runs", operation_id = "listInstanceRuns", tag = "library",
    params(("id" = u32, Path, description = "The instance"), PageQuery),
    responses(
        (status = 200, description = "A page of runs, the first one first", body = InstanceRunList),
        (status = "default", description = "Refused", body = ProblemBody, content_type = "application/problem+json")
    )
)]
pub(crate) async fn instance_runs(id: Segment, call: WebCall) -> Result<Response<Body>, Problem> {
    let (library, target) = meant(&call, &id?.0)?;
    let query = call.query();
    let after = parsed(query, "last", |text| text.parse::<Timestamp>().ok())?.map(SystemTime::from);
    // Runs begin at fractions of a second, which the API does not tell: those of the last second are behind.
    let after = after.map(|at| at + std::time::Duration::from_millis(999));
    let page = library.instance_periods(target.id, target.account, after, limit(query)?).await?;
    Ok(answer::json(&views::runs(page, SystemTime::now()), JSON))
}

/// How often each spec on the shelf fits now
#[utoipa::path(
    get, path = "/api/v1/library/free", operation_id = "getFree", tag = "library", params(FreeQuery),
    responses(
        (status = 200, description = "For each spec, how many instances could be made", body = FreeSpecs),
        (status = "default", description = "Refused", body = ProblemBody, content_type = "application/problem+json")
    )
)]
pub(crate) async fn free(call: WebCall) -> Result<Response<Body>, Problem> {
    let library = library(&call, Operation::BrowseLibrary)?;
    let region = query::text(call.query(), "region");
    Ok(answer::json(&views::free(library.free(region.as_deref()).await?), JSON))
}

// The instance that the address names, as far as the caller may know of it.
pub(super) fn meant<'a>(call: &'a WebCall, id: &str) -> Result<(&'a Library, InstanceTarget), Problem> {
    let library = library(call, Operation::RunInstances)?;
    let account = whose(call)?;
    let id = id.parse().map_err(|_| unknown(id))?;
    Ok((library, InstanceTarget { id, account, revision: revision::expected(&call.headers)? }))
}

fn unknown(id: &str) -> Problem {
    Error::Unknown { kind: "instance", id: id.to_owned() }.into()
}

fn request(new: NewInstance) -> Result<RunRequest, Problem> {
    views::request(new).ok_or_else(|| {
        Problem::bad("an id is a number from 1 on").about("entry").in_chinese("编号是从 1 开始的数字")
    })
}

// Where instances are reached by SSH, if this server listens for that.
fn ssh_door(call: &WebCall) -> Option<views::SshDoor> {
    let port = call.state.library.as_ref()?.ssh_port()?;
    let host = match &call.state.front.public_url {
        Some(public) => public.host().to_owned(),
        None => host_of(call.caller.host.as_deref().unwrap_or("localhost")).to_owned(),
    };
    let account = call.caller.sender.principal.account().map(|account| account.id);
    Some(views::SshDoor { host, port, account })
}

// Without its port. An address of IPv6 is without brackets for `ssh`.
fn host_of(authority: &str) -> &str {
    let host = match authority.rsplit_once(':') {
        Some((host, port)) if !port.contains(']') => host,
        _ => authority,
    };
    host.trim_start_matches('[').trim_end_matches(']')
}

fn described(call: &WebCall, view: InstanceView, status: StatusCode) -> Response<Body> {
    let revision = view.record.revision;
    revision::described(&views::instance(view, ssh_door(call).as_ref()), revision, status)
}
