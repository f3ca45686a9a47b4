//! The result for an image, in one line. Pure.

use entrepot_oci::Reference;
use entrepot_sync::{Done, Outcome, Place, Row};

use crate::output::size;

/// The result for an image, in one line.
pub(crate) fn line(row: &Row) -> String {
    let Row { source, reference, target, target_reference, outcome, took, .. } = row;
    let (from, to) = (image(source, reference), image(target, target_reference));
    match outcome {
        Outcome::Done(Done { changed: false, .. }) => format!("up to date: {to}"),
        Outcome::Done(Done { written, mounted, .. }) => {
            let mounted = if *mounted == 0 { String::new() } else { format!(", {} mounted", size(*mounted)) };
            format!("copied: {from} to {to}, {}{mounted}, {:.1} s", size(*written), took.as_secs_f64())
        }
        Outcome::Failed(failure) => format!("failed: {to}: {}", failure.what),
        Outcome::Postponed { .. } => format!("postponed: {to}"),
        Outcome::Cancelled => format!("cancelled: {to}"),
    }
}

/// An image at a place, in the usual notation.
pub(crate) fn image(place: &Place, reference: &Reference) -> String {
    match reference {
        Reference::Tag(tag) => format!("{place}:{tag}"),
        Reference::Digest(digest) => format!("{place}@{digest}"),
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use entrepot_oci::{Digest, Tag};
    use entrepot_sync::Failure;

    use super::*;

    #[test]
    fn images_end_in_a_line() {
        let row = |outcome| Row {
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
            Outcome::Done(Done { digest: Digest::of(b""), changed, written: 2048, mounted, present: 0 })
        };
        let failure = Failure { what: "it is full".into(), hint: None, at_source: false };
        for (outcome, text) in [
            (done(false, 0), "up to date: oci:b:latest"),
            (done(true, 0), "copied: oci:a:latest to oci:b:latest, 2.0 KiB, 1.2 s"),
            (done(true, 1024), "copied: oci:a:latest to oci:b:latest, 2.0 KiB, 1.0 KiB mounted, 1.2 s"),
            (Outcome::Failed(failure), "failed: oci:b:latest: it is full"),
            (Outcome::Postponed { after: None }, "postponed: oci:b:latest"),
            (Outcome::Cancelled, "cancelled: oci:b:latest"),
        ] {
            assert_eq!(line(&row(outcome)), text);
        }
    }
}
