//! Converts pins, evictions and scrubs to API types. Pure.

use std::time::{SystemTime, UNIX_EPOCH};

use entrepot_api::{
    CacheEviction, CacheEvictionPlan, CacheEvictionProgress, CacheEvictionReason, CacheEvictionReport,
    CacheEvictionTrigger, CachePin, CachePinList, CachePinSource, CachePlannedImage, CacheSaving,
    CacheSavings, CacheScrub, CacheScrubFinding, CacheScrubOutcome, CacheScrubProgress, CacheScrubReport,
    CacheWorkEnd,
};
use entrepot_mirror::{
    EvictionEnd, EvictionPlan, EvictionProgress, EvictionReason, EvictionReport, EvictionTrigger, JobState,
    PinPage, PinRecord, PinSource, PlannedImage, Saving, ScrubEnd, ScrubFinding, ScrubOutcome, ScrubProgress,
    ScrubReport,
};

/// The most images of a plan that are listed.
const LISTED: usize = 1000;

/// A page of pins.
pub fn pins(page: PinPage) -> CachePinList {
    CachePinList { pins: page.pins.into_iter().map(pin).collect(), more: page.more }
}

fn pin(record: PinRecord) -> CachePin {
    let PinRecord { id, pin, created } = record;
    CachePin {
        id: id.to_string(),
        name: pin.key.to_string(),
        digest: pin.digest,
        source: match pin.source {
            PinSource::Requested => CachePinSource::Requested,
            PinSource::Kept => CachePinSource::Kept,
            PinSource::Shelf => CachePinSource::Shelf,
            PinSource::Instance => CachePinSource::Instance,
            PinSource::Hand => CachePinSource::Hand,
        },
        held_by: pin.held_by,
        reason: pin.reason,
        since: seconds(created),
        expires: pin.expires.map(seconds),
    }
}

/// The source that is written so.
pub fn pin_source(word: &str) -> Option<PinSource> {
    [PinSource::Requested, PinSource::Kept, PinSource::Shelf, PinSource::Instance, PinSource::Hand]
        .into_iter()
        .find(|source| source.as_str() == word)
}

/// What would be evicted.
pub fn plan(plan: &EvictionPlan) -> CacheEvictionPlan {
    CacheEvictionPlan {
        plan: plan.digest,
        count: plan.images.len() as u64,
        frees: plan.frees,
        held: plan.held,
        wanted: plan.wanted,
        triggers: plan.triggers.iter().copied().map(trigger).collect(),
        doubtful: plan.is_doubtful,
        images: plan.images.iter().take(LISTED).map(planned).collect(),
    }
}

fn planned(image: &PlannedImage) -> CachePlannedImage {
    CachePlannedImage {
        name: image.key.to_string(),
        digest: image.digest,
        frees: image.frees,
        last_used: seconds(image.last_used),
        reason: match image.reason {
            EvictionReason::Expired => CacheEvictionReason::Expired,
            EvictionReason::Room => CacheEvictionReason::Room,
        },
    }
}

fn trigger(trigger: EvictionTrigger) -> CacheEvictionTrigger {
    match trigger {
        EvictionTrigger::Size => CacheEvictionTrigger::Size,
        EvictionTrigger::FreeSpace => CacheEvictionTrigger::FreeSpace,
    }
}

/// How evictions stand.
pub fn eviction(state: JobState<EvictionProgress, EvictionReport>) -> CacheEviction {
    CacheEviction {
        running: state.running.map(|at| {
            let EvictionProgress { planned, done, freed, wanted, seconds } = at;
            CacheEvictionProgress { planned, done, freed, wanted, seconds }
        }),
        last: state.last.map(eviction_report),
    }
}

fn eviction_report(report: EvictionReport) -> CacheEvictionReport {
    let EvictionReport { end, triggers, images, freed, spared, held_back, free_before, free_after } = report;
    let (end, failure) = match end {
        EvictionEnd::Done => (CacheWorkEnd::Done, None),
        EvictionEnd::Cancelled => (CacheWorkEnd::Cancelled, None),
        EvictionEnd::Failed(error) => (CacheWorkEnd::Failed, Some(error)),
    };
    let triggers = triggers.into_iter().map(trigger).collect();
    CacheEvictionReport { end, failure, triggers, images, freed, spared, held_back, free_before, free_after }
}

/// What a larger disk would have saved.
pub fn savings(steps: Vec<Saving>) -> CacheSavings {
    let step = |Saving { larger_by, images, bytes }| CacheSaving { larger_by, images, bytes };
    CacheSavings { steps: steps.into_iter().map(step).collect() }
}

/// How scrubs stand.
pub fn scrub(state: JobState<ScrubProgress, ScrubReport>) -> CacheScrub {
    CacheScrub {
        running: state.running.map(|at| {
            let ScrubProgress { digests, bytes, of, findings, seconds } = at;
            CacheScrubProgress { digests, bytes, of, findings, seconds }
        }),
        last: state.last.map(scrub_report),
    }
}

fn scrub_report(report: ScrubReport) -> CacheScrubReport {
    let ScrubReport { end, digests, bytes, found, findings } = report;
    let (end, failure) = match end {
        ScrubEnd::Done => (CacheWorkEnd::Done, None),
        ScrubEnd::Cancelled => (CacheWorkEnd::Cancelled, None),
        ScrubEnd::TooMuch => (CacheWorkEnd::TooMuch, None),
        ScrubEnd::Failed(error) => (CacheWorkEnd::Failed, Some(error)),
    };
    let findings = findings.into_iter().map(scrub_finding).collect();
    CacheScrubReport { end, failure, digests, bytes, found, findings }
}

fn scrub_finding(finding: ScrubFinding) -> CacheScrubFinding {
    let ScrubFinding { digest, size, was_damaged, outcome, images } = finding;
    let outcome = match outcome {
        ScrubOutcome::Restored => CacheScrubOutcome::Restored,
        ScrubOutcome::Lost => CacheScrubOutcome::Lost,
        ScrubOutcome::Later => CacheScrubOutcome::Later,
        ScrubOutcome::PushAgain => CacheScrubOutcome::PushAgain,
    };
    CacheScrubFinding { digest, size, was_damaged, outcome, images }
}

fn seconds(at: SystemTime) -> u64 {
    at.duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sources_are_written_alike_everywhere() {
        for (word, wire) in [
            ("requested", CachePinSource::Requested),
            ("kept", CachePinSource::Kept),
            ("shelf", CachePinSource::Shelf),
            ("instance", CachePinSource::Instance),
            ("hand", CachePinSource::Hand),
        ] {
            assert_eq!((pin_source(word).unwrap().as_str(), wire.as_str()), (word, word));
        }
        assert_eq!(pin_source("hosted"), None);
    }
}
