//! Scrubbing: hashes all stored bytes again, at a rate that leaves the disk to pulls.
//!
//! Damaged bytes are set aside. What is mirrored is fetched again; if its upstream does not have it any more, the images that
//! need it are named. What was pushed here has to be pushed again. A restart goes on where the round was. If suspiciously much
//! is damaged, the round ends: then the store is the matter, not single blobs.

use std::time::{Duration, SystemTime};

use entrepot_blobs::{Pace, RehashOutcome};
use entrepot_catalog::{Origin, RepoKey};
use entrepot_oci::{Digest, Reference};
use futures_util::StreamExt as _;

use crate::{
    error::Error,
    findings::are_few,
    holdings::Holders,
    mirror::Mirror,
    one_job::{JobGuard, JobState},
    scrub_report::{ScrubEnd, ScrubFinding, ScrubOutcome, ScrubProgress, ScrubReport},
};

/// How often it is looked whether a scrub is due.
const EVERY: Duration = Duration::from_secs(10 * 60);
/// The most findings that a report has.
const FINDINGS: usize = 1000;
/// The most images that are named with one finding.
const IMAGES: usize = 100;

type Guard = JobGuard<ScrubProgress, ScrubReport>;

impl Mirror {
    /// Begins a scrub at `rate` bytes a second, or at the rate of the settings. It goes on where the last one was cut off.
    /// Returns before it ends: [`Mirror::scrub`] tells how it goes.
    ///
    /// # Errors
    /// [`Error::ScrubRuns`], or the catalog failed.
    pub async fn begin_scrub(&self, rate: Option<u64>) -> Result<(), Error> {
        let guard = self.0.scrub.begin(ScrubProgress::default()).ok_or(Error::ScrubRuns)?;
        let of = self.0.holdings.totals().await?.bytes;
        guard.update(|at| at.of = of);
        let (mirror, rate) = (self.clone(), rate.unwrap_or(self.0.scrub_rate));
        self.0.tasks.spawn(async move { mirror.scrub_round(rate, guard).await });
        Ok(())
    }

    /// How the scrub goes that is under way, and how the last one ended.
    pub fn scrub(&self) -> JobState<ScrubProgress, ScrubReport> {
        self.0.scrub.state()
    }

    /// Cancels the scrub that is under way. Returns whether there was one.
    pub fn cancel_scrub(&self) -> bool {
        self.0.scrub.cancel()
    }

    /// Scrubs as often as the settings say, until the mirror stops.
    pub(crate) async fn scrubbing(self) {
        let Some(every) = self.0.scrub_every else { return };
        loop {
            tokio::select! {
                () = self.stopping() => return,
                () = tokio::time::sleep(EVERY) => {}
            }
            match self.0.holdings.scrub_record().await {
                Ok(record) if is_due(record.ended, self.0.clock.now(), every) => {
                    if let Err(error) = self.begin_scrub(None).await {
                        tracing::debug!(%error, "no scrub was begun");
                    }
                }
                Ok(_) => {}
                Err(error) => tracing::warn!(%error, "it is not known when what is held was last hashed"),
            }
        }
    }

    async fn scrub_round(&self, rate: u64, guard: Guard) {
        let began = tokio::time::Instant::now();
        let mut report =
            ScrubReport { end: ScrubEnd::Done, digests: 0, bytes: 0, found: 0, findings: Vec::new() };
        let walk = self.walk(rate, &mut report, |at| {
            guard.update(|to| {
                (to.digests, to.bytes, to.findings) = (at.digests, at.bytes, at.found);
                to.seconds = began.elapsed().as_secs();
            });
        });
        let walked = tokio::select! {
            walked = walk => Some(walked),
            () = guard.cancelled() => None,
            () = self.stopping() => None,
        };
        report.end = match walked {
            Some(Ok(end)) => end,
            Some(Err(error)) => ScrubEnd::Failed(error.to_string()),
            None => ScrubEnd::Cancelled,
        };
        tell(&report);
        guard.end(report);
    }

    async fn walk(
        &self,
        rate: u64,
        report: &mut ScrubReport,
        tell: impl Fn(&ScrubReport),
    ) -> Result<ScrubEnd, Error> {
        let holdings = &self.0.holdings;
        let mut pace = Pace::new(rate);
        let mut after = holdings.scrub_record().await?.done_until;
        loop {
            let part = holdings.recorded(after.as_ref()).await?;
            for (digest, size) in &part.rows {
                let found = holdings.rehash(digest, &mut pace).await?;
                report.digests += 1;
                report.bytes += *size;
                self.0.metrics.scrubbed(*size);
                if found != RehashOutcome::Fine {
                    let finding = self.restore(digest, *size, found).await?;
                    warn(&finding);
                    self.0.metrics.scrub_found(finding.outcome);
                    report.found += 1;
                    if report.findings.len() < FINDINGS {
                        report.findings.push(finding);
                    }
                    if !are_few(report.found, report.digests) {
                        return Ok(ScrubEnd::TooMuch);
                    }
                }
                tell(report);
            }
            after = part.rows.last().map(|(digest, _)| *digest);
            if !part.more || after.is_none() {
                holdings.record_scrub(None, self.0.clock.now()).await?;
                return Ok(ScrubEnd::Done);
            }
            holdings.record_scrub(after.as_ref(), self.0.clock.now()).await?;
        }
    }

    async fn restore(&self, digest: &Digest, size: u64, found: RehashOutcome) -> Result<ScrubFinding, Error> {
        let holders = self.0.holdings.holders(digest).await?;
        self.0.holdings.forget_bytes(digest, &holders);
        let mut outcome = if holders.are_hosted() { ScrubOutcome::PushAgain } else { ScrubOutcome::Lost };
        for (key, is_blob) in mirrored(&holders) {
            let fetched = match is_blob {
                true => self.fetch_again(key, digest).await,
                false => self.fetch_manifest_again(key, digest).await,
            };
            match fetched {
                Ok(()) => {
                    outcome = ScrubOutcome::Restored;
                    break;
                }
                Err(error) if error.is_absence() => {}
                Err(error) => {
                    tracing::info!(%key, %digest, %error, "damaged content could not be fetched again");
                    outcome = ScrubOutcome::Later;
                }
            }
        }
        let images =
            if outcome == ScrubOutcome::Restored { Vec::new() } else { self.needing(digest, &holders).await };
        let was_damaged = found == RehashOutcome::Damaged;
        Ok(ScrubFinding { digest: *digest, size, was_damaged, outcome, images })
    }

    async fn fetch_again(&self, key: &RepoKey, digest: &Digest) -> Result<(), Error> {
        let mut bytes = self.fetched_bytes(key, digest).await?;
        while let Some(piece) = bytes.next().await {
            if piece.is_err() {
                break;
            }
        }
        // The last byte is sent before all of it is stored.
        if let Some(fill) = self.0.fills.running(digest) {
            fill.until_over().await;
        }
        if self.0.holdings.has_bytes(digest).await? { Ok(()) } else { Err(Error::Store) }
    }

    /// The images that need a digest: by their tags, or else by the digest itself.
    async fn needing(&self, digest: &Digest, holders: &Holders) -> Vec<String> {
        let mut images = Vec::new();
        for key in holders.all().take(IMAGES) {
            let lineage = self.0.holdings.lineage(key, digest).await.unwrap_or_default();
            let tags = lineage.iter().flat_map(|ancestor| &ancestor.tags);
            images.extend(tags.map(|tag| format!("{key}:{tag}")));
            if !lineage.iter().any(|ancestor| !ancestor.tags.is_empty()) {
                let roots = lineage.iter().filter(|ancestor| ancestor.parents.is_empty());
                images.extend(roots.map(|root| format!("{key}@{}", root.digest)));
            }
        }
        images.sort_unstable();
        images.dedup();
        images.truncate(IMAGES);
        images
    }

    async fn fetch_manifest_again(&self, key: &RepoKey, digest: &Digest) -> Result<(), Error> {
        self.restore_manifest(key, &Reference::Digest(*digest)).await
    }
}

/// The repositories of upstreams that have a digest, and whether as a blob.
fn mirrored(holders: &Holders) -> impl Iterator<Item = (&RepoKey, bool)> {
    let blobs = holders.blobs.iter().map(|key| (key, true));
    let manifests = holders.manifests.iter().map(|key| (key, false));
    blobs.chain(manifests).filter(|(key, _)| key.origin != Origin::Hosted)
}

/// Whether a scrub is due. If the last one seems to be in the future, the clock was set back: then it is, too.
fn is_due(ended: Option<SystemTime>, now: SystemTime, every: Duration) -> bool {
    ended.is_none_or(|ended| now.duration_since(ended).map_or(true, |age| age >= every))
}

fn warn(finding: &ScrubFinding) {
    let ScrubFinding { digest, size, was_damaged, outcome, images } = finding;
    let images = images.join(", ");
    match outcome {
        ScrubOutcome::Restored => {
            tracing::warn!(%digest, size, was_damaged, "bytes were damaged or lost, and were fetched again")
        }
        ScrubOutcome::Later => {
            tracing::warn!(%digest, size, was_damaged, images, "bytes were damaged or lost; they are fetched when somebody asks for them")
        }
        ScrubOutcome::Lost => {
            tracing::error!(%digest, size, was_damaged, images, "bytes are lost, and their upstream has them no more")
        }
        ScrubOutcome::PushAgain => {
            tracing::error!(%digest, size, was_damaged, images, "bytes of pushed content are lost: push it again")
        }
    }
}

fn tell(report: &ScrubReport) {
    let (digests, bytes, findings) = (report.digests, report.bytes, report.found);
    match &report.end {
        ScrubEnd::Done => tracing::info!(digests, bytes, findings, "all that is held was hashed again"),
        ScrubEnd::Cancelled => tracing::info!(digests, bytes, findings, "a scrub was cut off"),
        ScrubEnd::TooMuch => tracing::error!(
            digests,
            findings,
            "so much is damaged that the store itself may be: the scrub was ended"
        ),
        ScrubEnd::Failed(error) => tracing::warn!(digests, findings, error, "a scrub ended early"),
    }
}

#[cfg(test)]
mod tests {
    use std::time::UNIX_EPOCH;

    use super::*;

    // S13
    #[test]
    fn it_is_due_after_its_time_and_when_the_clock_was_set_back() {
        let (day, ended) = (Duration::from_secs(86_400), UNIX_EPOCH + Duration::from_secs(1_000_000));
        assert!(is_due(None, ended, day) && is_due(Some(ended), ended + day, day));
        assert!(!is_due(Some(ended), ended + day / 2, day));
        assert!(is_due(Some(ended), UNIX_EPOCH, day));
    }
}
