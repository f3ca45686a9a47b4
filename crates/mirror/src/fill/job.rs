//! A download: the state that its connections share, and its end.

use std::{
    sync::{Arc, Mutex, PoisonError, atomic::AtomicU64},
    time::Duration,
};

use entrepot_catalog::RepoKey;
use entrepot_remote::{Endpoint, Error as RemoteError, InvalidResponse};

use super::{
    context::FillContext,
    progress_note::ProgressNote,
    segments::Segments,
    state::{Fill, FillContent, FillFailure},
    writer::Writer,
};
use crate::{error::Error, size_limit::SizeLimit, upstream::Upstream};

/// The longest pause that an upstream may ask for in the middle of a download. If it asks for more, the download ends and
/// the next client that wants the blob begins it again.
const LONGEST_WAIT: Duration = Duration::from_secs(15);

/// A download under way, shared by its connections.
pub(super) struct FillJob {
    pub(super) context: Arc<FillContext>,
    pub(super) upstream: Arc<Upstream>,
    pub(super) key: RepoKey,
    pub(super) fill: Arc<Fill>,
    pub(super) writer: Writer,
    /// The number of batches written since throughput was last measured.
    pub(super) batches: AtomicU64,
    pub(super) segments: Segments,
    /// `u64::MAX` while the upstream does not say.
    pub(super) size: u64,
    pub(super) limit: SizeLimit,
    /// The endpoints that sent some of it.
    pub(super) endpoints: Mutex<Vec<Endpoint>>,
}

/// Why a segment was not fetched.
pub(super) enum Stop {
    /// The upstream refused or failed.
    Upstream(RemoteError),
    /// The stream ended before the segment did.
    Short,
    /// The partial file could not be written.
    Disk(entrepot_blobs::Error),
    /// A blocking task panicked.
    Panicked,
    /// Nobody waits for it.
    Abandoned,
    /// The mirror is stopping.
    Stopping,
}

impl Stop {
    /// True if another attempt may succeed.
    pub(super) fn may_pass(&self) -> bool {
        match self {
            Self::Short => true,
            Self::Upstream(RemoteError::NotFound | RemoteError::Denied { status: 401 | 403, .. }) => false,
            Self::Upstream(_) => self.wait() <= LONGEST_WAIT,
            Self::Disk(_) | Self::Panicked | Self::Abandoned | Self::Stopping => false,
        }
    }

    /// The pause that the upstream asked for; zero if it asked for none.
    pub(super) fn wait(&self) -> Duration {
        match self {
            Self::Upstream(RemoteError::Limited { retry_after }) => retry_after.unwrap_or_default(),
            _ => Duration::ZERO,
        }
    }
}

/// True if the upstream does not have the range that the partial file needs: the size it was begun with is wrong.
pub(super) fn contradicts(error: &RemoteError) -> bool {
    matches!(error, RemoteError::Invalid(InvalidResponse::Range))
}

/// Logs why the blob cannot be kept. The client can still have its bytes, whatever keeps us from writing them.
pub(super) fn no_space(error: entrepot_blobs::Error) -> FillFailure {
    tracing::warn!(%error, "a blob cannot be kept and is passed through");
    FillFailure::NoSpace
}

impl FillJob {
    /// Writes the progress of a blob of `size` bytes beside the partial file.
    pub(super) async fn note(&self, size: u64) {
        let note = ProgressNote::new(&self.key, size, &self.writer.written());
        if let Err(error) = self.writer.staged().set_note(&note.to_bytes()).await {
            tracing::debug!(%error, "progress could not be noted");
        }
    }

    /// Deletes the partial file.
    pub(super) async fn discard(&self) {
        self.context.discard(self.fill.digest).await;
    }

    /// Translates `stop` for the clients that wait, and deletes the partial file if it is of no use.
    pub(super) async fn failure(&self, stop: Stop) -> FillFailure {
        match stop {
            Stop::Upstream(error) => {
                if contradicts(&error) {
                    self.discard().await;
                }
                FillFailure::Refused(self.upstream.blob_refused(&self.key, &self.fill.digest, error))
            }
            Stop::Short => FillFailure::Refused(self.upstream.invalid("it is shorter than was said")),
            Stop::Disk(error) => {
                self.discard().await;
                no_space(error)
            }
            Stop::Panicked | Stop::Stopping => FillFailure::Refused(Error::Store),
            Stop::Abandoned => FillFailure::Abandoned,
        }
    }

    /// Verifies the digest. Only then do readers get the last bytes, and only then is the blob kept.
    pub(super) async fn verify_and_commit(self: Arc<Self>, content: FillContent) -> Result<(), FillFailure> {
        let job = Arc::clone(&self);
        let actual = tokio::task::spawn_blocking(move || job.writer.finish()).await;
        let actual = actual.map_err(|_| FillFailure::Refused(Error::Store))?.map_err(no_space)?;
        if actual != self.fill.digest {
            self.distrust();
            self.discard().await;
            let why = "its content does not have the digest it was asked for by";
            return Err(FillFailure::Refused(self.upstream.invalid(why)));
        }
        let size = content.size;
        self.fill.verified(content);
        let (key, digest) = (&self.key, &self.fill.digest);
        match self.commit(size).await {
            Ok(()) => {}
            // Its note says that it is complete: whoever asks for it next has it committed, without a request.
            Err(Error::StoreDown) => {
                tracing::warn!(%key, %digest, "a blob was served and waits until the store is back");
            }
            Err(error) => {
                tracing::warn!(%key, %digest, %error, "a blob was served but not kept");
                self.discard().await;
            }
        }
        Ok(())
    }

    fn distrust(&self) {
        let endpoints = self.endpoints.lock().unwrap_or_else(PoisonError::into_inner);
        let (host, digest) = (self.upstream.host(), &self.fill.digest);
        if endpoints.is_empty() {
            tracing::warn!(%host, %digest, "what an earlier attempt left of a download is damaged");
        } else {
            tracing::warn!(%host, %digest, "the upstream sent bytes of another digest");
        }
        endpoints.iter().for_each(|endpoint| self.upstream.distrust(*endpoint));
    }

    async fn commit(&self, size: u64) -> Result<(), Error> {
        let (staged, digest) = (self.writer.staged().clone(), &self.fill.digest);
        self.context.holdings.commit_blob(staged, digest, size, &self.fill.keys()).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_may_pass_is_tried_again_after_the_wait_that_was_asked_for() {
        let limited = |seconds| {
            Stop::Upstream(RemoteError::Limited { retry_after: Some(Duration::from_secs(seconds)) })
        };
        for (stop, may_pass, seconds) in [
            (Stop::Short, true, 0),
            (Stop::Upstream(RemoteError::TimedOut), true, 0),
            (Stop::Upstream(RemoteError::NotFound), false, 0),
            (limited(15), true, 15),
            (limited(16), false, 16),
            (Stop::Panicked, false, 0),
            (Stop::Abandoned, false, 0),
            (Stop::Stopping, false, 0),
        ] {
            assert_eq!((stop.may_pass(), stop.wait().as_secs()), (may_pass, seconds));
        }
    }
}
