//! Pushes and deletions, request by request, on hosted names (distribution-spec, §push and §content management).

#![allow(clippy::unwrap_used, reason = "a test that cannot go on ends")]

mod support;

use entrepot_oci::{Algorithm, Digest, Manifest, MediaType};
use entrepot_testkit::client::Response;
use support::{
    Rig, code,
    content::{IMAGE, INDEX, OCTETS, fill, image, index, pushed, spell},
};

#[tokio::test(flavor = "multi_thread")]
async fn manifests_are_pushed_under_digests_and_tags() {
    let rig = Rig::start().await;
    fill(&rig).await;
    let bytes = image(&[], r#","annotations":{"new":"one"}"#);
    let digest = Digest::of(&bytes);
    let response = pushed(rig.push("local/spec", "new", IMAGE, &bytes).await).await;
    assert_eq!(response.header("location").unwrap(), format!("/v2/local/spec/manifests/{digest}"));
    assert_eq!(response.header("docker-content-digest").unwrap(), digest.to_string());
    assert!(response.header("oci-subject").is_none());
    let many: Vec<_> = (0..45).map(|number| format!("tag=t{number}")).collect();
    let reference = format!("{digest}?{}", many.join("&"));
    let response = pushed(rig.push("local/spec", &reference, IMAGE, &bytes).await).await;
    let tags: Vec<_> =
        response.headers.get_all("oci-tag").iter().map(|tags| tags.to_str().unwrap()).collect();
    assert_eq!(tags.join(", ").split(", ").count(), 45);
    assert_eq!(rig.get("/v2/local/spec/manifests/t44").await.body, bytes);
    // Parameters of the content type are ignored.
    let typed = format!("{IMAGE}; charset=utf-8");
    pushed(rig.push("local/spec", "typed", &typed, &bytes).await).await;
    assert_eq!(rig.head("/v2/local/spec/manifests/typed").await.header("content-type"), Some(IMAGE));
}

#[tokio::test(flavor = "multi_thread")]
async fn bad_manifests_are_refused_and_leave_nothing() {
    let rig = Rig::start().await;
    fill(&rig).await;
    let deep = format!("{}{}", "[".repeat(200_000), "]".repeat(200_000));
    let hybrid = format!(r#"{{"schemaVersion":2,"mediaType":"{IMAGE}","layers":[],"manifests":[]}}"#);
    let twice = format!(r#"{{"schemaVersion":2,"mediaType":"{IMAGE}","mediaType":"{INDEX}","layers":[]}}"#);
    let negative = format!(
        r#"{{"schemaVersion":2,"layers":[{{"mediaType":"x/y","digest":"{}","size":-1}}]}}"#,
        Digest::of(b"{}")
    );
    let huge = negative.replace("-1", "9223372036854775808");
    let bad_digest = negative.replace("-1", "1").replace("sha256:", "sha256:zz");
    for (what, media_type, bytes) in [
        ("deep", IMAGE, deep.as_str()),
        ("hybrid", IMAGE, &hybrid),
        ("a key twice", IMAGE, &twice),
        ("another type", INDEX, &hybrid),
        ("negative", IMAGE, &negative),
        ("too large", IMAGE, &huge),
        ("bad digest", IMAGE, &bad_digest),
        ("a number that is none", IMAGE, r#"{"schemaVersion":NaN}"#),
        ("a mark in front", IMAGE, "\u{feff}{}"),
        ("nothing", IMAGE, ""),
        ("text", IMAGE, "hello"),
    ] {
        let response = rig.push("local/spec", "bad", media_type, bytes.as_bytes()).await;
        assert_eq!((response.status.as_u16(), code(&response).as_str()), (400, "MANIFEST_INVALID"), "{what}");
    }
    let good = image(&[], r#","annotations":{"not":"stored"}"#);
    let response = rig.push("local/spec", &Digest::of(b"another").to_string(), IMAGE, &good).await;
    assert_eq!((response.status.as_u16(), code(&response).as_str()), (400, "DIGEST_INVALID"));
    let response = rig.push("local/spec", "bad", IMAGE, &image(&[b"not pushed"], "")).await;
    assert_eq!((response.status.as_u16(), code(&response).as_str()), (404, "MANIFEST_BLOB_UNKNOWN"));
    assert_eq!(rig.get("/v2/local/spec/manifests/bad").await.status, 404);
    assert_eq!(rig.get(&format!("/v2/local/spec/manifests/{}", Digest::of(&good))).await.status, 404);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_large_manifest_is_taken_and_a_larger_one_is_not() {
    let rig = Rig::start().await;
    fill(&rig).await;
    let base = image(&[], r#","annotations":{"a":""}"#).len();
    let filler = "x".repeat((4 << 20) - base);
    let largest = image(&[], &format!(r#","annotations":{{"a":"{filler}"}}"#));
    assert_eq!(largest.len(), 4 << 20);
    pushed(rig.push("local/spec", "large", IMAGE, &largest).await).await;
    assert_eq!(rig.get("/v2/local/spec/manifests/large").await.body, largest);
    let larger = image(&[], &format!(r#","annotations":{{"a":"{filler}x"}}"#));
    let response = rig.push("local/spec", "larger", IMAGE, &larger).await;
    assert_eq!((response.status.as_u16(), code(&response).as_str()), (413, "MANIFEST_INVALID"));
}

fn offset(response: &Response) -> &str {
    response.header("range").unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_blob_is_pushed_by_post_then_put() {
    let rig = Rig::start().await;
    let response = rig.send("POST", "/v2/local/a/blobs/uploads/", &[], "").await;
    assert_eq!(response.status, 202);
    assert_eq!(offset(&response), "0-0");
    let location = response.header("location").unwrap().to_owned();
    let id = response.header("docker-upload-uuid").unwrap();
    assert_eq!(location, format!("/v2/local/a/blobs/uploads/{id}"));
    let digest = Digest::of(b"hello");
    let response =
        rig.send("PUT", &format!("{location}?digest={digest}"), &[("content-type", OCTETS)], "hello").await;
    assert_eq!(response.status, 201);
    assert_eq!(response.header("location").unwrap(), format!("/v2/local/a/blobs/{digest}"));
    assert_eq!(response.header("docker-content-digest").unwrap(), digest.to_string());
    assert_eq!(rig.get(response.header("location").unwrap()).await.body, "hello");
    let response = rig.get(&location).await;
    assert_eq!((response.status.as_u16(), code(&response).as_str()), (404, "BLOB_UPLOAD_UNKNOWN"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_blob_is_pushed_in_one_request() {
    let rig = Rig::start().await;
    let digest = Digest::of(b"hello");
    let path = format!("/v2/local/a/blobs/uploads/?digest={digest}");
    let response = rig.send("POST", &path, &[], "hello").await;
    assert_eq!(response.status, 201);
    assert_eq!(response.header("location").unwrap(), format!("/v2/local/a/blobs/{digest}"));
    let response = rig.send("POST", &path, &[], "other").await;
    assert_eq!((response.status.as_u16(), code(&response).as_str()), (400, "DIGEST_INVALID"));
    assert_eq!(rig.get(&format!("/v2/local/a/blobs/{digest}")).await.body, "hello");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_blob_is_pushed_in_chunks() {
    let rig = Rig::start().await;
    for algorithm in [Algorithm::Sha256, Algorithm::Sha512] {
        let path = format!("/v2/local/a/blobs/uploads/?digest-algorithm={}", algorithm.name());
        let response = rig.send("POST", &path, &[], "").await;
        let location = response.header("location").unwrap().to_owned();
        let response = rig.send("PATCH", &location, &[("content-range", "0-4")], "hello").await;
        assert_eq!((response.status.as_u16(), offset(&response)), (202, "0-4"));
        assert_eq!(response.header("location"), Some(location.as_str()));
        // Gap, overlap, replay; by PATCH and by the closing PUT: nothing changes.
        let digest = Digest::with(algorithm, b"hello, world");
        let put = format!("{location}?digest={digest}");
        for (method, path, range) in [
            ("PATCH", &location, "9-10"),
            ("PATCH", &location, "3-4"),
            ("PUT", &put, "0-1"),
            ("PUT", &put, "6-7"),
        ] {
            let response = rig.send(method, path, &[("content-range", range)], "xx").await;
            assert_eq!((response.status.as_u16(), code(&response).as_str()), (416, "BLOB_UPLOAD_INVALID"));
            assert_eq!((offset(&response), response.header("location")), ("0-4", Some(location.as_str())));
        }
        let status = rig.get(&location).await;
        assert_eq!((status.status.as_u16(), offset(&status)), (204, "0-4"));
        assert_eq!(status.header("location"), Some(location.as_str()));
        // A length that is not that of its range, a range that is none.
        for (range, wanted) in
            [("5-9", "SIZE_INVALID"), ("5", "BLOB_UPLOAD_INVALID"), ("9-5", "BLOB_UPLOAD_INVALID")]
        {
            let response = rig.send("PATCH", &location, &[("content-range", range)], ",").await;
            assert_eq!((response.status.as_u16(), code(&response).as_str()), (400, wanted), "{range}");
        }
        // A chunk may say nothing of its range; the last one may come with the PUT.
        let response = rig.send("PATCH", &location, &[], ", ").await;
        assert_eq!((response.status.as_u16(), offset(&response)), (202, "0-6"));
        let response = rig.send("PUT", &put, &[("content-range", "7-11")], "world").await;
        assert_eq!(response.status, 201);
        assert_eq!(rig.get(&format!("/v2/local/a/blobs/{digest}")).await.body, "hello, world");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_digest_can_be_put_right() {
    let rig = Rig::start().await;
    let location = rig.open_upload("local/a").await;
    rig.send("PATCH", &location, &[], "hello").await;
    let wrong = Digest::of(b"other");
    let response = rig.send("PUT", &format!("{location}?digest={wrong}"), &[], "").await;
    assert_eq!((response.status.as_u16(), code(&response).as_str()), (400, "DIGEST_INVALID"));
    assert_eq!(rig.get(&format!("/v2/local/a/blobs/{wrong}")).await.status, 404);
    let right = Digest::of(b"hello");
    assert_eq!(rig.send("PUT", &format!("{location}?digest={right}"), &[], "").await.status, 201);
}

#[tokio::test(flavor = "multi_thread")]
async fn uploads_are_cancelled_and_nobody_elses() {
    let rig = Rig::start().await;
    let location = rig.open_upload("local/a").await;
    let elsewhere = location.replace("local/a", "local/b");
    for method in ["GET", "PATCH", "DELETE"] {
        let response = rig.send(method, &elsewhere, &[], "").await;
        assert_eq!((response.status.as_u16(), code(&response).as_str()), (404, "BLOB_UPLOAD_UNKNOWN"));
    }
    assert_eq!(rig.send("DELETE", &location, &[], "").await.status, 204);
    assert_eq!(rig.get(&location).await.status, 404);
}

#[tokio::test(flavor = "multi_thread")]
async fn blobs_are_mounted_or_not() {
    let rig = Rig::start().await;
    let digest = rig.push_blob("local/a", "hello").await;
    let mount = |query: String| {
        let path = format!("/v2/local/b/blobs/uploads/?mount={query}");
        let rig = &rig;
        async move { rig.send("POST", &path, &[], "").await }
    };
    // Not there, no such repository, no such upstream, not said: all the same.
    let absent = Digest::of(b"absent");
    for query in [
        format!("{absent}&from=local/a"),
        format!("{digest}&from=local/nothing"),
        format!("{digest}&from=evil.test/a"),
        format!("{absent}"),
    ] {
        let response = mount(query.clone()).await;
        assert_eq!((response.status.as_u16(), offset(&response)), (202, "0-0"), "{query}");
        assert!(response.header("location").unwrap().starts_with("/v2/local/b/blobs/uploads/"));
    }
    let response = mount(format!("{digest}&from=local/a")).await;
    assert_eq!(response.status, 201);
    assert_eq!(response.header("location").unwrap(), format!("/v2/local/b/blobs/{digest}"));
    assert_eq!(response.header("docker-content-digest").unwrap(), digest.to_string());
    assert_eq!(rig.get(&format!("/v2/local/b/blobs/{digest}")).await.body, "hello");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_deleted_is_gone() {
    let rig = Rig::start().await;
    let names = fill(&rig).await;
    let gone = |path: String| {
        let rig = &rig;
        async move { assert_eq!(rig.get(&path).await.status, 404, "{path}") }
    };
    assert_eq!(rig.send("DELETE", "/v2/local/spec/manifests/v1", &[], "").await.status, 202);
    gone("/v2/local/spec/manifests/v1".into()).await;
    // The other tag and the digest are still there.
    assert_eq!(rig.get("/v2/local/spec/manifests/v2").await.status, 200);
    let manifest = spell(&names, "/v2/local/spec/manifests/{image}");
    assert_eq!(rig.send("DELETE", &manifest, &[], "").await.status, 202);
    gone(manifest).await;
    gone("/v2/local/spec/manifests/v2".into()).await;
    let blob = spell(&names, "/v2/local/spec/blobs/{layer}");
    assert_eq!(rig.send("DELETE", &blob, &[], "").await.status, 202);
    gone(blob.clone()).await;
    assert_eq!(rig.send("DELETE", &blob, &[], "").await.status, 404);
}

#[tokio::test(flavor = "multi_thread")]
async fn kinds_of_images_are_all_taken() {
    let rig = Rig::start().await;
    rig.push_blob("local/spec", "{}").await;
    let foreign = format!(
        r#","annotations":{{}},"layers":[{{"mediaType":"application/vnd.oci.image.layer.nondistributable.v1.tar","digest":"{}","size":9,"urls":["https://example.com/x"]}}]"#,
        Digest::of(b"elsewhere")
    );
    let foreign = String::from_utf8(image(&[], "")).unwrap().replace(r#","layers":[]"#, &foreign);
    let custom = image(&[], r#","org.example":{"anything":[1,2,{"x":null}]}"#);
    let nested = index(&[&custom]);
    let outer = format!(
        r#"{{"schemaVersion":2,"mediaType":"{INDEX}","manifests":[{{"mediaType":"{INDEX}","digest":"{}","size":{}}}]}}"#,
        Digest::of(&nested),
        nested.len()
    );
    for (tag, media_type, bytes) in [
        ("foreign", IMAGE, foreign.as_bytes()),
        ("custom", IMAGE, &custom),
        ("empty-index", INDEX, &index(&[])),
        ("index", INDEX, &nested),
        ("nested", INDEX, outer.as_bytes()),
        ("artifact", IMAGE, &image(&[], r#","artifactType":"application/vnd.example.thing""#)),
    ] {
        assert!(Manifest::parse(bytes, MediaType::parse(media_type).as_ref()).is_ok(), "{tag}");
        pushed(rig.push("local/spec", tag, media_type, bytes).await).await;
        let response = rig.get(&format!("/v2/local/spec/manifests/{tag}")).await;
        assert_eq!(
            (response.body.as_ref(), response.header("content-type")),
            (bytes, Some(media_type)),
            "{tag}"
        );
    }
}
