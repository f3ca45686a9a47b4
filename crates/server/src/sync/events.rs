//! Scheduler events as server-sent events. The first event lists the active runs. A slow client is cut off; a browser
//! reconnects by itself.

use std::{fmt::Write, time::Duration};

use bytes::Bytes;
use entrepot_access::Operation;
use entrepot_api::Problem as ProblemBody;
use entrepot_mirror::Cut;
use entrepot_scheduler::{Frame, Watch};
use futures_util::{StreamExt, stream};
use http::{Method, Response, StatusCode};
use tokio_util::sync::CancellationToken;

use super::{
    api::service,
    listeners::{Full, Listener, MOST_OF_ONE},
    problem::Problem,
    views,
};
use crate::{
    body::Body,
    web::{
        allowed::may_read,
        call::WebCall,
        live::{EVENTS, live},
    },
};

/// Heartbeat interval, so that intermediaries do not take the connection for dead.
const HEARTBEAT: Duration = Duration::from_secs(15);
/// Reconnection delay of browsers, in milliseconds.
const RETRY: &str = "retry: 3000\n\n";

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

struct EventFeed {
    watch: Watch,
    draining: CancellationToken,
    is_new: bool,
    _listener: Listener,
}

/// Subscribe to events
///
/// Server-sent events. The first one lists the active runs. A client that reads too slowly is disconnected.
#[utoipa::path(
    get, path = "/api/v1/sync/events", operation_id = "watchEvents", tag = "sync",
    responses(
        (
            status = 200, body = String, content_type = "text/event-stream",
            description = "A stream in which each event has the name and the data of an `Event`"
        ),
        (status = "default", description = "Refused", body = ProblemBody, content_type = "application/problem+json")
    )
)]
pub(crate) async fn events(call: WebCall) -> Result<Response<Body>, Problem> {
    let sync = service(&call)?;
    may_read(&call, Operation::See)?;
    if call.method != Method::GET {
        return Err(Problem::method("GET"));
    }
    let listener = sync.listeners.join(call.client())?;
    let watch = sync.scheduler.watch().ok_or_else(|| busy("the server is shutting down"))?;
    let draining = call.state.draining.clone();
    let listening = EventFeed { watch, draining, is_new: true, _listener: listener };
    let frames = stream::unfold(listening, next).fuse().boxed();
    Ok(live(frames, EVENTS))
}

async fn next(mut listening: EventFeed) -> Option<(Result<Bytes, Cut>, EventFeed)> {
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
    // Writing to a `String` does not fail; JSON has no line breaks.
    let event = views::event(&frame.event);
    let _ = write!(text, "id: {}\nevent: {}\ndata: {}\n\n", frame.number, event.name(), event.data());
    text
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use entrepot_scheduler::RunEvent;

    use super::*;
    use crate::{client::Client, sync::listeners::Listeners};

    #[test]
    fn is_written_as_the_standard_has_it() {
        let frame = Frame { number: 7, event: Arc::new(RunEvent::Rules) };
        assert_eq!(written(&frame, false), "id: 7\nevent: rules\ndata: {}\n\n");
        assert_eq!(written(&frame, true), "retry: 3000\n\nid: 7\nevent: rules\ndata: {}\n\n");
    }

    fn client(last: u8) -> Client {
        Client::Address([10, 0, 0, last].into())
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
