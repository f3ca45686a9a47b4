//! The calls about entries: `/imageRegistry/…`.

use axum::body::Body as RequestBody;
use entrepot_access::Operation;
use entrepot_api::Timestamp;
use entrepot_catalog::{EntryFilter, EntryRecord};
use entrepot_library::{EntryError, NewEntry};
use http::Response;
use serde::Serialize;

use super::{
    envelope::{CallFailure, CallMessages, EmptyData, answered, language},
    identity::{allowed, identified},
    input::{self, Ids, Input},
};
use crate::{
    body::Body,
    library::entries::{is_shown, shown},
    sync::problem::Problem,
    web::{
        allowed::by,
        call::WebCall,
        request::{document_up_to, parse, read_up_to},
    },
};

/// The largest body, in bytes.
const MAX_BODY: usize = 32 << 10;

/// An entry as front ends have it.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct RegistryRow {
    #[serde(rename = "ID")]
    id: i64,
    #[serde(rename = "CreatedAt")]
    created_at: Timestamp,
    #[serde(rename = "UpdatedAt")]
    updated_at: Timestamp,
    name: String,
    address: String,
    description: String,
    source: String,
    is_on_shelf: bool,
    is_listed: bool,
    support_memory_split: bool,
    remark: String,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct List {
    list: Vec<RegistryRow>,
    total: u64,
    page: u64,
    page_size: usize,
}

impl From<EntryRecord> for RegistryRow {
    fn from(EntryRecord { id, fields, created, changed, .. }: EntryRecord) -> Self {
        Self {
            id,
            created_at: created.into(),
            updated_at: changed.into(),
            name: fields.name,
            address: fields.address,
            description: fields.description,
            source: fields.source,
            is_on_shelf: fields.is_on_shelf,
            is_listed: fields.is_on_shelf,
            support_memory_split: fields.memory_split,
            remark: fields.remark,
        }
    }
}

/// `POST createImageRegistry`. The origin answers `{}`; ours has the entry in it.
pub(super) async fn create(call: WebCall, body: RequestBody) -> Response<Body> {
    let language = language(&call.headers);
    answered(try_create(call, body).await, &CallMessages { done: "创建成功", failed: "创建失败" }, language)
}

async fn try_create(call: WebCall, body: RequestBody) -> Result<RegistryRow, CallFailure> {
    let call = identified(call).await?;
    let library = allowed(&call, Operation::ManageLibrary).await?;
    let input: Input = document_up_to(body, MAX_BODY).await?;
    let named = input.name.clone().unwrap_or_default();
    let mut new = NewEntry::of(input.change()?, library.names());
    // It needs a name here, and is given none.
    new.name = named;
    Ok(library.add_entry(new, by(&call)).await?.into())
}

/// `PUT updateImageRegistry`. What is `null` or left out stays.
pub(super) async fn update(call: WebCall, body: RequestBody) -> Response<Body> {
    let language = language(&call.headers);
    answered(try_update(call, body).await, &CallMessages { done: "更新成功", failed: "更新失败" }, language)
}

async fn try_update(call: WebCall, body: RequestBody) -> Result<EmptyData, CallFailure> {
    let call = identified(call).await?;
    let library = allowed(&call, Operation::ManageLibrary).await?;
    let input: Input = document_up_to(body, MAX_BODY).await?;
    let id = input::id(input.id)?;
    library.change_entry(id, None, input.change()?, by(&call)).await?;
    Ok(EmptyData {})
}

/// `DELETE deleteImageRegistry?ID=1`, or with the id in the body. One that is not there is removed already.
pub(super) async fn remove(call: WebCall, body: RequestBody) -> Response<Body> {
    let language = language(&call.headers);
    let done = try_remove(call, body, false).await;
    answered(done, &CallMessages { done: "删除成功", failed: "删除失败" }, language)
}

/// `DELETE deleteImageRegistryByIds?IDs[]=1&IDs[]=2`: all of them or none.
pub(super) async fn remove_all(call: WebCall, body: RequestBody) -> Response<Body> {
    let language = language(&call.headers);
    let done = try_remove(call, body, true).await;
    answered(done, &CallMessages { done: "批量删除成功", failed: "批量删除失败" }, language)
}

async fn try_remove(call: WebCall, body: RequestBody, may_be_many: bool) -> Result<EmptyData, CallFailure> {
    let call = identified(call).await?;
    let library = allowed(&call, Operation::ManageLibrary).await?;
    let bytes = read_up_to(body, MAX_BODY).await?;
    let sent: Ids = if bytes.is_empty() { Ids::default() } else { parse(&bytes)? };
    let ids = if may_be_many {
        let asked = input::ids_in(call.query())?;
        if asked.is_empty() { sent.ids } else { asked }
    } else {
        input::id_in(call.query())?.or(sent.id).into_iter().collect()
    };
    if ids.is_empty() {
        input::id(None)?;
    }
    let ids = ids.into_iter().map(|id| input::id(Some(id))).collect::<Result<Vec<_>, Problem>>()?;
    library.remove_entries(ids, None, by(&call)).await?;
    Ok(EmptyData {})
}

/// `GET findImageRegistry?ID=1`.
pub(super) async fn find(call: WebCall) -> Response<Body> {
    let language = language(&call.headers);
    answered(try_find(call).await, &CallMessages { done: "成功", failed: "查询失败" }, language)
}

async fn try_find(call: WebCall) -> Result<RegistryRow, CallFailure> {
    let call = identified(call).await?;
    let library = allowed(&call, Operation::BrowseLibrary).await?;
    let id = input::id(input::id_in(call.query())?)?;
    let record = library.entry(id).await?;
    if !is_shown(&call, &record) {
        return Err(EntryError::Unknown(id.to_string()).into());
    }
    Ok(record.into())
}

/// `GET getImageRegistryList?page=1&pageSize=10`, the newest first.
pub(super) async fn list(call: WebCall) -> Response<Body> {
    let language = language(&call.headers);
    answered(try_list(call).await, &CallMessages { done: "获取成功", failed: "获取失败" }, language)
}

async fn try_list(call: WebCall) -> Result<List, CallFailure> {
    let call = identified(call).await?;
    let library = allowed(&call, Operation::BrowseLibrary).await?;
    let page = input::page(call.query())?;
    let filter: EntryFilter = shown(&call, input::filter(call.query())?);
    let rows = library.entry_page(&filter, page.size, page.skipped()).await?;
    Ok(List {
        list: rows.into_iter().map(RegistryRow::from).collect(),
        total: library.count_entries(&filter).await?,
        page: page.number,
        page_size: page.size,
    })
}
