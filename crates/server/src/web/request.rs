//! What handlers of the JSON API read from a request.

use axum::{
    body::Body as RequestBody,
    extract::{Path, rejection::PathRejection},
};
use bytes::Bytes;
use http::StatusCode;
use http_body_util::{BodyExt, LengthLimitError, Limited};
use serde::de::DeserializeOwned;

use crate::{query, sync::problem::Problem};

/// The largest request body, in bytes.
const MAX_BODY: usize = 4 << 10;
/// Default and maximum number of entries per page.
const USUAL: usize = 100;
const MOST: usize = 1000;

/// A path parameter; it may be invalid UTF-8.
pub(crate) type Segment = Result<Path<String>, PathRejection>;

/// Reads a request body, which is a small document.
pub(crate) async fn read(body: RequestBody) -> Result<Bytes, Problem> {
    read_up_to(body, MAX_BODY).await
}

/// Reads a request body of at most so many bytes.
pub(crate) async fn read_up_to(body: RequestBody, most: usize) -> Result<Bytes, Problem> {
    match Limited::new(body, most).collect().await {
        Ok(body) => Ok(body.to_bytes()),
        Err(error) if error.is::<LengthLimitError>() => {
            Err(Problem::new(StatusCode::PAYLOAD_TOO_LARGE, format!("the body is larger than {most} bytes")))
        }
        Err(_) => Err(Problem::bad("the body broke off")),
    }
}

/// The number of entries that a page may have, by the query's `n`.
pub(crate) fn limit(query: &str) -> Result<usize, Problem> {
    let Some(text) = query::find(query, "n") else { return Ok(USUAL) };
    let wanted = text.parse::<usize>().ok().filter(|n| (1..=MOST).contains(n));
    wanted.ok_or_else(|| {
        Problem::bad(format!("`n` must be a number from 1 to {MOST}"))
            .about("n")
            .in_chinese(format!("`n` 应为 1 到 {MOST} 的数字"))
    })
}

/// Reads a request body as a document of this form.
pub(crate) async fn document<T: DeserializeOwned>(body: RequestBody) -> Result<T, Problem> {
    document_up_to(body, MAX_BODY).await
}

/// Reads a request body of at most so many bytes as a document of this form.
pub(crate) async fn document_up_to<T: DeserializeOwned>(
    body: RequestBody,
    most: usize,
) -> Result<T, Problem> {
    parse(&read_up_to(body, most).await?)
}

/// Reads a document, which may hold a secret.
pub(crate) fn parse<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, Problem> {
    // The position, and never the text, which may hold a password.
    serde_json::from_slice(bytes).map_err(|error| {
        let at = (error.line(), error.column());
        let (what, chinese) = match error.classify() {
            serde_json::error::Category::Data => {
                ("the body has other fields than it should", "请求体中的字段不符")
            }
            _ => ("the body is not JSON", "请求体不是 JSON"),
        };
        Problem::bad(format!("{what} (line {}, column {})", at.0, at.1))
            .with_hint("see `/api/v1/openapi.json`")
            .in_chinese(format!("{chinese}（第 {} 行，第 {} 列）", at.0, at.1))
            .with_chinese_hint("格式见 `/api/v1/openapi.json`")
    })
}

/// A parameter of the query, read by `read`; `None` if it is left out.
pub(crate) fn parsed<T>(
    query: &str,
    key: &'static str,
    read: impl FnOnce(&str) -> Option<T>,
) -> Result<Option<T>, Problem> {
    let Some(text) = query::find(query, key) else { return Ok(None) };
    read(&text).map(Some).ok_or_else(|| {
        Problem::bad(format!("`{key}` is not one"))
            .about(key)
            .with_hint("see `/api/v1/openapi.json`")
            .in_chinese(format!("`{key}` 的值有误"))
            .with_chinese_hint("格式见 `/api/v1/openapi.json`")
    })
}

/// The problem of a request that says something wrong.
pub(crate) fn wrong(error: impl std::error::Error) -> Problem {
    Problem::bad(error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_are_bounded() {
        assert_eq!(limit("").unwrap(), USUAL);
        assert_eq!(limit("n=7&x").unwrap(), 7);
        for wrong in ["n=0", "n=1001", "n=x", "n=-1"] {
            assert!(limit(wrong).is_err(), "{wrong}");
        }
    }
}
