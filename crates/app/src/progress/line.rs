//! The result for an image, and how far a run is, in one line each. Pure.

use std::time::Duration;

use entrepot_oci::Reference;
use entrepot_sync::{CopyResult, CopySuccess, JobOutcome, Place};

use super::tally::Tally;
use crate::{
    failure::told,
    output::{amount, joined, sentence, size},
};

/// The result for an image, in one line.
pub(crate) fn line(row: &CopyResult) -> String {
    let CopyResult { source, reference, target, target_reference, outcome, took, .. } = row;
    let (from, to) = (image(source, reference), image(target, target_reference));
    match outcome {
        JobOutcome::Done(CopySuccess { changed: false, .. }) => sentence!("up to date: {image}", image = to),
        JobOutcome::Done(CopySuccess { written, mounted, .. }) => {
            let mounted = (*mounted != 0).then(|| sentence!("{bytes} mounted", bytes = size(*mounted)));
            let seconds = format!("{:.1}", took.as_secs_f64());
            let took = sentence!("{seconds} s", seconds = seconds);
            let facts: Vec<String> = [size(*written)].into_iter().chain(mounted).chain([took]).collect();
            let facts = joined(&facts);
            sentence!("copied: {from} to {to}, {facts}", from = from, to = to, facts = facts)
        }
        JobOutcome::Failed(failure) => {
            sentence!("failed: {image}: {what}", image = to, what = told(&failure.what))
        }
        JobOutcome::Postponed { .. } => sentence!("postponed: {image}", image = to),
        JobOutcome::Cancelled => sentence!("cancelled: {image}", image = to),
    }
}

/// An image at a place, in the usual notation.
pub(crate) fn image(place: &Place, reference: &Reference) -> String {
    match reference {
        Reference::Tag(tag) => format!("{place}:{tag}"),
        Reference::Digest(digest) => format!("{place}@{digest}"),
    }
}

/// How far a run is, in one line.
pub(super) fn sums(tally: &Tally) -> String {
    let (dealt, all) = tally.bytes();
    let images = amount(tally.jobs(), "image");
    let mut facts = vec![sentence!("{count} of {all}", count = tally.settled, all = images)];
    facts.extend((tally.failed != 0).then(|| sentence!("{count} failed", count = tally.failed)));
    facts.push(format!("{} / {}", size(dealt), size(all)));
    facts.push(format!("{}/s", size(tally.rate())));
    facts.extend(tally.left().map(|left| sentence!("{time} left", time = clock(left))));
    joined(&facts)
}

fn clock(time: Duration) -> String {
    let seconds = time.as_secs();
    match seconds {
        0..3600 => format!("{}:{:02}", seconds / 60, seconds % 60),
        _ => format!("{}:{:02}:{:02}", seconds / 3600, seconds / 60 % 60, seconds % 60),
    }
}

#[cfg(test)]
mod tests {
    use entrepot_oci::{Digest, Tag};
    use entrepot_sync::{CopyEvent, CopyFailure};

    use super::*;

    #[test]
    fn sums_read_well() {
        let mut tally = Tally::new(vec![1, 1]);
        tally.take(&CopyEvent::Sized { job: 0, bytes: 4096 });
        tally.take(&CopyEvent::Progress { job: 0, bytes: 2048, read: 1024 });
        assert_eq!(sums(&tally), "0 of 2 images, 2.0 KiB / 4.0 KiB, 0 B/s");
        tally.tick(Duration::from_secs(4));
        assert_eq!(sums(&tally), "0 of 2 images, 2.0 KiB / 4.0 KiB, 256 B/s, 0:12 left");
        assert_eq!(clock(Duration::from_secs(3725)), "1:02:05");
    }

    #[test]
    fn images_end_in_a_line() {
        let row = |outcome| CopyResult {
            rule: String::new(),
            source: Place::Layout("a".into()),
            reference: Reference::Tag(Tag::latest()),
            target: Place::Layout("b".into()),
            target_reference: Reference::Tag(Tag::latest()),
            digest: None,
            outcome,
            took: Duration::from_millis(1250),
        };
        let done = |changed, mounted| {
            JobOutcome::Done(CopySuccess {
                digest: Digest::of(b""),
                changed,
                written: 2048,
                mounted,
                present: 0,
            })
        };
        let failure = CopyFailure { what: "it is full".into(), hint: None, at_source: false };
        for (outcome, text) in [
            (done(false, 0), "up to date: oci:b:latest"),
            (done(true, 0), "copied: oci:a:latest to oci:b:latest, 2.0 KiB, 1.2 s"),
            (done(true, 1024), "copied: oci:a:latest to oci:b:latest, 2.0 KiB, 1.0 KiB mounted, 1.2 s"),
            (JobOutcome::Failed(failure), "failed: oci:b:latest: it is full"),
            (JobOutcome::Postponed { after: None }, "postponed: oci:b:latest"),
            (JobOutcome::Cancelled, "cancelled: oci:b:latest"),
        ] {
            assert_eq!(line(&row(outcome)), text);
        }
    }
}
