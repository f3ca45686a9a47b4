//! What is refused, as RFC 9457 has it: a fact and, where there is one, a way out.

use entrepot_scheduler::Error;
use http::{HeaderValue, Response, StatusCode, header};
use serde::Serialize;

use crate::{admission::Denied, answer, body::Body};

const PROBLEM: HeaderValue = HeaderValue::from_static("application/problem+json");

/// An answer that says no.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Problem {
    pub(crate) status: StatusCode,
    pub(crate) detail: String,
    pub(crate) hint: Option<String>,
    /// The methods that the address has, where the method was the matter.
    pub(crate) allow: Option<&'static str>,
}

#[derive(Serialize)]
struct Document<'a> {
    title: &'a str,
    status: u16,
    detail: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    hint: Option<&'a str>,
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

    pub(crate) fn method(allowed: &'static str) -> Self {
        let problem =
            Self::new(StatusCode::METHOD_NOT_ALLOWED, format!("the method is not one of {allowed}"));
        Self { allow: Some(allowed), ..problem }
    }

    pub(crate) fn answer(&self) -> Response<Body> {
        let document = Document {
            title: self.status.canonical_reason().unwrap_or("Error"),
            status: self.status.as_u16(),
            detail: &self.detail,
            hint: self.hint.as_deref(),
        };
        let mut response = answer::json(&document, PROBLEM);
        *response.status_mut() = self.status;
        let headers = response.headers_mut();
        if self.status == StatusCode::UNAUTHORIZED {
            headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer realm=\"entrepot\""));
        }
        if let Some(allowed) = self.allow {
            headers.insert(header::ALLOW, HeaderValue::from_static(allowed));
        }
        response
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
