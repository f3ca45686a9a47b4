//! A database for one test, and short words for what the tests are about.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use entrepot_catalog::{Catalog, Location, LockHolder, NewManifest, Origin, RepoKey};
use entrepot_oci::{Digest, Manifest, MediaType, Page, Tag};
use sqlx::{AnyConnection, AssertSqlSafe, Connection};

/// Where one test keeps its catalog.
pub struct Home {
    pub location: Location,
    kind: Kind,
}

enum Kind {
    Sqlite { _dir: tempfile::TempDir },
    Postgres { url: String, schema: String },
}

impl Home {
    pub fn sqlite() -> Self {
        sqlx::any::install_default_drivers();
        let dir = tempfile::tempdir().unwrap();
        // A name that a URL would trip over.
        let location = Location::Sqlite(dir.path().join("cata log?mode=ro#%41.db"));
        Self { location, kind: Kind::Sqlite { _dir: dir } }
    }

    pub async fn postgres() -> Option<Self> {
        let Ok(url) = std::env::var("ENTREPOT_TEST_POSTGRES") else {
            println!("skipped: set ENTREPOT_TEST_POSTGRES");
            return None;
        };
        sqlx::any::install_default_drivers();
        let schema = format!("t{}", uuid::Uuid::new_v4().simple());
        execute(&url, format!("CREATE SCHEMA {schema}")).await;
        let separator = if url.contains('?') { '&' } else { '?' };
        let own = format!("{url}{separator}options[search_path]={schema}");
        Some(Self { location: Location::Postgres(own.into()), kind: Kind::Postgres { url, schema } })
    }

    pub async fn open(&self) -> Catalog {
        Catalog::open(&self.location).await.unwrap()
    }

    /// Does something behind the catalog's back.
    pub async fn meddle(&self, sql: &str) {
        match (&self.kind, &self.location) {
            (Kind::Sqlite { .. }, Location::Sqlite(path)) => {
                let encoded: String = path.to_str().unwrap().bytes().map(|b| format!("%{b:02x}")).collect();
                execute(&format!("sqlite://{encoded}"), sql.to_owned()).await;
            }
            (Kind::Postgres { url, schema }, _) => {
                execute(url, format!("SET search_path = {schema}; {sql}")).await;
            }
            _ => unreachable!(),
        }
    }

    pub fn is_postgres(&self) -> bool {
        matches!(self.kind, Kind::Postgres { .. })
    }

    /// Takes a server's lock away, as an accident would.
    pub async fn break_lock(&self, holder: &LockHolder) {
        match (&self.kind, &self.location) {
            (Kind::Sqlite { .. }, Location::Sqlite(path)) => {
                let mut lock = path.clone().into_os_string();
                lock.push(".lock");
                std::fs::remove_file(lock).unwrap();
            }
            (Kind::Postgres { url, .. }, _) => {
                let session = holder.session.unwrap();
                execute(url, format!("SELECT pg_terminate_backend({session})")).await;
            }
            _ => unreachable!(),
        }
    }

    pub async fn clear(self) {
        if let Kind::Postgres { url, schema } = self.kind {
            execute(&url, format!("DROP SCHEMA {schema} CASCADE")).await;
        }
    }
}

async fn execute(url: &str, sql: String) {
    let mut connection = AnyConnection::connect(url).await.unwrap();
    sqlx::raw_sql(AssertSqlSafe(sql)).execute(&mut connection).await.unwrap();
    connection.close().await.unwrap();
}

pub fn hosted(name: &str) -> RepoKey {
    RepoKey { origin: Origin::Hosted, repository: name.parse().unwrap() }
}

pub fn upstream(host: &str, name: &str) -> RepoKey {
    RepoKey { origin: Origin::Upstream(host.parse().unwrap()), repository: name.parse().unwrap() }
}

/// Seconds after some moment.
pub fn at(seconds: u64) -> SystemTime {
    UNIX_EPOCH + Duration::from_secs(1_700_000_000 + seconds)
}

pub fn tag(name: &str) -> Tag {
    name.parse().unwrap()
}

pub fn page(limit: usize, after: &str) -> Page {
    Page::parse(Some(&limit.to_string()), Some(after)).unwrap()
}

/// The digest of the blob called `name`; its size is 10.
pub fn blob(name: &str) -> Digest {
    Digest::of(name.as_bytes())
}

/// A manifest as the tests know it: built once, put anywhere. Its size is 1000.
#[derive(Clone, Debug)]
pub struct Doc {
    pub digest: Digest,
    pub content: Manifest,
}

fn descriptor(media_type: &str, digest: Digest, size: u64) -> String {
    format!(r#"{{"mediaType":"{media_type}","digest":"{digest}","size":{size}}}"#)
}

fn doc(text: &str, media_type: &MediaType) -> Doc {
    let content = Manifest::parse(text.as_bytes(), Some(media_type)).unwrap();
    Doc { digest: Digest::of(text.as_bytes()), content }
}

fn image_text(blobs: &[&str], rest: &str) -> String {
    let all: Vec<_> = blobs.iter().map(|name| descriptor("a/layer", blob(name), 10)).collect();
    let config = descriptor("a/config", blob(blobs[0]), 10);
    format!(r#"{{"config":{config},"layers":[{}]{rest}}}"#, all[1..].join(","))
}

/// An image of blobs; the first is its config.
pub fn image(blobs: &[&str]) -> Doc {
    doc(&image_text(blobs, ""), &MediaType::OCI_MANIFEST)
}

/// An image with a layer that nobody is given.
pub fn image_with_foreign(config: &str, foreign: &str) -> Doc {
    let (config, foreign) =
        (descriptor("a/config", blob(config), 10), descriptor("a/foreign.foreign.tar", blob(foreign), 10));
    doc(&format!(r#"{{"config":{config},"layers":[{foreign}]}}"#), &MediaType::OCI_MANIFEST)
}

/// An artifact about `subject`.
pub fn about(subject: &Doc, blobs: &[&str]) -> Doc {
    about_with(subject, blobs, r#"me & \"you\""#)
}

/// The same with a note of one's own.
pub fn about_with(subject: &Doc, blobs: &[&str], note: &str) -> Doc {
    let subject = descriptor(subject.content.media_type().as_str(), subject.digest, 1000);
    let rest =
        format!(r#","artifactType":"a/signature","annotations":{{"by":"{note}"}},"subject":{subject}"#);
    doc(&image_text(blobs, &rest), &MediaType::OCI_MANIFEST)
}

/// An index of manifests.
pub fn index(children: &[&Doc]) -> Doc {
    let all: Vec<_> = children
        .iter()
        .map(|child| descriptor(child.content.media_type().as_str(), child.digest, 1000))
        .collect();
    doc(&format!(r#"{{"manifests":[{}]}}"#, all.join(",")), &MediaType::OCI_INDEX)
}

/// Puts a document at a time, with tags, requiring nothing.
pub async fn put_at(catalog: &Catalog, key: &RepoKey, doc: &Doc, tags: &[&str], seconds: u64) {
    let tags: Vec<_> = tags.iter().map(|name| tag(name)).collect();
    catalog.put_manifest(key, &new(doc, &tags), at(seconds)).await.unwrap();
}

pub async fn put(catalog: &Catalog, key: &RepoKey, doc: &Doc, tags: &[&str]) {
    put_at(catalog, key, doc, tags, 0).await;
}

/// Puts an image and links its blobs.
pub async fn fill(catalog: &Catalog, key: &RepoKey, doc: &Doc, tags: &[&str]) {
    let blobs: Vec<_> = doc.content.blobs().map(|blob| (blob.digest, blob.size)).collect();
    catalog.link_blobs(key, &blobs, at(0)).await.unwrap();
    put(catalog, key, doc, tags).await;
}

pub fn new<'a>(doc: &'a Doc, tags: &'a [Tag]) -> NewManifest<'a> {
    NewManifest { digest: &doc.digest, size: 1000, content: &doc.content, tags, require_blobs: false }
}

pub async fn has(catalog: &Catalog, key: &RepoKey, doc: &Doc) -> bool {
    catalog.manifest(key, &doc.digest).await.unwrap().is_some()
}

pub async fn has_blob(catalog: &Catalog, key: &RepoKey, name: &str) -> bool {
    catalog.blob(key, &blob(name)).await.unwrap().is_some()
}

pub async fn tag_names(catalog: &Catalog, key: &RepoKey) -> String {
    let list = catalog.tags(key, &Page::default()).await.unwrap();
    list.tags.iter().map(Tag::as_str).collect::<Vec<_>>().join(" ")
}
