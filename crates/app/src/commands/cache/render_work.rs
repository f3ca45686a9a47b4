//! Text output of pins, evictions and scrubs. Pure.

use comfy_table::CellAlignment::{Left, Right};
use entrepot_api::{
    CacheEvictionPlan, CacheEvictionProgress, CacheEvictionReport, CacheEvictionTrigger, CachePin,
    CacheSavings, CacheScrubOutcome, CacheScrubProgress, CacheScrubReport,
};

use crate::{
    failure::told,
    output::{Column, age, amount, sentence, size, table, word},
};

/// A table of pins.
pub(super) fn pins(pins: &[CachePin], now: u64) -> String {
    if pins.is_empty() {
        return sentence!("nothing is pinned") + "\n";
    }
    let columns = [
        Column("IMAGE", Left),
        Column("SOURCE", Left),
        Column("HELD BY", Left),
        Column("SINCE", Left),
        Column("EXPIRES", Left),
        Column("REASON", Left),
    ];
    let rows = pins.iter().map(|pin| {
        vec![
            format!("{}@{}", pin.name, pin.digest),
            pin.source.to_string(),
            pin.held_by.clone(),
            age(Some(pin.since), now),
            pin.expires.map_or_else(|| "-".to_owned(), |at| ahead(at, now)),
            pin.reason.clone(),
        ]
    });
    table(&columns, rows.collect())
}

fn ahead(at: u64, now: u64) -> String {
    let time = match at.saturating_sub(now) {
        0 => return word("now"),
        left @ 1..86_400 => amount(left.div_ceil(3600), "hour"),
        left => amount(left.div_ceil(86_400), "day"),
    };
    sentence!("in {time}", time = time)
}

/// What would go: the images, and how to have exactly them go.
pub(super) fn plan(plan: &CacheEvictionPlan) -> String {
    if plan.count == 0 {
        return sentence!("nothing has to go: {held} are held", held = size(plan.held)) + "\n";
    }
    let columns = [Column("IMAGE", Left), Column("FREES", Right), Column("WHY", Left)];
    let rows = plan.images.iter().map(|image| {
        let name = match &image.digest {
            Some(digest) => format!("{}@{digest}", image.name),
            None => sentence!("{name} (blobs of no image)", name = image.name),
        };
        vec![name, size(image.frees), word(image.reason)]
    });
    let mut text = table(&columns, rows.collect());
    let more = plan.count.saturating_sub(plan.images.len() as u64);
    if more > 0 {
        text.push_str(&(sentence!("and {more} more", more = more) + "\n"));
    }
    text.push_str(&sentence!(
        "{images} would go and free {frees} of {held}",
        images = amount(plan.count, "image"),
        frees = size(plan.frees),
        held = size(plan.held)
    ));
    text.push_str(&(because(&plan.triggers) + "\n"));
    if plan.doubtful {
        text.push_str(
            &(sentence!("so many expire at once that they go only by the digest of this plan") + "\n"),
        );
    }
    text.push_str(
        &(sentence!("have exactly this go: entrepot cache gc --plan {plan}", plan = plan.plan) + "\n"),
    );
    text
}

fn because(triggers: &[CacheEvictionTrigger]) -> String {
    let words = triggers.iter().map(|trigger| match trigger {
        CacheEvictionTrigger::Size => sentence!("`mirror.max_size` is near"),
        CacheEvictionTrigger::FreeSpace => sentence!("the disk has less than `mirror.min_free`"),
    });
    let reasons = words.reduce(|one, other| sentence!("{one} and {other}", one = one, other = other));
    reasons.map_or_else(String::new, |reasons| sentence!(", because {reasons}", reasons = reasons))
}

/// How an eviction goes, on one line.
pub(super) fn eviction_progress(at: &CacheEvictionProgress) -> String {
    let left = left(at.freed, at.wanted, at.seconds);
    let (freed, wanted) = (size(at.freed), size(at.wanted));
    sentence!(
        "{done} of {planned} images, {freed} of {wanted} freed",
        done = at.done,
        planned = at.planned,
        freed = freed,
        wanted = wanted
    ) + &left
}

// What is left takes as long as what is done took.
fn left(done: u64, of: u64, seconds: u64) -> String {
    match (done, of.checked_sub(done)) {
        (1.., Some(rest @ 1..)) if seconds > 0 => {
            let left =
                u64::try_from(u128::from(seconds) * u128::from(rest) / u128::from(done)).unwrap_or(u64::MAX);
            let (minutes, seconds) = (left / 60, left % 60);
            if minutes > 0 {
                sentence!(", {minutes} min left", minutes = minutes)
            } else {
                sentence!(", {seconds} s left", seconds = seconds)
            }
        }
        _ => String::new(),
    }
}

/// How an eviction ended.
pub(super) fn evicted(report: &CacheEvictionReport) -> String {
    let images = amount(report.images, "image");
    let mut text = sentence!("{images} evicted, {freed} freed", images = images, freed = size(report.freed));
    text.push_str(&(because(&report.triggers) + "\n"));
    if report.spared > 0 {
        let images = amount(report.spared, "image");
        let stay = sentence!("{images} stay: they are used, pinned or needed by now", images = images);
        text.push_str(&(stay + "\n"));
    }
    if let (Some(before), Some(after)) = (report.free_before, report.free_after) {
        let (before, after) = (size(before), size(after));
        let free =
            sentence!("free on the disk: {before} before, {after} now", before = before, after = after);
        text.push_str(&(free + "\n"));
    }
    if let Some(failure) = &report.failure {
        text.push_str(&format!("{}\n", told(failure)));
    }
    text
}

/// What a larger disk would have saved.
pub(super) fn savings(savings: &CacheSavings) -> String {
    if savings.steps.is_empty() {
        return sentence!("nothing that was evicted in the last seven days was pulled again") + "\n";
    }
    let columns =
        [Column("LARGER BY", Right), Column("IMAGES KEPT", Right), Column("NOT FETCHED AGAIN", Right)];
    let rows = savings
        .steps
        .iter()
        .map(|step| vec![size(step.larger_by), step.images.to_string(), size(step.bytes)]);
    table(&columns, rows.collect())
}

/// How a scrub goes, on one line.
pub(super) fn scrub_progress(at: &CacheScrubProgress) -> String {
    let left = left(at.bytes, at.of, at.seconds);
    let findings = amount(at.findings, "finding");
    let (bytes, all) = (size(at.bytes), size(at.of));
    sentence!("{bytes} of {all} hashed, {findings}", bytes = bytes, all = all, findings = findings) + &left
}

/// How a scrub ended.
pub(super) fn scrubbed(report: &CacheScrubReport) -> String {
    let mut text = String::new();
    if !report.findings.is_empty() {
        let columns = [
            Column("DIGEST", Left),
            Column("SIZE", Right),
            Column("WAS", Left),
            Column("OUTCOME", Left),
            Column("IMAGES", Left),
        ];
        let rows = report.findings.iter().map(|finding| {
            vec![
                finding.digest.to_string(),
                size(finding.size),
                if finding.was_damaged { word("damaged") } else { word("missing") },
                outcome(finding.outcome),
                if finding.images.is_empty() { "-".to_owned() } else { finding.images.join(",") },
            ]
        });
        text = table(&columns, rows.collect());
    }
    let whole = sentence!(
        "{digests} hashed, {bytes}, {findings}",
        digests = amount(report.digests, "digest"),
        bytes = size(report.bytes),
        findings = amount(report.found, "finding")
    );
    text.push_str(&(whole + "\n"));
    if let Some(failure) = &report.failure {
        text.push_str(&format!("{}\n", told(failure)));
    }
    text
}

fn outcome(outcome: CacheScrubOutcome) -> String {
    match outcome {
        CacheScrubOutcome::Restored => word("fetched again"),
        CacheScrubOutcome::Lost => word("lost: its upstream has it no more"),
        CacheScrubOutcome::Later => word("fetched when asked for"),
        CacheScrubOutcome::PushAgain => word("push it again"),
    }
}

/// Whether there was something to cancel.
pub(super) fn cancelled(was_running: bool) -> String {
    (if was_running { sentence!("it ends soon") } else { sentence!("nothing is under way") }) + "\n"
}

#[cfg(test)]
mod tests {
    use entrepot_api::{
        CacheEvictionReason, CachePinSource, CachePlannedImage, CacheSaving, CacheScrubFinding, CacheWorkEnd,
    };
    use entrepot_oci::Digest;

    use super::*;

    fn cells(line: &str) -> Vec<&str> {
        line.split("  ").map(str::trim).filter(|cell| !cell.is_empty()).collect()
    }

    #[test]
    fn pins_say_who_and_why() {
        let digest = Digest::of(b"a");
        let pin = CachePin {
            id: "1".to_owned(),
            name: "docker.io/library/nginx".to_owned(),
            digest,
            source: CachePinSource::Hand,
            held_by: "owner".to_owned(),
            reason: "the demo".to_owned(),
            since: 100,
            expires: Some(100 + 3 * 86_400),
        };
        let text = pins(&[pin], 100);
        let image = format!("docker.io/library/nginx@{digest}");
        let line = text.lines().nth(1).unwrap();
        assert_eq!(cells(line), [image.as_str(), "hand", "owner", "just now", "in 3 days", "the demo"]);
        assert_eq!((pins(&[], 0).as_str(), ahead(5, 10)), ("nothing is pinned\n", "now".to_owned()));
        assert_eq!(ahead(7201, 1), "in 2 hours");
    }

    // Rows 57, 59
    #[test]
    fn a_plan_says_how_to_have_exactly_it() {
        let (digest, id) = (Digest::of(b"a"), Digest::of(b"plan"));
        let image = |digest, reason| CachePlannedImage {
            name: "quay.io/a/b".to_owned(),
            digest,
            frees: 2048,
            last_used: 0,
            reason,
        };
        let mut told = CacheEvictionPlan {
            plan: id,
            count: 3,
            frees: 4096,
            held: 8192,
            wanted: 1,
            triggers: vec![CacheEvictionTrigger::Size, CacheEvictionTrigger::FreeSpace],
            doubtful: true,
            images: vec![
                image(Some(digest), CacheEvictionReason::Expired),
                image(None, CacheEvictionReason::Room),
            ],
        };
        let text = plan(&told);
        let lines: Vec<_> = text.lines().collect();
        assert_eq!(cells(lines[1]), [format!("quay.io/a/b@{digest}").as_str(), "2.0 KiB", "expired"]);
        assert_eq!(cells(lines[2]), ["quay.io/a/b (blobs of no image)", "2.0 KiB", "room"]);
        assert_eq!(
            lines[3..],
            [
                "and 1 more",
                "3 images would go and free 4.0 KiB of 8.0 KiB, because `mirror.max_size` is near and the disk has less \
                 than `mirror.min_free`",
                "so many expire at once that they go only by the digest of this plan",
                &format!("have exactly this go: entrepot cache gc --plan {id}"),
            ]
        );
        told.count = 0;
        assert_eq!(plan(&told), "nothing has to go: 8.0 KiB are held\n");
    }

    #[test]
    fn reports_say_what_the_disk_says() {
        let mut report = CacheEvictionReport {
            end: CacheWorkEnd::Failed,
            failure: Some("the store failed".to_owned()),
            triggers: vec![],
            images: 2,
            freed: 1024,
            spared: 1,
            held_back: 0,
            free_before: Some(0),
            free_after: Some(1024),
        };
        assert_eq!(
            evicted(&report),
            "2 images evicted, 1.0 KiB freed\n1 image stay: they are used, pinned or needed by now\n\
             free on the disk: 0 B before, 1.0 KiB now\nthe store failed\n"
        );
        (report.spared, report.free_before, report.failure) = (0, None, None);
        assert_eq!(evicted(&report), "2 images evicted, 1.0 KiB freed\n");
    }

    // Row 61
    #[test]
    fn progress_says_how_long_it_takes() {
        let at = CacheEvictionProgress { planned: 10, done: 4, freed: 1024, wanted: 3072, seconds: 10 };
        assert_eq!(eviction_progress(&at), "4 of 10 images, 1.0 KiB of 3.0 KiB freed, 20 s left");
        let at = CacheScrubProgress { digests: 1, bytes: 1, of: 100, findings: 1, seconds: 60 };
        assert_eq!(scrub_progress(&at), "1 B of 100 B hashed, 1 finding, 99 min left");
        assert_eq!((left(0, 5, 9), left(5, 5, 9)), (String::new(), String::new()));
    }

    #[test]
    fn findings_name_the_images() {
        let digest = Digest::of(b"a");
        let finding = CacheScrubFinding {
            digest,
            size: 1,
            was_damaged: true,
            outcome: CacheScrubOutcome::Lost,
            images: vec!["docker.io/library/nginx:1".to_owned()],
        };
        let report = CacheScrubReport {
            end: CacheWorkEnd::Done,
            failure: None,
            digests: 2,
            bytes: 2048,
            found: 1,
            findings: vec![finding],
        };
        let text = scrubbed(&report);
        let lines: Vec<_> = text.lines().collect();
        let lost = "lost: its upstream has it no more";
        assert_eq!(
            cells(lines[1]),
            [digest.to_string().as_str(), "1 B", "damaged", lost, "docker.io/library/nginx:1"]
        );
        assert_eq!(lines[2], "2 digests hashed, 2.0 KiB, 1 finding");
    }

    #[test]
    fn savings_are_a_curve() {
        let steps = vec![CacheSaving { larger_by: 1 << 30, images: 2, bytes: 2048 }];
        let text = savings(&CacheSavings { steps });
        assert_eq!(cells(text.lines().nth(1).unwrap()), ["1.0 GiB", "2", "2.0 KiB"]);
        assert!(savings(&CacheSavings::default()).starts_with("nothing that was evicted"));
    }
}
