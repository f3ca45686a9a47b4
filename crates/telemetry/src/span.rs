//! Spans that have ended.

use std::time::SystemTime;

use crate::context::Context;

/// What a span is about.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum SpanKind {
    /// Something within.
    #[default]
    Internal,
    /// A request that was answered.
    Server,
    /// A request that was sent.
    Client,
}

/// The value of an attribute.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum AttributeValue {
    /// A text.
    Text(String),
    /// A number.
    Number(i64),
    /// A flag.
    Flag(bool),
}

/// A span.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Span {
    /// Its place in a trace.
    pub(crate) context: Context,
    /// The span above it.
    pub(crate) parent: Option<[u8; 8]>,
    /// What it is called.
    pub(crate) name: &'static str,
    /// What it is about.
    pub(crate) kind: SpanKind,
    /// When it began.
    pub(crate) start: SystemTime,
    /// When it ended, if that was before everything below it had; otherwise with the last of that.
    pub(crate) end: Option<SystemTime>,
    /// What is said about it.
    pub(crate) attributes: Vec<(&'static str, AttributeValue)>,
    /// What went wrong.
    pub(crate) error: Option<String>,
}
