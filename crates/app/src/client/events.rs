//! Reads a server's event stream (server-sent events).

use std::{collections::VecDeque, time::Duration};

use entrepot_api::Event;
use futures_util::{StreamExt as _, stream::BoxStream};

use crate::failure::Failure;

/// The longest silence allowed. The server sends a heartbeat every 15 s.
const SILENCE: Duration = Duration::from_secs(60);
/// The largest event, in bytes.
const MAX_EVENT: usize = 1 << 20;

/// A stream of server-sent events: their names and data.
pub(crate) struct SseStream {
    bytes: BoxStream<'static, reqwest::Result<Vec<u8>>>,
    text: Vec<u8>,
    ready: VecDeque<(String, String)>,
}

/// The event stream of a server.
pub(crate) struct Events(SseStream);

impl SseStream {
    pub(super) fn new(bytes: BoxStream<'static, reqwest::Result<Vec<u8>>>) -> Self {
        Self { bytes, text: Vec::new(), ready: VecDeque::new() }
    }

    /// The name and the data of the next event; `None` if the server closed the stream.
    pub(crate) async fn next(&mut self) -> Result<Option<(String, String)>, Failure> {
        loop {
            if let Some(event) = self.ready.pop_front() {
                return Ok(Some(event));
            }
            let bytes = tokio::time::timeout(SILENCE, self.bytes.next()).await;
            let Ok(Some(Ok(bytes))) = bytes else { return Ok(None) };
            self.text.extend_from_slice(&bytes);
            if self.text.len() > MAX_EVENT {
                return Err(Failure::new("the server's events cannot be used: one of them does not end"));
            }
            self.cut();
        }
    }

    // Events end with an empty line (WHATWG HTML §9.2.5).
    fn cut(&mut self) {
        while let Some(end) = self.text.windows(2).position(|pair| pair == b"\n\n") {
            let block: Vec<u8> = self.text.drain(..end + 2).collect();
            self.ready.extend(named(&String::from_utf8_lossy(&block)));
        }
    }
}

impl Events {
    pub(super) fn new(frames: SseStream) -> Self {
        Self(frames)
    }

    /// The next event; `None` if the server closed the stream.
    pub(crate) async fn next(&mut self) -> Result<Option<Event>, Failure> {
        while let Some((name, data)) = self.0.next().await? {
            if let Some(event) = read(&name, &data)? {
                return Ok(Some(event));
            }
        }
        Ok(None)
    }
}

fn named(block: &str) -> Option<(String, String)> {
    let field = |name: &str| block.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(": "));
    Some((field("event")?.to_owned(), field("data").unwrap_or_default().to_owned()))
}

fn read(name: &str, data: &str) -> Result<Option<Event>, Failure> {
    Event::read(name, data).map_err(|error| Failure::because("the server's events cannot be used", &error))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn events_are_cut_where_they_end() {
        let mut frames = SseStream::new(futures_util::stream::empty().boxed());
        let text = "retry: 3000\n\nid: 1\nevent: copies\ndata: {\"run\":\"a\",\"rule\":\"r\",\"changes\":[],\"more\":0}\n\n: still here\n\nid: 2\nev";
        frames.text.extend_from_slice(text.as_bytes());
        frames.cut();
        assert_eq!((frames.ready.len(), frames.text.len()), (1, 8));
        let (name, data) = &frames.ready[0];
        assert!(
            matches!(read(name, data).unwrap(), Some(Event::Copies(copies)) if copies.run.as_str() == "a")
        );
        assert!(read("ended", "{}").is_err());
    }
}
