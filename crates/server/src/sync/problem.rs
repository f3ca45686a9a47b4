//! Error responses (RFC 9457): a fact and, where there is one, a hint.

use std::borrow::Cow;

use axum::{extract::rejection::PathRejection, response::IntoResponse};
use entrepot_api::ProblemCode;
use entrepot_mirror::Error as MirrorError;
use entrepot_scheduler::Error;
use http::{HeaderValue, Response, StatusCode, header};

use crate::{
    admission::AdmissionDenial,
    answer,
    body::Body,
    error::{RETRY, Refusal},
    headers,
    pages::words::Language,
};

const PROBLEM: HeaderValue = HeaderValue::from_static("application/problem+json");

/// An error response. Its texts are in both languages where a person meets them; the router answers in the client's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Problem {
    pub(crate) status: StatusCode,
    pub(crate) code: ProblemCode,
    /// The field of the body or query that is wrong.
    pub(crate) field: Option<&'static str>,
    pub(crate) detail: String,
    pub(crate) hint: Option<String>,
    /// The texts in 中文.
    chinese: Option<ProblemTexts>,
    /// All fields that are wrong, where several are told at once.
    errors: Vec<FieldError>,
    /// What may have been meant instead.
    suggestions: Vec<String>,
    /// The methods that the address allows, for a wrong method.
    pub(crate) allow: Option<String>,
    /// When to ask again, in seconds.
    retry_after: Option<u64>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct ProblemTexts {
    detail: String,
    hint: Option<String>,
}

/// A field that is wrong, and why, in both languages.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct FieldError {
    pub(crate) field: &'static str,
    pub(crate) detail: String,
    pub(crate) chinese: String,
}

impl Problem {
    /// Several fields are wrong. The first one is the problem's own, for those who read only that.
    pub(crate) fn of_fields(errors: Vec<FieldError>) -> Self {
        let joined = |text: fn(&FieldError) -> &str, between: &str| {
            errors.iter().map(text).collect::<Vec<_>>().join(between)
        };
        let problem = Self::bad(joined(|error| &error.detail, "; "));
        let problem = problem.in_chinese(joined(|error| &error.chinese, "；"));
        match errors.first() {
            Some(first) => Self { errors: errors.clone(), ..problem.about(first.field) },
            None => problem,
        }
    }

    pub(crate) fn new(status: StatusCode, detail: impl Into<String>) -> Self {
        let retry_after = (status == StatusCode::SERVICE_UNAVAILABLE).then_some(RETRY);
        Self {
            status,
            code: code_of(status),
            field: None,
            detail: detail.into(),
            hint: None,
            chinese: None,
            errors: Vec::new(),
            suggestions: Vec::new(),
            allow: None,
            retry_after,
        }
    }

    pub(crate) fn with_hint(self, hint: impl Into<String>) -> Self {
        Self { hint: Some(hint.into()), ..self }
    }

    /// Says more exactly what kind of problem it is.
    pub(crate) fn coded(self, code: ProblemCode) -> Self {
        Self { code, ..self }
    }

    /// Names the field that is wrong.
    pub(crate) fn about(self, field: &'static str) -> Self {
        Self { field: Some(field), code: ProblemCode::BadField, ..self }
    }

    /// The fact in 中文.
    pub(crate) fn in_chinese(self, detail: impl Into<String>) -> Self {
        Self { chinese: Some(ProblemTexts { detail: detail.into(), hint: None }), ..self }
    }

    /// The hint in 中文, after the fact.
    pub(crate) fn with_chinese_hint(self, hint: impl Into<String>) -> Self {
        let chinese = self.chinese.map(|texts| ProblemTexts { hint: Some(hint.into()), ..texts });
        Self { chinese, ..self }
    }

    /// Says what may have been meant instead.
    pub(crate) fn suggesting(self, suggestions: Vec<String>) -> Self {
        Self { suggestions, ..self }
    }

    /// What may have been meant instead.
    pub(crate) fn suggestions(&self) -> &[String] {
        &self.suggestions
    }

    /// Says when to ask again.
    pub(crate) fn after(self, seconds: u64) -> Self {
        Self { retry_after: Some(seconds.max(1)), ..self }
    }

    pub(crate) fn bad(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, detail)
    }

    pub(crate) fn not_found() -> Self {
        Self::new(StatusCode::NOT_FOUND, "there is no such address")
            .with_hint("what there is: `/api/v1/openapi.json`")
            .in_chinese("没有这个地址")
            .with_chinese_hint("所有地址见 `/api/v1/openapi.json`")
    }

    pub(crate) fn method(allowed: impl Into<String>) -> Self {
        let allowed = allowed.into();
        let problem =
            Self::new(StatusCode::METHOD_NOT_ALLOWED, format!("the method is not one of {allowed}"))
                .in_chinese(format!("此地址只支持 {allowed}"));
        Self { allow: Some(allowed), ..problem }
    }

    // Its texts in 中文: its own, else those of an error that told the fact.
    fn texts_in(&self, language: Language) -> Option<ProblemTexts> {
        if language == Language::English || self.chinese.is_some() {
            return self.chinese.clone().filter(|_| language == Language::Chinese);
        }
        let Cow::Owned(detail) = entrepot_chinese::said(&self.detail) else { return None };
        let hint = self.hint.as_deref().map(|hint| entrepot_chinese::said(hint).into_owned());
        Some(ProblemTexts { detail, hint })
    }

    /// The fact and the hint as one text, in this language as far as there are texts in it.
    pub(crate) fn message_in(&self, language: Language) -> String {
        let chinese = self.texts_in(language);
        let (detail, hint, between) = match &chinese {
            Some(texts) => (&texts.detail, &texts.hint, "；"),
            None => (&self.detail, &self.hint, "; "),
        };
        hint.as_ref().map_or_else(|| detail.clone(), |hint| format!("{detail}{between}{hint}"))
    }

    pub(crate) fn answer(&self) -> Response<Body> {
        self.answer_in(Language::English)
    }

    /// The response in this language, as far as there are texts in it.
    pub(crate) fn answer_in(&self, language: Language) -> Response<Body> {
        let english = self.status.canonical_reason().unwrap_or("Error");
        let texts = self.texts_in(language);
        let chinese = texts.as_ref();
        let document = entrepot_api::Problem {
            title: chinese.map_or(english, |_| title(self.code)).to_owned(),
            status: self.status.as_u16(),
            code: self.code,
            field: self.field.map(str::to_owned),
            detail: chinese.map_or(&self.detail, |texts| &texts.detail).clone(),
            hint: chinese.map_or(&self.hint, |texts| &texts.hint).clone(),
            errors: self.errors.iter().map(|error| error.told(chinese.is_some())).collect(),
            suggestions: self.suggestions.clone(),
        };
        let mut response = answer::json(&document, PROBLEM);
        *response.status_mut() = self.status;
        let headers = response.headers_mut();
        let spoken = chinese.map_or(Language::English, |_| Language::Chinese);
        headers.insert(header::CONTENT_LANGUAGE, HeaderValue::from_static(spoken.code()));
        headers.insert(header::VARY, HeaderValue::from_static("accept-language"));
        if self.status == StatusCode::UNAUTHORIZED {
            headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer realm=\"entrepot\""));
        }
        if let Some(seconds) = self.retry_after {
            headers.insert(header::RETRY_AFTER, seconds.into());
        }
        if let Some(allowed) = &self.allow {
            headers.insert(header::ALLOW, headers::value(allowed.clone()));
        }
        // The router answers again in the client's language.
        response.extensions_mut().insert(self.clone());
        response
    }
}

impl FieldError {
    fn told(&self, in_chinese: bool) -> entrepot_api::FieldProblem {
        let detail = if in_chinese { &self.chinese } else { &self.detail };
        entrepot_api::FieldProblem { field: self.field.to_owned(), detail: detail.clone() }
    }
}

fn code_of(status: StatusCode) -> ProblemCode {
    match status {
        StatusCode::UNAUTHORIZED => ProblemCode::LoginRequired,
        StatusCode::FORBIDDEN => ProblemCode::Forbidden,
        StatusCode::NOT_FOUND => ProblemCode::NotFound,
        StatusCode::METHOD_NOT_ALLOWED => ProblemCode::MethodNotAllowed,
        StatusCode::CONFLICT => ProblemCode::Conflict,
        StatusCode::PRECONDITION_FAILED => ProblemCode::Stale,
        StatusCode::PAYLOAD_TOO_LARGE => ProblemCode::TooLarge,
        StatusCode::MISDIRECTED_REQUEST => ProblemCode::Misdirected,
        StatusCode::TOO_MANY_REQUESTS => ProblemCode::Throttled,
        StatusCode::BAD_GATEWAY | StatusCode::SERVICE_UNAVAILABLE | StatusCode::GATEWAY_TIMEOUT => {
            ProblemCode::Unavailable
        }
        status if status.is_server_error() => ProblemCode::Failed,
        _ => ProblemCode::BadRequest,
    }
}

fn title(code: ProblemCode) -> &'static str {
    match code {
        ProblemCode::BadRequest => "请求有误",
        ProblemCode::BadField => "字段有误",
        ProblemCode::LoginRequired => "需要登录",
        ProblemCode::LoginRefused => "登录失败",
        ProblemCode::Forbidden => "没有权限",
        ProblemCode::NotFound => "不存在",
        ProblemCode::MethodNotAllowed => "方法不支持",
        ProblemCode::Exists => "已存在",
        ProblemCode::Conflict => "冲突",
        ProblemCode::Stale => "已被修改",
        ProblemCode::TooLarge => "内容过大",
        ProblemCode::Misdirected => "主机名不符",
        ProblemCode::Throttled => "请稍后再试",
        ProblemCode::Unavailable => "暂时不可用",
        ProblemCode::Failed => "服务器出错",
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> axum::response::Response {
        self.answer().into_response()
    }
}

/// A path segment that is not valid text.
impl From<PathRejection> for Problem {
    fn from(_: PathRejection) -> Self {
        Self::bad("the address is not one").with_hint("write its segments in UTF-8, percent-encoded")
    }
}

/// Errors of the mirror. Server errors are logged.
impl From<MirrorError> for Problem {
    fn from(error: MirrorError) -> Self {
        let is_unknown =
            matches!(error, MirrorError::RepositoryUnknown { .. } | MirrorError::ManifestUnknown { .. });
        let refusal: Refusal = error.into();
        let (status, message) = (refusal.status, &refusal.message);
        if status.is_server_error() {
            let cause = refusal.cause.as_ref().map(|cause| cause.to_string());
            tracing::warn!(%status, cause, "{message}");
        }
        let has_hint = message.contains("; hint: ");
        let problem = Self::from(refusal);
        if is_unknown && !has_hint {
            problem.with_hint("see what is held: `entrepot cache ls`")
        } else {
            problem
        }
    }
}

/// What the registry API refuses, for the JSON API.
impl From<Refusal> for Problem {
    fn from(Refusal { status, message, headers, .. }: Refusal) -> Self {
        let problem = match message.split_once("; hint: ") {
            Some((detail, hint)) => Self::new(status, detail).with_hint(hint),
            None => Self::new(status, message),
        };
        let after = headers.iter().find(|(name, _)| *name == header::RETRY_AFTER);
        match after.and_then(|(_, value)| value.to_str().ok()?.parse().ok()) {
            Some(seconds) => problem.after(seconds),
            None => problem,
        }
    }
}

impl From<AdmissionDenial> for Problem {
    fn from(denied: AdmissionDenial) -> Self {
        Self::new(denied.status(), denied.what()).with_hint(denied.hint())
    }
}

impl From<Error> for Problem {
    fn from(error: Error) -> Self {
        let text = error.to_string();
        match error {
            Error::UnknownRule(_) => {
                Self::new(StatusCode::NOT_FOUND, text).with_hint("all rules: `/api/v1/sync/rules`")
            }
            Error::UnknownRun(_) => Self::new(StatusCode::NOT_FOUND, text)
                .with_hint("the last ones of each rule are remembered: `/api/v1/sync/runs`"),
            Error::Ended(_) => Self::new(StatusCode::CONFLICT, text),
            Error::Busy { run, .. } => Self::new(StatusCode::CONFLICT, text).with_hint(format!(
                "wait for run `{run}`, or stop it: `POST /api/v1/sync/runs/{run}/cancel`"
            )),
            Error::NotItsSource { .. } => {
                Self::new(StatusCode::BAD_REQUEST, text).with_hint("its sources: `/api/v1/sync/rules`")
            }
            Error::NotItsTag { .. } => {
                Self::new(StatusCode::BAD_REQUEST, text).with_hint("look at `tags` of the rule")
            }
            Error::UnknownPrune(_) => Self::new(StatusCode::NOT_FOUND, text)
                .with_hint("see what there is: `entrepot sync prune ls`"),
            Error::PruneDecided { .. } => Self::new(StatusCode::CONFLICT, text)
                .with_hint("see what came of it: `entrepot sync prune show ID`"),
            Error::PruneExpired(_) => {
                Self::new(StatusCode::CONFLICT, text).with_hint("run the rule: that makes a new list")
            }
            Error::PruneChanged(_) => Self::new(StatusCode::CONFLICT, text)
                .with_hint("look at it, and give its `digest`: `entrepot sync prune show ID`"),
            Error::LockLost | Error::Stopping => {
                Self::new(StatusCode::SERVICE_UNAVAILABLE, text).with_hint("try again later")
            }
            Error::Catalog(cause) => {
                tracing::warn!(%cause, "what is remembered of syncs cannot be looked up");
                Self::new(StatusCode::SERVICE_UNAVAILABLE, "what is remembered cannot be looked up")
                    .with_hint("the server's log says more")
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use http_body_util::BodyExt;

    use super::*;

    #[tokio::test]
    async fn a_fact_and_a_way_out() {
        let response = Problem::from(Error::UnknownRule("x".into())).answer();
        assert_eq!(response.status(), 404);
        assert_eq!(response.headers()["content-type"], "application/problem+json");
        let body = response.into_body().collect().await.unwrap().to_bytes();
        assert_eq!(
            body,
            r#"{"title":"Not Found","status":404,"code":"not-found","detail":"there is no rule `x`","hint":"all rules: `/api/v1/sync/rules`"}"#
        );
        let chinese = Problem::from(Error::UnknownRule("x".into())).answer_in(Language::Chinese);
        assert_eq!(
            chinese.into_body().collect().await.unwrap().to_bytes(),
            r#"{"title":"不存在","status":404,"code":"not-found","detail":"没有规则 `x`","hint":"全部规则：`/api/v1/sync/rules`"}"#
        );
        let body =
            Problem::not_found().answer_in(Language::Chinese).into_body().collect().await.unwrap().to_bytes();
        assert_eq!(
            body,
            r#"{"title":"不存在","status":404,"code":"not-found","detail":"没有这个地址","hint":"所有地址见 `/api/v1/openapi.json`"}"#
        );
        let response = Problem::method("POST").answer();
        assert_eq!(
            (response.status().as_u16(), &response.headers()["allow"]),
            (405, &"POST".parse().unwrap())
        );
    }
}
