//! The registry with the features of real ones.

#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used, reason = "tests")]

use bytes::Bytes;
use entrepot_oci::{Digest, referrers_tag};
use entrepot_testkit::{
    Action, Bearer, Capabilities, Fault, Match, RateLimit, TestImage, TestRegistry,
    client::{Response, get, head, request},
};
use http::Method;

async fn like(capabilities: Capabilities) -> TestRegistry {
    let registry = TestRegistry::start().await;
    registry.capabilities(|can| *can = capabilities);
    registry
}

async fn put(registry: &TestRegistry, tag: &str, image: &TestImage) -> Response {
    let url = format!("{}/v2/a/b/manifests/{tag}", registry.url());
    request(Method::PUT, &url, &[("content-type", image.media_type().as_str())], image.bytes().clone()).await
}

async fn post(registry: &TestRegistry, query: &str) -> Response {
    let url = format!("{}/v2/a/b/blobs/uploads/{query}", registry.url());
    request(Method::POST, &url, &[], Bytes::new()).await
}

#[tokio::test]
async fn swr_takes_dockers_manifests_alone_and_not_too_many() {
    let registry = like(Capabilities::swr()).await;
    let image = TestImage::random(1, 1, 10);
    registry.put_untagged("a/b", &image);
    registry.put_untagged("a/b", &image.clone().docker());
    for refused in [image.clone(), TestImage::index([image.clone()])] {
        let answer = put(&registry, "x", &refused).await;
        assert_eq!(answer.status, 400);
        assert_eq!(
            answer.text(),
            r#"{"errors":[{"code":"MANIFEST_INVALID","message":"Invalid image, fail to parse 'manifest.json'"}]}"#
        );
    }
    assert_eq!(put(&registry, "x", &image.clone().docker()).await.status, 201);
    assert_eq!(put(&registry, "y", &TestImage::index([image.docker()]).docker()).await.status, 201);
    let mut statuses = Vec::new();
    for _ in 0..20 {
        statuses.push(get(&format!("{}/v2/", registry.url())).await.status.as_u16());
    }
    assert_eq!(statuses.last(), Some(&503), "{statuses:?}");
}

#[tokio::test]
async fn quay_forgets_what_is_not_tagged_and_wants_to_know_where_from() {
    let registry = like(Capabilities::quay()).await;
    let index = TestImage::index([TestImage::random(1, 1, 10), TestImage::random(2, 1, 10)]);
    registry.put_untagged("a/b", &index);
    assert_eq!(put(&registry, "x", &index).await.status, 202);
    registry.put_untagged("a/b", &TestImage::random(3, 1, 10));
    registry.collect();
    assert_eq!(registry.tags("a/b"), ["x"]);
    assert!(registry.manifest("a/b", &index.children()[1].digest().to_string()).is_some());
    assert!(registry.manifest("a/b", &TestImage::random(3, 1, 10).digest().to_string()).is_none());
    registry.delete_tag("a/b", "x");
    registry.collect();
    assert!(registry.manifest("a/b", &index.children()[1].digest().to_string()).is_none());
    let digest = Digest::of(b"x");
    assert_eq!(post(&registry, &format!("?mount={digest}")).await.status, 400);
    assert_eq!(post(&registry, &format!("?mount={digest}&from=a/c")).await.status, 202);
}

#[tokio::test]
async fn docker_hub_gives_everybody_a_token() {
    let registry = like(Capabilities::docker_hub(1)).await;
    let image = TestImage::random(1, 1, 10);
    registry.put_image("a/b", "x", &image);
    let manifest = format!("{}/v2/a/b/manifests/x", registry.url());
    assert_eq!(get(&manifest).await.status, 200);
    let limited = get(&manifest).await;
    assert_eq!((limited.status.as_u16(), limited.header("retry-after")), (429, Some("21600")));
    assert_eq!(head(&manifest).await.status, 200);
    registry.capabilities(|can| {
        let limit = can.rate_limit.unwrap();
        can.rate_limit = Some(RateLimit { puts: true, remaining: 0, ..limit });
    });
    assert_eq!(put(&registry, "x", &image).await.status, 429);
    registry.require_bearer(Bearer::new().at_most(&["pull"]));
    let token = get(&format!("{}/token?scope=repository:a/b:pull,push", registry.url())).await.json();
    assert_eq!(
        token["token"].as_str().unwrap().split('.').nth(1).unwrap(),
        "eyJhY2Nlc3MiOlt7ImFjdGlvbnMiOlsicHVsbCJdLCJuYW1lIjoiYS9iIiwidHlwZSI6InJlcG9zaXRvcnkifV0sImp0aSI6IjEifQ"
    );
}

#[tokio::test]
async fn ecr_wants_repositories_first_and_leaves_tags_where_they_are() {
    let registry = like(Capabilities::ecr()).await;
    let refused = post(&registry, "").await;
    assert_eq!(refused.status, 404);
    assert!(refused.text().contains("NAME_UNKNOWN"), "{}", refused.text());
    registry.create_repository("a/b");
    assert_eq!(post(&registry, "").await.status, 202);
    let (one, other) = (TestImage::random(1, 1, 10), TestImage::random(2, 1, 10));
    registry.put_image("a/b", "x", &one);
    registry.put_untagged("a/b", &other);
    assert_eq!(put(&registry, "x", &one).await.status, 201);
    let refused = put(&registry, "x", &other).await;
    assert_eq!(refused.status, 400);
    assert!(refused.text().contains("TAG_INVALID") && refused.text().contains("is immutable"));
    let tags = format!("{}/v2/a/b/tags/list", registry.url());
    assert_eq!(get(&format!("{tags}?n=1001")).await.status, 405);
    assert_eq!(get(&format!("{tags}?n=1000")).await.status, 200);
}

#[tokio::test]
async fn gitlab_takes_a_tag_for_a_digest() {
    let registry = like(Capabilities::gitlab()).await;
    let image = TestImage::random(1, 1, 10);
    registry.put_image("a/b", "x", &image);
    let url = format!("{}/v2/a/b/manifests/{}", registry.url(), referrers_tag(image.digest()));
    assert_eq!(get(&url).await.body, *image.bytes());
    registry.capabilities(|can| can.digest_tags = false);
    assert_eq!(get(&url).await.status, 404);
}

#[tokio::test]
async fn uploads_have_limits_and_faults() {
    let registry =
        like(Capabilities { largest_upload: Some(100), least_chunk: Some(64), ..Capabilities::default() });
    let registry = registry.await;
    let opened = post(&registry, "").await;
    assert_eq!(opened.header("oci-chunk-min-length"), Some("64"));
    let upload = format!("{}{}", registry.url(), opened.header("location").unwrap());
    let patch = async |length: usize| request(Method::PATCH, &upload, &[], vec![b'x'; length]).await;
    assert_eq!(patch(101).await.status, 413);
    assert_eq!(registry.log()[1].received, 0);
    assert_eq!(patch(100).await.status, 202);
    registry.fault(Fault::on(Match::uploads().method(Method::PATCH)).then(Action::status(503)));
    assert_eq!(patch(10).await.status, 503);
    assert_eq!(get(&upload).await.header("range"), Some("0-99"));
    assert_eq!(registry.log().uploads().bytes_received(), 110);
}

#[tokio::test]
async fn pages_may_be_silent() {
    let registry = like(Capabilities { tags_page: Some(2), links: false, ..Capabilities::default() }).await;
    for tag in ["a", "b", "c"] {
        registry.put_image("a/b", tag, &TestImage::random(1, 0, 0));
    }
    let answer = get(&format!("{}/v2/a/b/tags/list?n=1000", registry.url())).await;
    assert_eq!((answer.json()["tags"].as_array().unwrap().len(), answer.header("link")), (2, None));
}
