//! `entrepot cache gc` and `scrub`: work that takes long, here or in a running server. It is followed until it ends.

use std::time::Duration;

use entrepot_api::{CacheEvictionReport, CacheScrubReport, CacheWorkEnd};
use entrepot_oci::Digest;

use super::{holder::CacheBackend, print::print, render_work as render};
use crate::{failure::Failure, output::Output, terminal::StatusLine};

/// How often it is asked how the work goes.
const EVERY: Duration = Duration::from_millis(300);

/// What to evict.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Eviction {
    /// Only show what would go.
    DryRun {
        /// Bytes to free, if the limits do not say it.
        free: Option<u64>,
    },
    /// Let it go.
    Now {
        /// Exactly this plan.
        plan: Option<Digest>,
        /// Bytes to free, if the limits do not say it.
        free: Option<u64>,
    },
    /// Cancel the one under way.
    Cancel,
}

/// What to hash again.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Scrub {
    /// Everything.
    Now {
        /// Bytes a second, if not as the configuration says.
        rate: Option<u64>,
    },
    /// Cancel the one under way.
    Cancel,
}

/// Evicts, or shows what would go.
pub(super) async fn evict(backend: &CacheBackend, what: Eviction, output: Output) -> Result<(), Failure> {
    let (plan, free) = match what {
        Eviction::DryRun { free } => {
            let plan = backend.eviction_plan(free).await?;
            return print(output, &plan, || render::plan(&plan));
        }
        Eviction::Cancel => {
            let state = backend.cancel_eviction().await?;
            return print(output, &state, || render::cancelled(state.running.is_some()));
        }
        Eviction::Now { plan, free } => (plan, free),
    };
    backend.begin_eviction(plan, free).await?;
    let mut status = StatusLine::default();
    let report = loop {
        let state = backend.eviction().await?;
        match (state.running, state.last) {
            (Some(progress), _) => status.show(&render::eviction_progress(&progress)),
            (None, Some(report)) => break report,
            (None, None) => return Err(Failure::new("the eviction ended without a report")),
        }
        tokio::time::sleep(EVERY).await;
    };
    status.clear();
    print(output, &report, || render::evicted(&report))?;
    eviction_failed(&report).map_or(Ok(()), Err)
}

/// Hashes everything again.
pub(super) async fn scrub(backend: &CacheBackend, what: Scrub, output: Output) -> Result<(), Failure> {
    let rate = match what {
        Scrub::Cancel => {
            let state = backend.cancel_scrub().await?;
            return print(output, &state, || render::cancelled(state.running.is_some()));
        }
        Scrub::Now { rate } => rate,
    };
    backend.begin_scrub(rate).await?;
    let mut status = StatusLine::default();
    let report = loop {
        let state = backend.scrub().await?;
        match (state.running, state.last) {
            (Some(progress), _) => status.show(&render::scrub_progress(&progress)),
            (None, Some(report)) => break report,
            (None, None) => return Err(Failure::new("the scrub ended without a report")),
        }
        tokio::time::sleep(EVERY).await;
    };
    status.clear();
    print(output, &report, || render::scrubbed(&report))?;
    scrub_failed(&report).map_or(Ok(()), Err)
}

fn eviction_failed(report: &CacheEvictionReport) -> Option<Failure> {
    match report.end {
        CacheWorkEnd::Done if report.held_back > 0 => Some(
            Failure::new("so many images expired at once that they were not evicted")
                .with_hint("look at them with `--dry-run`, then have exactly them go with `--plan DIGEST`"),
        ),
        CacheWorkEnd::Done => None,
        CacheWorkEnd::Cancelled => Some(Failure::new("the eviction was cancelled")),
        CacheWorkEnd::TooMuch | CacheWorkEnd::Failed => {
            Some(Failure::new("the eviction ended early").with_hint("the log of the server may say more"))
        }
    }
}

fn scrub_failed(report: &CacheScrubReport) -> Option<Failure> {
    match report.end {
        CacheWorkEnd::Done if report.found > 0 => Some(
            Failure::new("damaged or missing content was found")
                .with_hint("what became of it is listed above; what was damaged is kept aside in `damaged`"),
        ),
        CacheWorkEnd::Done => None,
        CacheWorkEnd::Cancelled => {
            Some(Failure::new("the scrub was cancelled").with_hint("the next one goes on where it was"))
        }
        CacheWorkEnd::TooMuch => {
            Some(Failure::new("so much is damaged that the store itself may be").with_hint(
                "check the disk or the bucket; `entrepot cache verify` compares bytes with records",
            ))
        }
        CacheWorkEnd::Failed => {
            Some(Failure::new("the scrub ended early").with_hint("the next one goes on where it was"))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn evicted(end: CacheWorkEnd, held_back: u64) -> CacheEvictionReport {
        CacheEvictionReport {
            end,
            failure: None,
            triggers: Vec::new(),
            images: 0,
            freed: 0,
            spared: 0,
            held_back,
            free_before: None,
            free_after: None,
        }
    }

    fn scrubbed(end: CacheWorkEnd, found: u64) -> CacheScrubReport {
        CacheScrubReport { end, failure: None, digests: 0, bytes: 0, found, findings: Vec::new() }
    }

    #[test]
    fn whatever_is_left_over_is_a_failure() {
        assert_eq!(eviction_failed(&evicted(CacheWorkEnd::Done, 0)), None);
        assert!(
            eviction_failed(&evicted(CacheWorkEnd::Done, 1)).unwrap().to_string().contains("--plan DIGEST")
        );
        assert!(eviction_failed(&evicted(CacheWorkEnd::Failed, 0)).is_some());
        assert!(eviction_failed(&evicted(CacheWorkEnd::Cancelled, 0)).is_some());
        assert_eq!(scrub_failed(&scrubbed(CacheWorkEnd::Done, 0)), None);
        for (end, found) in [
            (CacheWorkEnd::Done, 1),
            (CacheWorkEnd::TooMuch, 0),
            (CacheWorkEnd::Failed, 0),
            (CacheWorkEnd::Cancelled, 0),
        ] {
            assert!(scrub_failed(&scrubbed(end, found)).is_some());
        }
    }
}
