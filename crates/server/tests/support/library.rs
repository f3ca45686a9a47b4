//! A server with the image library, and an account of each role that is named like it.

use std::sync::Arc;

use entrepot_access::{Access, Role, Rules};
use entrepot_catalog::{AuditFilter, Catalog, Location};
use entrepot_remote::{RemoteSettings, StoredCredentials};
use entrepot_secrets::{KeyFile, SharedKeyring};
use entrepot_vault::{Vault, VaultParts};
use serde_json::Value;

use super::{
    LibraryGround, Rig, Setup,
    account::{AWAY, PASSWORD, basic, by, name},
};

/// A repository that is private.
pub(crate) const PRIVATE: &str = "docker.io/library/a";

/// A server with the image library.
pub(crate) struct Yard {
    pub(crate) rig: Rig,
    pub(crate) catalog: Catalog,
    _directory: tempfile::TempDir,
}

/// What the server answers.
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) tag: Option<String>,
    pub(crate) body: Value,
}

impl Yard {
    pub(crate) async fn new() -> Self {
        Self::with(entrepot_library::LibrarySettings::default()).await
    }

    pub(crate) async fn with(settings: entrepot_library::LibrarySettings) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let catalog = Catalog::open(&Location::Sqlite(directory.path().join("library.db"))).await.unwrap();
        let file = KeyFile::new(directory.path().join("secret.key"));
        let keys = SharedKeyring::of_file(file.open_or_create(directory.path()).unwrap().keyring, file);
        // Nobody may pull it who was not granted it.
        let rules = Rules { private: vec![PRIVATE.parse().unwrap()], ..Rules::default() };
        let access = Access::open(catalog.clone(), keys.clone(), rules).await.unwrap();
        let parts = VaultParts {
            catalog: catalog.clone(),
            keys: keys.clone(),
            stored: StoredCredentials::default(),
            settings: Arc::new(|_| RemoteSettings::default()),
            changed: Arc::new(|| {}),
        };
        let vault = Vault::open(parts).await.unwrap();
        for role in Role::ALL {
            access.create_account(&name(role.as_str()), role, Some(PASSWORD.into()), &by()).await.unwrap();
        }
        let library = LibraryGround { catalog: catalog.clone(), keys, settings };
        let setup =
            Setup { access: Some(access), vault: Some(vault), library: Some(library), ..Setup::default() };
        Self { rig: Rig::start_with(setup).await, catalog, _directory: directory }
    }

    /// Asks as the account of a role.
    pub(crate) async fn ask(&self, user: &str, method: &str, path: &str, body: Value) -> Answer {
        self.send(user, method, path, (&[], body)).await
    }

    /// The same, if it still has a revision; `request` is method and path.
    pub(crate) async fn ask_if(&self, user: &str, request: &str, tag: &str, body: Value) -> Answer {
        let (method, path) = request.split_once(' ').unwrap();
        self.send(user, method, path, (&[("if-match", tag)], body)).await
    }

    /// The same, to be answered in 中文.
    pub(crate) async fn ask_in_chinese(&self, user: &str, method: &str, path: &str, body: Value) -> Answer {
        self.send(user, method, path, (&[("accept-language", "zh-CN")], body)).await
    }

    /// Reads a text as the account of a role.
    pub(crate) async fn rig_text(&self, user: &str, path: &str) -> String {
        let headers = [AWAY, ("authorization", &basic(user))];
        self.rig.send("GET", &format!("/api/v1{path}"), &headers, String::new()).await.text()
    }

    async fn send(&self, user: &str, method: &str, path: &str, sent: (&[(&str, &str)], Value)) -> Answer {
        let (more, body) = sent;
        let authorization = basic(user);
        let headers = [AWAY, ("authorization", &authorization), ("content-type", "application/json")];
        let headers: Vec<_> = headers.into_iter().chain(more.iter().copied()).collect();
        let body = if body.is_null() { String::new() } else { body.to_string() };
        let answer = self.rig.send(method, &format!("/api/v1{path}"), &headers, body).await;
        let tag = answer.headers.get("etag").map(|tag| tag.to_str().unwrap().to_owned());
        Answer {
            status: answer.status.as_u16(),
            tag,
            body: serde_json::from_str(&answer.text()).unwrap_or_default(),
        }
    }

    /// What is in the audit log about the library, the latest first: what was done, and what came of it.
    pub(crate) async fn actions(&self) -> Vec<String> {
        let entries = self.catalog.audit(&AuditFilter::default(), 100).await.unwrap().rows;
        let told = entries
            .into_iter()
            .map(|record| format!("{} {}", record.entry.action, record.entry.outcome.as_str()));
        told.filter(|told| !told.starts_with("account.")).collect()
    }
}
