//! The registry without faults: pull, push, listings, authentication, stopping.

#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used, reason = "tests")]

use bytes::Bytes;
use entrepot_oci::{Digest, MediaType, referrers_tag};
use entrepot_testkit::{
    Bearer, RateLimit, ResponseEnd, TestImage, TestRegistry, TokenField,
    client::{self, ClientError, get, get_with, head, pull, request, try_pull, try_request},
};
use http::Method;

fn multi() -> TestImage {
    let amd = TestImage::random(1, 3, 50_000);
    let arm = TestImage::random(2, 2, 10_000).with_platform("linux/arm64").docker();
    let nested = TestImage::index([arm]).docker();
    TestImage::index([amd, nested])
}

async fn with(image: &TestImage) -> TestRegistry {
    let registry = TestRegistry::start().await;
    registry.put_image("library/app", "1.0", image);
    registry
}

#[tokio::test]
async fn pulls_everything() {
    let image = multi();
    let registry = with(&image).await;
    let pulled = pull(&registry.url(), "library/app", "1.0").await;
    assert_eq!(pulled.digest, *image.digest());
    assert_eq!(pulled.manifests.len(), image.manifests().len());
    assert_eq!(pulled.blobs.len(), image.blobs().len());
    assert_eq!(pulled.bytes, image.size());
    let log = registry.log();
    assert_eq!(log.bytes_sent(), image.size());
    assert_eq!((log.manifests().len(), log.blob_gets().len()), (4, image.blobs().len()));
    assert_eq!(log.count(Method::GET, "/blobs/"), image.blobs().len());
    assert_eq!(log.of(image.digest()).len(), 0, "the root was asked for by tag");
    assert!(log.iter().all(|request| request.end == ResponseEnd::Complete && request.status == 200));
    assert_eq!(pull(&registry.url(), "library/app", &image.digest().to_string()).await, pulled);
    registry.clear_log();
    assert!(registry.log().is_empty());
}

#[tokio::test]
async fn answers_heads_and_ranges() {
    let image = TestImage::random(1, 1, 1000);
    let registry = with(&image).await;
    let (digest, bytes) = &image.blobs()[1];
    let url = format!("{}/v2/library/app/blobs/{digest}", registry.url());
    let answer = head(&url).await;
    assert_eq!((answer.status.as_u16(), answer.header("content-length")), (200, Some("1000")));
    assert_eq!(answer.header("docker-content-digest"), Some(digest.to_string().as_str()));
    let answer = get_with(&url, &[("range", "bytes=990-")]).await;
    assert_eq!((answer.status.as_u16(), answer.header("content-range")), (206, Some("bytes 990-999/1000")));
    assert_eq!(answer.body, bytes.slice(990..));
    assert_eq!(get_with(&url, &[("range", "bytes=1000-")]).await.status, 416);
    assert_eq!(registry.log().heads().len(), 1);
    assert_eq!(registry.log()[1].range.as_deref(), Some("bytes=990-"));
    registry.capabilities(|can| can.ranges = false);
    let answer = get_with(&url, &[("range", "bytes=990-")]).await;
    assert_eq!(
        (answer.status.as_u16(), answer.body.len(), answer.header("accept-ranges")),
        (200, 1000, None)
    );
}

#[tokio::test]
async fn can_do_less() {
    let image = TestImage::random(1, 1, 1000);
    let registry = with(&image).await;
    registry.capabilities(|can| {
        can.head = false;
        can.digest_header = false;
        can.rate_limit =
            Some(RateLimit { limit: 100, remaining: 1, puts: false, retry_after: None, window: 21600 });
        can.blobs_at = Some("http://cdn.example".to_owned());
    });
    let url = format!("{}/v2/library/app", registry.url());
    assert_eq!(head(&format!("{url}/manifests/1.0")).await.status, 405);
    let answer = get(&format!("{url}/manifests/1.0")).await;
    assert_eq!(answer.header("docker-content-digest"), None);
    assert_eq!(answer.header("ratelimit-remaining"), Some("0;w=21600"));
    assert_eq!(get(&format!("{url}/manifests/1.0")).await.status, 429);
    let digest = image.blobs()[0].0;
    let answer = get(&format!("{url}/blobs/{digest}")).await;
    let wanted = format!("http://cdn.example/v2/library/app/blobs/{digest}");
    assert_eq!((answer.status.as_u16(), answer.header("location")), (307, Some(wanted.as_str())));
}

#[tokio::test]
async fn lists_tags_by_page() {
    let image = TestImage::random(1, 0, 0);
    let registry = with(&image).await;
    for tag in ["a", "b", "c"] {
        registry.put_image("library/app", tag, &image);
    }
    registry.delete_tag("library/app", "b");
    let url = format!("{}/v2/library/app/tags/list", registry.url());
    assert_eq!(get(&url).await.json()["tags"], serde_json::json!(["1.0", "a", "c"]));
    registry.capabilities(|can| can.tags_page = Some(2));
    let first = get(&url).await;
    let link = "</v2/library/app/tags/list?n=2&last=a>; rel=\"next\"";
    assert_eq!(
        (first.json()["tags"].clone(), first.header("link")),
        (serde_json::json!(["1.0", "a"]), Some(link))
    );
    let second = get(&format!("{url}?n=2&last=a")).await;
    assert_eq!((second.json()["tags"].clone(), second.header("link")), (serde_json::json!(["c"]), None));
    assert_eq!(get(&format!("{}/v2/none/tags/list", registry.url())).await.status, 404);
    let catalog = get(&format!("{}/v2/_catalog", registry.url())).await;
    assert_eq!(catalog.json()["repositories"], serde_json::json!(["library/app"]));
}

#[tokio::test]
async fn lists_referrers() {
    let image = TestImage::random(1, 1, 10);
    let registry = with(&image).await;
    for (seed, kind) in [(2, "a/sbom"), (3, "a/signature"), (4, "a/signature")] {
        let referrer = TestImage::random(seed, 1, 10).artifact(kind).refer_to(&image).annotate("k", "v");
        registry.put_untagged("library/app", &referrer);
    }
    let url = format!("{}/v2/library/app/referrers/{}", registry.url(), image.digest());
    assert_eq!(get(&url).await.json()["manifests"].as_array().unwrap().len(), 3);
    registry.capabilities(|can| can.referrers_page = Some(1));
    let signatures = get(&format!("{url}?artifactType=a/signature")).await;
    assert_eq!(signatures.json()["manifests"].as_array().unwrap().len(), 1);
    assert_eq!(signatures.header("oci-filters-applied"), Some("artifactType"));
    assert!(signatures.header("link").unwrap().contains("artifactType=a/signature&start=1>"));
    registry.capabilities(|can| can.referrers = false);
    assert_eq!(get(&url).await.status, 404);
    registry.put_untagged("library/app", &TestImage::random(5, 0, 0).artifact("a/b").refer_to(&image));
    let tag = referrers_tag(image.digest());
    let index = get(&format!("{}/v2/library/app/manifests/{tag}", registry.url())).await;
    assert_eq!(index.json()["manifests"].as_array().unwrap().len(), 4);
}

/// Pushes as a client does: blobs by session or at once, then manifests, the root by tag.
async fn push(base: &str, image: &TestImage) {
    for (index, (digest, bytes)) in image.blobs().iter().enumerate() {
        if index % 2 == 0 {
            let url = format!("{base}/blobs/uploads/?digest={digest}");
            assert_eq!(request(Method::POST, &url, &[], bytes.clone()).await.status, 201);
        } else {
            push_by_chunks(base, digest, bytes).await;
        }
    }
    for manifest in image.manifests() {
        let is_root = manifest.digest == *image.digest();
        let reference = if is_root { "1.0".to_owned() } else { manifest.digest.to_string() };
        let headers = [("content-type", manifest.media_type.as_str())];
        let url = format!("{base}/manifests/{reference}");
        assert_eq!(request(Method::PUT, &url, &headers, manifest.bytes.clone()).await.status, 201);
    }
}

async fn push_by_chunks(base: &str, digest: &Digest, bytes: &Bytes) {
    let origin = base.split("/v2/").next().unwrap();
    let opened = request(Method::POST, &format!("{base}/blobs/uploads/"), &[], "").await;
    assert_eq!(opened.status, 202);
    let session = format!("{origin}{}", opened.header("location").unwrap());
    let half = bytes.len() / 2;
    let range = format!("0-{}", half - 1);
    let first = request(Method::PATCH, &session, &[("content-range", &range)], bytes.slice(..half)).await;
    assert_eq!((first.status.as_u16(), first.header("range")), (202, Some(range.as_str())));
    let again = request(Method::PATCH, &session, &[("content-range", &range)], bytes.slice(..half)).await;
    assert_eq!((again.status.as_u16(), again.header("range")), (416, Some(range.as_str())));
    assert_eq!(get(&session).await.status, 204);
    let last = request(Method::PUT, &format!("{session}?digest={digest}"), &[], bytes.slice(half..)).await;
    assert_eq!(last.status, 201);
}

#[tokio::test]
async fn takes_a_push() {
    let image = multi();
    let registry = TestRegistry::start().await;
    let base = format!("{}/v2/my/app", registry.url());
    push(&base, &image).await;
    assert_eq!(pull(&registry.url(), "my/app", "1.0").await.digest, *image.digest());
    assert_eq!(registry.manifest("my/app", "1.0").as_ref(), Some(image.bytes()));
    let (digest, bytes) = &image.blobs()[0];
    assert_eq!(registry.blob("my/app", digest).as_ref(), Some(bytes));
    assert!(registry.log().iter().any(|request| request.received == bytes.len() as u64));
    let mount = format!("{}/v2/other/app/blobs/uploads/?mount={digest}&from=my/app", registry.url());
    assert_eq!(request(Method::POST, &mount, &[], "").await.status, 201);
    registry.capabilities(|can| can.mount = false);
    assert_eq!(request(Method::POST, &mount, &[], "").await.status, 202);
    registry.delete_blob("my/app", digest);
    let child = &image.manifests()[0];
    let headers = [("content-type", child.media_type.as_str())];
    let put = request(Method::PUT, &format!("{base}/manifests/2"), &headers, child.bytes.clone()).await;
    assert_eq!(put.status, 400, "a blob it names is gone");
    let delete = request(Method::DELETE, &format!("{base}/manifests/{}", image.digest()), &[], "").await;
    assert_eq!(delete.status, 202);
    assert_eq!(head(&format!("{base}/manifests/1.0")).await.status, 404);
}

#[tokio::test]
async fn refuses_bad_pushes() {
    let registry = TestRegistry::start().await;
    let base = format!("{}/v2/my/app", registry.url());
    let wrong = format!("{base}/blobs/uploads/?digest={}", Digest::of(b"other"));
    let answer = request(Method::POST, &wrong, &[], "bytes").await;
    assert_eq!(answer.json()["errors"][0]["code"], "DIGEST_INVALID");
    let index = MediaType::OCI_INDEX;
    let answer =
        request(Method::PUT, &format!("{base}/manifests/a"), &[("content-type", index.as_str())], "{}").await;
    assert_eq!(answer.json()["errors"][0]["code"], "MANIFEST_INVALID");
    assert_eq!(get(&format!("{}/v2/UPPER/tags/list", registry.url())).await.status, 400);
    assert_eq!(get(&format!("{}/nowhere", registry.url())).await.status, 404);
}

#[tokio::test]
async fn wants_a_password() {
    let registry = with(&TestImage::random(1, 1, 10)).await;
    registry.require_basic("me", "secret");
    let url = format!("{}/v2/", registry.url());
    let refused = get(&url).await;
    assert_eq!(
        (refused.status.as_u16(), refused.header("www-authenticate")),
        (401, Some("Basic realm=\"testkit\""))
    );
    assert_eq!(get_with(&url, &[("authorization", "Basic bWU6c2VjcmV0")]).await.status, 200);
    assert_eq!(registry.log()[1].authorization.as_deref(), Some("Basic bWU6c2VjcmV0"));
    registry.require_nothing();
    assert_eq!(get(&url).await.status, 200);
}

#[tokio::test]
async fn wants_a_token() {
    let registry = with(&TestImage::random(1, 1, 10)).await;
    registry.require_bearer(Bearer::new().user("me", "secret").expires_in(-1).field(TokenField::AccessToken));
    let url = format!("{}/v2/library/app/manifests/1.0", registry.url());
    let refused = get(&url).await;
    let wanted = format!(
        "Bearer realm=\"{}/token\",service=\"testkit\",scope=\"repository:library/app:pull\"",
        registry.url()
    );
    assert_eq!((refused.status.as_u16(), refused.header("www-authenticate")), (401, Some(wanted.as_str())));
    let realm = format!("{}/token?service=testkit&scope=repository%3Alibrary%2Fapp%3Apull", registry.url());
    assert_eq!(get(&realm).await.status, 401);
    let given = get_with(&realm, &[("authorization", "Basic bWU6c2VjcmV0")]).await.json();
    assert_eq!((given["expires_in"].as_i64(), given["token"].as_str()), (Some(-1), None));
    let bearer = format!("Bearer {}", given["access_token"].as_str().unwrap());
    let headers = [("authorization", bearer.as_str())];
    assert_eq!(get_with(&url, &headers).await.status, 200);
    let other = get_with(&url.replace("app", "other"), &headers).await;
    assert!(other.header("www-authenticate").unwrap().ends_with("error=\"insufficient_scope\""));
    registry.revoke_tokens();
    assert_eq!(get_with(&url, &headers).await.status, 401);
}

#[tokio::test]
async fn stops_and_comes_back() {
    let image = TestImage::random(1, 1, 10);
    let registry = with(&image).await;
    let url = format!("{}/v2/", registry.url());
    registry.stop().await;
    assert!(matches!(try_request(Method::GET, &url, &[], "").await, Err(ClientError::Connect(_))));
    registry.restart().await;
    assert_eq!(pull(&registry.url(), "library/app", "1.0").await.digest, *image.digest());
    registry.stop().await;
    let other = TestRegistry::start_on(registry.addr()).await;
    assert_eq!(other.host(), registry.host());
    assert!(try_pull(&other.url(), "library/app", "1.0").await.is_err());
}

#[tokio::test]
async fn a_tag_may_flip() {
    let (one, two) = (TestImage::random(1, 1, 10), TestImage::random(2, 1, 10));
    let registry = with(&one).await;
    registry.put_untagged("library/app", &two);
    registry.flip_tag("library/app", "1.0", &[*one.digest(), *two.digest()]);
    for image in [&one, &two, &one] {
        assert_eq!(client::pull(&registry.url(), "library/app", "1.0").await.digest, *image.digest());
    }
    registry.delete_repository("library/app");
    assert!(try_pull(&registry.url(), "library/app", "1.0").await.is_err());
}
