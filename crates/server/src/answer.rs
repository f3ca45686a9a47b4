//! Builders of responses: documents, refusals, and responses without a body.

use std::error::Error;

use entrepot_oci::ErrorBody;
use http::{HeaderValue, Response, StatusCode, header};
use http_body::Body as _;

use crate::{body::Body, error::Refusal, headers::JSON, ids::RequestId};

/// Turns a refusal into a response. Server errors are logged; the body carries the request id to ask about.
pub(crate) fn refuse(refusal: Refusal, id: &RequestId) -> Response<Body> {
    let Refusal { status, code, message, headers, cause } = refusal;
    let message = if status.is_server_error() {
        let cause = cause.map(|cause| chain(&*cause));
        tracing::warn!(request = id.as_str(), %status, cause, "{message}");
        format!("{message} (request {})", id.as_str())
    } else {
        message
    };
    let mut response = Response::new(Body::bytes(ErrorBody::new(code, message).to_json()));
    *response.status_mut() = status;
    let to = response.headers_mut();
    to.insert(header::CONTENT_TYPE, JSON);
    for (name, value) in headers {
        to.append(name, value);
    }
    response
}

// The error and its chain of sources.
fn chain(cause: &(dyn Error + 'static)) -> String {
    let causes = std::iter::successors(Some(cause), |&cause| cause.source());
    causes.map(ToString::to_string).collect::<Vec<_>>().join(": ")
}

/// Removes the body: the headers of a `HEAD` are those of the `GET`, with its length (RFC 9110 §9.3.2).
pub(crate) fn without_body(response: Response<Body>) -> Response<Body> {
    let (mut head, body) = response.into_parts();
    let has_content = !matches!(head.status, StatusCode::NO_CONTENT | StatusCode::NOT_MODIFIED);
    let length = body.size_hint().exact().filter(|_| has_content);
    if let (Some(length), header::Entry::Vacant(entry)) = (length, head.headers.entry(header::CONTENT_LENGTH))
    {
        entry.insert(length.into());
    }
    Response::from_parts(head, Body::empty())
}

/// Makes a response with capacity for its headers.
pub(crate) fn respond(status: StatusCode, body: Body) -> Response<Body> {
    let mut response = Response::new(body);
    *response.status_mut() = status;
    *response.headers_mut() = http::HeaderMap::with_capacity(12);
    response
}

/// Makes a response without a body.
pub(crate) fn empty(status: StatusCode) -> Response<Body> {
    respond(status, Body::empty())
}

/// Makes a response with a JSON document.
pub(crate) fn json<T: serde::Serialize>(value: &T, media_type: HeaderValue) -> Response<Body> {
    // Structs of strings and numbers always serialize.
    let mut response = respond(StatusCode::OK, Body::bytes(serde_json::to_vec(value).unwrap_or_default()));
    response.headers_mut().insert(header::CONTENT_TYPE, media_type);
    response
}

/// Makes the response of a JSON API to something that was created, which it describes.
pub(crate) fn created<T: serde::Serialize>(value: &T) -> Response<Body> {
    let mut response = json(value, JSON);
    *response.status_mut() = StatusCode::CREATED;
    response
}

#[cfg(test)]
mod tests {
    use std::io;

    use entrepot_oci::ErrorCode;
    use entrepot_testkit::CapturedOutput;
    use http::HeaderMap;
    use http_body_util::BodyExt;

    use super::*;

    #[derive(Debug, thiserror::Error)]
    #[error("the accounts cannot be looked up")]
    struct Lookup(#[source] io::Error);

    // R01
    #[test]
    fn a_length_that_is_not_known_is_not_said() {
        let length =
            |body| without_body(respond(StatusCode::OK, body)).headers().get(header::CONTENT_LENGTH).cloned();
        assert_eq!(length(Body::unknown()), None);
        assert_eq!(length(Body::empty()).unwrap(), "0");
        assert_eq!(length(Body::bytes("four")).unwrap(), "4");
    }

    #[tokio::test]
    async fn a_refusal_has_all_its_headers_and_only_the_log_has_its_cause() {
        let (log, id) = (CapturedOutput::default(), RequestId::of(&HeaderMap::new()));
        let writer = log.clone();
        let subscriber = tracing_subscriber::fmt().with_writer(move || writer.clone()).finish();
        let (bearer, basic) = ("Bearer realm=\"https://m.test/token\"", "Basic realm=\"m.test\"");
        let response = tracing::subscriber::with_default(subscriber, || {
            let refusal = Refusal::new(StatusCode::SERVICE_UNAVAILABLE, ErrorCode::Unauthorized, "not now")
                .with(header::WWW_AUTHENTICATE, HeaderValue::from_static(bearer))
                .with(header::WWW_AUTHENTICATE, HeaderValue::from_static(basic))
                .with(header::RETRY_AFTER, 7_u64)
                .because(Lookup(io::Error::other("password `hunter2` is wrong")));
            refuse(refusal, &id)
        });
        let (head, body) = response.into_parts();
        let challenges: Vec<_> = head.headers.get_all(header::WWW_AUTHENTICATE).iter().collect();
        assert_eq!(challenges, [bearer, basic]);
        assert_eq!(head.headers[header::RETRY_AFTER], "7");
        let body = String::from_utf8(body.collect().await.unwrap().to_bytes().to_vec()).unwrap();
        assert!(
            body.contains("not now") && !body.contains("hunter2") && !body.contains("accounts"),
            "{body}"
        );
        let told = log.text();
        assert!(told.contains("the accounts cannot be looked up: password `hunter2` is wrong"), "{told}");
    }
}
