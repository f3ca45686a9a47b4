//! Request bodies: limited in size if kept in memory, and always limited in time.

use std::{
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    task::{Context, Poll},
    time::{Duration, Instant},
};

use axum::body::Body;
use bytes::{Bytes, BytesMut};
use entrepot_mirror::{Budget, Error, Reservation};
use futures_util::{Stream, StreamExt};
use http_body::Body as _;
use hyper::body::Incoming;
use tokio::time::Sleep;

/// Time limit for the next [`ENOUGH`] bytes of a body, or for its end.
const PATIENCE: Duration = Duration::from_secs(30);
/// Bytes that must arrive within [`PATIENCE`]: 1 KiB per second.
const ENOUGH: u64 = 30 << 10;

/// Bytes of a body that are kept in memory without being charged to the budget.
const FREE: usize = 64 << 10;

/// A request body as a stream. A body that breaks off or is too slow ends in [`Error::BodyBroken`].
pub(crate) struct Upload {
    body: Incoming,
    budget: Budget,
    patience: Patience,
    timer: Option<Pin<Box<Sleep>>>,
    ended: bool,
}

impl Upload {
    pub(crate) fn new(body: Incoming, budget: &Budget) -> Self {
        Self { body, budget: budget.clone(), patience: Patience::new(), timer: None, ended: false }
    }

    /// True if the whole body was read.
    pub(crate) fn is_finished(&self) -> bool {
        self.ended || self.body.is_end_stream()
    }

    /// Reads the whole body if it is at most `limit` bytes; returns `None` if it is larger, without reading the rest. A
    /// body that is not small is charged to the budget.
    ///
    /// # Errors
    /// [`Error::BodyBroken`], [`Error::Busy`]
    pub(crate) async fn collect(&mut self, limit: usize) -> Result<Option<Bytes>, Error> {
        let (mut all, mut room): (_, Option<Reservation>) = (BytesMut::new(), None);
        while let Some(frame) = self.next().await {
            let frame = frame?;
            if all.len() + frame.len() > limit {
                return Ok(None);
            }
            if all.len() + frame.len() > FREE && room.is_none() {
                room = Some(self.budget.take(limit).ok_or(Error::Busy)?);
            }
            all.extend_from_slice(&frame);
        }
        let all = all.freeze();
        Ok(Some(room.map_or_else(|| all.clone(), |room| room.hold(all.clone()))))
    }

    /// Returns the body for a handler elsewhere, and a flag that tells whether all of it was read.
    pub(crate) fn into_body(self) -> (Body, Arc<AtomicBool>) {
        let finished = Arc::new(AtomicBool::new(self.is_finished()));
        if self.is_finished() {
            return (Body::empty(), finished);
        }
        (Body::from_stream(WatchedBody { upload: self, finished: Arc::clone(&finished) }), finished)
    }

    fn poll_timer(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        if let Some(left) = self.patience.wait(Instant::now()) {
            let deadline = tokio::time::Instant::now() + left;
            match &mut self.timer {
                Some(timer) => timer.as_mut().reset(deadline),
                None => self.timer = Some(Box::pin(tokio::time::sleep_until(deadline))),
            }
        }
        match &mut self.timer {
            Some(timer) => timer.as_mut().poll(cx),
            None => Poll::Pending,
        }
    }
}

impl Stream for Upload {
    type Item = Result<Bytes, Error>;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let this = self.get_mut();
        loop {
            match Pin::new(&mut this.body).poll_frame(cx) {
                Poll::Ready(Some(Ok(frame))) => {
                    // Trailers are ignored.
                    let Ok(data) = frame.into_data() else { continue };
                    this.patience.came(data.len() as u64, Instant::now());
                    return Poll::Ready(Some(Ok(data)));
                }
                Poll::Ready(Some(Err(_))) => return Poll::Ready(Some(Err(Error::BodyBroken))),
                Poll::Ready(None) => {
                    this.ended = true;
                    return Poll::Ready(None);
                }
                Poll::Pending => return this.poll_timer(cx).map(|()| Some(Err(Error::BodyBroken))),
            }
        }
    }
}

/// A body that is read elsewhere. The flag is updated when it is dropped.
struct WatchedBody {
    upload: Upload,
    finished: Arc<AtomicBool>,
}

impl Stream for WatchedBody {
    type Item = Result<Bytes, Error>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        Pin::new(&mut self.upload).poll_next(cx)
    }
}

impl Drop for WatchedBody {
    fn drop(&mut self) {
        self.finished.store(self.upload.is_finished(), Ordering::Release);
    }
}

/// Time spent waiting for the client, as opposed to the disk, since enough bytes last arrived.
struct Patience {
    left: Duration,
    came: u64,
    waiting: Option<Instant>,
}

impl Patience {
    fn new() -> Self {
        Self { left: PATIENCE, came: 0, waiting: None }
    }

    /// No data is ready. The first call in a row returns how long to wait.
    fn wait(&mut self, now: Instant) -> Option<Duration> {
        if self.waiting.is_some() {
            return None;
        }
        self.waiting = Some(now);
        Some(self.left)
    }

    fn came(&mut self, bytes: u64, now: Instant) {
        if let Some(since) = self.waiting.take() {
            self.left = self.left.saturating_sub(now.saturating_duration_since(since));
        }
        self.came += bytes;
        if self.came >= ENOUGH {
            *self = Self::new();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_crawl_uses_patience_up_and_a_walk_does_not() {
        let start = Instant::now();
        let second = |count: u32| start + Duration::from_secs(1) * count;
        let mut crawling = Patience::new();
        let mut walking = Patience::new();
        for at in 0..29 {
            crawling.wait(second(at));
            crawling.came(1, second(at + 1));
            walking.wait(second(at));
            walking.came(2 << 10, second(at + 1));
        }
        assert_eq!(crawling.wait(second(29)), Some(Duration::from_secs(1)));
        assert_eq!(crawling.wait(second(29)), None);
        assert!(walking.wait(second(29)).unwrap() >= Duration::from_secs(15));
    }

    #[test]
    fn only_waiting_counts() {
        let start = Instant::now();
        let mut patience = Patience::new();
        patience.came(1, start);
        patience.came(1, start + Duration::from_secs(1000));
        assert_eq!(patience.wait(start + Duration::from_secs(2000)), Some(PATIENCE));
    }
}
