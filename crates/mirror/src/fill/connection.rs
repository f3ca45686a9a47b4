//! One connection of a download: fetches segment after segment and writes them down.

use std::{
    sync::{Arc, PoisonError, atomic::Ordering},
    time::{Duration, Instant},
};

use bytes::Bytes;
use entrepot_remote::{BlobRequest, BlobStream, Endpoint, Error as RemoteError, InvalidResponse};

use super::{
    job::{FillJob, Stop},
    segment::Segment,
};
use crate::batch::{self, Batch, Batches};

/// Attempts without a byte of progress before a connection gives up.
const ATTEMPTS: u32 = 5;
/// The pause after the first of them; it doubles each time.
const PAUSE: Duration = Duration::from_millis(200);

/// The pause after so many failures in a row, from 1: longer each time, and at least what the upstream asked for.
fn pause(stop: &Stop, failures: u32) -> Duration {
    stop.wait().max(PAUSE * 2u32.pow(failures - 1))
}

impl FillJob {
    /// Fetches segments until none is left, beginning with `first` on a stream that is open already.
    pub(super) async fn connection(
        self: Arc<Self>,
        first: Option<(Arc<Segment>, BlobStream)>,
    ) -> Result<(), Stop> {
        let mut speed = None;
        if let Some((segment, stream)) = first {
            self.fetch(&segment, Some(stream)).await?;
            speed = Some(segment.speed(Instant::now())).filter(|speed| *speed > 0);
        }
        while let Some(segment) = self.segments.take(speed, Instant::now()) {
            self.fetch(&segment, None).await?;
            speed = Some(segment.speed(Instant::now())).filter(|speed| *speed > 0);
        }
        Ok(())
    }

    /// Fetches one segment, with as many requests as it takes, or as much of it as is left to this connection.
    async fn fetch(
        self: &Arc<Self>,
        segment: &Arc<Segment>,
        mut given: Option<BlobStream>,
    ) -> Result<(), Stop> {
        let mut failures = 0;
        let mut avoid = None;
        while segment.at() < segment.end() {
            let before = segment.at();
            let stream = match given.take() {
                Some(stream) => Ok(stream),
                None => tokio::select! {
                    asked = self.ask(segment, avoid) => asked,
                    () = segment.ended() => return Ok(()),
                },
            };
            let stop = match stream {
                Ok(stream) => {
                    avoid = Some(stream.endpoint);
                    match self.drain(segment, stream).await {
                        Ok(()) => continue,
                        Err(stop) => stop,
                    }
                }
                Err(error) => Stop::Upstream(error),
            };
            failures = if segment.at() > before { 1 } else { failures + 1 };
            if failures >= ATTEMPTS || !stop.may_pass() {
                return Err(stop);
            }
            tokio::select! {
                () = tokio::time::sleep(pause(&stop, failures)) => {}
                () = segment.ended() => return Ok(()),
            }
        }
        Ok(())
    }

    async fn ask(&self, segment: &Segment, avoid: Option<Endpoint>) -> Result<BlobStream, RemoteError> {
        let to = Some(segment.end()).filter(|end| *end < self.size);
        let ask = BlobRequest { from: segment.at(), to, avoid };
        let stream = self.upstream.open_blob(&self.key, &self.fill.digest, ask).await?;
        if stream.total.is_some_and(|total| total != self.size) {
            return Err(InvalidResponse::Range.into());
        }
        let mut endpoints = self.endpoints.lock().unwrap_or_else(PoisonError::into_inner);
        if !endpoints.contains(&stream.endpoint) {
            endpoints.push(stream.endpoint);
        }
        Ok(stream)
    }

    /// Writes a stream into the segment; the next bytes are read while the last ones are written.
    pub(super) async fn drain(
        self: &Arc<Self>,
        segment: &Arc<Segment>,
        stream: BlobStream,
    ) -> Result<(), Stop> {
        // An upstream without ranges starts at the beginning; what we have is skipped.
        let mut skip = segment.at().checked_sub(stream.start).ok_or(Stop::Short)?;
        let mut batches = Batches::new(stream.chunks);
        let mut writing: Option<Writing> = None;
        while !segment.has_ended() {
            batches.gather(written(writing.take())).await?;
            let batch = tokio::select! {
                batch = batches.next() => batch,
                () = segment.ended() => break,
            };
            match batch {
                Batch::Bytes(pieces) => {
                    let new = batch::length(&pieces).saturating_sub(skip);
                    let taken = if new == 0 { 0..0 } else { segment.take(new, Instant::now()) };
                    let pieces = clip(pieces, &mut skip, taken.end - taken.start);
                    self.batches.fetch_add(1, Ordering::Relaxed);
                    if !pieces.is_empty() {
                        writing = Some(self.write(segment, taken.start, pieces));
                    }
                }
                Batch::End => return Err(Stop::Short),
                Batch::Broken(error) => return Err(Stop::Upstream(error)),
            }
        }
        written(writing).await
    }

    fn write(self: &Arc<Self>, segment: &Arc<Segment>, at: u64, pieces: Vec<Bytes>) -> Writing {
        let (job, segment) = (Arc::clone(self), Arc::clone(segment));
        tokio::task::spawn_blocking(move || {
            job.writer.write(at, &pieces)?;
            let length = batch::length(&pieces);
            job.context.metrics.bytes_fetched.inc_by(length);
            job.upstream.add_received(length);
            segment.advance(at + length);
            job.fill.reveal(at..at + length);
            Ok(())
        })
    }
}

/// A write under way.
type Writing = tokio::task::JoinHandle<Result<(), entrepot_blobs::Error>>;

/// Waits for a write.
async fn written(writing: Option<Writing>) -> Result<(), Stop> {
    match writing {
        Some(writing) => writing.await.map_err(|_| Stop::Panicked)?.map_err(Stop::Disk),
        None => Ok(()),
    }
}

/// Drops the first `skip` bytes, and everything past `room` bytes.
fn clip(pieces: Vec<Bytes>, skip: &mut u64, mut room: u64) -> Vec<Bytes> {
    let mut kept = Vec::with_capacity(pieces.len());
    for mut piece in pieces {
        // Neither is more than the piece's own length.
        let skipped = (*skip).min(piece.len() as u64);
        *skip -= skipped;
        let mut piece = piece.split_off(skipped as usize);
        piece.truncate(room.min(piece.len() as u64) as usize);
        room -= piece.len() as u64;
        if !piece.is_empty() {
            kept.push(piece);
        }
    }
    kept
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_double_and_are_as_long_as_the_upstream_asks_for() {
        let pauses: Vec<_> =
            (1..ATTEMPTS).map(|failures| pause(&Stop::Short, failures).as_millis()).collect();
        assert_eq!(pauses, [200, 400, 800, 1600]);
        let limited = RemoteError::Limited { retry_after: Some(Duration::from_secs(7)) };
        assert_eq!(pause(&Stop::Upstream(limited), 1), Duration::from_secs(7));
    }

    #[test]
    fn clips_both_ends() {
        let pieces = || vec![Bytes::from_static(b"abc"), Bytes::from_static(b"def")];
        let mut skip = 4;
        assert_eq!(clip(pieces(), &mut skip, 9), vec![Bytes::from_static(b"ef")]);
        assert_eq!(skip, 0);
        assert_eq!(clip(pieces(), &mut 0, 4), vec![Bytes::from_static(b"abc"), Bytes::from_static(b"d")]);
        let mut skip = 10;
        assert!(clip(pieces(), &mut skip, 9).is_empty());
        assert_eq!(skip, 4);
    }
}
