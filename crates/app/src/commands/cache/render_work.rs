//! Text output of pins, evictions and scrubs. Pure.

use comfy_table::CellAlignment::{Left, Right};
use entrepot_api::{
    CacheEvictionPlan, CacheEvictionProgress, CacheEvictionReport, CacheEvictionTrigger, CachePin,
    CacheSavings, CacheScrubOutcome, CacheScrubProgress, CacheScrubReport,
};

use crate::output::{Column, age, counted, size, table};

/// A table of pins.
pub(super) fn pins(pins: &[CachePin], now: u64) -> String {
    if pins.is_empty() {
        return "nothing is pinned\n".to_owned();
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
    match at.saturating_sub(now) {
        0 => "now".to_owned(),
        left @ 1..86_400 => format!("in {}", counted(left.div_ceil(3600), "hour")),
        left => format!("in {}", counted(left.div_ceil(86_400), "day")),
    }
}

/// What would go: the images, and how to have exactly them go.
pub(super) fn plan(plan: &CacheEvictionPlan) -> String {
    if plan.count == 0 {
        return format!("nothing has to go: {} are held\n", size(plan.held));
    }
    let columns = [Column("IMAGE", Left), Column("FREES", Right), Column("WHY", Left)];
    let rows = plan.images.iter().map(|image| {
        let name = match &image.digest {
            Some(digest) => format!("{}@{digest}", image.name),
            None => format!("{} (blobs of no image)", image.name),
        };
        vec![name, size(image.frees), image.reason.to_string()]
    });
    let mut text = table(&columns, rows.collect());
    let more = plan.count.saturating_sub(plan.images.len() as u64);
    if more > 0 {
        text.push_str(&format!("and {more} more\n"));
    }
    text.push_str(&format!(
        "{} would go and free {} of {}{}\n",
        counted(plan.count, "image"),
        size(plan.frees),
        size(plan.held),
        because(&plan.triggers)
    ));
    if plan.doubtful {
        text.push_str("so many expire at once that they go only by the digest of this plan\n");
    }
    text.push_str(&format!("have exactly this go: entrepot cache gc --plan {}\n", plan.plan));
    text
}

fn because(triggers: &[CacheEvictionTrigger]) -> String {
    let words: Vec<_> = triggers
        .iter()
        .map(|trigger| match trigger {
            CacheEvictionTrigger::Size => "`mirror.max_size` is near",
            CacheEvictionTrigger::FreeSpace => "the disk has less than `mirror.min_free`",
        })
        .collect();
    if words.is_empty() { String::new() } else { format!(", because {}", words.join(" and ")) }
}

/// How an eviction goes, on one line.
pub(super) fn eviction_progress(at: &CacheEvictionProgress) -> String {
    let left = left(at.freed, at.wanted, at.seconds);
    format!("{} of {} images, {} of {} freed{left}", at.done, at.planned, size(at.freed), size(at.wanted))
}

// What is left takes as long as what is done took.
fn left(done: u64, of: u64, seconds: u64) -> String {
    match (done, of.checked_sub(done)) {
        (1.., Some(rest @ 1..)) if seconds > 0 => {
            let left =
                u64::try_from(u128::from(seconds) * u128::from(rest) / u128::from(done)).unwrap_or(u64::MAX);
            let (minutes, seconds) = (left / 60, left % 60);
            if minutes > 0 { format!(", {minutes} min left") } else { format!(", {seconds} s left") }
        }
        _ => String::new(),
    }
}

/// How an eviction ended.
pub(super) fn evicted(report: &CacheEvictionReport) -> String {
    let mut text = format!(
        "{} evicted, {} freed{}\n",
        counted(report.images, "image"),
        size(report.freed),
        because(&report.triggers)
    );
    if report.spared > 0 {
        text.push_str(&format!(
            "{} stay: they are used, pinned or needed by now\n",
            counted(report.spared, "image")
        ));
    }
    if let (Some(before), Some(after)) = (report.free_before, report.free_after) {
        text.push_str(&format!("free on the disk: {} before, {} now\n", size(before), size(after)));
    }
    if let Some(failure) = &report.failure {
        text.push_str(&format!("{failure}\n"));
    }
    text
}

/// What a larger disk would have saved.
pub(super) fn savings(savings: &CacheSavings) -> String {
    if savings.steps.is_empty() {
        return "nothing that was evicted in the last seven days was pulled again\n".to_owned();
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
    let findings = counted(at.findings, "finding");
    format!("{} of {} hashed, {findings}{left}", size(at.bytes), size(at.of))
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
                if finding.was_damaged { "damaged" } else { "missing" }.to_owned(),
                outcome(finding.outcome).to_owned(),
                if finding.images.is_empty() { "-".to_owned() } else { finding.images.join(",") },
            ]
        });
        text = table(&columns, rows.collect());
    }
    text.push_str(&format!(
        "{} hashed, {}, {}\n",
        counted(report.digests, "digest"),
        size(report.bytes),
        counted(report.found, "finding")
    ));
    if let Some(failure) = &report.failure {
        text.push_str(&format!("{failure}\n"));
    }
    text
}

fn outcome(outcome: CacheScrubOutcome) -> &'static str {
    match outcome {
        CacheScrubOutcome::Restored => "fetched again",
        CacheScrubOutcome::Lost => "lost: its upstream has it no more",
        CacheScrubOutcome::Later => "fetched when asked for",
        CacheScrubOutcome::PushAgain => "push it again",
    }
}

/// Whether there was something to cancel.
pub(super) fn cancelled(was_running: bool) -> String {
    if was_running { "it ends soon\n".to_owned() } else { "nothing is under way\n".to_owned() }
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
