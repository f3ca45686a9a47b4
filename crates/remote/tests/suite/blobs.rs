//! Blobs, whole and in parts, and connections that break within them.

use bytes::Bytes;
use entrepot_oci::Digest;
use entrepot_remote::{BlobHead, BlobRequest, BlobStream, Error, InvalidResponse, RemoteSettings};
use futures_util::{StreamExt as _, TryStreamExt as _};
use http::{Method, Response};

use crate::support::{Body, Server, answer, broken, pieces, remote, repository, url};

const BLOB: &[u8] = b"0123456789";

fn digest() -> Digest {
    Digest::of(BLOB)
}

async fn open(
    ask: BlobRequest,
    reply: impl Fn() -> Response<Body> + Send + Sync + 'static,
) -> Result<BlobStream, Error> {
    let server = Server::start(move |_| reply()).await;
    server.remote().blob(&repository(), &digest(), ask).await
}

fn from(from: u64) -> BlobRequest {
    BlobRequest { from, ..BlobRequest::default() }
}

async fn bytes(blob: BlobStream) -> Vec<u8> {
    blob.chunks.try_collect::<Vec<_>>().await.unwrap().concat()
}

#[tokio::test]
async fn a_whole_blob() {
    let blob = open(from(0), || answer(200, &[("accept-ranges", "bytes")], BLOB)).await.unwrap();
    assert_eq!((blob.total, blob.start, blob.ranges), (Some(10), 0, true));
    assert_eq!(bytes(blob).await, BLOB);
    let unknown = || pieces(200, &[], futures_util::stream::iter([Ok(Bytes::from_static(BLOB))]));
    let blob = open(from(0), unknown).await.unwrap();
    assert_eq!((blob.total, blob.ranges), (None, false));
    assert_eq!(bytes(blob).await, BLOB);
}

#[tokio::test]
async fn a_part_or_the_whole_in_its_place() {
    let part = || answer(206, &[("content-range", "bytes 4-9/10")], &BLOB[4..]);
    let blob = open(from(4), part).await.unwrap();
    assert_eq!((blob.total, blob.start, blob.ranges), (Some(10), 4, true));
    assert_eq!(bytes(blob).await, &BLOB[4..]);

    let blob = open(from(4), || answer(200, &[], BLOB)).await.unwrap();
    assert_eq!((blob.total, blob.start, blob.ranges), (Some(10), 0, false));
}

#[tokio::test]
async fn the_range_is_asked_for_as_one() {
    let server = Server::start(|seen| {
        assert_eq!(seen.header("range"), Some("bytes=2-4"));
        answer(206, &[("content-range", "bytes 2-4/10")], &BLOB[2..5])
    })
    .await;
    let ask = BlobRequest { from: 2, to: Some(5), avoid: None };
    let blob = server.remote().blob(&repository(), &digest(), ask).await.unwrap();
    assert_eq!(bytes(blob).await, &BLOB[2..5]);
}

#[tokio::test]
async fn other_parts_are_refused() {
    let replies: [fn() -> Response<Body>; 4] = [
        || answer(206, &[("content-range", "bytes 3-9/10")], &BLOB[3..]),
        || answer(206, &[("content-range", "nonsense")], &BLOB[4..]),
        || answer(206, &[], &BLOB[4..]),
        || answer(416, &[("content-range", "bytes */10")], ""),
    ];
    for reply in replies {
        assert!(matches!(open(from(4), reply).await, Err(Error::Invalid(InvalidResponse::Range))));
    }
    let unasked = || answer(206, &[("content-range", "bytes 0-9/10")], BLOB);
    assert!(matches!(open(from(0), unasked).await, Err(Error::Invalid(InvalidResponse::Range))));
    // More or fewer bytes than the header says.
    for sent in [&BLOB[4..6], BLOB] {
        let chunked = move || {
            let sent = futures_util::stream::iter([Ok(Bytes::from_static(sent))]);
            pieces(206, &[("content-range", "bytes 4-9/10")], sent)
        };
        let chunks: Vec<_> = open(from(4), chunked).await.unwrap().chunks.collect().await;
        assert!(chunks.last().unwrap().is_err());
    }
}

#[tokio::test]
async fn encoded_and_mislabelled_blobs_are_refused() {
    let gzip = || answer(200, &[("content-encoding", "gzip")], BLOB);
    assert!(matches!(open(from(0), gzip).await, Err(Error::Invalid(InvalidResponse::Encoded))));
    let other = || answer(200, &[("docker-content-digest", &Digest::of(b"x").to_string())], BLOB);
    assert!(matches!(open(from(0), other).await, Err(Error::Invalid(InvalidResponse::WrongDigest))));
    let right = || answer(200, &[("docker-content-digest", &digest().to_string())], BLOB);
    assert!(open(from(0), right).await.is_ok());
}

#[tokio::test]
async fn a_broken_connection_is_a_cut() {
    // With and without a length.
    for headers in [vec![("content-length", "10")], vec![]] {
        let broken = move || broken(&headers, &BLOB[..5]);
        let chunks: Vec<_> = open(from(0), broken).await.unwrap().chunks.collect().await;
        let (last, before) = chunks.split_last().unwrap();
        assert!(matches!(last, Err(Error::Cut { .. })), "{chunks:?}");
        let got: Vec<u8> = before.iter().flat_map(|chunk| chunk.as_ref().unwrap().to_vec()).collect();
        assert_eq!(got, &BLOB[..5]);
    }
}

#[tokio::test]
async fn head_tells_the_size() {
    let server = Server::start(|_| answer(200, &[], BLOB)).await;
    let head = server.remote().head_blob(&repository(), &digest()).await.unwrap();
    assert_eq!(head, BlobHead { size: Some(10) });
    let server = Server::start(|seen| match seen.method {
        Method::HEAD => answer(403, &[], ""),
        _ => answer(206, &[("content-range", "bytes 0-0/10")], &BLOB[..1]),
    })
    .await;
    let head = server.remote().head_blob(&repository(), &digest()).await.unwrap();
    assert_eq!(head, BlobHead { size: Some(10) });
    let server = Server::start(|_| answer(404, &[], "")).await;
    assert!(matches!(server.remote().head_blob(&repository(), &digest()).await, Err(Error::NotFound)));
}

#[tokio::test]
async fn another_endpoint_sends_the_rest() {
    let one = Server::start(|_| answer(200, &[], BLOB)).await;
    let two = Server::start(|_| answer(206, &[("content-range", "bytes 4-9/10")], &BLOB[4..])).await;
    let endpoints = vec![url(&one.url()), url(&two.url())];
    let remote = remote(&RemoteSettings { endpoints, ..RemoteSettings::default() });
    let first = remote.blob(&repository(), &digest(), from(0)).await.unwrap();
    let ask = BlobRequest { avoid: Some(first.endpoint), ..from(4) };
    let rest = remote.blob(&repository(), &digest(), ask).await.unwrap();
    assert_ne!(first.endpoint, rest.endpoint);
    assert_eq!(bytes(rest).await, &BLOB[4..]);
    // The first endpoint sends wrong bytes: from now on the second is tried first.
    remote.distrust(first.endpoint);
    let next = remote.blob(&repository(), &digest(), from(4)).await.unwrap();
    assert_ne!(first.endpoint, next.endpoint);
    assert_eq!((one.count(), two.count()), (1, 2));
}
