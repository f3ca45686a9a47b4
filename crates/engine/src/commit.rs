//! Saves a container as an image, and sends it to a registry.

use std::collections::{BTreeMap, VecDeque};

use entrepot_oci::{Digest, ImageRef, Reference};
use http::Method;
use serde::Deserialize;

use crate::{
    body::Body,
    engine::{Api, Engine, MAX_DOCUMENT, request, with_query},
    error::Error,
    json,
    json_lines::JsonLines,
    message::Message,
    names::{ContainerId, ImageId},
    owner::LABELS,
    pull::PullStop,
    pull_auth::{HEADER, PullAuth},
    pull_event,
    pull_failure::PullFailure,
    transport::{BODY_TIMEOUT, Wait},
};

/// What Dockerfiles read as something else than itself.
const SPECIAL: [char; 3] = ['"', '\\', '$'];

/// What is to be saved.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CommitRequest {
    /// The image's name, with a tag.
    pub image: ImageRef,
    /// Variables of the image in place of the container's: what was set for the container only is not for the image.
    pub environment: BTreeMap<String, String>,
}

/// What an engine says while it sends an image.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PushEvent {
    /// So many bytes of a layer are there.
    Layer {
        /// What the engine calls it.
        id: String,
        /// Bytes that are there.
        current: u64,
        /// Bytes of the whole, where the engine says so.
        total: Option<u64>,
    },
    /// The registry has the image, under this digest.
    Pushed(Digest),
}

/// A push that is under way. Dropping it ends the push.
#[derive(Debug)]
pub struct Push {
    body: Option<Body>,
    lines: JsonLines,
    waiting: VecDeque<Result<PushEvent, PullFailure>>,
}

#[derive(Deserialize)]
struct CommitResponse {
    #[serde(rename = "Id")]
    id: String,
}

#[derive(Deserialize)]
struct CommitLine {
    #[serde(default)]
    id: Option<String>,
    #[serde(default, rename = "progressDetail")]
    detail: Option<Detail>,
    #[serde(default)]
    status: Option<String>,
}

#[derive(Deserialize)]
struct Detail {
    #[serde(default)]
    current: Option<i64>,
    #[serde(default)]
    total: Option<i64>,
}

impl Engine {
    /// Saves a container as an image, without its volumes. It is held meanwhile. How long that may take is the caller's
    /// to say.
    ///
    /// The image says nothing about whose the container was: others that are made of it are not ours.
    ///
    /// # Errors
    /// [`Error::NotFound`] if the container is not there.
    pub async fn commit(&self, container: &ContainerId, commit: &CommitRequest) -> Result<ImageId, Error> {
        let id = self.save(container, commit, Quotes::OfDockerfiles).await?;
        let depends = commit.environment.values().any(|value| value.contains(SPECIAL));
        if !depends || !self.is_podman() || self.has_variables(commit).await? {
            return Ok(id);
        }
        // An older Podman takes them as they are.
        self.save(container, commit, Quotes::Around).await
    }

    async fn save(
        &self,
        container: &ContainerId,
        commit: &CommitRequest,
        quotes: Quotes,
    ) -> Result<ImageId, Error> {
        let name = format!("{}/{}", commit.image.host(), commit.image.repository());
        let tag = tag(&commit.image)?;
        let labels = LABELS.iter().map(|label| format!("LABEL {label}=\"\""));
        let variables =
            commit.environment.iter().map(|(name, value)| format!("ENV {name}={}", quotes.put(value)));
        let changes: Vec<String> = labels.chain(variables).collect();
        let mut query =
            vec![("container", container.as_str()), ("repo", &name), ("tag", &tag), ("pause", "true")];
        query.extend(changes.iter().map(|change| ("changes", change.as_str())));
        let path = with_query(&self.path(Api::Docker, "commit"), &query);
        let request = request(Method::POST, &path, Some("{}".into()))?;
        let answer = self.send(request, Wait::Forever).await?;
        let made: CommitResponse = json::read(&answer.body.whole(MAX_DOCUMENT, BODY_TIMEOUT).await?)?;
        ImageId::of_engine(&made.id).map_err(|_| Error::Answer("it names no image"))
    }

    async fn has_variables(&self, commit: &CommitRequest) -> Result<bool, Error> {
        let has = self.image(&commit.image).await?.config.environment;
        Ok(commit.environment.iter().all(|(name, value)| has.get(name) == Some(value)))
    }

    /// Sends an image to its registry.
    ///
    /// # Errors
    /// The engine cannot be reached, or refuses at once.
    pub async fn push(&self, image: &ImageRef, auth: &PullAuth) -> Result<Push, PullStop> {
        let name = format!("{}/{}", image.host(), image.repository());
        let tag = tag(image)?;
        let path = with_query(&self.path(Api::Docker, &format!("images/{name}/push")), &[("tag", &tag)]);
        let mut request = request(Method::POST, &path, None)?;
        request.headers_mut().insert(HEADER, auth.header()?);
        let answer = self.send(request, Wait::Forever).await.map_err(PullStop::of_engine)?;
        Ok(Push { body: Some(answer.body), lines: JsonLines::default(), waiting: VecDeque::new() })
    }

    /// Takes the name from an image, and removes it if nothing else needs it.
    ///
    /// # Errors
    /// [`Error::NotFound`] if it is not there, [`Error::Conflict`] if a container needs it.
    pub async fn remove_image(&self, image: &ImageRef) -> Result<(), Error> {
        self.act(Method::DELETE, &format!("images/{image}"), BODY_TIMEOUT).await.map(drop)
    }
}

impl Push {
    /// What the engine says next, however long that takes; `None` at the end, and after an error.
    ///
    /// # Errors
    /// The push failed, or the connection to the engine broke.
    pub async fn next(&mut self) -> Result<Option<PushEvent>, PullStop> {
        let next = self.read().await;
        if !matches!(next, Ok(Some(_))) {
            (self.body, self.waiting) = (None, VecDeque::new());
        }
        next
    }

    async fn read(&mut self) -> Result<Option<PushEvent>, PullStop> {
        loop {
            if let Some(event) = self.waiting.pop_front() {
                return event.map(Some).map_err(PullStop::Failed);
            }
            let Some(body) = &mut self.body else { return Ok(None) };
            let Some(data) = body.next().await? else {
                self.waiting.extend(self.lines.rest().and_then(|line| push_event(&line).transpose()));
                self.body = None;
                continue;
            };
            self.lines.push(&data);
            while let Some(line) = self.lines.next()? {
                self.waiting.extend(push_event(&line).transpose());
            }
        }
    }
}

// Errors have the same form as those of a pull.
fn push_event(line: &[u8]) -> Result<Option<PushEvent>, PullFailure> {
    pull_event::read(line)?;
    let Ok(line) = serde_json::from_slice::<CommitLine>(line) else { return Ok(None) };
    if let Some(digest) = line.status.as_deref().and_then(pushed) {
        return Ok(Some(PushEvent::Pushed(digest)));
    }
    let bytes = |number: Option<i64>| number.and_then(|number| u64::try_from(number).ok());
    Ok(line.id.zip(line.detail).and_then(|(id, detail)| {
        let (current, total) = (bytes(detail.current)?, bytes(detail.total).filter(|total| *total > 0));
        // Docker counts what the archive adds too.
        let current = total.map_or(current, |total| current.min(total));
        Some(PushEvent::Layer { id: Message::new(&id).as_str().to_owned(), current, total })
    }))
}

// `1: digest: sha256:… size: 579`, which all of them say.
fn pushed(status: &str) -> Option<Digest> {
    let (_, rest) = status.split_once(": digest: ")?;
    rest.split(' ').next()?.parse().ok()
}

fn tag(image: &ImageRef) -> Result<String, Error> {
    match image.reference() {
        Reference::Tag(tag) => Ok(tag.to_string()),
        Reference::Digest(_) => Err(Error::Answer("an image is saved under a tag")),
    }
}

/// How a value is written so that nothing in it is another word.
#[derive(Clone, Copy)]
enum Quotes {
    /// As Dockerfiles have it: Docker, and Podman by now.
    OfDockerfiles,
    /// Podman 4 takes off the outer ones, and the rest as it is.
    Around,
}

impl Quotes {
    // Neither has a way to write the end of a line.
    fn put(self, value: &str) -> String {
        let mut written = String::from("\"");
        for character in value.chars() {
            if matches!(self, Self::OfDockerfiles) && SPECIAL.contains(&character) {
                written.push('\\');
            }
            written.push(if character == '\n' { ' ' } else { character });
        }
        written.push('"');
        written
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_stay_values() {
        for (value, docker, podman) in [
            ("", r#""""#, r#""""#),
            ("a b", r#""a b""#, r#""a b""#),
            (r#"$HOME "x" \"#, r#""\$HOME \"x\" \\""#, r#""$HOME "x" \""#),
            (
                "a
USER root",
                r#""a USER root""#,
                r#""a USER root""#,
            ),
        ] {
            assert_eq!(
                (Quotes::OfDockerfiles.put(value), Quotes::Around.put(value)),
                (docker.into(), podman.into())
            );
        }
    }

    #[test]
    fn pushes_are_told() {
        let digest = format!("sha256:{}", "ab".repeat(32));
        let read = |line: &str| push_event(line.as_bytes()).unwrap();
        assert_eq!(
            read(r#"{"status":"Pushing","progressDetail":{"current":5,"total":9},"id":"a1"}"#),
            Some(PushEvent::Layer { id: "a1".to_owned(), current: 5, total: Some(9) })
        );
        assert_eq!(read(r#"{"status":"Preparing","progressDetail":{},"id":"a1"}"#), None);
        assert_eq!(
            read(&format!(r#"{{"status":"1: digest: {digest} size: 579"}}"#)),
            Some(PushEvent::Pushed(digest.parse().unwrap()))
        );
        assert_eq!(
            read(&format!(r#"{{"progressDetail":{{}},"aux":{{"Tag":"1","Digest":"{digest}","Size":5}}}}"#)),
            None
        );
        assert_eq!(
            read(r#"{"status":"Pushing","progressDetail":{"current":3072,"total":5},"id":"a1"}"#),
            Some(PushEvent::Layer { id: "a1".to_owned(), current: 5, total: Some(5) })
        );
        assert!(push_event(br#"{"errorDetail":{"message":"denied"},"error":"denied"}"#).is_err());
    }
}
