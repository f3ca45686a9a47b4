//! `entrepot cache simulate`: what a cache of each size would have saved, on an access log or on generated pulls.
//!
//! The planner of the mirror decides, and other policies beside it. An image is what one client reads of one repository within
//! a minute of its manifest: that is all that a log knows.

use std::{
    collections::HashMap,
    fs::File,
    io::{BufRead, BufReader},
    path::{Path, PathBuf},
    time::UNIX_EPOCH,
};

use comfy_table::CellAlignment::{Left, Right};
use entrepot_eviction::{
    FetchCost,
    simulate::{Policy, Ratios, Trace, TracePull, generate, most_bytes, replay},
};
use entrepot_oci::{Method, Name, Reference, Route};
use serde::{Deserialize, Serialize};

use super::print::print;
use crate::{
    failure::Failure,
    output::{Column, Output, amount, sentence, size, table, word},
};

/// The sizes that are tried, as parts of all bytes that were pulled, in hundredths.
const CAPS: [u64; 5] = [1, 3, 10, 30, 60];
/// The time after a manifest in which blobs belong to it, in seconds.
const TOGETHER: u64 = 60;
/// What fetching costs, where a log does not say: 10 MB a second, and a second for each image.
const PRICE: FetchCost = FetchCost { per_byte: 1e-7, per_image: 1.0 };

/// What to replay.
#[derive(Clone, Debug)]
pub(crate) enum TraceSource {
    /// An access log with lines in JSON.
    Log(PathBuf),
    /// Generated pulls, by a seed.
    Generated(u64),
}

/// Replays pulls and prints what each policy saves.
pub(super) fn simulate(source: &TraceSource, output: Output) -> Result<(), Failure> {
    let trace = match source {
        TraceSource::Log(path) => read(path)?,
        TraceSource::Generated(seed) => generate(*seed),
    };
    let result = run(&trace);
    print(output, &result, || render(&result))
}

/// What was found out.
#[derive(Debug, Serialize)]
struct Simulation {
    pulls: usize,
    images: usize,
    footprint: u64,
    caps: Vec<Cap>,
}

#[derive(Debug, Serialize)]
struct Cap {
    percent: u64,
    bytes: u64,
    policies: Vec<SimulationResult>,
    /// The most bytes that any policy can save.
    bound: f64,
}

#[derive(Debug, Serialize)]
struct SimulationResult {
    policy: &'static str,
    pulls: f64,
    bytes: f64,
    seconds: f64,
}

fn run(trace: &Trace) -> Simulation {
    let footprint = trace.footprint();
    let cap = |percent| {
        let bytes = footprint / 100 * percent;
        let outcome = |policy: Policy| {
            let Ratios { pulls, bytes, seconds } = replay(trace, bytes, policy);
            SimulationResult { policy: policy.name(), pulls, bytes, seconds }
        };
        let policies = Policy::ALL.into_iter().map(outcome).collect();
        Cap { percent, bytes, policies, bound: most_bytes(trace, bytes) }
    };
    Simulation {
        pulls: trace.pulls().len(),
        images: trace.images(),
        footprint,
        caps: CAPS.into_iter().map(cap).collect(),
    }
}

fn render(result: &Simulation) -> String {
    let columns = [
        Column("CACHE", Right),
        Column("POLICY", Left),
        Column("PULLS", Right),
        Column("BYTES", Right),
        Column("SECONDS", Right),
    ];
    let part = |part: f64| format!("{:.1} %", part * 100.0);
    let mut rows = Vec::new();
    for cap in &result.caps {
        let name = format!("{} ({} %)", size(cap.bytes), cap.percent);
        for outcome in &cap.policies {
            let ratios = [outcome.pulls, outcome.bytes, outcome.seconds].map(part);
            rows.push([name.clone(), outcome.policy.to_owned()].into_iter().chain(ratios).collect());
        }
        rows.push(vec![name, word("any"), String::new(), format!("≤ {}", part(cap.bound)), String::new()]);
    }
    let summary = sentence!(
        "{pulls} of {images}, {bytes} in all; what needs no upstream:",
        pulls = amount(result.pulls, "pull"),
        images = amount(result.images, "image"),
        bytes = size(result.footprint)
    );
    summary + "\n" + &table(&columns, rows)
}

/// A line of an access log.
#[derive(Deserialize)]
struct AccessLogLine {
    timestamp: String,
    #[serde(default)]
    client: String,
    #[serde(default)]
    method: String,
    #[serde(default)]
    path: String,
    #[serde(default)]
    status: u16,
    #[serde(default)]
    bytes: u64,
}

fn read(path: &Path) -> Result<Trace, Failure> {
    let cannot =
        |error: &std::io::Error| Failure::because(format!("cannot read `{}`", path.display()), error);
    let file = File::open(path).map_err(|error| cannot(&error))?;
    let mut log = Log::default();
    for line in BufReader::new(file).lines() {
        let line = line.map_err(|error| cannot(&error))?;
        // Other lines of the server's log are in the same file.
        if let Ok(line) = serde_json::from_str::<AccessLogLine>(&line) {
            log.add(&line);
        }
    }
    let trace = log.into_trace();
    if trace.pulls().is_empty() {
        return Err(Failure::new(format!("`{}` has no pulls of images with blobs", path.display()))
            .with_hint("it must be the server's log with `log: {format: json, level: info}`"));
    }
    Ok(trace)
}

/// Pulls that were read.
#[derive(Default)]
struct Log {
    /// The last pull of each client and repository, and when it began.
    open: HashMap<(String, Name), (u64, ClientReads)>,
    pulls: Vec<(u64, String, ClientReads)>,
}

/// What a client read: a manifest and blobs.
#[derive(Clone, Debug, Default)]
struct ClientReads {
    manifest: String,
    blobs: Vec<(String, u64)>,
}

impl Log {
    fn add(&mut self, line: &AccessLogLine) {
        if line.method != "GET" || line.status != 200 {
            return;
        }
        let Ok(at) = humantime::parse_rfc3339(&line.timestamp) else { return };
        let at = at.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
        let (path, query) = line.path.split_once('?').unwrap_or((&line.path, ""));
        match Route::parse(Method::Get, path, query) {
            Ok(Route::Manifest { name, reference, .. }) => {
                self.manifest(at, &line.client, name, &reference);
            }
            Ok(Route::Blob { name, digest }) => {
                let entry = (line.client.clone(), name);
                if let Some((began, seen)) = self.open.get_mut(&entry)
                    && at <= *began + TOGETHER
                {
                    seen.blobs.push((digest.to_string(), line.bytes));
                }
            }
            _ => {}
        }
    }

    fn manifest(&mut self, at: u64, client: &str, name: Name, reference: &Reference) {
        let entry = (client.to_owned(), name);
        // An index is followed by the image that the client chose of it: together they are one pull.
        if let Some((began, seen)) = self.open.get_mut(&entry)
            && seen.blobs.is_empty()
            && at <= *began + TOGETHER
        {
            seen.manifest = reference.to_string();
            return;
        }
        let seen = ClientReads { manifest: format!("{}@{reference}", entry.1), blobs: Vec::new() };
        if let Some((began, before)) = self.open.insert(entry, (at, seen)) {
            self.pulls.push((began, client.to_owned(), before));
        }
    }

    fn into_trace(mut self) -> Trace {
        for ((client, _), (began, seen)) in self.open.drain() {
            self.pulls.push((began, client, seen));
        }
        self.pulls.sort_by(|a, b| (a.0, &a.1).cmp(&(b.0, &b.1)));
        let mut trace = Trace::new(vec![PRICE]);
        let (mut blobs, mut images, mut clients) = (HashMap::new(), HashMap::new(), HashMap::new());
        for (at, client, seen) in self.pulls.into_iter().filter(|(_, _, seen)| !seen.blobs.is_empty()) {
            let parts: Vec<u32> = seen
                .blobs
                .iter()
                .map(|(digest, size)| *blobs.entry(digest.clone()).or_insert_with(|| trace.add_blob(*size)))
                .collect();
            let image = *images.entry(seen.manifest).or_insert_with(|| trace.add_image(parts, 0));
            let next = u32::try_from(clients.len()).unwrap_or(u32::MAX);
            let client = *clients.entry(client).or_insert(next);
            trace.add_pull(TracePull { at, image, client });
        }
        trace.in_order()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(second: u32, client: &str, path: &str, bytes: u64) -> String {
        format!(
            r#"{{"timestamp":"2026-01-01T00:00:{second:02}Z","level":"INFO","target":"access","client":"{client}","method":"GET","path":"{path}","status":200,"bytes":{bytes}}}"#
        )
    }

    #[test]
    fn an_image_is_what_a_client_reads_together() {
        let digest = |name: &str| entrepot_oci::Digest::of(name.as_bytes()).to_string();
        let manifest = |name: &str, reference: &str| format!("/v2/{name}/manifests/{reference}");
        let blob = |name: &str, blob: &str| format!("/v2/{name}/blobs/{}", digest(blob));
        let lines = [
            line(0, "a", &manifest("x/y", "1"), 9),
            line(1, "a", &manifest("x/y", &digest("child")), 9),
            line(2, "a", &blob("x/y", "layer"), 100),
            line(3, "b", &manifest("x/z", "1"), 9),
            line(4, "a", &blob("x/y", "config"), 10),
            line(5, "b", &blob("x/z", "layer"), 100),
            line(6, "c", &manifest("x/y", &digest("child")), 9),
            line(7, "c", &blob("x/y", "config"), 10),
            line(8, "d", &manifest("x/y", "nothing read"), 9),
            "not a line".to_owned(),
        ];
        let mut log = Log::default();
        for text in &lines {
            if let Ok(line) = serde_json::from_str::<AccessLogLine>(text) {
                log.add(&line);
            }
        }
        let trace = log.into_trace();
        assert_eq!((trace.pulls().len(), trace.footprint()), (3, 110));
    }

    #[test]
    fn a_log_without_pulls_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("log");
        std::fs::write(&path, "{}\n").unwrap();
        let refused = read(&path).unwrap_err().to_string();
        assert!(refused.contains("has no pulls") && refused.contains("format: json"), "{refused}");
        assert!(read(&dir.path().join("none")).unwrap_err().to_string().starts_with("cannot read"));
    }
}
