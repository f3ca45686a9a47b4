//! Answers, and bodies that take their time.

use std::{io, pin::Pin};

use bytes::Bytes;
use futures_util::{Stream, StreamExt as _, stream};
use http::{Response, StatusCode, header};
use http_body_util::{BodyExt as _, Full, StreamBody, combinators::UnsyncBoxBody};
use hyper::body::Frame;
use serde_json::{Value, json};

use super::dialect::Dialect;

pub(crate) type Chunks = Pin<Box<dyn Stream<Item = io::Result<Bytes>> + Send>>;
pub(crate) type ReplyBody = UnsyncBoxBody<Bytes, io::Error>;

/// An answer before it is sent.
pub(crate) struct Reply {
    pub(crate) status: StatusCode,
    pub(crate) content_type: &'static str,
    pub(crate) body: ReplyContent,
    /// The head is not sent before there is a body.
    pub(crate) is_late: bool,
}

/// What is sent.
pub(crate) enum ReplyContent {
    Whole(Bytes),
    Stream(Chunks),
}

impl Reply {
    pub(crate) fn json(status: u16, value: &Value) -> Self {
        let mut text = value.to_string();
        text.push('\n');
        Self::new(status, "application/json", text)
    }

    pub(crate) fn ok(value: &Value) -> Self {
        Self::json(200, value)
    }

    pub(crate) fn empty(status: u16) -> Self {
        Self::new(status, "", "")
    }

    pub(crate) fn new(status: u16, content_type: &'static str, body: impl Into<Bytes>) -> Self {
        let status = StatusCode::from_u16(status).unwrap();
        Self { status, content_type, body: ReplyContent::Whole(body.into()), is_late: false }
    }

    pub(crate) fn stream(content_type: &'static str, chunks: Chunks) -> Self {
        Self { status: StatusCode::OK, content_type, body: ReplyContent::Stream(chunks), is_late: false }
    }

    pub(crate) fn late(content_type: &'static str, chunks: Chunks, is_late: bool) -> Self {
        Self { is_late, ..Self::stream(content_type, chunks) }
    }

    /// Waits for the beginning of the body, if it is late.
    pub(crate) async fn ready(self) -> Self {
        match self.body {
            ReplyContent::Stream(mut chunks) if self.is_late => {
                let first = stream::iter(chunks.next().await);
                Self { body: ReplyContent::Stream(Box::pin(first.chain(chunks))), ..self }
            }
            body => Self { body, ..self },
        }
    }

    /// An error in the form of the engine.
    pub(crate) fn error(dialect: Dialect, status: u16, message: &str) -> Self {
        let body = match dialect.is_podman() {
            true => json!({"cause": message, "message": message, "response": status}),
            false => json!({"message": message}),
        };
        Self::json(status, &body)
    }

    pub(crate) fn into_chunks(self) -> Chunks {
        match self.body {
            ReplyContent::Whole(bytes) => Box::pin(stream::once(async { Ok(bytes) })),
            ReplyContent::Stream(chunks) => chunks,
        }
    }

    pub(crate) fn into_response(self) -> Response<ReplyBody> {
        let body = match self.body {
            ReplyContent::Whole(bytes) => Full::new(bytes).map_err(|never| match never {}).boxed_unsync(),
            ReplyContent::Stream(chunks) => http_body_util::BodyExt::boxed_unsync(StreamBody::new(
                chunks.map(|data| data.map(Frame::data)),
            )),
        };
        let mut response = Response::new(body);
        *response.status_mut() = self.status;
        if !self.content_type.is_empty() {
            response.headers_mut().insert(header::CONTENT_TYPE, self.content_type.parse().unwrap());
        }
        response
    }
}
