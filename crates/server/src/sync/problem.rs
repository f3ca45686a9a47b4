//! Error responses (RFC 9457): a fact and, where there is one, a hint.

use axum::{extract::rejection::PathRejection, response::IntoResponse};
use entrepot_mirror::Error as MirrorError;
use entrepot_scheduler::Error;
use http::{HeaderValue, Response, StatusCode, header};

use crate::{
    admission::Denied,
    answer,
    body::Body,
    error::{RETRY, Refusal},
    headers,
};

const PROBLEM: HeaderValue = HeaderValue::from_static("application/problem+json");

/// An error response.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Problem {
    pub(crate) status: StatusCode,
    pub(crate) detail: String,
    pub(crate) hint: Option<String>,
    /// The methods that the address allows, for a wrong method.
    pub(crate) allow: Option<String>,
}

impl Problem {
    pub(crate) fn new(status: StatusCode, detail: impl Into<String>) -> Self {
        Self { status, detail: detail.into(), hint: None, allow: None }
    }

    pub(crate) fn with_hint(self, hint: impl Into<String>) -> Self {
        Self { hint: Some(hint.into()), ..self }
    }

    pub(crate) fn bad(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, detail)
    }

    pub(crate) fn not_found() -> Self {
        let hint = "what there is: `/api/v1/sync/rules`, `…/runs`, `…/state`, `…/events`";
        Self::new(StatusCode::NOT_FOUND, "there is no such address").with_hint(hint)
    }

    pub(crate) fn method(allowed: impl Into<String>) -> Self {
        let allowed = allowed.into();
        let problem =
            Self::new(StatusCode::METHOD_NOT_ALLOWED, format!("the method is not one of {allowed}"));
        Self { allow: Some(allowed), ..problem }
    }

    pub(crate) fn answer(&self) -> Response<Body> {
        let document = entrepot_api::Problem {
            title: self.status.canonical_reason().unwrap_or("Error").to_owned(),
            status: self.status.as_u16(),
            detail: self.detail.clone(),
            hint: self.hint.clone(),
        };
        let mut response = answer::json(&document, PROBLEM);
        *response.status_mut() = self.status;
        let headers = response.headers_mut();
        if self.status == StatusCode::UNAUTHORIZED {
            headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer realm=\"entrepot\""));
        }
        if self.status == StatusCode::SERVICE_UNAVAILABLE {
            headers.insert(header::RETRY_AFTER, RETRY.into());
        }
        if let Some(allowed) = &self.allow {
            headers.insert(header::ALLOW, headers::value(allowed.clone()));
        }
        response
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
        let Refusal { status, message, cause, .. } = error.into();
        if status.is_server_error() {
            let cause = cause.map(|cause| cause.to_string());
            tracing::warn!(%status, cause, "{message}");
        }
        match message.split_once("; hint: ") {
            Some((detail, hint)) => Self::new(status, detail).with_hint(hint),
            None if is_unknown => {
                Self::new(status, message).with_hint("see what is held: `entrepot cache ls`")
            }
            None => Self::new(status, message),
        }
    }
}

impl From<Denied> for Problem {
    fn from(denied: Denied) -> Self {
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
            r#"{"title":"Not Found","status":404,"detail":"there is no rule `x`","hint":"all rules: `/api/v1/sync/rules`"}"#
        );
        let response = Problem::method("POST").answer();
        assert_eq!(
            (response.status().as_u16(), &response.headers()["allow"]),
            (405, &"POST".parse().unwrap())
        );
    }
}
