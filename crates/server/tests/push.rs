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
async fn what_a_manifest_says_of_itself_and_of_others_must_be_so() {
    let rig = Rig::start().await;
    let names = fill(&rig).await;
    let good = String::from_utf8(image(&[], r#","annotations":{"h":"05"}"#)).unwrap();
    // H04: sent as something else than it says it is.
    for other in [INDEX, "application/vnd.docker.distribution.manifest.v2+json"] {
        let response = rig.push("local/spec", "bad", other, good.as_bytes()).await;
        assert_eq!(
            (response.status.as_u16(), code(&response).as_str()),
            (400, "MANIFEST_INVALID"),
            "{other}"
        );
    }
    // H05: a config that is longer than said, a layer that is shorter, a child that is.
    let size = |from: &str, to: &str| good.replace(&format!(r#""size":{from}"#), &format!(r#""size":{to}"#));
    let layer = String::from_utf8(image(&[&[0; 7]], "")).unwrap();
    let layer = layer.replace(&Digest::of(&[0; 7]).to_string(), &names["{layer}"]);
    let child = String::from_utf8(index(&[&image(&[], "")])).unwrap();
    let child = child.replace(r#","size":"#, r#","size":1"#);
    for (media_type, document) in
        [(IMAGE, size("2", "1")), (IMAGE, size("2", "0")), (IMAGE, layer), (INDEX, child)]
    {
        let response = rig.push("local/spec", "bad", media_type, document.as_bytes()).await;
        assert_eq!((response.status.as_u16(), code(&response).as_str()), (400, "SIZE_INVALID"), "{document}");
    }
    // Neither config nor layer is there.
    for document in [
        good.replace(&names["{config}"], &names["{absent}"]),
        String::from_utf8(image(&[b"not pushed"], "")).unwrap(),
    ] {
        let response = rig.push("local/spec", "bad", IMAGE, document.as_bytes()).await;
        assert_eq!((response.status.as_u16(), code(&response).as_str()), (404, "MANIFEST_BLOB_UNKNOWN"));
    }
    assert_eq!(rig.get("/v2/local/spec/manifests/bad").await.status, 404);
    pushed(rig.push("local/spec", "good", IMAGE, good.as_bytes()).await).await;
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
async fn uploads_that_are_not_yours_are_not_there() {
    let rig = Rig::start().await;
    // H11: another repository's, one that ended, guessed ones; all are told the same, byte for byte.
    let (elsewhere, ended) = (rig.open_upload("local/a").await, rig.open_upload("local/b").await);
    assert_eq!(rig.send("DELETE", &ended, &[], "").await.status, 204);
    let guess = |id: &str| format!("/v2/local/b/blobs/uploads/{id}");
    let addresses = [
        elsewhere.replace("local/a", "local/b"),
        ended,
        guess("0b6f6fd2-6c2e-4b1c-9a53-2f6f2f1c7c11"),
        guess("00000000-0000-0000-0000-000000000000"),
        guess("nonsense"),
    ];
    let digest = Digest::of(b"");
    for method in ["GET", "HEAD", "PATCH", "PUT", "DELETE"] {
        let mut answers = Vec::new();
        for address in &addresses {
            let path = if method == "PUT" { format!("{address}?digest={digest}") } else { address.clone() };
            let mut response = rig.send(method, &path, &[], "").await;
            assert_eq!(response.status, 404, "{method} {path}");
            assert!(method == "HEAD" || code(&response) == "BLOB_UPLOAD_UNKNOWN", "{method} {path}");
            ["date", "x-request-id"].iter().for_each(|name| drop(response.headers.remove(*name)));
            answers.push((response.headers, response.body));
        }
        assert!(answers.windows(2).all(|pair| pair[0] == pair[1]), "{method}: {answers:#?}");
    }
    assert_eq!(rig.get(&elsewhere).await.status, 204);
}

#[tokio::test(flavor = "multi_thread")]
async fn sha512_goes_all_the_way() {
    let rig = Rig::start().await;
    // H22
    let digest = Digest::with(Algorithm::Sha512, b"{}");
    let path = |name: &str| format!("/v2/{name}/blobs/{digest}");
    let response = rig.send("POST", &format!("/v2/local/a/blobs/uploads/?digest={digest}"), &[], "{}").await;
    assert_eq!(response.status, 201);
    let response =
        rig.send("POST", &format!("/v2/local/b/blobs/uploads/?mount={digest}&from=local/a"), &[], "").await;
    assert_eq!(response.status, 201);
    assert_eq!(rig.get(&path("local/b")).await.body, "{}");
    let part = rig.get_with(&path("local/b"), &[("range", "bytes=1-1")]).await;
    assert_eq!((part.status.as_u16(), part.body.as_ref()), (206, b"}".as_slice()));
    let document = String::from_utf8(image(&[], "")).unwrap();
    let document = document.replace(&Digest::of(b"{}").to_string(), &digest.to_string());
    let manifest = Digest::with(Algorithm::Sha512, document.as_bytes());
    pushed(rig.push("local/b", &format!("{manifest}?tag=long"), IMAGE, document.as_bytes()).await).await;
    let by_tag = rig.get("/v2/local/b/manifests/long").await;
    assert_eq!(by_tag.header("docker-content-digest").unwrap(), manifest.to_string());
    let by_digest = format!("/v2/local/b/manifests/{manifest}");
    assert_eq!(rig.get(&by_digest).await.body, document);
    assert_eq!(rig.send("DELETE", &by_digest, &[], "").await.status, 202);
    for gone in [by_digest.as_str(), "/v2/local/b/manifests/long"] {
        assert_eq!(rig.get(gone).await.status, 404);
    }
    assert_eq!(rig.send("DELETE", &path("local/b"), &[], "").await.status, 202);
    assert_eq!(rig.get(&path("local/b")).await.status, 404);
    assert_eq!(rig.get(&path("local/a")).await.body, "{}");
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
