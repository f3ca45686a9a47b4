//! The JSON API of entries. Everybody with an account sees what is on the shelf; operators manage it.

use std::time::SystemTime;

use axum::body::Body as RequestBody;
use entrepot_access::Operation;
use entrepot_api as api;
use entrepot_api::{
    EntryChange, EntryCheckQuery, EntryList, EntryListQuery, NewEntry, Problem as ProblemBody,
};
use entrepot_catalog::{EntryFilter, EntryRecord};
use entrepot_library::{EntryError, EntryId, LayerScope, Library};
use http::{Response, StatusCode};

use super::{
    caller::library,
    entry_views::{self as views, EntryViewer},
};
use crate::{
    answer,
    body::Body,
    headers::JSON,
    pages::words::Language,
    query,
    sync::problem::Problem,
    web::{
        allowed::{by, may},
        call::WebCall,
        request::{Segment, document_up_to, limit, parsed},
        revision,
    },
};

/// The largest document, in bytes: texts of an entry may have some thousand characters.
const MAX_DOCUMENT: usize = 32 << 10;

/// List entries of the image library
///
/// Those who do not manage the library see what is on the shelf.
#[utoipa::path(
    get, path = "/api/v1/library/entries", operation_id = "listEntries", tag = "library", params(EntryListQuery),
    responses(
        (status = 200, description = "A page of entries", body = EntryList),
        (status = "default", description = "Refused", body = ProblemBody, content_type = "application/problem+json")
    )
)]
pub(crate) async fn entries(call: WebCall) -> Result<Response<Body>, Problem> {
    let library = library(&call, Operation::BrowseLibrary)?;
    let query = call.query();
    let filter = shown(&call, filter(query)?);
    let order = parsed(query, "sort", views::order_named)?.unwrap_or_default();
    let after = parsed(query, "last", views::cursor)?;
    let page = library.entries(&filter, order, after.as_ref(), limit(query)?).await?;
    let total = library.count_entries(&filter).await?;
    Ok(answer::json(&views::entries(page, total, &reader(&call)), JSON))
}

/// One entry of the image library
///
/// `ETag` is its revision, for `If-Match`.
#[utoipa::path(
    get, path = "/api/v1/library/entries/{id}", operation_id = "getEntry", tag = "library",
    params(("id" = String, Path, description = "The entry: its id, or its name if no other has it")),
    responses(
        (status = 200, description = "The entry", body = api::Entry),
        (status = "default", description = "Refused", body = ProblemBody, content_type = "application/problem+json")
    )
)]
pub(crate) async fn entry(id: Segment, call: WebCall) -> Result<Response<Body>, Problem> {
    let library = library(&call, Operation::BrowseLibrary)?;
    let text = id?.0;
    let record = library.entry_called(&text).await?;
    if !is_shown(&call, &record) {
        return Err(EntryError::Unknown(text).into());
    }
    Ok(told(&call, record, StatusCode::OK))
}

/// Add an entry to the image library
///
/// It is looked at soon afterwards: `check` of the entry says what was found.
#[utoipa::path(
    post, path = "/api/v1/library/entries", operation_id = "addEntry", tag = "library",
    request_body = NewEntry,
    responses(
        (status = 201, description = "It was added", body = api::Entry),
        (status = "default", description = "Refused", body = ProblemBody, content_type = "application/problem+json")
    )
)]
pub(crate) async fn add_entry(call: WebCall, body: RequestBody) -> Result<Response<Body>, Problem> {
    let library = library(&call, Operation::ManageLibrary)?;
    let new = views::new_entry(document_up_to(body, MAX_DOCUMENT).await?, library.names());
    let record = library.add_entry(new, by(&call)).await?;
    Ok(told(&call, record, StatusCode::CREATED))
}

/// Change an entry of the image library
///
/// Instances that run from it keep the image that they were made of. With `If-Match`, the change counts only if the entry
/// still has that revision.
#[utoipa::path(
    patch, path = "/api/v1/library/entries/{id}", operation_id = "changeEntry", tag = "library",
    params(
        ("id" = String, Path, description = "The entry: its id, or its name if no other has it"),
        ("If-Match" = Option<String>, Header, description = "The revision that the change is for")
    ),
    request_body = EntryChange,
    responses(
        (status = 200, description = "It was changed", body = api::Entry),
        (status = 412, description = "It was changed since", body = ProblemBody, content_type = "application/problem+json"),
        (status = "default", description = "Refused", body = ProblemBody, content_type = "application/problem+json")
    )
)]
pub(crate) async fn change_entry(
    id: Segment,
    call: WebCall,
    body: RequestBody,
) -> Result<Response<Body>, Problem> {
    let library = library(&call, Operation::ManageLibrary)?;
    let id = id_called(library, &id?.0).await?;
    let change = views::change(document_up_to(body, MAX_DOCUMENT).await?);
    let revision = revision::expected(&call.headers)?;
    let record = library.change_entry(id, revision, change, by(&call)).await?;
    Ok(told(&call, record, StatusCode::OK))
}

/// Remove an entry from the image library
///
/// Refused while an instance uses it. With `If-Match`, only if the entry still has that revision.
#[utoipa::path(
    delete, path = "/api/v1/library/entries/{id}", operation_id = "removeEntry", tag = "library",
    params(
        ("id" = String, Path, description = "The entry: its id, or its name if no other has it"),
        ("If-Match" = Option<String>, Header, description = "The revision that is to be removed")
    ),
    responses(
        (status = 204, description = "It was removed"),
        (status = 409, description = "Instances use it", body = ProblemBody, content_type = "application/problem+json"),
        (status = 412, description = "It was changed since", body = ProblemBody, content_type = "application/problem+json"),
        (status = "default", description = "Refused", body = ProblemBody, content_type = "application/problem+json")
    )
)]
pub(crate) async fn remove_entry(id: Segment, call: WebCall) -> Result<Response<Body>, Problem> {
    let library = library(&call, Operation::ManageLibrary)?;
    let text = id?.0;
    let id = id_called(library, &text).await?;
    let removed = library.remove_entries(vec![id], revision::expected(&call.headers)?, by(&call)).await?;
    if removed.is_empty() {
        return Err(EntryError::Unknown(text).into());
    }
    Ok(answer::empty(StatusCode::NO_CONTENT))
}

/// Look at the image of an entry
///
/// Says whether it is there, for which platforms, how large it is, and whether the memory of cards can be split for it.
/// What its registry refuses is told with status 200.
#[utoipa::path(
    post, path = "/api/v1/library/entries/{id}/check", operation_id = "checkEntry", tag = "library",
    params(
        ("id" = String, Path, description = "The entry: its id, or its name if no other has it"),
        EntryCheckQuery
    ),
    responses(
        (status = 200, description = "The entry, with what was found", body = api::Entry),
        (status = "default", description = "Refused", body = ProblemBody, content_type = "application/problem+json")
    )
)]
pub(crate) async fn check_entry(id: Segment, call: WebCall) -> Result<Response<Body>, Problem> {
    let library = library(&call, Operation::ManageLibrary)?;
    let fetches = parsed(call.query(), "fetch", |text| text.parse().ok())?.unwrap_or(false);
    let wanted = if fetches { LayerScope::All } else { LayerScope::Held };
    let id = id_called(library, &id?.0).await?;
    Ok(told(&call, library.check_entry(id, wanted).await?, StatusCode::OK))
}

async fn id_called(library: &Library, text: &str) -> Result<EntryId, Problem> {
    let record = library.entry_called(text).await?;
    EntryId::try_from(record.id).map_err(|_| EntryError::Unknown(text.to_owned()).into())
}

fn told(call: &WebCall, record: EntryRecord, status: StatusCode) -> Response<Body> {
    let revision = record.revision;
    revision::described(&views::entry(record, &reader(call)), revision, status)
}

fn reader(call: &WebCall) -> EntryViewer {
    EntryViewer {
        language: Language::of("", &call.headers),
        manages: may(call, Operation::ManageLibrary),
        now: SystemTime::now(),
    }
}

// What is off the shelf is not offered; those who manage or inspect see that it is there.
fn sees_all(call: &WebCall) -> bool {
    may(call, Operation::ManageLibrary) || may(call, Operation::Inspect)
}

/// Whether the caller may know of an entry.
pub(crate) fn is_shown(call: &WebCall, record: &EntryRecord) -> bool {
    record.fields.is_on_shelf || sees_all(call)
}

/// A filter, limited to what the caller sees.
pub(crate) fn shown(call: &WebCall, filter: EntryFilter) -> EntryFilter {
    // Whoever sees the shelf alone, and asks for what is off it, gets nothing.
    match filter.is_on_shelf {
        None if !sees_all(call) => EntryFilter { is_on_shelf: Some(true), ..filter },
        Some(false) if !sees_all(call) => EntryFilter { created_to: Some(SystemTime::UNIX_EPOCH), ..filter },
        _ => filter,
    }
}

fn filter(query: &str) -> Result<EntryFilter, Problem> {
    Ok(EntryFilter {
        search: query::text(query, "search"),
        name: query::text(query, "name"),
        address: query::text(query, "address"),
        source: query::text(query, "source"),
        is_on_shelf: parsed(query, "on_shelf", |text| text.parse().ok())?,
        memory_split: parsed(query, "memory_split", |text| text.parse().ok())?,
        status: parsed(query, "status", views::status_named)?,
        accelerator: parsed(query, "accelerator", views::accelerator_named)?,
        created_from: None,
        created_to: None,
    })
}
