//! Registries that are up to something, in front of the whole binary: listings without end, redirects behind a proxy.

#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, reason = "a test that cannot go on ends")]

#[path = "support/script.rs"]
mod script;
mod support;

use std::sync::atomic::{AtomicUsize, Ordering};

use entrepot_testkit::{TestImage, TestRegistry, client};
use script::{Heard, Script, say};
use support::{Lab, Ran, Serving, ran};

const MIB: u64 = 1 << 20;
const INDEX: &str = "application/vnd.oci.image.index.v1+json";

/// A registry whose listings go on for ever; `page` makes the page of that number.
fn endless(page: impl Fn(usize) -> String + Send + Sync + 'static) -> Script {
    let asked = AtomicUsize::new(0);
    Script::start(move |heard| {
        let nth = asked.fetch_add(1, Ordering::SeqCst);
        let path = heard.path.split('?').next().unwrap();
        let link = format!("<{path}?page={nth}>; rel=\"next\"");
        match path.contains("/tags/list") || path.contains("/referrers/") {
            true => say(200, &[("content-type", INDEX), ("link", &link)], page(nth)),
            false => say(404, &[], "{}"),
        }
    })
}

fn config(script: &Script) -> String {
    format!(
        "mirror: {{default_upstream: evil.test}}\nregistries:\n  docker.io: {{mirror: false}}\n  evil.test: {{mirror: true, endpoints: [\"{}\"]}}\n",
        script.url()
    )
}

const EMPTY: &str = r#"{"tags":[]}"#;
const STUCK: &str = "two pages of the listing in a row have nothing new";

// A09
#[test]
fn a_listing_without_end_is_told_by_every_command() {
    let script = endless(|_| EMPTY.to_owned());
    let lab = Lab::with(&config(&script));
    let to = format!("oci:{}", lab.path().join("layout").display());
    for arguments in [&["tags", "evil.test/ns/app"][..], &["copy", "evil.test/ns/app", &to, "--all-tags"]] {
        let Ran { code, stderr, .. } = lab.run(arguments);
        let told = format!(
            "error: `evil.test/ns/app`: `evil.test`: {STUCK}\nhint: the registry is to blame: tell those who run it, and name the tags that you want meanwhile\n"
        );
        assert_eq!((code, stderr), (1, told), "{arguments:?}");
    }
    assert_eq!(script.log().len(), 4);
    lab.write(
        "rules.yaml",
        &(config(&script) + "sync:\n  - {name: stuck, from: evil.test/ns/app, to: [evil.test/x/y]}\n"),
    );
    let ran = lab.run(&["sync", "rules.yaml", "--cache", "cache"]);
    let told = format!("`evil.test/ns/app` cannot be listed: {STUCK}");
    assert!(ran.code == 1 && ran.stdout.contains(&told), "{}{}", ran.stdout, ran.stderr);
    assert!(
        ran.stdout.contains("hint: name its tags in the rule: then it need not be listed"),
        "{}",
        ran.stdout
    );
}

fn run_at(lab: &Lab, serving: &Serving, rule: &str) -> Ran {
    tokio::task::block_in_place(|| lab.run(&["sync", "run", rule, "--wait", "--server", &serving.url]))
}

// A09
#[tokio::test(flavor = "multi_thread")]
async fn a_rule_that_cannot_be_listed_ends_and_others_go_on() {
    let (script, good) = (endless(|_| EMPTY.to_owned()), TestRegistry::start().await);
    good.put_image("ns/app", "t", &TestImage::random(1, 1, 100));
    let more = format!(
        "  good.test: {{endpoints: [\"{}\"]}}\nsync:\n  - {{name: stuck, from: evil.test/ns/app, to: [good.test/x/y]}}\n  - {{name: fine, from: good.test/ns/app, to: [good.test/x/z]}}\n",
        good.url()
    );
    let lab = Lab::with(&(config(&script) + &more));
    let serving = lab.serve(&[]);
    let ran = run_at(&lab, &serving, "stuck");
    assert!(
        ran.code != 0 && format!("{}{}", ran.stdout, ran.stderr).contains(STUCK),
        "{}{}",
        ran.stdout,
        ran.stderr
    );
    assert_eq!(script.log().len(), 2);
    let ran = run_at(&lab, &serving, "fine");
    assert_eq!(ran.code, 0, "{}{}", ran.stdout, ran.stderr);
}

// A09: what it costs, for tags that are new each time, for names that are none, and for lists of referrers.
#[tokio::test(flavor = "multi_thread")]
async fn listings_take_no_more_memory_than_they_may() {
    let tags = |nth: usize| {
        let tags: Vec<_> =
            (0..100_000).map(|one| format!("\"{nth:04}-{one:06}-{}\"", "x".repeat(nth % 3 * 20))).collect();
        format!(r#"{{"tags":[{}]}}"#, tags.join(","))
    };
    let tiny = |_| format!(r#"{{"tags":[{}]}}"#, vec!["\"a\""; 2_000_000].join(","));
    let notes = |_| {
        let one = |nth: usize| {
            format!(
                r#"{{"mediaType":"a/b","digest":"sha256:{nth:064x}","size":1,"annotations":{{"k":"{}"}}}}"#,
                "v".repeat(39_000)
            )
        };
        let all: Vec<_> = (0..100).map(one).collect();
        format!(r#"{{"schemaVersion":2,"mediaType":"{INDEX}","manifests":[{}]}}"#, all.join(","))
    };
    let referrers = format!("/v2/evil.test/a/b/referrers/sha256:{:064x}", 7);
    let scripts: [(&str, Script, Option<&str>); 3] = [
        ("fresh tags", endless(tags), None),
        ("tiny tags", endless(tiny), Some("/v2/evil.test/a/b/tags/list")),
        ("long annotations", endless(notes), Some(&referrers)),
    ];
    for (what, script, path) in scripts {
        let more = "sync:\n  - {name: stuck, from: evil.test/ns/app, to: [evil.test/x/y]}\n";
        let lab = Lab::with(&(config(&script) + more));
        let serving = lab.serve(&[]);
        let get = async |path: &str| client::get(&format!("{}{path}", serving.url)).await;
        assert_eq!(get("/v2/evil.test/a/b/manifests/none").await.status.as_u16(), 404);
        let before = serving.peak_memory();
        match path {
            Some(path) => drop(get(path).await),
            None => assert_ne!(run_at(&lab, &serving, "stuck").code, 0),
        }
        let grew = serving.peak_memory() - before;
        println!("{what}: grew by {} KiB in {} requests", grew >> 10, script.log().len());
        assert!(grew < 64 * MIB, "{what}: {grew} bytes");
    }
}

// What a proxy is asked for besides the registry, which sends us to `location`.
fn behind_proxy(settings: &str, location: &'static str) -> (Ran, Vec<Heard>) {
    let proxy = Script::start(move |heard| match heard.path.starts_with("http://registry.test/") {
        true => say(307, &[("location", &location.replace("PROXY", &heard.by.to_string()))], ""),
        false => say(200, &[("content-type", INDEX)], r#"{"manifests":[]}"#),
    });
    let lab = Lab::with(&format!(
        "registries: {{registry.test: {{endpoints: [\"http://registry.test\"]{settings}}}}}\n"
    ));
    let mut command = lab.command(&["digest", "registry.test/a/b:t"]);
    command.env("HTTP_PROXY", proxy.url()).env("http_proxy", proxy.url());
    let ran = ran(command);
    let others = proxy.log().into_iter().filter(|heard| !heard.path.starts_with("http://registry.test/"));
    (ran, others.collect())
}

#[test]
fn behind_a_proxy_names_are_judged_by_what_they_say() {
    for (location, told) in [
        ("http://localhost:81/v2/", "`localhost` is at a private address"),
        ("http://LOCALHOST./v2/", "is at a private address"),
        ("http://a.localhost/v2/", "is at a private address"),
        ("http://metadata.google.internal/computeMetadata/", "is at a private address"),
        ("http://instance-data/latest/", "is at a private address"),
        ("http://vm/", "is at a private address"),
        ("http://intranet.lan/", "is at a private address"),
        ("http://printer.local/", "is at a private address"),
        ("http://169.254.169.254/latest/", "is at a private address"),
        ("http://0xa9fea9fe/latest/", "`169.254.169.254` is at a private address"),
        ("http://10.0.0.1/", "is at a private address"),
        ("http://[::1]/", "is at a private address"),
        // It is connected to all the time, and not to be asked for anything of its own.
        ("http://PROXY/admin", "the registry led to the proxy, `127.0.0.1`, itself"),
    ] {
        let (ran, asked) = behind_proxy("", location);
        assert!(asked.is_empty(), "{location}: {asked:?}");
        assert!(ran.code == 1 && ran.stderr.contains(told), "{location}: {}", ran.stderr);
    }
    for location in ["http://vm/", "http://metadata.google.internal/x", "http://PROXY/x"] {
        let (ran, asked) = behind_proxy(", private_network: true", location);
        assert!(ran.code == 0 && !asked.is_empty(), "{location}: {}", ran.stderr);
    }
    let (ran, asked) = behind_proxy("", "http://elsewhere.test/x");
    assert!(ran.code == 0 && !asked.is_empty(), "{}", ran.stderr);
}

// U28, and proxies as Go's clients read them.
#[test]
fn a_failure_behind_a_proxy_names_the_proxy_and_this_machine_needs_none() {
    let gone = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let registry =
        Script::start(|_| say(200, &[("content-type", INDEX)], r#"{"schemaVersion":2,"manifests":[]}"#));
    let refusing = Script::start(|_| say(403, &[], ""));
    let lab = Lab::with(&format!(
        "registries: {{registry.test: {{endpoints: [\"http://registry.test\"]}}, tls.test: {{}}, here.test: {{endpoints: [\"{}\"]}}}}\n",
        registry.url()
    ));
    let digest = |image: &str, proxy: std::net::SocketAddr| {
        let mut command = lab.command(&["digest", image]);
        command.env("HTTP_PROXY", format!("http://me:canary@{proxy}")).env("HTTPS_PROXY", proxy.to_string());
        ran(command)
    };
    let told = format!("the connection is refused (that of the proxy `{gone}`)");
    let failed = digest("registry.test/a/b:t", gone);
    assert!(failed.code == 1 && failed.stderr.contains(&told), "{}", failed.stderr);
    assert!(failed.stderr.contains("`NO_PROXY`") && !failed.stderr.contains("canary"), "{}", failed.stderr);
    let told = format!("the proxy does not connect to it (through the proxy `{}`)", refusing.address);
    let failed = digest("tls.test/a/b:t", refusing.address);
    assert!(failed.code == 1 && failed.stderr.contains(&told), "{}", failed.stderr);
    for image in ["here.test/a/b:t".to_owned(), format!("{}/a/b:t", registry.address)] {
        let ran = digest(&image, refusing.address);
        assert!(!ran.stderr.contains("proxy"), "{image}: {}", ran.stderr);
    }
    assert_eq!(digest("here.test/a/b:t", gone).code, 0);
}
