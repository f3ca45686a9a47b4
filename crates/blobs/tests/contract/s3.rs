//! Cases for blobs in S3 only, and for a misbehaving service.

use bytes::Bytes;
use entrepot_blobs::{Blobs, Error, HeldBlob, StoreOutcome};
use entrepot_oci::Digest;
use entrepot_testkit::s3::{S3Fault, S3Request};
use http::{Method, StatusCode};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
};
use url::Url;

use crate::place::{Place, assert_held, bytes_of, content, settings, staged_with};

const LARGE: usize = 300_000;
const MANY_PARTS: usize = 20 << 20;

fn key(digest: &Digest) -> String {
    let hex = digest.hex();
    format!("mirror/blobs/{}/{}/{hex}", digest.algorithm().name(), &hex[..2])
}

async fn object(blobs: &Blobs, digest: &Digest) -> entrepot_blobs::ObjectBlob {
    match blobs.get(digest).await.unwrap().unwrap() {
        HeldBlob::Object(object) => object,
        other => panic!("{other:?}"),
    }
}

async fn put(blobs: &Blobs, len: usize) -> (Digest, Bytes) {
    let bytes = content(len);
    let digest = Digest::of(&bytes);
    blobs.put(&digest, bytes.clone()).await.unwrap();
    (digest, bytes)
}

#[tokio::test]
async fn a_blob_is_an_object_below_the_prefix() {
    let place = Place::s3().await;
    let (digest, bytes) = put(&place.open().await, LARGE).await;
    assert!(std::fs::read(place.server().object(&key(&digest))).unwrap() == bytes);
    assert!(!place.dir().join("blobs").exists());
}

#[tokio::test]
async fn what_was_asked_for_lately_needs_no_request() {
    let place = Place::s3().await;
    for len in [1000, LARGE] {
        let (digest, _) = put(&place.open().await, len).await;
        let blobs = place.open().await;
        place.server().take_seen();
        assert_eq!(blobs.size(&digest).await.unwrap(), Some(len as u64));
        assert_eq!(place.server().take_seen().len(), 1);
        blobs.get(&digest).await.unwrap();
        // A small one is loaded now; for a large one, the size is enough.
        assert_eq!(place.server().take_seen().len(), usize::from(len == 1000));
        assert_eq!(blobs.get(&digest).await.unwrap().unwrap().size(), len as u64);
        assert_eq!(blobs.size(&digest).await.unwrap(), Some(len as u64));
        assert_eq!(place.server().take_seen().len(), 0);
    }
}

async fn fetch(link: &Url, range: &str) -> (String, Vec<u8>) {
    let address = (link.host_str().unwrap(), link.port().unwrap());
    let mut socket = TcpStream::connect(address).await.unwrap();
    let target = &link[url::Position::BeforePath..];
    let host = &link[url::Position::BeforeHost..url::Position::BeforePath];
    let request =
        format!("GET {target} HTTP/1.1\r\nhost: {host}\r\nrange: {range}\r\nconnection: close\r\n\r\n");
    socket.write_all(request.as_bytes()).await.unwrap();
    let mut answer = Vec::new();
    socket.read_to_end(&mut answer).await.unwrap();
    let end = answer.windows(4).position(|window| window == b"\r\n\r\n").unwrap();
    (String::from_utf8_lossy(&answer[..end]).into_owned(), answer.split_off(end + 4))
}

#[tokio::test]
async fn a_link_can_be_followed_by_anyone() {
    let place = Place::s3().await;
    let blobs = place.open().await;
    let (digest, bytes) = put(&blobs, LARGE).await;
    let link = object(&blobs, &digest).await.link().await.unwrap().unwrap();
    assert!(link.query().unwrap().contains("X-Amz-Expires=900"), "{link}");
    let (head, body) = fetch(&link, "bytes=1000-1999").await;
    assert!(head.starts_with("HTTP/1.1 206"), "{head}");
    assert!(body == bytes[1000..2000]);
}

#[tokio::test]
async fn no_link_unless_redirects_are_on() {
    let place = Place::s3().await;
    let settings = settings(place.server(), false);
    let blobs = place.open_with(Some(&settings)).await;
    let (digest, _) = put(&blobs, LARGE).await;
    assert_eq!(object(&blobs, &digest).await.link().await.unwrap(), None);
}

#[tokio::test]
async fn wrong_credentials_are_noticed() {
    let place = Place::s3().await;
    let mut settings = settings(place.server(), false);
    settings.secret_key = Some("canary".into());
    let blobs = place.open_with(Some(&settings)).await;
    let error = blobs.check().await.unwrap_err();
    assert!(matches!(error, Error::Store { .. }) && !format!("{error:?}").contains("canary"), "{error:?}");
    assert!(blobs.get(&Digest::of(b"x")).await.is_err());
}

#[tokio::test]
async fn a_service_without_conditional_requests_will_do() {
    let place = Place::s3().await;
    let blobs = place.open().await;
    place.server().misbehave(|seen| seen.conditional.then_some(S3Fault::Instead(StatusCode::BAD_REQUEST)));
    let (digest, bytes) = put(&blobs, LARGE).await;
    assert_held(&blobs, &digest, &bytes).await;
    place.server().take_seen();
    let (digest, bytes) = put(&blobs, LARGE + 1).await;
    assert!(place.server().take_seen().iter().all(|seen| !seen.conditional));
    assert_held(&blobs, &digest, &bytes).await;
}

#[tokio::test]
async fn a_service_that_stumbles_is_asked_again() {
    let place = Place::s3().await;
    let blobs = place.open().await;
    let mut calls = 0;
    place.server().misbehave(move |_| {
        calls += 1;
        (calls % 2 == 1).then_some(S3Fault::Instead(StatusCode::SERVICE_UNAVAILABLE))
    });
    let (digest, bytes) = put(&blobs, LARGE).await;
    let held = place.open().await.get(&digest).await.unwrap().unwrap();
    assert!(bytes_of(held, 0..LARGE).await == bytes);
}

fn is_part(request: &S3Request) -> bool {
    request.method == Method::PUT && request.query.contains("partNumber")
}

fn is_complete(request: &S3Request) -> bool {
    request.method == Method::POST && request.query.contains("uploadId")
}

#[tokio::test]
async fn a_large_blob_is_sent_in_parts() {
    let place = Place::s3().await;
    let blobs = place.open().await;
    let bytes = content(MANY_PARTS);
    let staged = staged_with(&blobs, &bytes).await;
    blobs.commit(staged, &Digest::of(&bytes)).await.unwrap();
    let seen = place.server().take_seen();
    assert_eq!(seen.iter().filter(|seen| is_part(seen)).count(), 3);
    assert_eq!(seen.iter().filter(|seen| is_complete(seen)).count(), 1);
}

#[tokio::test]
async fn a_part_that_is_refused_ends_the_commit_and_leaves_nothing() {
    let place = Place::s3().await;
    let blobs = place.open().await;
    let bytes = content(MANY_PARTS);
    let digest = Digest::of(&bytes);
    place.server().misbehave(|seen| {
        (is_part(seen) && seen.query.contains("partNumber=2"))
            .then_some(S3Fault::Instead(StatusCode::FORBIDDEN))
    });
    let staged = staged_with(&blobs, &bytes).await;
    let error = blobs.commit(staged.clone(), &digest).await.unwrap_err();
    assert!(matches!(error, Error::Store { .. }), "{error:?}");
    let aborts = place.server().take_seen().into_iter().filter(|seen| seen.method == Method::DELETE);
    assert_eq!(aborts.filter(|seen| seen.query.contains("uploadId")).count(), 1);
    assert_eq!(blobs.size(&digest).await.unwrap(), None);

    place.server().behave();
    assert_eq!(blobs.commit(staged, &digest).await.unwrap(), StoreOutcome::New);
    assert_held(&blobs, &digest, &bytes).await;
}

#[tokio::test]
async fn a_lost_answer_to_the_last_request_loses_nothing() {
    let place = Place::s3().await;
    let blobs = place.open().await;
    let bytes = content(MANY_PARTS);
    let digest = Digest::of(&bytes);
    let mut lost = false;
    place.server().misbehave(move |seen| {
        let lose = is_complete(seen) && !std::mem::replace(&mut lost, true);
        lose.then_some(S3Fault::After(StatusCode::INTERNAL_SERVER_ERROR))
    });
    let staged = staged_with(&blobs, &bytes).await;
    assert_eq!(blobs.commit(staged, &digest).await.unwrap(), StoreOutcome::New);
    assert_held(&blobs, &digest, &bytes).await;
    assert!(blobs.list_staged().await.unwrap().is_empty());
}

#[tokio::test]
async fn an_object_of_another_size_is_replaced() {
    let place = Place::s3().await;
    let (digest, bytes) = put(&place.open().await, LARGE).await;
    std::fs::write(place.server().object(&key(&digest)), b"cut short").unwrap();
    let blobs = place.open().await;
    assert!(matches!(blobs.get(&digest).await, Err(Error::Damaged { .. })));
    assert_eq!(blobs.put(&digest, bytes.clone()).await.unwrap(), StoreOutcome::New);
    assert_held(&blobs, &digest, &bytes).await;
}

fn small_put(request: &S3Request) -> bool {
    request.method == Method::PUT && request.query.is_empty()
}

// A lost reply is not a service without conditional requests.
#[tokio::test]
async fn one_lost_reply_does_not_end_conditional_requests() {
    for lost in [S3Fault::After(StatusCode::BAD_REQUEST), S3Fault::Instead(StatusCode::BAD_REQUEST)] {
        let place = Place::s3().await;
        let blobs = place.open().await;
        let mut lost = Some(lost);
        place.server().misbehave(move |seen| small_put(seen).then(|| lost.take()).flatten());
        let (digest, bytes) = put(&blobs, LARGE).await;
        assert_held(&blobs, &digest, &bytes).await;
        place.server().take_seen();
        put(&blobs, LARGE + 1).await;
        let puts: Vec<_> = place.server().take_seen().into_iter().filter(small_put).collect();
        assert!(puts.len() == 1 && puts[0].conditional, "{puts:?}");
    }
}

#[tokio::test]
async fn what_is_gone_or_replaced_is_noticed_before_a_byte_is_promised() {
    let place = Place::s3().await;
    let (digest, bytes) = put(&place.open().await, LARGE).await;
    let blobs = place.open().await;
    let object = object(&blobs, &digest).await;
    std::fs::write(place.server().object(&key(&digest)), b"cut short").unwrap();
    assert!(matches!(object.stream(0..4).await, Err(Error::Gone)));
    std::fs::remove_file(place.server().object(&key(&digest))).unwrap();
    assert!(matches!(object.stream(0..LARGE as u64).await, Err(Error::Gone)));
    assert!(matches!(object.link().await, Err(Error::Gone)));
    // It is remembered until somebody says so.
    assert_eq!(blobs.size(&digest).await.unwrap(), Some(bytes.len() as u64));
    blobs.forget(&digest);
    assert!(blobs.get(&digest).await.unwrap().is_none());
}

#[tokio::test]
async fn a_refusal_is_noticed_before_a_byte_is_promised() {
    let place = Place::s3().await;
    let blobs = place.open().await;
    let (digest, _) = put(&blobs, LARGE).await;
    let object = object(&blobs, &digest).await;
    place.server().misbehave(|_| Some(S3Fault::Instead(StatusCode::FORBIDDEN)));
    for error in [object.stream(0..4).await.map(drop), object.link().await.map(drop)] {
        assert!(matches!(error, Err(Error::Store { .. })), "{error:?}");
    }
}

#[tokio::test]
async fn many_who_ask_at_once_are_one_request() {
    let place = Place::s3().await;
    let (digest, _) = put(&place.open().await, LARGE).await;
    for wanted in [digest, Digest::of(b"missing")] {
        let blobs = place.open().await;
        place.server().take_seen();
        let asked = (0..20).map(|_| blobs.get(&wanted));
        let found = futures_util::future::try_join_all(asked).await.unwrap();
        assert!(found.iter().all(|held| held.is_some() == (wanted == digest)));
        assert_eq!(place.server().take_seen().len(), 1);
    }
}

#[tokio::test]
async fn a_bucket_that_is_gone_is_noticed() {
    let place = Place::s3().await;
    let blobs = place.open().await;
    blobs.check().await.unwrap();
    std::fs::remove_dir_all(place.server().object("")).unwrap();
    let error = blobs.check().await.unwrap_err();
    assert!(!error.is_unavailable(), "{error:?}");
    place.server().misbehave(|_| Some(S3Fault::Instead(StatusCode::SERVICE_UNAVAILABLE)));
    assert!(blobs.check().await.unwrap_err().is_unavailable());
    place.server().misbehave(|_| Some(S3Fault::Close));
    assert!(blobs.check().await.unwrap_err().is_unavailable());
}

#[tokio::test]
async fn parts_that_a_killed_process_left_are_aborted() {
    let place = Place::s3().await;
    let bytes = content(MANY_PARTS);
    let digest = Digest::of(&bytes);
    {
        let blobs = place.open().await;
        // Neither can the upload be completed nor aborted: what a kill leaves.
        place.server().misbehave(|seen| {
            (is_complete(seen) || is_abort(seen)).then_some(S3Fault::Instead(StatusCode::FORBIDDEN))
        });
        let staged = staged_with(&blobs, &bytes).await;
        blobs.commit(staged, &digest).await.unwrap_err();
    }
    let blobs = place.open().await;
    blobs.abort_unfinished().await;
    assert_eq!(place.notes(), 1, "while the service refuses");
    place.server().behave();
    place.server().take_seen();
    blobs.abort_unfinished().await;
    assert_eq!(place.server().take_seen().iter().filter(|seen| is_abort(seen)).count(), 1);
    assert_eq!(place.notes(), 0);
    blobs.abort_unfinished().await;
    assert!(place.server().take_seen().is_empty());
}

fn is_abort(request: &S3Request) -> bool {
    request.method == Method::DELETE && request.query.contains("uploadId")
}

// Volcengine TOS answers like that where others list nothing.
#[tokio::test]
async fn a_prefix_that_nothing_has_yet_is_no_missing_bucket() {
    let place = Place::s3().await;
    let blobs = place.open().await;
    place.server().misbehave(|_| Some(S3Fault::Error(StatusCode::NOT_FOUND, "NoSuchKey")));
    blobs.check().await.unwrap();
    place.server().misbehave(|_| Some(S3Fault::Error(StatusCode::NOT_FOUND, "NoSuchBucket")));
    assert!(!blobs.check().await.unwrap_err().is_unavailable());
}
