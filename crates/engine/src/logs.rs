//! What a container has printed.

use std::collections::VecDeque;

use http::Method;

use crate::{
    body::Body,
    container::Container,
    engine::{Engine, with_query},
    error::Error,
    frames::{Chunk, FrameDecoder},
    transport::Wait,
};

/// Which part of a log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LogRequest {
    /// Only so many lines from the end.
    pub tail: Option<u32>,
    /// Only what was printed since, in milliseconds since 1970 by the engine's clock.
    pub since_ms: Option<i64>,
    /// Goes on with what is printed later, until the container ends.
    pub follow: bool,
    /// Puts the time in front of each line.
    pub timestamps: bool,
}

/// A log that is read. Nothing is read ahead of [`Logs::next`]: who does not read holds the engine back, and no memory.
/// Dropping it closes the connection.
#[derive(Debug)]
pub struct Logs {
    body: Option<Body>,
    frames: FrameDecoder,
    waiting: VecDeque<Chunk>,
}

impl Engine {
    /// Reads the log of a container, which was inspected before: whether it has a terminal decides how it is read.
    ///
    /// # Errors
    /// [`Error::NotFound`] if it is not there.
    pub async fn logs(&self, container: &Container, request: LogRequest) -> Result<Logs, Error> {
        let tail = request.tail.map_or("all".to_owned(), |lines| lines.to_string());
        let since = request.since_ms.map(|ms| format!("{}.{:03}", ms.div_euclid(1000), ms.rem_euclid(1000)));
        let mut query = vec![("stdout", "true"), ("stderr", "true"), ("tail", &tail)];
        query.extend(since.iter().map(|since| ("since", since.as_str())));
        query.extend(request.follow.then_some(("follow", "true")));
        query.extend(request.timestamps.then_some(("timestamps", "true")));
        let path = with_query(&format!("containers/{}/logs", container.id), &query);
        // Podman sends no head before there is something to say.
        let wait = if request.follow { Wait::Forever } else { Wait::SHORT };
        let answer = self.call(Method::GET, &path, wait).await?;
        let frames = FrameDecoder::new(container.settings.terminal);
        Ok(Logs { body: Some(answer.body), frames, waiting: VecDeque::new() })
    }
}

impl Logs {
    /// What was printed next, however long that takes; `None` at the end, and after an error. Engines may end a log that
    /// is followed before they have told the last of it: what counts is read again without following.
    ///
    /// # Errors
    /// The connection breaks, or what arrives is no log.
    pub async fn next(&mut self) -> Result<Option<Chunk>, Error> {
        let next = self.read().await;
        if !matches!(next, Ok(Some(_))) {
            self.body = None;
        }
        next
    }

    async fn read(&mut self) -> Result<Option<Chunk>, Error> {
        loop {
            if let Some(chunk) = self.waiting.pop_front() {
                return Ok(Some(chunk));
            }
            let Some(body) = &mut self.body else { return Ok(None) };
            let Some(data) = body.next().await? else { return Ok(None) };
            self.waiting = self.frames.push(data)?;
        }
    }
}
