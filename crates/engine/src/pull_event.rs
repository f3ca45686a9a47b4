//! What an engine says while it pulls, in the words of three dialects.

use serde::Deserialize;

use crate::{
    message::Message,
    pull_failure::{PullFailure, classify},
};

/// What an engine says while it pulls.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PullEvent {
    /// About a layer, or another part of the image.
    Layer {
        /// What the engine calls it: the beginning of its digest.
        id: String,
        /// What happens to it.
        step: LayerStep,
    },
    /// Something about the whole pull.
    Note(Message),
}

/// What happens to a layer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LayerStep {
    /// It is known, and nothing has happened yet.
    Waiting,
    /// It arrives.
    Downloading {
        /// Bytes that are there.
        current: u64,
        /// Bytes of the whole, where the engine says so.
        total: Option<u64>,
    },
    /// It is there, and compared with its digest.
    Verifying,
    /// All its bytes are there.
    Downloaded,
    /// It is unpacked. Some engines count bytes, some count seconds, and some say nothing.
    Extracting,
    /// It is unpacked.
    Done,
    /// It was there before.
    Existed,
    /// The download failed, and is tried again.
    Retrying,
}

#[derive(Deserialize)]
struct PullLine {
    #[serde(default)]
    status: Option<String>,
    #[serde(default)]
    id: Option<String>,
    #[serde(default, rename = "progressDetail")]
    detail: Option<Detail>,
    #[serde(default)]
    error: Option<String>,
    #[serde(default, rename = "errorDetail")]
    error_detail: Option<ErrorDetail>,
    // Podman's own API and some of its errors.
    #[serde(default)]
    cause: Option<String>,
    #[serde(default)]
    message: Option<String>,
}

#[derive(Default, Deserialize)]
struct Detail {
    #[serde(default)]
    current: Option<i64>,
    #[serde(default)]
    total: Option<i64>,
    // Seconds, where it is `s`; bytes otherwise.
    #[serde(default)]
    units: Option<String>,
}

#[derive(Deserialize)]
struct ErrorDetail {
    #[serde(default)]
    message: String,
}

/// Reads a line. What means nothing here is `Ok(None)`.
pub(crate) fn read(line: &[u8]) -> Result<Option<PullEvent>, PullFailure> {
    let Ok(line) = serde_json::from_slice::<PullLine>(line) else {
        return Err(PullFailure::not_understood(line));
    };
    if let Some(error) = line.error_detail.map(|detail| detail.message).or(line.error) {
        return Err(classify(&error));
    }
    let Some(status) = line.status else {
        return match line.message.or(line.cause) {
            Some(error) => Err(classify(&error)),
            None => Ok(None),
        };
    };
    let step = step(&status, line.detail.unwrap_or_default());
    Ok(Some(match (line.id.filter(|id| !id.is_empty()), step) {
        (Some(id), Some(step)) => PullEvent::Layer { id: Message::new(&id).as_str().to_owned(), step },
        _ => PullEvent::Note(Message::new(&status)),
    }))
}

fn step(status: &str, detail: Detail) -> Option<LayerStep> {
    let bytes = |number: Option<i64>| number.and_then(|number| u64::try_from(number).ok());
    Some(match status {
        "Pulling fs layer" | "Waiting" => LayerStep::Waiting,
        "Downloading" if detail.units.is_none() => LayerStep::Downloading {
            current: bytes(detail.current).unwrap_or_default(),
            total: bytes(detail.total).filter(|total| *total > 0),
        },
        "Downloading" => LayerStep::Downloading { current: 0, total: None },
        "Verifying Checksum" => LayerStep::Verifying,
        "Download complete" => LayerStep::Downloaded,
        "Extracting" => LayerStep::Extracting,
        "Pull complete" => LayerStep::Done,
        "Already exists" => LayerStep::Existed,
        retrying if retrying.starts_with("Retrying in") => LayerStep::Retrying,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event(line: &str) -> PullEvent {
        read(line.as_bytes()).unwrap().unwrap()
    }

    fn step_of(line: &str) -> LayerStep {
        match event(line) {
            PullEvent::Layer { step, .. } => step,
            PullEvent::Note(note) => panic!("{note}"),
        }
    }

    #[test]
    fn three_dialects_are_read() {
        let downloading = |current, total| LayerStep::Downloading { current, total };
        for (line, step) in [
            (r#"{"status":"Pulling fs layer","progressDetail":{},"id":"a1"}"#, LayerStep::Waiting),
            (r#"{"status":"Waiting","progressDetail":{},"id":"a1"}"#, LayerStep::Waiting),
            (
                r#"{"status":"Downloading","progressDetail":{"current":7,"total":90},"progress":"[>  ]","id":"a1"}"#,
                downloading(7, Some(90)),
            ),
            (
                r#"{"status":"Downloading","progressDetail":{"current":7,"hidecounts":true},"id":"a1"}"#,
                downloading(7, None),
            ),
            (
                r#"{"status":"Downloading","progressDetail":{"current":7,"total":-1},"id":"a1"}"#,
                downloading(7, None),
            ),
            (r#"{"status":"Verifying Checksum","progressDetail":{},"id":"a1"}"#, LayerStep::Verifying),
            (r#"{"status":"Download complete","progressDetail":{},"id":"a1"}"#, LayerStep::Downloaded),
            (
                r#"{"status":"Extracting","progressDetail":{"current":9,"total":90},"id":"a1"}"#,
                LayerStep::Extracting,
            ),
            (
                r#"{"status":"Extracting","progressDetail":{"current":3,"units":"s"},"id":"a1"}"#,
                LayerStep::Extracting,
            ),
            (r#"{"status":"Pull complete","progressDetail":{},"id":"a1"}"#, LayerStep::Done),
            (r#"{"status":"Already exists","progressDetail":{},"id":"a1"}"#, LayerStep::Existed),
            (r#"{"status":"Retrying in 5 seconds","progressDetail":{},"id":"a1"}"#, LayerStep::Retrying),
            (r#"{"status":"Downloading","progressDetail":{},"id":"a1"}"#, downloading(0, None)),
        ] {
            assert_eq!(step_of(line), step, "{line}");
        }
    }

    #[test]
    fn the_rest_is_a_note() {
        for line in [
            r#"{"status":"Pulling from library/nginx","id":"1.27"}"#,
            r#"{"status":"Digest: sha256:00"}"#,
            r#"{"status":"Status: Downloaded newer image for nginx:1.27"}"#,
        ] {
            assert!(matches!(event(line), PullEvent::Note(_)), "{line}");
        }
        assert_eq!(read(br#"{"aux":{"ID":"sha256:00"}}"#), Ok(None));
    }

    #[test]
    fn errors_come_in_the_stream_in_every_form() {
        for line in [
            r#"{"errorDetail":{"message":"denied"},"error":"denied"}"#,
            r#"{"errorDetail":{"message":"denied"}}"#,
            r#"{"error":"denied"}"#,
            r#"{"cause":"denied","message":"denied","response":500}"#,
        ] {
            assert_eq!(read(line.as_bytes()).unwrap_err().message.as_str(), "denied", "{line}");
        }
        assert!(read(b"<html>").is_err());
    }
}
