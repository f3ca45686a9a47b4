//! What an operator asks of a server that runs: its mode, and what upstreams allow it.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on ends")]

mod support;

use entrepot_testkit::{Capabilities, TestImage, TestRegistry, client};
use serde_json::{Value, json};
use support::{Lab, Ran, Serving};

fn run(lab: &Lab, arguments: &[&str]) -> Ran {
    tokio::task::block_in_place(|| lab.run(arguments))
}

fn told(ran: &Ran) -> Value {
    serde_json::from_str(&ran.stdout).unwrap()
}

async fn status(serving: &Serving, image: &str) -> u16 {
    client::get(&format!("{}/v2/upstream.test/{image}/manifests/1", serving.url)).await.status.as_u16()
}

async fn upstream() -> TestRegistry {
    let upstream = TestRegistry::start().await;
    upstream.capabilities(|abilities| *abilities = Capabilities::docker_hub(50));
    for (nth, name) in ["a/held", "a/other"].into_iter().enumerate() {
        upstream.put_image(name, "1", &TestImage::random(nth as u64, 1, 100));
    }
    upstream
}

fn lab(upstream: &TestRegistry, more: &str) -> Lab {
    Lab::with(&format!(
        "{more}registries: {{upstream.test: {{endpoints: [\"{}\"], mirror: true, reserve: 7}}}}\n",
        upstream.url()
    ))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mode_is_set_shown_kept_through_a_restart_and_taken_back() {
    let upstream = upstream().await;
    let lab = lab(&upstream, "notice: We move.\n");
    let serving = lab.serve(&[]);
    assert_eq!(status(&serving, "a/held").await, 200);
    let shown = run(&lab, &["mode"]);
    assert_eq!((shown.code, shown.stdout.as_str()), (0, "normal by configuration\n"), "{}", shown.stderr);
    let set = run(&lab, &["mode", "cached-only", "--for", "2h", "--reason", "a cable is cut"]);
    assert_eq!(set.code, 0, "{}", set.stderr);
    assert!(set.stdout.starts_with("cached-only by hand, until 2"), "{}", set.stdout);
    assert!(set.stdout.ends_with(": a cable is cut\n"), "{}", set.stdout);
    assert_eq!((status(&serving, "a/held").await, status(&serving, "a/other").await), (200, 403));
    tokio::task::block_in_place(|| serving.stop());

    let serving = lab.serve(&[]);
    assert_eq!((status(&serving, "a/held").await, status(&serving, "a/other").await), (200, 403));
    let page = client::get(&format!("{}/status?lang=en", serving.url)).await.text();
    assert!(page.contains("a cable is cut") && page.contains("We move."), "{page}");
    let auto = run(&lab, &["mode", "auto", "--output", "json"]);
    assert_eq!((auto.code, &told(&auto)["mode"], &told(&auto)["order"]), (0, &json!("normal"), &Value::Null));
    assert_eq!(status(&serving, "a/other").await, 200);
    let off = run(&lab, &["mode", "--tag-lists", "off"]);
    assert!(off.stdout.ends_with("tags: not listed\n"), "{}", off.stdout);
    let audit = run(&lab, &["audit", "--output", "json"]);
    assert!(audit.stdout.contains("cached-only, for 7200 s, a cable is cut"), "{}", audit.stdout);
    for wrong in
        [&["mode", "auto", "--for", "2h"][..], &["mode", "shut"], &["mode", "closed", "--for", "soon"]]
    {
        assert_eq!(run(&lab, wrong).code, 2, "{wrong:?}");
    }
    assert_eq!(run(&lab, &["mode", "--reason", "alone"]).code, 1);
    tokio::task::block_in_place(|| serving.stop());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_condition_holds_by_itself() {
    let upstream = upstream().await;
    // Every disk is fuller than that.
    let lab = lab(&upstream, "modes: {when: [{disk: 0.01%, mode: closed, back: 0%}]}\n");
    let checked = lab.run(&["config", "check", "entrepot.yaml"]);
    assert_eq!(checked.code, 2, "it could never end: {}", checked.stderr);
    lab.write(
        "entrepot.yaml",
        &format!(
            "modes: {{when: [{{disk: 0.02%, mode: closed, back: 0.01%}}]}}\n\
             registries: {{upstream.test: {{endpoints: [\"{}\"], mirror: true}}}}\n",
            upstream.url()
        ),
    );
    let serving = lab.serve(&[]);
    entrepot_testkit::until_answer("the mode to change", async || {
        (status(&serving, "a/held").await == 403).then_some(())
    })
    .await;
    let shown = run(&lab, &["mode", "--output", "json"]);
    assert_eq!(
        (&told(&shown)["cause"], &told(&shown)["reason"]),
        (&json!("condition"), &json!("the disk is 0.02% full or more"))
    );
    tokio::task::block_in_place(|| serving.stop());
}

#[tokio::test(flavor = "multi_thread")]
async fn the_budget_is_shown() {
    let upstream = upstream().await;
    let lab = lab(&upstream, "");
    let serving = lab.serve(&[]);
    assert_eq!(status(&serving, "a/held").await, 200);
    let budget = run(&lab, &["budget"]);
    let line = budget.stdout.lines().find(|line| line.starts_with("upstream.test")).unwrap();
    let cells: Vec<_> = line.split("  ").map(str::trim).filter(|cell| !cell.is_empty()).collect();
    assert_eq!(cells[..6], ["upstream.test", "-", "usable", "49", "100/6h", "7"], "{}", budget.stdout);
    assert_eq!((cells[7], cells[10]), ("1", "127.0.0.1"), "{}", budget.stdout);
    assert_eq!(budget.code, 0, "without an account, an address is what is counted");
    let machine = told(&run(&lab, &["budget", "--output", "json"]));
    let one = machine["upstreams"].as_array().unwrap().iter().find(|one| one["upstream"] == "upstream.test");
    assert_eq!(one.unwrap()["accounts"][0]["left"], 49);
    tokio::task::block_in_place(|| serving.stop());
}
