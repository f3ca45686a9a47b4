//! Cases for blobs in S3 only, and for a misbehaving service.

use bytes::Bytes;
use entrepot_blobs::{Blobs, Error, Held, Stored};
use entrepot_oci::Digest;
use http::{Method, StatusCode};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
};
use url::Url;

use crate::{
    place::{Place, assert_held, bytes_of, content, staged_with},
    s3_server::{Fault, Seen},
};

const LARGE: usize = 300_000;
const MANY_PARTS: usize = 20 << 20;

fn key(digest: &Digest) -> String {
    let hex = digest.hex();
    format!("mirror/blobs/{}/{}/{hex}", digest.algorithm().name(), &hex[..2])
}

async fn object(blobs: &Blobs, digest: &Digest) -> entrepot_blobs::ObjectBlob {
    match blobs.get(digest).await.unwrap().unwrap() {
        Held::Object(object) => object,
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
    let settings = place.server().settings(false);
    let blobs = place.open_with(Some(&settings)).await;
    let (digest, _) = put(&blobs, LARGE).await;
    assert_eq!(object(&blobs, &digest).await.link().await.unwrap(), None);
}

#[tokio::test]
async fn wrong_credentials_are_noticed() {
    let place = Place::s3().await;
    let mut settings = place.server().settings(false);
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
    place.server().misbehave(|seen| seen.conditional.then_some(Fault::Instead(StatusCode::BAD_REQUEST)));
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
        (calls % 2 == 1).then_some(Fault::Instead(StatusCode::SERVICE_UNAVAILABLE))
    });
    let (digest, bytes) = put(&blobs, LARGE).await;
    let held = place.open().await.get(&digest).await.unwrap().unwrap();
    assert!(bytes_of(held, 0..LARGE).await == bytes);
}

fn is_part(seen: &Seen) -> bool {
    seen.method == Method::PUT && seen.query.contains("partNumber")
}

fn is_complete(seen: &Seen) -> bool {
    seen.method == Method::POST && seen.query.contains("uploadId")
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
            .then_some(Fault::Instead(StatusCode::FORBIDDEN))
    });
    let staged = staged_with(&blobs, &bytes).await;
    let error = blobs.commit(staged.clone(), &digest).await.unwrap_err();
    assert!(matches!(error, Error::Store { .. }), "{error:?}");
    let aborts = place.server().take_seen().into_iter().filter(|seen| seen.method == Method::DELETE);
    assert_eq!(aborts.filter(|seen| seen.query.contains("uploadId")).count(), 1);
    assert_eq!(blobs.size(&digest).await.unwrap(), None);

    place.server().behave();
    assert_eq!(blobs.commit(staged, &digest).await.unwrap(), Stored::New);
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
        lose.then_some(Fault::After(StatusCode::INTERNAL_SERVER_ERROR))
    });
    let staged = staged_with(&blobs, &bytes).await;
    assert_eq!(blobs.commit(staged, &digest).await.unwrap(), Stored::New);
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
    assert_eq!(blobs.put(&digest, bytes.clone()).await.unwrap(), Stored::New);
    assert_held(&blobs, &digest, &bytes).await;
}
