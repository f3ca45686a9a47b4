//! A temporary store for a test.

use std::{ops::Range, path::Path};

use bytes::Bytes;
use entrepot_blobs::{Blobs, HeldBlob, S3Settings, StageId, Staged};
use entrepot_oci::Digest;
use entrepot_testkit::s3::{BUCKET, KEYS, S3Server};
use futures_util::TryStreamExt as _;
use tempfile::TempDir;
use uuid::Uuid;

pub struct Place {
    dir: TempDir,
    s3: Option<S3Server>,
}

impl Place {
    pub fn disk() -> Self {
        Self { dir: tempfile::tempdir().unwrap(), s3: None }
    }

    pub async fn s3() -> Self {
        Self { s3: Some(S3Server::start().await), ..Self::disk() }
    }

    pub fn is_disk(&self) -> bool {
        self.s3.is_none()
    }

    /// Opens the store; opening it again is what a restart would see.
    pub async fn open(&self) -> Blobs {
        let settings = self.s3.as_ref().map(|server| settings(server, true));
        self.open_with(settings.as_ref()).await
    }

    pub async fn open_with(&self, settings: Option<&S3Settings>) -> Blobs {
        Blobs::open(self.dir(), settings).await.unwrap()
    }

    pub fn dir(&self) -> &Path {
        self.dir.path()
    }

    /// How many uploads in parts are noted.
    pub fn notes(&self) -> usize {
        let staging = std::fs::read_dir(self.dir().join("staging")).unwrap();
        staging
            .filter(|entry| entry.as_ref().unwrap().file_name().to_string_lossy().starts_with("parts-"))
            .count()
    }

    pub fn server(&self) -> &S3Server {
        self.s3.as_ref().unwrap()
    }
}

/// The settings for a server's bucket.
pub fn settings(server: &S3Server, redirect: bool) -> S3Settings {
    S3Settings {
        virtual_hosted: false,
        bucket: BUCKET.to_owned(),
        endpoint: server.endpoint().parse().unwrap(),
        region: "us-east-1".to_owned(),
        prefix: Some("mirror/blobs".to_owned()),
        access_key: Some(KEYS[0].into()),
        secret_key: Some(KEYS[1].into()),
        redirect,
    }
}

/// Bytes without a pattern, so that a wrong offset shows.
pub fn content(len: usize) -> Bytes {
    let mut state = len as u64 + 1;
    let mut next = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        state.to_be_bytes()
    };
    let mut bytes: Vec<u8> = (0..len.div_ceil(8)).flat_map(|_| next()).collect();
    bytes.truncate(len);
    bytes.into()
}

pub fn upload() -> StageId {
    StageId::Upload(Uuid::new_v4())
}

pub async fn staged_with(blobs: &Blobs, bytes: &[u8]) -> Staged {
    let staged = blobs.stage(&upload()).await.unwrap();
    staged.write_at(0, bytes).unwrap();
    staged
}

/// The bytes of `range`, read the way a server would.
pub async fn bytes_of(held: HeldBlob, range: Range<usize>) -> Bytes {
    match held {
        HeldBlob::Memory(bytes) => bytes.slice(range),
        HeldBlob::Mapped(mapping) => mapping.bytes().slice(range),
        HeldBlob::Object(object) => {
            let chunks: Vec<Bytes> = object
                .stream(range.start as u64..range.end as u64)
                .await
                .unwrap()
                .try_collect()
                .await
                .unwrap();
            chunks.concat().into()
        }
    }
}

/// Asserts that the store has exactly these bytes.
pub async fn assert_held(blobs: &Blobs, digest: &Digest, bytes: &[u8]) {
    assert_eq!(blobs.size(digest).await.unwrap(), Some(bytes.len() as u64));
    let held = blobs.get(digest).await.unwrap().unwrap();
    assert_eq!(held.size(), bytes.len() as u64);
    assert!(bytes_of(held, 0..bytes.len()).await == bytes, "other bytes");
}
