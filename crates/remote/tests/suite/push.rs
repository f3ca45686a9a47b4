//! Pushing blobs and manifests to a registry that follows the specification.

use bytes::Bytes;
use entrepot_oci::{Digest, MediaType, Reference, Repository};
use entrepot_remote::{Error, InvalidResponse, Mount, Refusal, Remote, RemoteSettings, UploadBody};
use entrepot_testkit::{Bearer, Capabilities, ResourceKind, TestImage, TestRegistry};
use futures_util::stream;
use http::Method;

use crate::support::{credential, remote, repository};

pub(crate) fn to(registry: &TestRegistry) -> Remote {
    remote(&settings(registry))
}

pub(crate) fn settings(registry: &TestRegistry) -> RemoteSettings {
    RemoteSettings { endpoints: vec![registry.url().parse().unwrap()], ..RemoteSettings::default() }
}

pub(crate) fn bytes(length: usize) -> (Bytes, Digest) {
    let bytes: Bytes = (0..length).map(|index| (index % 251) as u8).collect();
    let digest = Digest::of(&bytes);
    (bytes, digest)
}

/// The bytes as a stream of pieces.
pub(crate) fn streamed(bytes: &Bytes) -> UploadBody {
    let pieces: Vec<_> = bytes.chunks(10_000).map(|piece| Ok(Bytes::copy_from_slice(piece))).collect();
    UploadBody::stream(bytes.len() as u64, stream::iter(pieces as Vec<Result<_, std::io::Error>>))
}

fn paths(registry: &TestRegistry) -> Vec<String> {
    let name = |request: &entrepot_testkit::Request| format!("{} {}", request.method, request.path);
    registry.log().iter().map(name).collect()
}

#[tokio::test]
async fn a_blob_goes_in_one_request() {
    let registry = TestRegistry::start().await;
    let (bytes, digest) = bytes(1_000_000);
    for load in [streamed(&bytes), UploadBody::from(bytes.clone())] {
        registry.clear_log();
        to(&registry).start_upload(&repository()).await.unwrap().send(&digest, load).await.unwrap();
        let log = registry.log();
        assert_eq!(paths(&registry)[0], "POST /v2/team/app/blobs/uploads/");
        assert_eq!((log.len(), log[1].method.clone(), log[1].received), (2, Method::PUT, 1_000_000));
        assert_eq!(log[1].query, format!("digest={digest}"));
    }
    assert_eq!(registry.blob("team/app", &digest).unwrap(), bytes);
}

#[tokio::test]
async fn a_blob_goes_in_chunks() {
    let registry = TestRegistry::start().await;
    let (bytes, digest) = bytes(250_000);
    let mut upload = to(&registry).start_upload(&repository()).await.unwrap();
    upload.chunk(UploadBody::from(bytes.slice(..100_000))).await.unwrap();
    assert_eq!((upload.sent(), upload.position().await.unwrap()), (100_000, 100_000));
    upload.chunk(streamed(&bytes.slice(100_000..200_000))).await.unwrap();
    upload.chunk(UploadBody::from(bytes.slice(200_000..))).await.unwrap();
    upload.finish(&digest).await.unwrap();
    assert_eq!(registry.blob("team/app", &digest).unwrap(), bytes);
    let received: Vec<_> = registry.log().iter().map(|request| request.received).collect();
    assert_eq!(received, [0, 100_000, 0, 100_000, 50_000, 0]);
}

#[tokio::test]
async fn a_mount_needs_one_request_and_a_refused_one_is_used() {
    let registry = TestRegistry::start().await;
    let (bytes, digest) = bytes(1000);
    registry.put_blob("team/base", bytes.clone());
    let from: Repository = "team/base".parse().unwrap();
    let mounted = to(&registry).mount_blob(&repository(), &digest, &from).await.unwrap();
    assert!(matches!(mounted, Mount::Mounted));
    assert_eq!(registry.log()[0].query, format!("mount={digest}&from=team/base"));
    assert_eq!(registry.blob("team/app", &digest).unwrap(), bytes);

    registry.clear_log();
    registry.capabilities(|can| can.mount = false);
    let refused = to(&registry).mount_blob(&"team/new".parse().unwrap(), &digest, &from).await.unwrap();
    let Mount::Refused(upload) = refused else { panic!("mounted") };
    upload.send(&digest, UploadBody::from(bytes)).await.unwrap();
    assert_eq!(registry.log().len(), 2);
}

#[tokio::test]
async fn an_upload_can_be_given_up() {
    let registry = TestRegistry::start().await;
    let upload = to(&registry).start_upload(&repository()).await.unwrap();
    assert_eq!(format!("{upload:?}"), "Upload(lab.test/team/app, 0 bytes sent)");
    upload.cancel().await;
    assert_eq!(registry.log().count(Method::DELETE, "/blobs/uploads/"), 1);
    assert_eq!(registry.log()[1].status, 204);
}

#[tokio::test]
async fn manifests_are_put_and_deleted() {
    let registry = TestRegistry::start().await;
    let (image, remote) = (TestImage::random(1, 2, 100), to(&registry));
    for (digest, bytes) in image.blobs() {
        let upload = remote.start_upload(&repository()).await.unwrap();
        upload.send(digest, UploadBody::from(bytes.clone())).await.unwrap();
    }
    let put = async |reference: &str, image: &TestImage| {
        let reference: Reference = reference.parse().unwrap();
        remote.put_manifest(&repository(), &reference, image.media_type(), image.bytes().clone()).await
    };
    let pushed = put("latest", &image).await.unwrap();
    assert_eq!((pushed.digest, pushed.subject), (*image.digest(), None));
    assert_eq!(registry.manifest("team/app", "latest").unwrap(), *image.bytes());

    let signature = TestImage::layers([]).artifact("application/x-signature").refer_to(&image);
    registry.put_blob("team/app", "{}");
    let pushed = put(&signature.digest().to_string(), &signature).await.unwrap();
    assert_eq!(pushed.subject, Some(*image.digest()));

    remote.delete_tag(&repository(), &"latest".parse().unwrap()).await.unwrap();
    remote.delete_manifest(&repository(), image.digest()).await.unwrap();
    let gone = remote.delete_manifest(&repository(), image.digest()).await;
    assert!(matches!(gone, Err(Error::NotFound)));
    registry.capabilities(|can| can.delete = false);
    let unsupported = remote.delete_tag(&repository(), &"latest".parse().unwrap()).await.unwrap_err();
    assert_eq!(unsupported.refusal(), Some(Refusal::Unsupported));
}

#[tokio::test]
async fn what_a_manifest_lacks_is_said() {
    let registry = TestRegistry::start().await;
    let image = TestImage::random(1, 1, 100);
    let put = async |media_type: &MediaType, bytes: &Bytes| {
        let latest = "latest".parse().unwrap();
        to(&registry).put_manifest(&repository(), &latest, media_type, bytes.clone()).await.unwrap_err()
    };
    let refused = put(image.media_type(), image.bytes()).await;
    assert_eq!(refused.refusal(), Some(Refusal::Incomplete));
    assert_eq!(
        refused.to_string(),
        "refused with status 400: MANIFEST_BLOB_UNKNOWN: something it names is not here"
    );
    let refused = put(&MediaType::OCI_MANIFEST, &Bytes::from_static(b"{")).await;
    assert_eq!(refused.refusal(), Some(Refusal::Form));
}

#[tokio::test]
async fn a_token_is_asked_for_what_is_done() {
    let registry = TestRegistry::start().await;
    registry.require_bearer(Bearer::new().user("me", "canary"));
    let settings = RemoteSettings { credentials: vec![credential("me")], ..settings(&registry) };
    let (remote, (bytes, digest)) = (remote(&settings), bytes(100_000));
    registry.put_blob("team/base", bytes.clone());
    let from: Repository = "team/base".parse().unwrap();
    remote.mount_blob(&repository(), &digest, &from).await.unwrap();
    remote.start_upload(&repository()).await.unwrap().send(&digest, streamed(&bytes)).await.unwrap();
    remote.delete_tag(&repository(), &"latest".parse().unwrap()).await.unwrap_err();
    let tokens = registry.log().kind(ResourceKind::Token);
    let scopes: Vec<_> = tokens.iter().map(|ask| ask.query.replace("service=testkit&", "")).collect();
    let scope = |text: &str| format!("scope=repository%3Ateam%2F{text}");
    assert_eq!(
        scopes,
        [
            format!("{}&{}", scope("app%3Apull%2Cpush"), scope("base%3Apull")),
            scope("app%3Apull%2Cpush"),
            scope("app%3Adelete"),
        ]
    );
    // Challenge, token, position: the stream is sent with a token at once.
    assert_eq!(registry.log().count(Method::PUT, "/blobs/uploads/"), 1);
}

#[tokio::test]
async fn a_token_that_runs_out_during_an_upload_is_renewed_before_the_stream() {
    let registry = TestRegistry::start().await;
    registry.require_bearer(Bearer::new());
    let (remote, (bytes, digest)) = (to(&registry), bytes(100_000));
    let upload = remote.start_upload(&repository()).await.unwrap();
    // The registry revokes the token; a request that can be repeated finds that out.
    registry.revoke_tokens();
    let refused = upload.send(&digest, streamed(&bytes)).await.unwrap_err();
    assert_eq!(refused.refusal(), Some(Refusal::Rights));
    let upload = remote.start_upload(&repository()).await.unwrap();
    upload.send(&digest, streamed(&bytes)).await.unwrap();
    assert_eq!(registry.blob("team/app", &digest).unwrap(), bytes);
}

#[tokio::test]
async fn a_source_that_breaks_off_is_not_the_registrys_fault() {
    let registry = TestRegistry::start().await;
    let (remote, (bytes, digest)) = (to(&registry), bytes(1000));
    let broken = |length| {
        let pieces = [Ok(bytes.clone()), Err(std::io::Error::other("the source is gone"))];
        UploadBody::stream(length, stream::iter(pieces))
    };
    let upload = remote.start_upload(&repository()).await.unwrap();
    let failed = upload.send(&digest, broken(5000)).await.unwrap_err();
    let Error::UploadBody { source } = failed else { panic!("{failed:?}") };
    assert_eq!(source.to_string(), "the source is gone");
    let short = UploadBody::stream(5000, stream::iter([Ok::<_, std::io::Error>(bytes.clone())]));
    let upload = remote.start_upload(&repository()).await.unwrap();
    assert!(matches!(upload.send(&digest, short).await, Err(Error::UploadBody { .. })));
    // The endpoint still counts as healthy.
    for _ in 0..5 {
        remote.start_upload(&repository()).await.unwrap();
    }
    assert!(registry.blob("team/app", &digest).is_none());
}

#[tokio::test]
async fn a_wrong_digest_is_not_taken_for_success() {
    let registry = TestRegistry::start().await;
    let (bytes, digest) = bytes(1000);
    let upload = to(&registry).start_upload(&repository()).await.unwrap();
    let refused = upload.send(&Digest::of(b"other"), UploadBody::from(bytes.clone())).await.unwrap_err();
    assert_eq!(refused.refusal(), Some(Refusal::Upload));
    registry.fault(
        entrepot_testkit::Fault::on(entrepot_testkit::Match::uploads().method(Method::PUT))
            .then(entrepot_testkit::Action::lie_digest(&Digest::of(b"other"))),
    );
    let upload = to(&registry).start_upload(&repository()).await.unwrap();
    let lied = upload.send(&digest, UploadBody::from(bytes)).await.unwrap_err();
    assert!(matches!(lied, Error::Invalid(InvalidResponse::WrongDigest)));
}

#[tokio::test]
async fn all_of_a_listing_is_listed() {
    let registry = TestRegistry::start().await;
    let (image, media_type) = (TestImage::random(1, 0, 0), MediaType::OCI_MANIFEST);
    for tag in 0..2500 {
        registry.put_manifest("team/app", Some(&format!("v{tag:05}")), &media_type, image.bytes().clone());
    }
    for page in [None, Some(1000), Some(100)] {
        registry.clear_log();
        registry.capabilities(|can| *can = Capabilities { tags_page: page, ..Capabilities::default() });
        let tags = to(&registry).all_tags(&repository()).await.unwrap();
        assert_eq!((tags.len(), tags[0].as_str(), tags[2499].as_str()), (2500, "v00000", "v02499"));
        assert_eq!(registry.log().len(), 2500_usize.div_ceil(page.unwrap_or(1000)));
    }
    registry.put_image("other/one", "latest", &image);
    let found = to(&registry).all_repositories().await.unwrap();
    assert_eq!(found.iter().map(Repository::as_str).collect::<Vec<_>>(), ["other/one", "team/app"]);
}
