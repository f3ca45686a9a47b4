//! Following one thing to its end, by server-sent events: at once, after each change, and again while nothing changes so that
//! bars move.

use std::time::Duration;

use bytes::Bytes;
use entrepot_mirror::Cut;
use futures_util::{StreamExt, stream};
use http::{Method, Response};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::{
    call::WebCall,
    live::{EVENTS, live},
};
use crate::{
    body::Body,
    sync::{listeners::Listener, problem::Problem},
};

/// How often the same is told again while nothing changes.
const AT_LEAST_EVERY: Duration = Duration::from_millis(500);
/// How often something is told at most: changes come faster than anybody can look.
const AT_MOST_EVERY: Duration = Duration::from_millis(200);

/// Something that is followed to its end.
pub(crate) trait FollowedSource: Send + 'static {
    /// The name of its events.
    const EVENT: &'static str;

    /// How it is after the next change, as JSON: at once the first time. `None` once its end was told.
    fn next(&mut self) -> impl Future<Output = Option<String>> + Send;

    /// How it is now, as JSON, if that can be other than what was told last.
    fn now(&self) -> Option<String>;
}

/// Answers with the events of one thing, until its end or until the server stops.
///
/// # Errors
/// The request is no `GET`, or too many listen already.
pub(crate) fn follow(call: &WebCall, followed: impl FollowedSource) -> Result<Response<Body>, Problem> {
    if call.method != Method::GET {
        return Err(Problem::method("GET"));
    }
    let listener = call.state.listeners.join(call.client())?;
    let draining = call.state.draining.clone();
    let following = FollowStream { followed, draining, last: None, told: None, _listener: listener };
    Ok(live(stream::unfold(following, next).fuse().boxed(), EVENTS))
}

struct FollowStream<T> {
    followed: T,
    draining: CancellationToken,
    /// What was told last, and when.
    last: Option<String>,
    told: Option<Instant>,
    _listener: Listener,
}

async fn next<T: FollowedSource>(
    mut following: FollowStream<T>,
) -> Option<(Result<Bytes, Cut>, FollowStream<T>)> {
    if let Some(told) = following.told {
        tokio::time::sleep_until(told + AT_MOST_EVERY).await;
    }
    let again = following.told.map(|told| told + AT_LEAST_EVERY);
    let data = tokio::select! {
        biased;
        () = following.draining.cancelled() => return None,
        data = following.followed.next() => data?,
        () = until(again) => following.followed.now().or_else(|| following.last.clone())?,
    };
    let text = format!("event: {}\ndata: {data}\n\n", T::EVENT);
    following.last = Some(data);
    following.told = Some(Instant::now());
    Some((Ok(text.into()), following))
}

async fn until(moment: Option<Instant>) {
    match moment {
        Some(moment) => tokio::time::sleep_until(moment).await,
        None => std::future::pending().await,
    }
}
