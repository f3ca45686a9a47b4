//! What is told of syncs as it happens, by server-sent events.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::{copy::RunCopy, progress::Progress, run::Run, run_id::RunId};

/// Something that happened. A server-sent event has the name in its `event` field and the data in its `data` field.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(tag = "event", content = "data", rename_all = "lowercase")]
pub enum Event {
    /// The first event of a stream: the active runs.
    Running(Running),
    /// A run began.
    Began(Progress),
    /// A run made progress.
    Progress(Progress),
    /// A run settled copies.
    Copies(SettledCopies),
    /// A run ended.
    Ended(Run),
    /// The rules were changed, or a change was refused.
    Rules {},
}

/// The active runs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Running {
    /// How far each of them is.
    pub runs: Vec<Progress>,
}

/// Copies that a run settled since the last such event.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct SettledCopies {
    /// The run.
    pub run: RunId,
    /// The rule.
    pub rule: String,
    /// The copies, except equal ones.
    pub changes: Vec<RunCopy>,
    /// How many more there were than are told.
    pub more: u64,
}

impl Event {
    /// What the `event` field says.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Running(_) => "running",
            Self::Began(_) => "began",
            Self::Progress(_) => "progress",
            Self::Copies(_) => "copies",
            Self::Ended(_) => "ended",
            Self::Rules {} => "rules",
        }
    }

    /// What the `data` field says: JSON on one line.
    pub fn data(&self) -> String {
        let data = match self {
            Self::Running(running) => serde_json::to_string(running),
            Self::Began(progress) | Self::Progress(progress) => serde_json::to_string(progress),
            Self::Copies(copies) => serde_json::to_string(copies),
            Self::Ended(run) => serde_json::to_string(run),
            Self::Rules {} => return "{}".to_owned(),
        };
        // Structs of texts and numbers always serialise.
        data.unwrap_or_default()
    }

    /// Reads both fields. An event that this version does not know is `None`.
    ///
    /// # Errors
    /// The data are not those of the event.
    pub fn read(name: &str, data: &str) -> Result<Option<Self>, serde_json::Error> {
        Ok(Some(match name {
            "running" => Self::Running(serde_json::from_str(data)?),
            "began" => Self::Began(serde_json::from_str(data)?),
            "progress" => Self::Progress(serde_json::from_str(data)?),
            "copies" => Self::Copies(serde_json::from_str(data)?),
            "ended" => Self::Ended(serde_json::from_str(data)?),
            "rules" => Self::Rules {},
            _ => return Ok(None),
        }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read() {
        let copies = SettledCopies { run: RunId::new("1f"), rule: "r".into(), changes: Vec::new(), more: 2 };
        for (event, data) in [
            (Event::Running(Running { runs: Vec::new() }), r#"{"runs":[]}"#),
            (Event::Copies(copies), r#"{"run":"1f","rule":"r","changes":[],"more":2}"#),
            (Event::Rules {}, "{}"),
        ] {
            assert_eq!(event.data(), data);
            assert_eq!(Event::read(event.name(), data).unwrap(), Some(event.clone()));
            // The schema says the same as the two fields.
            let whole = format!(r#"{{"event":"{}","data":{data}}}"#, event.name());
            assert_eq!(serde_json::to_string(&event).unwrap(), whole);
        }
        assert_eq!(Event::read("later", "?").unwrap(), None);
        assert!(Event::read("ended", "{}").is_err());
    }
}
