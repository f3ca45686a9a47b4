//! Requests that no client in its right mind sends, byte for byte: refused cleanly, and the server goes on.
//!
//! Numbers such as H07 are those of the hostile test plan for the HTTP interface.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on ends")]

mod support;

use std::time::Duration;

use entrepot_oci::Digest;
use entrepot_testkit::until_answer;
use support::{
    Rig, code,
    content::{IMAGE, INDEX},
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

fn status(answer: &str) -> u16 {
    answer.split(' ').nth(1).and_then(|status| status.parse().ok()).unwrap_or(0)
}

async fn alive(rig: &Rig) {
    assert_eq!(rig.get("/v2/").await.status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn names_and_digests_that_are_none_are_not_redirected() {
    let rig = Rig::start().await;
    let long = "a".repeat(256);
    let digest = Digest::of(b"x").to_string();
    // H01, H02
    for path in [
        format!("/v2/{long}/manifests/x"),
        "/v2/../../etc/passwd".to_owned(),
        "/v2/a/../b/manifests/x".to_owned(),
        "/v2/%2e%2e/%2e%2e/manifests/x".to_owned(),
        "/v2/a/manifests//x".to_owned(),
        "/v2//".to_owned(),
        "/v2/a/manifests/".to_owned(),
        format!("/v2/a/blobs/{}", digest.to_uppercase()),
        format!("/v2/a/blobs/{}", &digest[..70]),
        format!("/v2/a/blobs/{digest}0"),
        "/v2/a/blobs/sha256:".to_owned(),
        "/v2/a/blobs/sha256:../../../etc/passwd".to_owned(),
        "/v2/a/blobs/sha256:%2e%2e%2f%2e%2e".to_owned(),
        "/v2/a/blobs/blake3:00".to_owned(),
        format!("/v2/a/referrers/{}", digest.to_uppercase()),
        "/v2/a/manifests/%ff".to_owned(),
    ] {
        let request = format!("GET {path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n");
        let answer = rig.raw(request.as_bytes()).await;
        assert!([400, 404].contains(&status(&answer)), "{path}: {answer}");
        assert!(answer.contains(r#"{"errors":[{"code":""#), "{path}: {answer}");
    }
    alive(&rig).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn digests_that_are_none_are_refused_wherever_they_stand() {
    let rig = Rig::start().await;
    rig.push_blob("local/a", "{}").await;
    let location = rig.open_upload("local/a").await;
    let good = Digest::of(b"{}").to_string();
    // H02
    for bad in [
        good.to_uppercase(),
        good.replace("sha256:", "SHA256:"),
        format!("{}A{}", &good[..10], &good[11..]),
        good[..70].to_owned(),
        format!("{good}0"),
        "md5:d41d8cd98f00b204e9800998ecf8427e".to_owned(),
        format!("blake3:{}", &good[7..]),
        format!("sha512:{}", &good[7..]),
        "sha256:../../../../etc/passwd".to_owned(),
        "sha256:".to_owned(),
        String::new(),
    ] {
        for (method, path) in [
            ("PUT", format!("{location}?digest={bad}")),
            ("POST", format!("/v2/local/a/blobs/uploads/?digest={bad}")),
            ("POST", format!("/v2/local/a/blobs/uploads/?mount={bad}&from=local/a")),
        ] {
            let response = rig.send(method, &path, &[], "{}").await;
            // Where none at all is named, a new upload begins.
            if bad.is_empty() && response.status == 202 {
                continue;
            }
            assert_eq!(
                (response.status.as_u16(), code(&response).as_str()),
                (400, "DIGEST_INVALID"),
                "{path}"
            );
        }
        let descriptor = |digest: &str| format!(r#"{{"mediaType":"a/b","digest":"{digest}","size":2}}"#);
        let (wrong, right) = (descriptor(&bad), descriptor(&good));
        for document in [
            format!(r#"{{"schemaVersion":2,"config":{wrong},"layers":[]}}"#),
            format!(r#"{{"schemaVersion":2,"config":{right},"layers":[{wrong}]}}"#),
            format!(r#"{{"schemaVersion":2,"config":{right},"layers":[],"subject":{wrong}}}"#),
        ] {
            let response = rig.push("local/a", "bad", IMAGE, document.as_bytes()).await;
            assert_eq!(
                (response.status.as_u16(), code(&response).as_str()),
                (400, "MANIFEST_INVALID"),
                "{bad}"
            );
        }
        let document = format!(r#"{{"schemaVersion":2,"manifests":[{wrong}]}}"#);
        let response = rig.push("local/a", "bad", INDEX, document.as_bytes()).await;
        assert_eq!((response.status.as_u16(), code(&response).as_str()), (400, "MANIFEST_INVALID"), "{bad}");
    }
    // In a header it is no condition that could hold.
    let path = format!("/v2/local/a/blobs/{good}");
    let response =
        rig.get_with(&path, &[("if-none-match", "\"sha256:../..\""), ("docker-content-digest", "x")]).await;
    assert_eq!(response.status, 200);
    assert_eq!(rig.get("/v2/local/a/manifests/bad").await.status, 404);
    alive(&rig).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_manifest_without_end_is_not_read_to_it() {
    let rig = Rig::start().await;
    // H03: a hundred mebibytes in chunks, as much of them as the server takes.
    let mut stream = TcpStream::connect(rig.address).await.unwrap();
    let head = b"PUT /v2/local/a/manifests/x HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n";
    stream.write_all(head).await.unwrap();
    let (mut reader, mut writer) = stream.split();
    let chunk = [b"10000\r\n".as_slice(), &[b' '; 64 << 10], b"\r\n"].concat();
    let send = async {
        let mut sent = 0;
        while sent < 100 << 20 && writer.write_all(&chunk).await.is_ok() {
            sent += chunk.len();
        }
        sent
    };
    let mut answer = vec![0; 4096];
    let (sent, read) = tokio::join!(send, reader.read(&mut answer));
    assert_eq!(status(&String::from_utf8_lossy(&answer[..read.unwrap()])), 413);
    // The limit, what is read away so that the answer arrives, and what the sockets hold.
    assert!(sent < 32 << 20, "{sent}");
    alive(&rig).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn manifests_are_refused_before_they_are_read() {
    let rig = Rig::start().await;
    // H03: said to be large, and said nothing of.
    let declared = "PUT /v2/local/a/manifests/x HTTP/1.1\r\nhost: x\r\ncontent-length: 104857600\r\n\r\n";
    assert_eq!(status(&rig.raw(declared.as_bytes()).await), 413);
    let mut chunked =
        b"PUT /v2/local/a/manifests/x HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n".to_vec();
    for _ in 0..(5 << 20) / (64 << 10) {
        chunked.extend_from_slice(b"10000\r\n");
        chunked.resize(chunked.len() + (64 << 10), b' ');
        chunked.extend_from_slice(b"\r\n");
    }
    let answer = rig.raw(&chunked).await;
    assert_eq!(status(&answer), 413);
    assert!(answer.contains("MANIFEST_INVALID"), "{answer}");
    // A client that reads nothing before it has sent everything is told as well.
    let mut whole =
        format!("PUT /v2/local/a/manifests/x HTTP/1.1\r\nhost: x\r\ncontent-length: {}\r\n\r\n", 12 << 20)
            .into_bytes();
    whole.resize(whole.len() + (12 << 20), b' ');
    assert_eq!(status(&rig.raw(&whole).await), 413);
    alive(&rig).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn listings_take_any_number() {
    let rig = Rig::start().await;
    rig.push_blob("local/a", "{}").await;
    // H06
    let last = "x".repeat(4000);
    for query in
        ["n=-1", "n=abc", "n=0x10", "n=", "n=1.5", "last=%00", "last=%0d%0a", &format!("last={last}")]
    {
        let response = rig.get(&format!("/v2/local/a/tags/list?{query}")).await;
        assert_eq!(response.status, 400, "{query}: {}", response.text());
        assert!(!code(&response).is_empty());
    }
    assert_eq!(rig.get("/v2/local/a/tags/list?n=99999999999999999999999").await.status, 200);
    let huge = format!("/v2/local/a/tags/list?last={}", "x".repeat(1 << 20));
    let request = format!("GET {huge} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n");
    let answer = rig.raw(request.as_bytes()).await;
    assert!([414, 431].contains(&status(&answer)), "{answer}");
    alive(&rig).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn malformed_requests_end_the_connection() {
    let rig = Rig::start().await;
    // H07
    for (what, head) in [
        ("two lengths", "content-length: 1\r\ncontent-length: 2\r\n"),
        ("a signed length", "content-length: +5\r\n"),
        ("a folded header", "x: a\r\n b\r\n"),
        ("no colon", "nonsense\r\n"),
        ("a space in a name", "x y: z\r\n"),
        ("a zero byte", "x: a\0b\r\n"),
        ("an encoding that is none", "transfer-encoding: nonsense\r\n"),
    ] {
        let request = format!("POST /v2/local/a/blobs/uploads/ HTTP/1.1\r\nhost: x\r\n{head}\r\n");
        assert_eq!(status(&rig.raw(request.as_bytes()).await), 400, "{what}");
    }
    assert_eq!(status(&rig.raw(b"GET / HTTP/9.9\r\n\r\n").await), 400);
    assert_eq!(status(&rig.raw(b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03").await), 400);
    alive(&rig).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_length_and_an_encoding_are_not_two_requests() {
    let rig = Rig::start().await;
    // H07: whatever the first is answered with, what looks like a second one must not be.
    let smuggled = "POST /v2/local/a/blobs/uploads/ HTTP/1.1\r\nhost: x\r\ncontent-length: 4\r\n\
                    transfer-encoding: chunked\r\n\r\n0\r\n\r\nGET /healthz HTTP/1.1\r\nhost: x\r\n\r\n";
    let answer = rig.raw(smuggled.as_bytes()).await;
    assert!(!answer.contains("\r\n\r\nok\n"), "{answer}");
    // A bare line feed ends a line, as RFC 9112 §2.2 lets it, and begins no second request.
    let bare = b"POST /v2/local/a/blobs/uploads/ HTTP/1.1\nhost: x\ncontent-length: 36\n\nGET /healthz HTTP/1.1\nhost: x\n\n";
    let answer = rig.raw(bare).await;
    assert!(!answer.contains("\r\n\r\nok\n"), "{answer}");
    alive(&rig).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn too_much_is_said_to_be_too_much() {
    let rig = Rig::start().await;
    // H17
    let get = |path: &str, headers: &str| {
        format!("GET {path} HTTP/1.1\r\nhost: x\r\n{headers}connection: close\r\n\r\n").into_bytes()
    };
    let header = |bytes: usize| format!("x: {}\r\n", "a".repeat(bytes));
    let answer = rig.raw(&get("/v2/", &header(40 << 10))).await;
    assert_eq!(status(&answer), 431);
    assert!(answer.contains(r#""code":"UNSUPPORTED""#) && answer.contains("32768 bytes"), "{answer}");
    assert_eq!(status(&rig.raw(&get("/v2/", &header(64 << 10))).await), 431);
    assert_eq!(status(&rig.raw(&get("/v2/", &header(2 << 20))).await), 431);
    assert_eq!(status(&rig.raw(&get("/v2/", &"x: y\r\n".repeat(500))).await), 431);
    let answer = rig.raw(&get(&format!("/v2/?{}", "a".repeat(20 << 10)), "")).await;
    assert_eq!(status(&answer), 414);
    assert!(answer.contains(r#""code":"UNSUPPORTED""#), "{answer}");
    assert_eq!(status(&rig.raw(&get(&format!("/v2/?{}", "a".repeat(64 << 10)), "")).await), 414);
    assert_eq!(status(&rig.raw(&get("/v2/", &header(10 << 10))).await), 200);
    alive(&rig).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn ranges_by_the_thousand_cost_nothing() {
    let rig = Rig::start().await;
    let digest = rig.push_blob("local/a", "hello").await;
    // H14
    let ranges: Vec<_> = (0..1000).map(|at| format!("{at}-{at}")).collect();
    let path = format!("/v2/local/a/blobs/{digest}");
    let response = rig.get_with(&path, &[("range", &format!("bytes={}", ranges.join(",")))]).await;
    // Five of them can be satisfied.
    assert_eq!((response.status.as_u16(), response.text().matches("Content-Range").count()), (206, 5));
    for more_than_there_is in [vec!["0-0"; 1000], vec!["0-"; 1000], vec!["-1"; 1025]] {
        let range = format!("bytes={}", more_than_there_is.join(","));
        let response = rig.get_with(&path, &[("range", &range)]).await;
        assert_eq!((response.status.as_u16(), response.body.as_ref()), (200, b"hello".as_slice()));
    }
    let response = rig.get_with(&path, &[("range", "bytes=-0")]).await;
    assert_eq!(response.status, 416);
    let response = rig.get_with(&path, &[("range", "bytes=99999999999999999999-")]).await;
    assert_eq!(response.status, 416);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_upload_that_breaks_off_keeps_what_came() {
    let rig = Rig::start().await;
    let location = rig.open_upload("local/a").await;
    let head = format!("PATCH {location} HTTP/1.1\r\nhost: x\r\ncontent-length: 10\r\n\r\nhello");
    let mut stream = TcpStream::connect(rig.address).await.unwrap();
    stream.write_all(head.as_bytes()).await.unwrap();
    stream.shutdown().await.unwrap();
    let mut rest = Vec::new();
    let _ = stream.read_to_end(&mut rest).await;
    let taken = async || {
        let response = rig.get(&location).await;
        assert_eq!(response.status, 204);
        Some(response.header("range").unwrap().to_owned()).filter(|range| range != "0-0")
    };
    let range = until_answer("what came to be taken", taken).await;
    assert_eq!(range, "0-4");
    let digest = Digest::of(b"hello, world");
    let response = rig
        .send("PUT", &format!("{location}?digest={digest}"), &[("content-range", "5-11")], ", world")
        .await;
    assert_eq!(response.status, 201);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_that_crawls_is_let_go_and_can_be_gone_on_with() {
    let rig = Rig::start().await;
    // H09: half a body, then a byte now and then. It has thirty seconds to bring more than that.
    let location = rig.open_upload("local/a").await;
    let bytes = vec![7; 100_000];
    let head = format!("PATCH {location} HTTP/1.1\r\nhost: x\r\ncontent-length: {}\r\n\r\n", bytes.len());
    let mut stream = TcpStream::connect(rig.address).await.unwrap();
    stream.write_all(head.as_bytes()).await.unwrap();
    stream.write_all(&bytes[..50_000]).await.unwrap();
    let (mut reader, mut writer) = stream.split();
    let crawl = async {
        for byte in &bytes[50_000..50_120] {
            if writer.write_all(&[*byte]).await.is_err() {
                return;
            }
            tokio::time::sleep(Duration::from_secs(1)).await;
        }
        panic!("it was let crawl for two minutes");
    };
    let mut answer = Vec::new();
    tokio::select! {
        _ = reader.read_to_end(&mut answer) => {}
        () = crawl => {}
    }
    let answer = String::from_utf8_lossy(&answer).into_owned();
    assert!(
        answer.is_empty() || status(&answer) == 400 && answer.contains("BLOB_UPLOAD_INVALID"),
        "{answer}"
    );
    let range = rig.get(&location).await.header("range").unwrap().to_owned();
    let had = range.strip_prefix("0-").unwrap().parse::<usize>().unwrap() + 1;
    assert!((50_001..50_100).contains(&had), "{range}");
    let path = format!("{location}?digest={}", Digest::of(&bytes));
    let rest = format!("{had}-{}", bytes.len() - 1);
    let response = rig.send("PUT", &path, &[("content-range", &rest)], bytes[had..].to_vec()).await;
    assert_eq!(response.status, 201, "{}", response.text());
}

#[tokio::test(flavor = "multi_thread")]
async fn hosts_that_are_none_lead_nowhere() {
    let rig = Rig::start().await;
    // H23
    for host in
        ["", "a b", "x/../y", "[::1", "evil.test:99999", "a,b", "\u{e9}", "<script>", "user@evil.test"]
    {
        let request = format!(
            "POST /v2/local/a/blobs/uploads/ HTTP/1.1\r\nhost: {host}\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"
        );
        let answer = rig.raw(request.as_bytes()).await;
        assert!([400, 421].contains(&status(&answer)), "{host}: {answer}");
        assert!(!answer.contains("evil.test") && !answer.contains("<script>"), "{host}: {answer}");
    }
    alive(&rig).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn locations_believe_nobody() {
    let rig = Rig::start().await;
    // H23
    let request = "POST /v2/local/a/blobs/uploads/ HTTP/1.1\r\nhost: m.test\r\nx-forwarded-host: evil.test\r\n\
                   x-forwarded-proto: https\r\nforwarded: host=evil.test\r\ncontent-length: 0\r\nconnection: close\r\n\r\n";
    let answer = rig.raw(request.as_bytes()).await;
    assert_eq!(status(&answer), 202);
    assert!(answer.contains("\r\nlocation: /v2/local/a/blobs/uploads/"), "{answer}");
    assert!(!answer.contains("evil.test") && !answer.contains("m.test"), "{answer}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_says_nothing_is_let_go() {
    let rig = Rig::start().await;
    // H08: half a head. The time for it is ten seconds.
    let mut stream = TcpStream::connect(rig.address).await.unwrap();
    stream.write_all(b"GET /v2/ HTTP/1.1\r\nho").await.unwrap();
    let mut rest = Vec::new();
    let closed = tokio::time::timeout(Duration::from_secs(20), stream.read_to_end(&mut rest)).await;
    assert!(closed.is_ok());
    alive(&rig).await;
}
