//! Reads a server's event stream (server-sent events).

use std::{collections::VecDeque, time::Duration};

use entrepot_api::Event;
use futures_util::{StreamExt as _, stream::BoxStream};

use crate::failure::Failure;

/// The longest silence allowed. The server sends a heartbeat every 15 s.
const SILENCE: Duration = Duration::from_secs(60);
/// The largest event, in bytes.
const MAX_EVENT: usize = 1 << 20;

/// The event stream of a server.
pub(crate) struct Events {
    bytes: BoxStream<'static, reqwest::Result<Vec<u8>>>,
    text: Vec<u8>,
    ready: VecDeque<Event>,
}

impl Events {
    pub(super) fn new(bytes: BoxStream<'static, reqwest::Result<Vec<u8>>>) -> Self {
        Self { bytes, text: Vec::new(), ready: VecDeque::new() }
    }

    /// The next event; `None` if the server closed the stream.
    pub(crate) async fn next(&mut self) -> Result<Option<Event>, Failure> {
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
            self.cut()?;
        }
    }

    // Events end with an empty line (WHATWG HTML §9.2.5).
    fn cut(&mut self) -> Result<(), Failure> {
        while let Some(end) = self.text.windows(2).position(|pair| pair == b"\n\n") {
            let block: Vec<u8> = self.text.drain(..end + 2).collect();
            self.ready.extend(read(&String::from_utf8_lossy(&block))?);
        }
        Ok(())
    }
}

fn read(block: &str) -> Result<Option<Event>, Failure> {
    let field = |name: &str| block.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(": "));
    let Some(name) = field("event") else { return Ok(None) };
    Event::read(name, field("data").unwrap_or_default())
        .map_err(|error| Failure::because("the server's events cannot be used", &error))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn events_are_cut_where_they_end() {
        let mut events = Events::new(futures_util::stream::empty().boxed());
        let text = "retry: 3000\n\nid: 1\nevent: copies\ndata: {\"run\":\"a\",\"rule\":\"r\",\"changes\":[],\"more\":0}\n\n: still here\n\nid: 2\nev";
        events.text.extend_from_slice(text.as_bytes());
        events.cut().unwrap();
        assert_eq!((events.ready.len(), events.text.len()), (1, 8));
        assert!(matches!(&events.ready[0], Event::Copies(copies) if copies.run.as_str() == "a"));
        assert!(read("event: ended\ndata: {}\n\n").is_err());
    }
}
