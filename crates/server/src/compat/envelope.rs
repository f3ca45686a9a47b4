//! `{code, data, msg}`: 0 for what was done, 7 for what was not, and HTTP 200 for both; 401 for those without a login.

use entrepot_library::EntryError;
use http::{HeaderMap, HeaderValue, Response, StatusCode, header};
use serde::Serialize;

use crate::{answer, body::Body, pages::words::Language, sync::problem::Problem};

const DONE: u8 = 0;
const NOT_DONE: u8 = 7;
const JSON: HeaderValue = HeaderValue::from_static("application/json; charset=utf-8");

#[derive(Serialize)]
struct Envelope<T> {
    code: u8,
    data: T,
    msg: String,
}

/// `{}`, where there is nothing to tell.
#[derive(Serialize)]
pub(super) struct EmptyData {}

/// Why something was not done.
pub(super) enum CallFailure {
    /// The caller is not logged in.
    NoLogin,
    /// The caller may not.
    Forbidden,
    /// Anything else.
    Problem(Box<Problem>),
}

impl From<Problem> for CallFailure {
    fn from(problem: Problem) -> Self {
        match problem.status {
            StatusCode::UNAUTHORIZED => Self::NoLogin,
            StatusCode::FORBIDDEN => Self::Forbidden,
            _ => Self::Problem(Box::new(problem)),
        }
    }
}

impl From<EntryError> for CallFailure {
    fn from(error: EntryError) -> Self {
        Problem::from(error).into()
    }
}

/// What a call says when it is done, and what it says before the reason when it is not.
pub(super) struct CallMessages {
    pub(super) done: &'static str,
    pub(super) failed: &'static str,
}

/// The language of the answer: these front ends are Chinese, unless they ask for English.
pub(super) fn language(headers: &HeaderMap) -> Language {
    match headers.contains_key(header::ACCEPT_LANGUAGE) {
        true => Language::of("", headers),
        false => Language::Chinese,
    }
}

/// The answer.
pub(super) fn answered<T: Serialize>(
    outcome: Result<T, CallFailure>,
    messages: &CallMessages,
    language: Language,
) -> Response<Body> {
    let is_chinese = language == Language::Chinese;
    let failed =
        |status, text: String| written(status, &Envelope { code: NOT_DONE, data: EmptyData {}, msg: text });
    match outcome {
        Ok(data) => written(StatusCode::OK, &Envelope { code: DONE, data, msg: messages.done.to_owned() }),
        Err(CallFailure::NoLogin) => {
            let text = if is_chinese { "未登录或非法访问，请登录" } else { "this needs a login" };
            let data = serde_json::Value::Null;
            written(StatusCode::UNAUTHORIZED, &Envelope { code: NOT_DONE, data, msg: text.to_owned() })
        }
        Err(CallFailure::Forbidden) => {
            let text = if is_chinese { "权限不足" } else { "you may not do this" };
            failed(StatusCode::OK, text.to_owned())
        }
        Err(CallFailure::Problem(problem)) => {
            let text = problem.message_in(language);
            failed(StatusCode::OK, if is_chinese { format!("{}:{text}", messages.failed) } else { text })
        }
    }
}

fn written<T: Serialize>(status: StatusCode, envelope: &Envelope<T>) -> Response<Body> {
    let mut response = answer::json(envelope, JSON);
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    response
}
