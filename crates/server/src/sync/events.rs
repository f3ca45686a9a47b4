//! What happens, as server-sent events. The first one says what goes on; who does not keep up is cut off, and a browser
//! comes again by itself.

use std::{
    collections::HashMap,
    fmt::Write,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use bytes::Bytes;
use entrepot_mirror::{BlobStream, Cut};
use entrepot_scheduler::{Frame, Watch};
use futures_util::{StreamExt, stream};
use http::{HeaderValue, Response, StatusCode, header};
use tokio_util::sync::CancellationToken;

use super::{Problem, SyncService};
use crate::{body::Body, client::Client, service::respond};

const EVENTS: HeaderValue = HeaderValue::from_static("text/event-stream");
/// How many may listen at once, and how many of them one client may be.
const MOST: usize = 256;
const MOST_OF_ONE: usize = 32;
/// So often something is said, that nobody in between takes the connection for dead.
const HEARTBEAT: Duration = Duration::from_secs(15);
/// How long a browser waits before it comes again.
const RETRY: &str = "retry: 3000\n\n";

/// Who listens, and how often.
#[derive(Clone, Debug, Default)]
pub(super) struct Listeners(Arc<Mutex<HashMap<Client, usize>>>);

/// One who listens; dropped, they do not.
#[derive(Debug)]
struct Listener {
    all: Listeners,
    client: Client,
}

/// Nobody more may listen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Full {
    /// Whoever it is.
    Everywhere,
    /// Who is the same client.
    ForOne,
}

impl Listeners {
    fn join(&self, client: Client) -> Result<Listener, Full> {
        let mut all = self.lock();
        if all.values().sum::<usize>() >= MOST {
            return Err(Full::Everywhere);
        }
        let count = all.entry(client).or_default();
        if *count >= MOST_OF_ONE {
            return Err(Full::ForOne);
        }
        *count += 1;
        Ok(Listener { all: self.clone(), client })
    }

    fn leave(&self, client: Client) {
        let mut all = self.lock();
        match all.get_mut(&client) {
            Some(count) if *count > 1 => *count -= 1,
            _ => drop(all.remove(&client)),
        }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Client, usize>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        self.all.leave(self.client);
    }
}

impl From<Full> for Problem {
    fn from(full: Full) -> Self {
        match full {
            Full::Everywhere => busy("too many are listening"),
            Full::ForOne => Self::new(
                StatusCode::TOO_MANY_REQUESTS,
                format!("{MOST_OF_ONE} listeners of your address are connected, and that is the most"),
            )
            .with_hint("close some of them"),
        }
    }
}

fn busy(what: &str) -> Problem {
    Problem::new(StatusCode::SERVICE_UNAVAILABLE, what).with_hint("try again later")
}

struct Listening {
    watch: Watch,
    draining: CancellationToken,
    is_new: bool,
    _listener: Listener,
}

/// Answers with events until the listener leaves, does not keep up, or the server drains.
pub(super) fn answer(
    sync: &SyncService,
    client: Client,
    draining: &CancellationToken,
) -> Result<Response<Body>, Problem> {
    let listener = sync.listeners.join(client)?;
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

    fn client(last: usize) -> Client {
        Client::Address([10, 0, 0, u8::try_from(last).unwrap()].into())
    }

    #[test]
    fn there_is_room_for_so_many() {
        let listeners = Listeners::default();
        let join = |nth: usize| listeners.join(client(nth / MOST_OF_ONE)).unwrap();
        let mut all: Vec<_> = (0..MOST).map(join).collect();
        assert_eq!(listeners.join(client(200)).err(), Some(Full::Everywhere));
        all.pop();
        assert!(listeners.join(client(200)).is_ok());
        drop(all);
        assert!(listeners.lock().is_empty());
    }

    #[test]
    fn one_client_does_not_take_all_of_it() {
        let listeners = Listeners::default();
        let all: Vec<_> = (0..MOST_OF_ONE).map(|_| listeners.join(client(1)).unwrap()).collect();
        let full = Problem::from(listeners.join(client(1)).unwrap_err());
        assert_eq!(
            (full.status.as_u16(), full.detail.as_str(), full.hint.as_deref()),
            (
                429,
                "32 listeners of your address are connected, and that is the most",
                Some("close some of them")
            )
        );
        assert!(listeners.join(client(2)).is_ok() && listeners.join(Client::Owner).is_ok());
        drop(all);
        assert!(listeners.join(client(1)).is_ok());
    }
}
