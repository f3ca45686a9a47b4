//! What happens, as server-sent events. The first one says what goes on; who does not keep up is cut off, and a browser
//! comes again by itself.

use std::{
    fmt::Write,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use bytes::Bytes;
use entrepot_mirror::{BlobStream, Cut};
use entrepot_scheduler::{Frame, Watch};
use futures_util::{StreamExt, stream};
use http::{HeaderValue, Response, StatusCode, header};
use tokio_util::sync::CancellationToken;

use super::{Problem, SyncService};
use crate::{body::Body, service::respond};

const EVENTS: HeaderValue = HeaderValue::from_static("text/event-stream");
/// How many may listen at once.
const MOST: usize = 256;
/// So often something is said, that nobody in between takes the connection for dead.
const HEARTBEAT: Duration = Duration::from_secs(15);
/// How long a browser waits before it comes again.
const RETRY: &str = "retry: 3000\n\n";

/// How many listen.
#[derive(Debug, Default)]
pub(super) struct Listeners(Arc<AtomicUsize>);

#[derive(Debug)]
struct Listener(Arc<AtomicUsize>);

impl Listeners {
    fn join(&self) -> Option<Listener> {
        let count = Arc::clone(&self.0);
        let joined = count.fetch_add(1, Ordering::Relaxed) < MOST;
        let listener = Listener(count);
        joined.then_some(listener)
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

struct Listening {
    watch: Watch,
    draining: CancellationToken,
    is_new: bool,
    _listener: Listener,
}

/// Answers with events until the listener leaves, does not keep up, or the server drains.
pub(super) fn answer(sync: &SyncService, draining: &CancellationToken) -> Result<Response<Body>, Problem> {
    let busy = |what: &str| Problem::new(StatusCode::SERVICE_UNAVAILABLE, what).with_hint("try again later");
    let listener = sync.listeners.join().ok_or_else(|| busy("too many are listening"))?;
    let watch = sync.scheduler.watch().ok_or_else(|| busy("the server is shutting down"))?;
    let listening = Listening { watch, draining: draining.clone(), is_new: true, _listener: listener };
    let frames = stream::unfold(listening, next).boxed();
    let mut response =
        respond(StatusCode::OK, Body::stream(BlobStream { mapping: None, frames }, None, None));
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, EVENTS);
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    // nginx would keep them back.
    headers.insert("x-accel-buffering", HeaderValue::from_static("no"));
    Ok(response)
}

async fn next(mut listening: Listening) -> Option<(Result<Bytes, Cut>, Listening)> {
    let text = tokio::select! {
        biased;
        () = listening.draining.cancelled() => return None,
        frame = listening.watch.next() => written(&frame?.ok()?, listening.is_new),
        () = tokio::time::sleep(HEARTBEAT) => ": still here\n\n".to_owned(),
    };
    listening.is_new = false;
    Some((Ok(text.into()), listening))
}

fn written(frame: &Frame, is_first: bool) -> String {
    let mut text = if is_first { RETRY.to_owned() } else { String::new() };
    // Writing to a string does not fail; JSON has no line ends.
    let _ = write!(text, "id: {}\nevent: {}\ndata: {}\n\n", frame.number, frame.kind, frame.json);
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn is_written_as_the_standard_has_it() {
        let frame = Frame { number: 7, kind: "rules", json: "{}".into() };
        assert_eq!(written(&frame, false), "id: 7\nevent: rules\ndata: {}\n\n");
        assert_eq!(written(&frame, true), "retry: 3000\n\nid: 7\nevent: rules\ndata: {}\n\n");
    }

    #[test]
    fn there_is_room_for_so_many() {
        let listeners = Listeners::default();
        let mut all: Vec<_> = (0..MOST).map(|_| listeners.join().unwrap()).collect();
        assert!(listeners.join().is_none());
        all.pop();
        assert!(listeners.join().is_some());
    }
}
