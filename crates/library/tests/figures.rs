//! Figures, not tests: how long many instances take to be listed and compared with their engines, and how much memory.
//!
//! `cargo test --release -p entrepot-library --test figures -- --ignored --nocapture`

#![cfg(target_os = "linux")]
#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    dead_code,
    reason = "it prints, and uses a part of the yard"
)]

#[path = "instances/yard.rs"]
mod yard;

use std::time::Instant;

use entrepot_catalog::{InstanceFilter, InstancePhase, SpecFilter};
use entrepot_library::RunRequest;
use entrepot_testkit::engine::{Dialect, PullableImage, TestEngine};

use crate::yard::{IMAGE, Yard, add_node};

const NODES: usize = 50;
const EACH: usize = 100;
/// Thousandths of a core of each instance: a hundred of them fit on a node.
const CPU: u64 = 500;

#[tokio::test(flavor = "multi_thread")]
#[ignore = "a figure, not a test"]
async fn five_thousand_instances_on_fifty_nodes() {
    let yard = Yard::new(Dialect::Docker28).await;
    let specs = yard.catalog.specs(&SpecFilter::default(), 10).await.unwrap().rows;
    let mut fields = specs.into_iter().find(|spec| spec.fields.gpu_count == 0).unwrap().fields;
    (fields.name, fields.cpu_milli) = ("small".to_owned(), CPU);
    let small = yard.catalog.add_spec(&fields, "owner", std::time::SystemTime::now()).await.unwrap().unwrap();
    let mut engines = Vec::new();
    for number in 2..=NODES {
        let engine = TestEngine::start(Dialect::ALL[number % Dialect::ALL.len()]).await;
        engine.offer(IMAGE, PullableImage::of_layers(&[1000]));
        add_node(&yard.catalog, &format!("n{number}"), &engine.address()).await;
        engines.push(engine);
    }
    for number in 0..NODES * EACH {
        let request = RunRequest {
            spec: small.try_into().unwrap(),
            node: Some(i64::try_from(number % NODES + 1).unwrap().try_into().unwrap()),
            ..yard.request(&format!("i{number}"))
        };
        yard.ask(request).await.unwrap();
        if number % 200 == 199 {
            yard.library.instances_settled().await;
        }
    }
    let filter = InstanceFilter { phase: Some(InstancePhase::Running), ..InstanceFilter::default() };
    let running = yard.library.instances(&filter, NODES * EACH).await.unwrap().rows.len();
    assert_eq!(running, NODES * EACH);
    let before = resident();
    for round in 0..5 {
        let began = Instant::now();
        yard.library.look_at_all(round).await.unwrap();
        println!("reconcile {running} instances on {NODES} nodes: {:?}", began.elapsed());
    }
    let began = Instant::now();
    let page = yard.library.instances(&InstanceFilter::default(), 1000).await.unwrap();
    println!("list {} of them: {:?}", page.rows.len(), began.elapsed());
    println!("memory: {} MiB before, {} MiB at most, engines included", before >> 10, peak() >> 10);
}

fn resident() -> u64 {
    status("VmRSS:")
}

fn peak() -> u64 {
    status("VmHWM:")
}

fn status(field: &str) -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix(field)).unwrap();
    line.trim().trim_end_matches(" kB").trim().parse().unwrap()
}
