//! What pages of strangers can do with a registry on the machine of whoever opens them: nothing.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on ends")]

mod support;

use bytes::Bytes;
use entrepot_oci::{Digest, MediaType};
use entrepot_testkit::client::Response;
use http::Request;
use http_body_util::{BodyExt, Empty};
use hyper::client::conn::http2;
use hyper_util::rt::{TokioExecutor, TokioIo};
use support::{Rig, code};
use tokio::net::TcpStream;

const IMAGE: &str = "application/vnd.oci.image.manifest.v1+json";
const SCRIPT: &str = "<script>fetch('/api/v1/sync/rules/r/run',{method:'POST'})</script>";

/// A manifest that says it is `media_type` and has a script in it.
fn document(media_type: &str, config: &Digest) -> String {
    format!(
        r#"{{"schemaVersion":2,"mediaType":"{media_type}","config":{{"mediaType":"application/vnd.oci.empty.v1+json","digest":"{config}","size":2}},"layers":[],"annotations":{{"x":"{SCRIPT}"}}}}"#
    )
}

fn is_no_document(answer: &Response) {
    assert_eq!(answer.header("x-content-type-options"), Some("nosniff"), "{}", answer.text());
    let policy = answer.header("content-security-policy");
    assert_eq!(policy, Some("sandbox; default-src 'none'"), "{}", answer.text());
}

// A01
#[tokio::test(flavor = "multi_thread")]
async fn a_type_that_browsers_render_is_not_pushed() {
    let rig = Rig::start().await;
    let config = rig.push_blob("local/a", "{}").await;
    for kind in
        ["text/html", "TEXT/HTML", "image/svg+xml", "application/vnd.x+xml", "application/vnd.x,text/html"]
    {
        let evil = document(kind, &config);
        for header in [&[("content-type", kind)] as &[_], &[]] {
            let answer = rig.send("PUT", "/v2/local/a/manifests/evil", header, evil.clone()).await;
            assert_eq!((answer.status.as_u16(), code(&answer).as_str()), (400, "MANIFEST_INVALID"), "{kind}");
            is_no_document(&answer);
        }
        // The header alone.
        let bare = evil.replace(&format!(r#""mediaType":"{kind}","#), "");
        let answer = rig.push("local/a", "evil", kind, bare.as_bytes()).await;
        assert_eq!((answer.status.as_u16(), code(&answer).as_str()), (400, "MANIFEST_INVALID"), "{kind}");
    }
    let refused = rig.push("local/a", "evil", "text/html", document("text/html", &config).as_bytes()).await;
    let told = "a manifest cannot have the media type `text/html`, which browsers may render; hint: use one below \
                `application/vnd.`, such as `application/vnd.oci.image.manifest.v1+json`";
    assert!(refused.text().contains(told), "{}", refused.text());
    for kind in [IMAGE, "application/vnd.example.thing+json"] {
        let answer = rig.push("local/a", "good", kind, document(kind, &config).as_bytes()).await;
        assert_eq!(answer.status, 201, "{}", answer.text());
        assert_eq!(rig.get("/v2/local/a/manifests/good").await.header("content-type"), Some(kind));
    }
}

// A01
#[tokio::test(flavor = "multi_thread")]
async fn a_mirrored_type_that_browsers_render_is_only_bytes() {
    let rig = Rig::start().await;
    let (config, json) = (Digest::of(b"{}"), MediaType::parse("application/json").unwrap());
    for (tag, kind) in [("html", "text/html"), ("svg", "image/svg+xml"), ("pdf", "application/pdf")] {
        let evil = Bytes::from(document(kind, &config));
        rig.upstream.put_manifest("library/a", Some(tag), &json, evil.clone());
        let path = format!("/v2/library/a/manifests/{tag}");
        for answer in [rig.get(&path).await, rig.head(&path).await] {
            assert_eq!(answer.status, 200, "{kind}: {}", answer.text());
            assert_eq!(answer.header("content-type"), Some("application/octet-stream"), "{kind}");
            assert_eq!(answer.header("docker-content-digest"), Some(Digest::of(&evil).to_string().as_str()));
            is_no_document(&answer);
        }
        assert_eq!(rig.get(&path).await.body, evil);
    }
}

// A01
#[tokio::test(flavor = "multi_thread")]
async fn nothing_below_v2_is_a_document() {
    let rig = Rig::start().await;
    let blob = rig.push_blob("local/a", SCRIPT).await;
    let upload = rig.open_upload("local/a").await;
    for (method, path, status) in [
        ("GET", "/v2/", 200),
        ("HEAD", "/v2/", 200),
        ("GET", "/v2", 200),
        ("GET", "/v2/x", 404),
        ("BREW", "/v2/", 405),
        ("GET", &format!("/v2/local/a/blobs/{blob}"), 200),
        ("HEAD", &format!("/v2/local/a/blobs/{blob}"), 200),
        ("GET", "/v2/local/a/manifests/none", 404),
        ("GET", "/v2/local/a/tags/list", 200),
        ("GET", &format!("/v2/local/a/referrers/{blob}"), 200),
        ("GET", &upload, 204),
        ("DELETE", &upload, 204),
        ("GET", &format!("/v2/{}", "a".repeat(9 << 10)), 414),
    ] {
        let answer = rig.send(method, path, &[], "").await;
        assert!([status, 404].contains(&answer.status.as_u16()), "{method} {path}: {}", answer.status);
        is_no_document(&answer);
    }
}

// A03: what `fetch` of another origin sends, and what a browser without Fetch Metadata does.
#[tokio::test(flavor = "multi_thread")]
async fn pages_of_other_sites_change_nothing() {
    let rig = Rig::start().await;
    let blob = rig.push_blob("local/a", "mine").await;
    let own = format!("http://{}", rig.address);
    for foreign in [
        &[("sec-fetch-site", "cross-site")] as &[(&str, &str)],
        &[("sec-fetch-site", "same-site"), ("origin", &own)],
        &[("origin", "http://evil.example")],
        &[("origin", "null")],
    ] {
        for _ in 0..100 {
            let answer = rig.send("POST", "/v2/local/csrf/blobs/uploads/", foreign, "").await;
            assert_eq!((answer.status.as_u16(), code(&answer).as_str()), (403, "DENIED"), "{foreign:?}");
        }
        let digest = Digest::of(b"csrf");
        let push = format!("/v2/local/csrf/blobs/uploads/?digest={digest}");
        for (method, path) in [
            ("POST", push.as_str()),
            ("PUT", "/v2/local/a/manifests/x"),
            ("PATCH", "/v2/local/a/blobs/uploads/x"),
            ("DELETE", &format!("/v2/local/a/blobs/{blob}")),
            ("POST", "/api/v1/sync/rules/r/run"),
            ("POST", "/healthz"),
        ] {
            let answer = rig.send(method, path, foreign, "csrf").await;
            assert_eq!(answer.status, 403, "{method} {path} {foreign:?}");
        }
        assert_eq!(rig.get(&format!("/v2/local/csrf/blobs/{digest}")).await.status, 404);
    }
    assert_eq!(rig.get(&format!("/v2/local/a/blobs/{blob}")).await.status, 200);
    // The owner has every place for uploads that there is.
    rig.open_upload("local/csrf").await;
    let same = [("sec-fetch-site", "same-origin"), ("origin", own.as_str())];
    assert_eq!(rig.send("POST", "/v2/local/a/blobs/uploads/", &same, "").await.status, 202);
}

// A03: a picture in a page is enough to make a mirror download.
#[tokio::test(flavor = "multi_thread")]
async fn pages_of_other_sites_fill_nothing() {
    let rig = Rig::start().await;
    let config = Digest::of(b"{}");
    rig.upstream.put_manifest("library/a", Some("1"), &MediaType::OCI_MANIFEST, document(IMAGE, &config));
    rig.upstream.clear_log();
    let answer = rig.get_with("/v2/library/a/manifests/1", &[("sec-fetch-site", "cross-site")]).await;
    assert_eq!(answer.status, 403);
    is_no_document(&answer);
    assert_eq!(rig.upstream.log().len(), 0);
    assert_eq!(rig.get_with("/healthz", &[("sec-fetch-site", "cross-site")]).await.status, 200);
    assert_eq!(rig.get_with("/v2/library/a/manifests/1", &[("sec-fetch-site", "none")]).await.status, 200);
}

// W02
#[tokio::test(flavor = "multi_thread")]
async fn pages_of_other_sites_open_no_streams() {
    let rig = Rig::start().await;
    let status = async |site: &str| {
        rig.get_with("/api/v1/sync/events", &[("sec-fetch-site", site)]).await.status.as_u16()
    };
    assert_eq!((status("cross-site").await, status("same-site").await), (403, 403));
    assert_eq!(status("same-origin").await, 404, "there are no syncs here");
}

// A03: a name that a stranger's DNS points here.
#[tokio::test(flavor = "multi_thread")]
async fn a_rebound_name_sees_nothing() {
    let rig = Rig::start().await;
    let blob = rig.push_blob("local/a", "mine").await;
    let blob = format!("/v2/local/a/blobs/{blob}");
    let rebound =
        [("host", "evil.example"), ("origin", "http://evil.example"), ("sec-fetch-site", "same-origin")];
    for (method, path) in [
        ("GET", blob.as_str()),
        ("HEAD", &blob),
        ("DELETE", &blob),
        ("POST", "/v2/local/a/blobs/uploads/"),
        ("GET", "/v2/"),
        ("GET", "/"),
        ("GET", "/sync"),
        ("GET", "/metrics"),
        ("GET", "/api/v1/sync/rules"),
        ("POST", "/api/v1/sync/rules/r/run"),
    ] {
        let answer = rig.send(method, path, &rebound, "").await;
        assert_eq!(answer.status, 421, "{method} {path}");
    }
    let told = rig.get_with("/v2/", &rebound).await;
    assert_eq!(
        told.json()["errors"][0]["message"],
        "this server listens on loopback and does not answer to `evil.example`; hint: ask for `localhost`, or list the \
         name under `names` in the server's configuration"
    );
    assert_eq!(rig.get_with("/healthz", &rebound).await.status, 200);
    for host in ["localhost", "LOCALHOST:5000", "127.0.0.2", "[::1]:5000", "registry.localhost", "m.test:80"]
    {
        assert_eq!(rig.get_with(&blob, &[("host", host)]).await.status, 200, "{host}");
    }
}

// A23
#[tokio::test(flavor = "multi_thread")]
async fn a_request_for_two_hosts_is_none() {
    let rig = Rig::start().await;
    for (target, hosts) in [
        ("/v2/", "host: localhost\r\nhost: evil.example\r\n"),
        ("/v2/", "host: evil.example\r\nhost: localhost\r\n"),
        ("/v2/", "host: localhost\r\nhost: localhost\r\n"),
        ("http://localhost/v2/", "host: evil.example\r\n"),
        ("http://evil.example/v2/", "host: localhost\r\n"),
        ("http://evil@localhost/v2/", "host: evil@localhost\r\n"),
    ] {
        let answer =
            rig.raw(format!("GET {target} HTTP/1.1\r\n{hosts}connection: close\r\n\r\n").as_bytes()).await;
        assert!(answer.starts_with("HTTP/1.1 400 "), "{target} {hosts}: {answer}");
    }
    let whole = "GET http://localhost/v2/ HTTP/1.1\r\nhost: LOCALHOST\r\nconnection: close\r\n\r\n";
    assert!(rig.raw(whole.as_bytes()).await.starts_with("HTTP/1.1 200 "));
    let none = rig.raw(b"GET /v2/ HTTP/1.0\r\n\r\n").await;
    assert!(none.starts_with("HTTP/1.0 421 "), "{none}");
}

async fn over_http2(rig: &Rig, authority: &str, host: Option<&str>) -> u16 {
    let stream = TcpStream::connect(rig.address).await.unwrap();
    let (mut sender, connection) =
        http2::handshake(TokioExecutor::new(), TokioIo::new(stream)).await.unwrap();
    tokio::spawn(connection);
    let request = Request::builder().uri(format!("http://{authority}/v2/"));
    let request = host.into_iter().fold(request, |request, host| request.header("host", host));
    let response = sender.send_request(request.body(Empty::<Bytes>::new()).unwrap()).await.unwrap();
    let status = response.status().as_u16();
    response.into_body().collect().await.unwrap();
    status
}

// A23: `:authority` and `host` (RFC 9113 §8.3.1).
#[tokio::test(flavor = "multi_thread")]
async fn nor_is_one_over_http2() {
    let rig = Rig::start().await;
    assert_eq!(over_http2(&rig, "localhost", None).await, 200);
    assert_eq!(over_http2(&rig, "localhost", Some("localhost")).await, 200);
    assert_eq!(over_http2(&rig, "localhost", Some("evil.example")).await, 400);
    assert_eq!(over_http2(&rig, "evil.example", Some("localhost")).await, 400);
    assert_eq!(over_http2(&rig, "evil.example", None).await, 421);
}
