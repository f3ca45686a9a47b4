//! The format of log lines: text for people, JSON for machines.
//!
//! Every request writes one, so a line is built in one pass in one buffer. Spans are not used, so none are shown.

use std::{
    cell::RefCell,
    fmt::{self, Write as _},
    io::Write as _,
    time::SystemTime,
};

use entrepot_oci::{is_hidden, printable_json};
use serde::Serialize;
use tracing::{
    Event, Level, Subscriber,
    field::{Field, Visit},
};
use tracing_log::NormalizeEvent as _;
use tracing_subscriber::{
    fmt::{FmtContext, FormatEvent, FormatFields, format::Writer},
    registry::LookupSpan,
};

use crate::config::LogFormat;

/// Formats events as lines.
pub(super) struct LineFormatter {
    pub(super) format: LogFormat,
    /// Colour the levels, for a terminal.
    pub(super) colour: bool,
}

impl<S, N> FormatEvent<S, N> for LineFormatter
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'a> FormatFields<'a> + 'static,
{
    fn format_event(
        &self,
        _: &FmtContext<'_, S, N>,
        mut writer: Writer<'_>,
        event: &Event<'_>,
    ) -> fmt::Result {
        match self.format {
            LogFormat::Text => text(&mut writer, event, self.colour),
            LogFormat::Json => json(&mut writer, event),
        }
    }
}

fn text(out: &mut Writer<'_>, event: &Event<'_>, colour: bool) -> fmt::Result {
    let normalized = event.normalized_metadata();
    let metadata = normalized.as_ref().unwrap_or_else(|| event.metadata());
    let level = *metadata.level();
    timestamp(out)?;
    match paint(level).filter(|_| colour) {
        Some(paint) => write!(out, " \u{1b}[{paint}m{:>5}\u{1b}[0m ", level.as_str())?,
        None => write!(out, " {:>5} ", level.as_str())?,
    }
    out.write_str(metadata.target())?;
    out.write_char(':')?;
    let mut fields = TextFields { out, failed: false };
    event.record(&mut fields);
    if fields.failed { Err(fmt::Error) } else { out.write_char('\n') }
}

fn paint(level: Level) -> Option<u8> {
    match level {
        Level::ERROR => Some(31),
        Level::WARN => Some(33),
        Level::INFO => Some(32),
        Level::DEBUG => Some(34),
        Level::TRACE => Some(35),
    }
}

/// Writes fields as ` name=value`; the message has no name.
struct TextFields<'a, 'w> {
    out: &'a mut Writer<'w>,
    failed: bool,
}

impl TextFields<'_, '_> {
    fn put(&mut self, field: &Field, value: fmt::Arguments<'_>) {
        if is_of_library(field) {
            return;
        }
        let named = match field.name() {
            "message" => self.out.write_char(' '),
            name => write!(self.out, " {name}="),
        };
        let put = named.and_then(|()| EscapingWriter(self.out).write_fmt(value));
        self.failed |= put.is_err();
    }
}

impl Visit for TextFields<'_, '_> {
    fn record_str(&mut self, field: &Field, value: &str) {
        let bare = !value.is_empty() && value.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'"');
        if bare || field.name() == "message" {
            self.put(field, format_args!("{value}"));
        } else {
            self.put(field, format_args!("{value:?}"));
        }
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.put(field, format_args!("{value:?}"));
    }
}

// Libraries that log by the crate `log` send where their source was when it was built.
fn is_of_library(field: &Field) -> bool {
    field.name().starts_with("log.")
}

/// Escapes line breaks and terminal control characters.
struct EscapingWriter<'a, 'w>(&'a mut Writer<'w>);

impl fmt::Write for EscapingWriter<'_, '_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        let mut rest = text;
        while let Some(at) = rest.find(is_hidden) {
            let (before, from) = rest.split_at(at);
            self.0.write_str(before)?;
            let mut characters = from.chars();
            if let Some(control) = characters.next() {
                write!(self.0, "{}", control.escape_default())?;
            }
            rest = characters.as_str();
        }
        self.0.write_str(rest)
    }
}

thread_local! {
    // Holds one line at a time; it is written out before the buffer is reused.
    static BUFFER: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
}

fn json(out: &mut Writer<'_>, event: &Event<'_>) -> fmt::Result {
    BUFFER.with_borrow_mut(|buffer| {
        buffer.clear();
        let mut fields = JsonFields(buffer);
        let normalized = event.normalized_metadata();
        let metadata = normalized.as_ref().unwrap_or_else(|| event.metadata());
        fields.put("level", metadata.level().as_str());
        fields.put("target", metadata.target());
        event.record(&mut fields);
        out.write_str("{\"timestamp\":\"")?;
        timestamp(out)?;
        out.write_char('"')?;
        out.write_str(&printable_json(std::str::from_utf8(buffer).map_err(|_| fmt::Error)?))?;
        out.write_str("}\n")
    })
}

/// Writes fields as `,"name":value`.
struct JsonFields<'a>(&'a mut Vec<u8>);

impl JsonFields<'_> {
    fn field(&mut self, field: &Field, value: impl Serialize) {
        if !is_of_library(field) {
            self.put(field.name(), value);
        }
    }

    fn put(&mut self, name: &str, value: impl Serialize) {
        // Cannot fail: the target is memory, and text and numbers always serialise.
        let _ = write!(self.0, ",\"{name}\":");
        let _ = serde_json::to_writer(&mut *self.0, &value);
    }
}

impl Visit for JsonFields<'_> {
    fn record_str(&mut self, field: &Field, value: &str) {
        self.field(field, value);
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.field(field, value);
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.field(field, value);
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.field(field, value);
    }

    fn record_f64(&mut self, field: &Field, value: f64) {
        self.field(field, value);
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.field(field, format_args!("{value:?}"));
    }
}

fn timestamp(out: &mut Writer<'_>) -> fmt::Result {
    write!(out, "{}", humantime::format_rfc3339_micros(SystemTime::now()))
}

#[cfg(test)]
mod tests {
    use std::io;

    use entrepot_testkit::CapturedOutput;

    use super::*;

    fn logged(format: LogFormat, colour: bool, log: impl FnOnce()) -> String {
        let sink = CapturedOutput::default();
        let writer = sink.clone();
        let subscriber = tracing_subscriber::fmt()
            .event_format(LineFormatter { format, colour })
            .with_writer(move || writer.clone())
            .finish();
        tracing::subscriber::with_default(subscriber, log);
        sink.text()
    }

    fn without_time(line: &str) -> &str {
        let (time, rest) = line.split_once(' ').unwrap();
        let shape: String = time.chars().map(|c| if c.is_ascii_digit() { '0' } else { c }).collect();
        assert_eq!(shape, "0000-00-00T00:00:00.000000Z");
        rest
    }

    #[test]
    fn text_is_one_line_that_a_terminal_does_not_obey() {
        let line = logged(LogFormat::Text, false, || {
            let error = io::Error::other("no\nroom\u{1b}[31m\u{202e}");
            tracing::warn!(target: "here", bytes = 7, path = "/v2/", agent = "a b", %error, "it {}", "broke");
        });
        assert_eq!(
            without_time(&line),
            " WARN here: it broke bytes=7 path=/v2/ agent=\"a b\" error=no\\nroom\\u{1b}[31m\\u{202e}\n"
        );
        let line = logged(LogFormat::Text, true, || tracing::info!(target: "here", "hello"));
        assert_eq!(without_time(&line), "\u{1b}[32m INFO\u{1b}[0m here: hello\n");
    }

    // What rustls and hyper say by the crate `log`.
    #[test]
    fn libraries_do_not_show_where_they_were_built() {
        for format in [LogFormat::Text, LogFormat::Json] {
            let line = logged(format, false, || {
                let record = tracing_log::log::Record::builder()
                    .args(format_args!("a frame"))
                    .level(tracing_log::log::Level::Warn)
                    .target("rustls::conn")
                    .module_path(Some("rustls::conn"))
                    .file(Some("/home/builder/registry/src/rustls/conn.rs"))
                    .line(Some(7))
                    .build();
                tracing_log::format_trace(&record).unwrap();
            });
            assert!(line.contains("a frame") && line.contains("rustls::conn"), "{line}");
            assert!(!line.contains("log.") && !line.contains("registry/src"), "{line}");
        }
    }

    #[test]
    fn json_has_every_field_in_its_own_type() {
        let line = logged(LogFormat::Json, false, || {
            let error = io::Error::other("no\n\"room\"\u{7f}\u{202e}");
            tracing::info!(target: "here", bytes = 7, done = true, path = "/v2/", %error, none = tracing::field::Empty, "hello");
        });
        assert_eq!(line.lines().count(), 1);
        assert!(!line.trim_end().contains(is_hidden));
        let event: serde_json::Value = serde_json::from_str(&line).unwrap();
        assert_eq!(event["timestamp"].as_str().unwrap().len(), 27);
        for (field, value) in [
            ("level", serde_json::json!("INFO")),
            ("target", "here".into()),
            ("message", "hello".into()),
            ("bytes", 7.into()),
            ("done", true.into()),
            ("path", "/v2/".into()),
            ("error", "no\n\"room\"\u{7f}\u{202e}".into()),
        ] {
            assert_eq!(event[field], value, "{field}");
        }
    }
}
