//! The JSON API of entries as documents: CSV for spreadsheets, JSON for programs.

use axum::body::Body as RequestBody;
use entrepot_access::Operation;
use entrepot_api::{EntryExportQuery, EntryForm, EntryImport, EntryImportQuery, Problem as ProblemBody};
use entrepot_catalog::{EntryCursor, EntryFilter, EntryOrder};
use entrepot_library::{DocumentFault, ImportResult, RowError, RowFault, TransferFormat};
use http::{HeaderValue, Response, StatusCode, header};

use super::{caller::library, entries::shown, entry_problem};
use crate::{
    answer,
    body::Body,
    headers::JSON,
    sync::problem::{FieldError, Problem},
    web::{
        allowed::by,
        call::WebCall,
        request::{parsed, read_up_to},
    },
};

/// The largest document, in bytes.
const MAX_DOCUMENT: usize = 8 << 20;
/// How many entries are read at once.
const PAGE: usize = 1000;
const CSV: HeaderValue = HeaderValue::from_static("text/csv; charset=utf-8");

/// Write all entries of the image library as a document
///
/// Those who do not manage the library get what is on the shelf. Logins are not part of it.
#[utoipa::path(
    get, path = "/api/v1/library/entries/export", operation_id = "exportEntries", tag = "library",
    params(EntryExportQuery),
    responses(
        (status = 200, description = "The entries; as CSV, cells that a spreadsheet would compute have a `'` in front", body = String, content_type = "text/csv"),
        (status = "default", description = "Refused", body = ProblemBody, content_type = "application/problem+json")
    )
)]
pub(crate) async fn export_entries(call: WebCall) -> Result<Response<Body>, Problem> {
    let library = library(&call, Operation::BrowseLibrary)?;
    let form = form(call.query())?;
    let filter = shown(&call, EntryFilter::default());
    let (mut all, mut after) = (Vec::new(), None);
    loop {
        let page = library.entries(&filter, EntryOrder::Oldest, after.as_ref(), PAGE).await?;
        all.extend(page.rows);
        let Some(last) = all.last().filter(|_| page.more) else { break };
        after = Some(EntryCursor { id: last.id, name: last.fields.name.clone() });
    }
    let mut response = answer::respond(StatusCode::OK, Body::bytes(form.write(&all)));
    let (media_type, name) = match form {
        TransferFormat::Csv => (CSV, "attachment; filename=\"entries.csv\""),
        TransferFormat::Json => (JSON, "attachment; filename=\"entries.json\""),
    };
    response.headers_mut().insert(header::CONTENT_TYPE, media_type);
    response.headers_mut().insert(header::CONTENT_DISPOSITION, HeaderValue::from_static(name));
    Ok(response)
}

/// Add and change entries of the image library by a document
///
/// An entry with an `id` changes that one; one without is added. All that is wrong is told at once, and then nothing is
/// stored. Columns may have their names in 中文: `名字`, `地址`, `描述`, `来源`, `是否支持显存切分`, `是否上架`, `备注`.
#[utoipa::path(
    post, path = "/api/v1/library/entries/import", operation_id = "importEntries", tag = "library",
    params(EntryImportQuery),
    request_body(content = String, content_type = "text/csv", description = "CSV, or JSON as `export` writes it"),
    responses(
        (status = 200, description = "What was done", body = EntryImport),
        (status = "default", description = "Refused", body = ProblemBody, content_type = "application/problem+json")
    )
)]
pub(crate) async fn import_entries(call: WebCall, body: RequestBody) -> Result<Response<Body>, Problem> {
    let library = library(&call, Operation::ManageLibrary)?;
    let form = form(call.query())?;
    let dry_run = parsed(call.query(), "dry_run", |text| text.parse().ok())?.unwrap_or(false);
    let document = form.read(&read_up_to(body, MAX_DOCUMENT).await?).map_err(of_document)?;
    match library.import_entries(document, dry_run, by(&call)).await? {
        ImportResult::Done { added, changed } => {
            let done = EntryImport { added: added.len(), changed: changed.len(), dry_run };
            Ok(answer::json(&done, JSON))
        }
        ImportResult::Refused(faults) => Err(of_rows(&faults)),
    }
}

fn form(query: &str) -> Result<TransferFormat, Problem> {
    let named = |text: &str| match text {
        text if text == EntryForm::Csv.as_str() => Some(TransferFormat::Csv),
        text if text == EntryForm::Json.as_str() => Some(TransferFormat::Json),
        _ => None,
    };
    Ok(parsed(query, "format", named)?.unwrap_or(TransferFormat::Json))
}

fn of_rows(faults: &[RowError]) -> Problem {
    let told = |one: &RowError| FieldError {
        field: one.field.as_str(),
        detail: one.to_string(),
        chinese: format!("第 {} 行 `{}`：{}", one.line, one.field.as_str(), row_chinese(&one.fault)),
    };
    Problem::of_fields(faults.iter().map(told).collect())
        .with_hint("nothing was stored; mend these and import the document again")
        .with_chinese_hint("没有导入任何内容；请修改后重新导入")
}

fn row_chinese(fault: &RowFault) -> String {
    match fault {
        RowFault::Field(fault) => entry_problem::chinese(fault),
        RowFault::YesNo => "应为 `是` 或 `否`".to_owned(),
        RowFault::Text => "应为文本".to_owned(),
        RowFault::Id => "不是条目的 id".to_owned(),
        RowFault::Unknown => "没有这个 id 的条目；新增时请留空".to_owned(),
        RowFault::Exists(id) => format!("条目 {id} 的名字和镜像与此相同；如需修改请填写其 id"),
        RowFault::Twice(line) => format!("与第 {line} 行重复"),
    }
}

fn of_document(fault: DocumentFault) -> Problem {
    let chinese = match &fault {
        DocumentFault::Encoding => "文件不是 UTF-8 编码".to_owned(),
        DocumentFault::Empty => "文件中没有条目".to_owned(),
        DocumentFault::Quote(line) => format!("第 {line} 行的引号没有闭合"),
        DocumentFault::Cells(line) => format!("第 {line} 行的单元格多于表头"),
        DocumentFault::Column(name) => format!("没有名为 `{name}` 的列"),
        DocumentFault::Twice(name) => format!("列 `{name}` 出现了两次"),
        DocumentFault::NoAddress => "缺少列 `地址`".to_owned(),
        DocumentFault::Json(position) => format!("文件不是条目列表（{position}）"),
        DocumentFault::Many => "条目过多".to_owned(),
    };
    Problem::bad(fault.to_string())
        .with_hint("an example is what `entrepot library export` writes")
        .in_chinese(chinese)
        .with_chinese_hint("格式可参考 `entrepot library export` 的输出")
}
