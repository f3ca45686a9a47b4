//! The JSON API of nodes: those who read the state of the service see them, operators manage them.
//!
//! Certificates come in and never go out.

use axum::body::Body as RequestBody;
use entrepot_access::Operation;
use entrepot_api::{NewNode, NodeChange, NodeList, NodeListQuery, Problem as ProblemBody};
use entrepot_catalog::{NodeFilter, NodeRecord};
use entrepot_library::{CheckDepth, Error, Library, NodeId};
use http::{Response, StatusCode};

use super::{caller::library, node_views as views};
use crate::{
    answer,
    body::Body,
    headers::JSON,
    pages::{response::language, words::Language},
    query,
    sync::problem::Problem,
    web::{
        allowed::by,
        call::WebCall,
        request::{Segment, document_up_to, limit, parsed},
        revision,
    },
};

/// The largest document: three certificates, with room for chains.
const MAX_DOCUMENT: usize = 1 << 20;

/// List nodes
#[utoipa::path(
    get, path = "/api/v1/library/nodes", operation_id = "listNodes", tag = "library", params(NodeListQuery),
    responses(
        (status = 200, description = "A page of nodes", body = NodeList),
        (status = "default", description = "Refused", body = ProblemBody, content_type = "application/problem+json")
    )
)]
pub(crate) async fn nodes(call: WebCall) -> Result<Response<Body>, Problem> {
    let library = library(&call, Operation::Inspect)?;
    let query = call.query();
    let filter = NodeFilter {
        region: query::text(query, "region"),
        status: parsed(query, "status", views::status_named)?,
        drained: parsed(query, "drained", |text| text.parse().ok())?,
        search: query::text(query, "search"),
        after: query::text(query, "last"),
    };
    let page = library.nodes(&filter, limit(query)?).await?;
    let devices = library.devices_of(&page.rows).await?;
    let ends = library.certificates_end(&page.rows).await?;
    let list =
        views::list(page, views::NodeContext { devices: &devices, ends: &ends, language: language(&call) });
    Ok(answer::json(&list, JSON))
}

/// One node, with its cards
///
/// `ETag` is its revision, for `If-Match`.
#[utoipa::path(
    get, path = "/api/v1/library/nodes/{id}", operation_id = "getNode", tag = "library",
    params(("id" = u32, Path, description = "The node")),
    responses(
        (status = 200, description = "The node", body = entrepot_api::Node),
        (status = "default", description = "Refused", body = ProblemBody, content_type = "application/problem+json")
    )
)]
pub(crate) async fn node(id: Segment, call: WebCall) -> Result<Response<Body>, Problem> {
    let library = library(&call, Operation::Inspect)?;
    let record = library.node(node_id(&id?.0)?).await?;
    described(library, record, (StatusCode::OK, language(&call))).await
}

/// Add a node, and look at it
///
/// One that does not answer is added all the same, and its `conditions` say why. What is wrong with it is told at once, as
/// `errors`.
#[utoipa::path(
    post, path = "/api/v1/library/nodes", operation_id = "addNode", tag = "library",
    request_body = NewNode,
    responses(
        (status = 201, description = "It was added", body = entrepot_api::Node),
        (status = "default", description = "Refused", body = ProblemBody, content_type = "application/problem+json")
    )
)]
pub(crate) async fn add_node(call: WebCall, body: RequestBody) -> Result<Response<Body>, Problem> {
    let library = library(&call, Operation::ManageNodes)?;
    let new: NewNode = document_up_to(body, MAX_DOCUMENT).await?;
    let (settings, tls) = views::settings(new);
    let record = library.add_node(settings, tls, by(&call)).await?;
    described(library, record, (StatusCode::CREATED, language(&call))).await
}

/// Change a node, replace its certificates, or drain it
///
/// A drained node keeps what runs on it and takes nothing new. Other certificates count at once, in place: connections that
/// were made with the old ones end. With `If-Match`, only if the node still has that revision.
#[utoipa::path(
    patch, path = "/api/v1/library/nodes/{id}", operation_id = "changeNode", tag = "library",
    params(
        ("id" = u32, Path, description = "The node"),
        ("If-Match" = Option<String>, Header, description = "The revision that the change is for")
    ),
    request_body = NodeChange,
    responses(
        (status = 200, description = "The node as it is now", body = entrepot_api::Node),
        (status = 412, description = "It was changed since", body = ProblemBody, content_type = "application/problem+json"),
        (status = "default", description = "Refused", body = ProblemBody, content_type = "application/problem+json")
    )
)]
pub(crate) async fn change_node(
    id: Segment,
    call: WebCall,
    body: RequestBody,
) -> Result<Response<Body>, Problem> {
    let library = library(&call, Operation::ManageNodes)?;
    let (id, revision) = (node_id(&id?.0)?, revision::expected(&call.headers)?);
    let change: NodeChange = document_up_to(body, MAX_DOCUMENT).await?;
    let record = library.change_node(id, revision, views::change(change), by(&call)).await?;
    described(library, record, (StatusCode::OK, language(&call))).await
}

/// Remove a node that nothing is on
///
/// With `If-Match`, only if the node still has that revision.
#[utoipa::path(
    delete, path = "/api/v1/library/nodes/{id}", operation_id = "removeNode", tag = "library",
    params(
        ("id" = u32, Path, description = "The node"),
        ("If-Match" = Option<String>, Header, description = "The revision that is to be removed")
    ),
    responses(
        (status = 204, description = "It was removed"),
        (status = 409, description = "Something is on it", body = ProblemBody, content_type = "application/problem+json"),
        (status = 412, description = "It was changed since", body = ProblemBody, content_type = "application/problem+json"),
        (status = "default", description = "Refused", body = ProblemBody, content_type = "application/problem+json")
    )
)]
pub(crate) async fn remove_node(id: Segment, call: WebCall) -> Result<Response<Body>, Problem> {
    let library = library(&call, Operation::ManageNodes)?;
    library.remove_node(node_id(&id?.0)?, revision::expected(&call.headers)?, by(&call)).await?;
    Ok(answer::empty(StatusCode::NO_CONTENT))
}

/// Look at a node now: its engine, its cards, its disk, and HAMi-core
///
/// A node that does not answer is told with status 200: that is what was found.
#[utoipa::path(
    post, path = "/api/v1/library/nodes/{id}/check", operation_id = "checkNode", tag = "library",
    params(("id" = u32, Path, description = "The node")),
    responses(
        (status = 200, description = "What was found", body = entrepot_api::Node),
        (status = "default", description = "Refused", body = ProblemBody, content_type = "application/problem+json")
    )
)]
pub(crate) async fn check_node(id: Segment, call: WebCall) -> Result<Response<Body>, Problem> {
    let library = library(&call, Operation::ManageNodes)?;
    let record = library.check_node(node_id(&id?.0)?, CheckDepth::Whole).await?;
    described(library, record, (StatusCode::OK, language(&call))).await
}

/// Say that a card which was quarantined works again
#[utoipa::path(
    post, path = "/api/v1/library/nodes/{id}/devices/{uuid}/release", operation_id = "releaseDevice", tag = "library",
    params(
        ("id" = u32, Path, description = "The node"),
        ("uuid" = String, Path, description = "The card")
    ),
    responses(
        (status = 204, description = "It can be given to instances again"),
        (status = "default", description = "Refused", body = ProblemBody, content_type = "application/problem+json")
    )
)]
pub(crate) async fn release_device(
    path: Result<axum::extract::Path<(String, String)>, axum::extract::rejection::PathRejection>,
    call: WebCall,
) -> Result<Response<Body>, Problem> {
    let library = library(&call, Operation::ManageNodes)?;
    let (id, uuid) = path?.0;
    library.release_device(node_id(&id)?, uuid, by(&call)).await?;
    Ok(answer::empty(StatusCode::NO_CONTENT))
}

pub(super) fn node_id(text: &str) -> Result<NodeId, Problem> {
    text.parse().map_err(|_| Error::Unknown { kind: "node", id: text.to_owned() }.into())
}

async fn described(
    library: &Library,
    record: NodeRecord,
    as_what: (StatusCode, Language),
) -> Result<Response<Body>, Problem> {
    let (status, language) = as_what;
    let nodes = [record];
    let (devices, ends) = (library.devices_of(&nodes).await?, library.certificates_end(&nodes).await?);
    let [record] = nodes;
    let revision = record.revision;
    let around = views::NodeContext { devices: &devices, ends: &ends, language };
    Ok(revision::described(&views::node(record, &around), revision, status))
}
