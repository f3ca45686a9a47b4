//! Property tests of the laws: almost valid requests against a whole server.

use std::path::Path;

use proptest::{collection::vec, prelude::*, sample::select};

use crate::{Listen, Server, test_parts::parts};

async fn server(data: &Path) -> Server {
    let listen = Listen { addr: "127.0.0.1:0".to_owned(), names: vec!["x".to_owned()], ..Listen::default() };
    Server::bind(listen, parts(data).await).await.unwrap()
}

fn digest() -> String {
    entrepot_oci::Digest::of(b"hello").to_string()
}

fn target() -> impl Strategy<Value = String> {
    let name = select(
        ["local/a", "local/a", "nginx", "docker.io/nginx", "evil.test/a", "local/A", "local/..", ""]
            .as_slice(),
    );
    let rest = select(
        [
            "/manifests/latest",
            "/manifests/DIGEST",
            "/blobs/DIGEST",
            "/blobs/uploads/",
            "/blobs/uploads/?digest=DIGEST",
            "/blobs/uploads/?mount=DIGEST&from=local/b",
            "/blobs/uploads/0195d5a0-7a1b-7000-8000-000000000000",
            "/tags/list?n=1&last=%00",
            "/tags/list",
            "/referrers/DIGEST?artifactType=%0d%0ax:y",
            "/manifests/%0d%0a",
            "",
        ]
        .as_slice(),
    );
    let other =
        select(["/", "/v2/", "/healthz", "/metrics", "*", "http://x/v2/", "/v2/?ns=%22", "//"].as_slice());
    prop_oneof![
        5 => (name, rest).prop_map(|(name, rest)| format!("/v2/{name}{rest}").replace("DIGEST", &digest())),
        1 => other.prop_map(str::to_owned),
    ]
}

fn request() -> impl Strategy<Value = Vec<u8>> {
    let method = select(["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "BREW", "get", ""].as_slice());
    let line = select(
        [
            "range: bytes=0-1",
            "range: bytes=-0",
            "range: bytes=9-",
            "if-none-match: *",
            "if-range: \"x\"",
            "content-length: 5",
            "content-length: 0",
            "content-length: +5",
            "content-range: 0-4",
            "content-range: 5-4",
            "transfer-encoding: chunked",
            "content-type: application/vnd.oci.image.index.v1+json",
            "x-request-id: a b",
            "host: x",
            "host: <script>",
            "user-agent: \u{202e}\t",
            "x: a\0b",
            " folded",
            "expect: 100-continue",
            "connection: close",
        ]
        .as_slice(),
    );
    let body = select(
        ["", "hello", "{}", "{\"manifests\":[]}", "5\r\nhello\r\n0\r\n\r\n", "GET / HTTP/1.1\r\n\r\n"]
            .as_slice(),
    );
    (method, target(), vec(line, 0..5), body).prop_map(|(method, target, lines, body)| {
        let lines: String = lines.iter().map(|line| format!("{line}\r\n")).collect();
        format!("{method} {target} HTTP/1.1\r\nhost: x\r\n{lines}\r\n{body}").into_bytes()
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn of_queries(text in "((n|ns|last|digest|token|artifactType|x)(=[ -~\u{202e}\\n]{0,8})?&?){0,4}") {
        super::query(&text);
    }

    #[test]
    fn of_headers(text in "[+0-9]{0,12}|(W/)?\"?(sha256:[0-9a-f]{64}|\\*)?\"?|[A-Za-z0-9._-]{60,70}|[ -~é]{0,20}") {
        super::header(text.as_bytes());
    }
}

#[test]
fn of_requests() {
    let data = tempfile::tempdir().unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let server = runtime.block_on(server(data.path()));
    let pushed = format!(
        "POST /v2/local/a/blobs/uploads/?digest={} HTTP/1.1\r\nhost: x\r\ncontent-length: 5\r\n\r\nhello",
        digest()
    );
    // The client of `exchange` does not wait for a slow disk.
    let push = |_: &u32| runtime.block_on(server.exchange(pushed.as_bytes())).starts_with(b"HTTP/1.1 201");
    assert!((0..50).any(|attempt| push(&attempt)));
    let config = ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() };
    let mut runner = proptest::test_runner::TestRunner::new(config);
    let outcome = runner.run(&request(), |request| {
        super::answer(&runtime.block_on(server.exchange(&request)));
        Ok(())
    });
    outcome.unwrap();
    assert!(
        runtime
            .block_on(server.exchange(b"GET /healthz HTTP/1.1\r\nhost: x\r\n\r\n"))
            .starts_with(b"HTTP/1.1 200")
    );
}
