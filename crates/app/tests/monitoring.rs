//! The dashboard and the alert rules in `deploy/` ask for what servers emit, and the reference has all of that.

#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "a test that cannot go on ends")]

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use serde_json::Value;

const DASHBOARD: &str = "deploy/grafana/entrepot.json";
const ALERTS: &str = "deploy/prometheus/alerts.yaml";
const REFERENCES: [&str; 2] = ["docs/reference/metrics.md", "docs/zh-CN/reference/metrics.md"];

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

fn read(path: &str) -> String {
    fs::read_to_string(root().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// The words that begin with our prefix.
fn metrics_in(text: &str) -> BTreeSet<String> {
    let is_part = |letter: char| letter.is_ascii_alphanumeric() || letter == '_';
    let words = text.split(|letter| !is_part(letter));
    words.filter(|word| word.starts_with("entrepot_")).map(str::to_owned).collect()
}

/// The name that a metric is registered with.
fn registered_name(metric: &str) -> &str {
    let endings = ["_total", "_bucket", "_count", "_sum"];
    endings.iter().find_map(|ending| metric.strip_suffix(ending)).unwrap_or(metric)
}

/// The metrics that the sources register: `registry.register("name", …)`, or a tuple that begins with the name.
fn registered() -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    for entry in fs::read_dir(root().join("crates")).unwrap() {
        sources(&entry.unwrap().path().join("src"), &mut found);
    }
    assert!(found.len() > 20, "{found:?}");
    found
}

fn sources(folder: &Path, found: &mut BTreeSet<String>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            sources(&path, found);
        } else if path.extension().is_some_and(|end| end == "rs") {
            let text = fs::read_to_string(path).unwrap();
            let first = text.split('(').skip(1).map(str::trim_start);
            let names = first.filter_map(|arguments| arguments.strip_prefix('"')?.split_once("\","));
            let names = names.map(|(name, _)| name).filter(|name| name.starts_with("entrepot_"));
            found.extend(names.map(str::to_owned));
        }
    }
}

/// The metrics of the table in the reference.
fn documented(page: &str) -> BTreeSet<String> {
    let text = read(page);
    let rows = text.lines().filter(|line| line.starts_with("| `entrepot_"));
    rows.filter_map(|row| row.split('|').nth(1)).flat_map(metrics_in).collect()
}

/// The queries of the dashboard's panels, by their titles.
fn queries() -> Vec<(String, String)> {
    let dashboard: Value = serde_json::from_str(&read(DASHBOARD)).unwrap();
    let mut all = Vec::new();
    for panel in dashboard["panels"].as_array().unwrap() {
        let title = panel["title"].as_str().unwrap().to_owned();
        let targets = panel["targets"].as_array().into_iter().flatten();
        let expressions: Vec<_> = targets.map(|target| target["expr"].as_str().unwrap().to_owned()).collect();
        assert_eq!(expressions.is_empty(), panel["type"] == "row", "`{title}` asks for nothing");
        all.extend(expressions.into_iter().map(|expression| (title.clone(), expression)));
    }
    all
}

#[test]
fn every_metric_is_in_the_reference_and_nothing_else() {
    let registered = registered();
    for page in REFERENCES {
        let documented: BTreeSet<String> =
            documented(page).iter().map(|metric| registered_name(metric).to_owned()).collect();
        let missing: Vec<_> = registered.difference(&documented).collect();
        let gone: Vec<_> = documented.difference(&registered).collect();
        assert!(missing.is_empty() && gone.is_empty(), "{page}: missing {missing:?}, gone {gone:?}");
    }
}

#[test]
fn dashboard_and_alerts_ask_for_what_is_emitted() {
    let documented = documented(REFERENCES[0]);
    let queries = queries();
    assert!(queries.len() > 20);
    for (title, expression) in queries {
        let asked = metrics_in(&expression);
        assert!(!asked.is_empty(), "`{title}` asks for nothing of ours: {expression}");
        let unknown: Vec<_> = asked.difference(&documented).collect();
        assert!(unknown.is_empty(), "`{title}` asks for {unknown:?}");
    }
    let alerts = metrics_in(&read(ALERTS));
    let unknown: Vec<_> = alerts.difference(&documented).collect();
    assert!(unknown.is_empty() && alerts.len() > 10, "the alerts ask for {unknown:?}");
}

#[test]
fn every_alert_is_explained() {
    let alerts = read(ALERTS);
    let names = alerts.lines().filter_map(|line| line.trim().strip_prefix("- alert: "));
    for name in names {
        for page in ["docs/how-to/monitoring.md", "docs/zh-CN/how-to/monitoring.md"] {
            assert!(read(page).contains(&format!("| `{name}` |")), "{page} does not explain `{name}`");
        }
    }
}

/// By Prometheus itself, where its tool is on the path.
#[test]
fn prometheus_takes_queries_and_alerts() {
    if Command::new("promtool").arg("--version").output().is_err() {
        println!("skipped: there is no promtool on the path");
        return;
    }
    let folder = root().join("deploy/prometheus");
    promtool(&folder, &["check", "rules", "alerts.yaml"]);
    promtool(&folder, &["test", "rules", "alerts.test.yaml"]);
    // A query is checked as a rule that records it.
    let rule = |(index, (_, expression)): (usize, (String, String))| {
        let expression = expression.replace("$__rate_interval", "5m").replace("$job", ".*");
        format!("      - {{record: \"query:{index}\", expr: {}}}\n", Value::from(expression))
    };
    let rules: String = queries().into_iter().enumerate().map(rule).collect();
    let directory = tempfile::tempdir().unwrap();
    let text = format!("groups:\n  - name: dashboard\n    rules:\n{rules}");
    fs::write(directory.path().join("dashboard.yaml"), text).unwrap();
    promtool(directory.path(), &["check", "rules", "dashboard.yaml"]);
}

fn promtool(folder: &Path, arguments: &[&str]) {
    let done = Command::new("promtool").args(arguments).current_dir(folder).output().unwrap();
    let told = [done.stdout, done.stderr].map(|bytes| String::from_utf8_lossy(&bytes).into_owned());
    assert!(done.status.success(), "promtool {arguments:?}: {}", told.concat());
}
