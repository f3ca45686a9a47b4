//! What happens to our containers.

use std::collections::BTreeMap;

use http::Method;
use serde::Deserialize;

use crate::{
    body::Body,
    engine::{Engine, with_query},
    error::Error,
    json::null_is_default,
    json_lines::JsonLines,
    names::ContainerId,
    owner::{self, Installation, Owner},
    transport::Wait,
};

/// What happened to a container of ours. It is a hint: engines forget and leave out events, so that only a look says how
/// things are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ContainerEvent {
    /// To which.
    pub container: ContainerId,
    /// Whose it is.
    pub owner: Owner,
    /// What.
    pub action: ContainerAction,
    /// When, by the engine's clock, in milliseconds since 1970.
    pub time_ms: Option<i64>,
}

/// What happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ContainerAction {
    /// It was started.
    Started,
    /// It ended.
    Ended,
    /// It used too much memory.
    OutOfMemory,
    /// It was removed.
    Removed,
    /// It has another name.
    Renamed,
}

/// The events of an engine, as they come. Dropping it closes the connection.
#[derive(Debug)]
pub struct Events {
    body: Option<Body>,
    lines: JsonLines,
    installation: Installation,
}

#[derive(Deserialize)]
struct WireEvent {
    #[serde(default, rename = "Type")]
    kind: String,
    #[serde(default, rename = "Action")]
    action: String,
    #[serde(default, rename = "Actor", deserialize_with = "null_is_default")]
    actor: Actor,
    #[serde(default)]
    time: i64,
    #[serde(default, rename = "timeNano")]
    nanos: i64,
}

#[derive(Default, Deserialize)]
struct Actor {
    #[serde(default, rename = "ID")]
    id: String,
    #[serde(default, rename = "Attributes", deserialize_with = "null_is_default")]
    attributes: BTreeMap<String, String>,
}

impl Engine {
    /// Follows what happens to the containers of one server of ours.
    ///
    /// # Errors
    /// The engine cannot be reached. An engine to which nothing happens may not answer at all: the caller says how long
    /// to wait.
    pub async fn events(&self, installation: &Installation) -> Result<Events, Error> {
        let path = with_query("events", &[("filters", &owner::filter(installation))]);
        let answer = self.call(Method::GET, &path, Wait::Forever).await?;
        Ok(Events {
            body: Some(answer.body),
            lines: JsonLines::default(),
            installation: installation.clone(),
        })
    }
}

impl Events {
    /// The next event, however long that takes; `None` at the end, and after an error.
    ///
    /// # Errors
    /// The connection breaks, or what arrives is no event.
    pub async fn next(&mut self) -> Result<Option<ContainerEvent>, Error> {
        let next = self.read().await;
        if !matches!(next, Ok(Some(_))) {
            self.body = None;
        }
        next
    }

    async fn read(&mut self) -> Result<Option<ContainerEvent>, Error> {
        loop {
            let Some(body) = &mut self.body else { return Ok(None) };
            while let Some(line) = self.lines.next()? {
                if let Some(event) = event(&line, &self.installation)? {
                    return Ok(Some(event));
                }
            }
            let Some(data) = body.next().await? else { return Ok(None) };
            self.lines.push(&data);
        }
    }
}

fn event(line: &[u8], installation: &Installation) -> Result<Option<ContainerEvent>, Error> {
    let wire: WireEvent = serde_json::from_slice(line).map_err(|_| Error::Answer("it is no event"))?;
    let action = match wire.action.as_str() {
        "start" => ContainerAction::Started,
        "die" | "died" => ContainerAction::Ended,
        "oom" => ContainerAction::OutOfMemory,
        "destroy" | "remove" => ContainerAction::Removed,
        "rename" => ContainerAction::Renamed,
        _ => return Ok(None),
    };
    let owner = Owner::of_labels(&wire.actor.attributes).filter(|owner| owner.installation == *installation);
    let (Some(owner), Ok(container), "container") = (owner, wire.actor.id.parse(), wire.kind.as_str()) else {
        return Ok(None);
    };
    let time_ms = if wire.nanos > 0 { wire.nanos / 1_000_000 } else { wire.time.saturating_mul(1000) };
    Ok(Some(ContainerEvent { container, owner, action, time_ms: Some(time_ms).filter(|ms| *ms > 0) }))
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: &str = "0123456789ab0123456789ab0123456789ab0123456789ab0123456789ab0123";

    fn read(action: &str, installation: &str, kind: &str) -> Option<ContainerEvent> {
        let line = format!(
            r#"{{"Type":"{kind}","Action":"{action}","Actor":{{"ID":"{ID}","Attributes":{{
                "io.entrepot.installation":"{installation}","io.entrepot.instance":"7","io.entrepot.purpose":"instance",
                "exitCode":"0","name":"train-1"}}}},"time":1796058000,"timeNano":1796058000123456789}}"#
        );
        event(line.as_bytes(), &"a".parse().unwrap()).unwrap()
    }

    #[test]
    fn events_of_both_engines_are_read() {
        for (word, action) in [
            ("start", ContainerAction::Started),
            ("die", ContainerAction::Ended),
            ("died", ContainerAction::Ended),
            ("oom", ContainerAction::OutOfMemory),
            ("destroy", ContainerAction::Removed),
            ("remove", ContainerAction::Removed),
            ("rename", ContainerAction::Renamed),
        ] {
            let event = read(word, "a", "container").unwrap();
            assert_eq!((event.action, event.time_ms), (action, Some(1_796_058_000_123)));
            assert_eq!(event.container.as_str(), ID);
        }
        assert_eq!(read("exec_start: sh", "a", "container"), None);
    }

    #[test]
    fn what_is_not_ours_is_no_event() {
        assert_eq!(read("start", "b", "container"), None);
        assert_eq!(read("destroy", "a", "volume"), None);
        assert!(event(b"<html>", &"a".parse().unwrap()).is_err());
    }
}
