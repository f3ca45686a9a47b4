//! Sends events about a job while it runs.

use std::{
    collections::HashMap,
    mem,
    sync::{Mutex, PoisonError},
};

use entrepot_oci::Digest;
use tokio::sync::mpsc::UnboundedSender;

use super::blob::Blob;
use crate::CopyEvent;

/// The smallest progress worth an event, in bytes.
const STEP: u64 = 256 << 10;

/// Sends the events of one job. Works without a listener.
pub(crate) struct Tally {
    events: UnboundedSender<CopyEvent>,
    job: usize,
    counts: Mutex<ProgressCounts>,
}

#[derive(Default)]
struct ProgressCounts {
    /// Bytes done of each blob.
    dealt: HashMap<Digest, u64>,
    /// Bytes read but not reported yet.
    unsaid: u64,
}

impl Tally {
    pub(crate) fn new(events: UnboundedSender<CopyEvent>, job: usize) -> Self {
        Self { events, job, counts: Mutex::default() }
    }

    /// The job starts.
    pub(crate) fn started(&self) {
        self.send(CopyEvent::Started { job: self.job });
    }

    /// The total size is known.
    pub(crate) fn sized(&self, bytes: u64) {
        self.send(CopyEvent::Sized { job: self.job, bytes });
    }

    /// Bytes were received over the network.
    pub(crate) fn read(&self, bytes: u64) {
        let mut known = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
        known.unsaid += bytes;
        if known.unsaid >= STEP {
            let read = mem::take(&mut known.unsaid);
            self.send(CopyEvent::Progress { job: self.job, bytes: 0, read });
        }
    }

    /// A blob is done up to this offset. Bytes done before are not counted again.
    pub(crate) fn dealt(&self, blob: Blob, up_to: u64) {
        let mut known = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
        let before = known.dealt.entry(blob.digest).or_default();
        let bytes = up_to.saturating_sub(*before);
        if bytes >= STEP || (bytes > 0 && up_to == blob.size) {
            *before = up_to;
            let read = mem::take(&mut known.unsaid);
            self.send(CopyEvent::Progress { job: self.job, bytes, read });
        }
    }

    fn send(&self, event: CopyEvent) {
        drop(self.events.send(event));
    }
}

#[cfg(test)]
mod tests {
    use tokio::sync::mpsc::unbounded_channel;

    use super::*;

    #[test]
    fn the_end_of_a_blob_is_reported_once() {
        let (events, mut seen) = unbounded_channel();
        let tally = Tally::new(events, 3);
        let blob = Blob { digest: Digest::of(b"seven b"), size: 7 };
        tally.dealt(blob, 5);
        assert!(seen.try_recv().is_err(), "a step is too small to be worth an event, unless it is the last");
        for _ in 0..2 {
            tally.dealt(blob, 7);
        }
        let Ok(CopyEvent::Progress { job: 3, bytes: 7, read: 0 }) = seen.try_recv() else {
            panic!("no event")
        };
        assert!(seen.try_recv().is_err());
    }
}
