//! Changes that count only if nothing has changed since (RFC 9110 §13.1.1). Pure.

use http::{HeaderMap, HeaderValue, Response, StatusCode, header};

use crate::{
    answer,
    body::Body,
    headers::{self, JSON},
    sync::problem::Problem,
};

/// The revision that a change is meant for, by `If-Match`; `None` means any.
///
/// # Errors
/// The header names none of ours, so nothing can have that state: `412`.
pub(crate) fn expected(headers: &HeaderMap) -> Result<Option<i64>, Problem> {
    let Some(value) = headers.get(header::IF_MATCH) else { return Ok(None) };
    let text = value.to_str().unwrap_or_default().trim();
    if text == "*" {
        return Ok(None);
    }
    // A weak tag never matches, and a thing has one revision.
    let revision = text.strip_prefix('"').and_then(|text| text.strip_suffix('"'));
    revision.and_then(|text| text.parse().ok()).map(Some).ok_or_else(stale)
}

/// Makes the response that describes a thing, with its revision as `ETag`.
pub(crate) fn described<T: serde::Serialize>(value: &T, revision: i64, status: StatusCode) -> Response<Body> {
    let mut response = answer::json(value, JSON);
    *response.status_mut() = status;
    response.headers_mut().insert(header::ETAG, tag(revision));
    response
}

// The revision as `ETag` has it.
fn tag(revision: i64) -> HeaderValue {
    headers::value(format!("\"{revision}\""))
}

/// It is not the state that the change was meant for.
pub(crate) fn stale() -> Problem {
    Problem::new(http::StatusCode::PRECONDITION_FAILED, "it was changed since you looked at it")
        .with_hint("read it again, and send the change with the `ETag` that it has now")
        .in_chinese("读取之后它已被修改")
        .with_chinese_hint("请重新读取，再用新的 `ETag` 提交修改")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(value: Option<&str>) -> Result<Option<i64>, u16> {
        let pairs = value.map(|value| (header::IF_MATCH, HeaderValue::from_str(value).unwrap()));
        expected(&HeaderMap::from_iter(pairs)).map_err(|problem| problem.status.as_u16())
    }

    #[test]
    fn a_revision_is_read_back() {
        assert_eq!(of(Some(tag(7).to_str().unwrap())), Ok(Some(7)));
        assert_eq!((of(None), of(Some("*"))), (Ok(None), Ok(None)));
        for other in ["7", "W/\"7\"", "\"x\"", "", "\"7\", \"8\""] {
            assert_eq!(of(Some(other)), Err(412), "{other}");
        }
    }
}
