//! Upstreams that send what nobody asked for, in front of the whole binary: what it costs in memory.

#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, reason = "a test that cannot go on ends")]

mod support;

use std::{
    io::{Read, Write},
    net::TcpStream,
};

use entrepot_oci::{Digest, MediaType};
use entrepot_testkit::{Action, Fault, Match, TestImage, TestRegistry, client};
use support::{Lab, Serving};

const MIB: u64 = 1 << 20;

// U13
#[tokio::test(flavor = "multi_thread")]
async fn manifests_of_any_size_take_no_more_memory_than_manifests_may_have() {
    let upstream = TestRegistry::start().await;
    upstream.put_image("library/a", "1", &TestImage::random(1, 1, 100));
    let more = [("declared", Action::WrongLength(199 << 20)), ("endless", Action::Endless)];
    for (tag, action) in more {
        upstream.put_manifest("library/a", Some(tag), &MediaType::OCI_INDEX, vec![b' '; 1 << 20]);
        upstream.fault(Fault::on(Match::manifests().tag(tag)).always().then(action));
    }
    // By tag and at once, or the one with a digest would be asked for by that.
    upstream.capabilities(|can| can.digest_header = false);
    let lab = Lab::with(&format!("registries: {{docker.io: {{endpoints: [\"{}\"]}}}}\n", upstream.url()));
    let serving = lab.serve(&[]);
    let ask = async |tag: &str| client::get(&format!("{}/v2/a/manifests/{tag}", serving.url)).await;
    assert_eq!(ask("1").await.status.as_u16(), 200);
    let before = serving.peak_memory();
    for tag in ["declared", "endless"] {
        let refused = ask(tag).await;
        assert_eq!(refused.status.as_u16(), 502, "{}", refused.text());
    }
    let grew = serving.peak_memory() - before;
    println!("grew by {} KiB", grew >> 10);
    assert!(grew < 16 * MIB, "{grew} bytes");
}

/// How many entries a large page of referrers has: a hundred such pages would be far too much, and one of them little.
const ENTRIES: usize = 60;

/// A large page of referrers, whose annotations are just small enough to be kept.
fn page() -> Vec<u8> {
    let one = |number: usize| {
        let (digest, text) = (Digest::of(&number.to_be_bytes()), "v".repeat(15_000));
        format!(r#"{{"mediaType":"a/b","digest":"{digest}","size":1,"annotations":{{"k":"{text}"}}}}"#)
    };
    let all: Vec<_> = (0..ENTRIES).map(one).collect();
    format!(r#"{{"schemaVersion":2,"manifests":[{}]}}"#, all.join(",")).into_bytes()
}

/// A server in front of an upstream that answers every question for referrers with that page.
async fn referred() -> (TestRegistry, Lab, Serving) {
    let upstream = TestRegistry::start().await;
    let headers = [("content-type", MediaType::OCI_INDEX.as_str().to_owned())];
    let headers = headers.each_ref().map(|(name, value)| (*name, value.as_str()));
    upstream.fault(Fault::on(Match::referrers()).always().then(Action::status_with(200, &headers, page())));
    let lab = Lab::with(&format!("registries: {{docker.io: {{endpoints: [\"{}\"]}}}}\n", upstream.url()));
    let serving = lab.serve(&[]);
    assert_eq!(client::get(&format!("{}/healthz", serving.url)).await.status.as_u16(), 200);
    (upstream, lab, serving)
}

fn subject(number: usize) -> String {
    format!("/v2/a/referrers/{}", Digest::of(&number.to_be_bytes()))
}

// A05
#[tokio::test(flavor = "multi_thread")]
async fn listings_take_no_more_memory_than_caches_may() {
    let (_upstream, _lab, serving) = referred().await;
    let before = serving.peak_memory();
    for number in 0..150 {
        let listed = client::get(&format!("{}{}", serving.url, subject(number))).await;
        assert_eq!(listed.status.as_u16(), 200);
        assert!(listed.body.len() > ENTRIES * 15_000);
    }
    let grew = serving.peak_memory() - before;
    println!("grew by {} KiB", grew >> 10);
    assert!(grew < 64 * MIB, "{grew} bytes");
}

// A06
#[tokio::test(flavor = "multi_thread")]
async fn answers_that_nobody_reads_take_no_more_memory_than_there_is_for_them() {
    let (_upstream, _lab, serving) = referred().await;
    let before = serving.peak_memory();
    let silent: Vec<_> = (0..150).map(|number| silent(&serving, &subject(number % 12))).collect();
    let given = silent.iter().filter(|(_, status)| status == "200").count();
    assert!(given > 0 && silent.iter().all(|(_, status)| status == "200" || status == "503"));
    let grew = serving.peak_memory() - before;
    println!("grew by {} KiB, {given} of {} were given", grew >> 10, silent.len());
    assert!(grew < 64 * MIB, "{grew} bytes");
}

/// A client that asks, reads the status, and no more.
fn silent(serving: &Serving, path: &str) -> (TcpStream, String) {
    let mut stream = TcpStream::connect(serving.authority()).unwrap();
    stream.write_all(format!("GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n").as_bytes()).unwrap();
    let mut line = [0; 12];
    stream.read_exact(&mut line).unwrap();
    (stream, String::from_utf8_lossy(&line[9..]).into_owned())
}

// A07: of a blob that is copied, as many bytes are read as its manifest says.
#[tokio::test(flavor = "multi_thread")]
async fn a_copy_reads_no_more_of_a_blob_than_its_manifest_says() {
    let upstream = TestRegistry::start().await;
    let digest = upstream.put_blob("library/a", vec![7; 64 << 10]);
    let blob = format!(r#"{{"mediaType":"a/b","digest":"{digest}","size":5}}"#);
    let manifest = format!(r#"{{"schemaVersion":2,"config":{blob},"layers":[{blob}]}}"#);
    upstream.put_manifest("library/a", Some("1"), &MediaType::OCI_MANIFEST, manifest);
    upstream.fault(Fault::on(Match::blobs().get()).always().then(Action::Endless));
    let lab = Lab::with(&format!("registries: {{docker.io: {{endpoints: [\"{}\"]}}}}\n", upstream.url()));
    let ran = tokio::task::block_in_place(|| lab.run(&["copy", "docker.io/library/a:1", "oci:out:1"]));
    assert_eq!(ran.code, 1, "{}", ran.stderr);
    let told = format!("{}{}", ran.stdout, ran.stderr);
    assert!(told.contains("sent bytes with the wrong digest"), "{told}");
    // What the sockets hold is all that was sent of it.
    assert!(upstream.log().bytes_sent() < 64 * MIB, "{}", upstream.log().bytes_sent());
}
