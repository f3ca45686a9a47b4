//! One credentials file: `auths`, `credHelpers` and `credsStore`. Everything else in it is kept as it is.

use std::{
    fs,
    io::{self, Read, Write},
    os::unix::fs::DirBuilderExt,
    path::{Path, PathBuf},
};

use base64::{
    Engine as _,
    alphabet::STANDARD,
    engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig},
    prelude::BASE64_STANDARD,
};
use entrepot_files::{Draft, Readers};
use entrepot_oci::Host;
use secrecy::{ExposeSecret, SecretString};
use serde_json::{Map, Value};

use crate::{
    credential::{Credential, IDENTITY_TOKEN},
    error::Error,
    target::LoginTarget,
};

/// The largest file that is read, in bytes.
const MAX_FILE: u64 = 4 << 20;

// Files that are written by hand may lack padding.
const LENIENT: GeneralPurpose = GeneralPurpose::new(
    &STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// The content of a credentials file.
pub(crate) struct AuthFile {
    pub(crate) path: PathBuf,
    whole: Map<String, Value>,
}

/// Where the secret of a login is.
#[derive(Debug)]
pub(crate) enum AuthEntry {
    /// In the file.
    Credential(Credential),
    /// With a credential helper.
    Helper {
        /// The name of the helper, without `docker-credential-`.
        name: String,
        /// The key that the helper has it under.
        server: String,
    },
    /// In the file, in a form that cannot be decoded.
    Unreadable,
}

impl AuthFile {
    /// Reads a file; `None` if it does not exist or is empty.
    pub(crate) fn read(path: &Path) -> Result<Option<Self>, Error> {
        let mut text = String::new();
        let read = fs::File::open(path).and_then(|file| file.take(MAX_FILE).read_to_string(&mut text));
        match read {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(source) => return Err(Error::Read { path: path.to_owned(), source }),
            Ok(_) if text.trim().is_empty() => return Ok(None),
            Ok(_) => {}
        }
        match serde_json::from_str(&text) {
            Ok(Value::Object(whole)) => Ok(Some(Self { path: path.to_owned(), whole })),
            // The message of the parser would repeat parts of the file.
            _ => Err(Error::Malformed { path: path.to_owned() }),
        }
    }

    /// An empty file, which [`AuthFile::save`] will write to `path`.
    pub(crate) fn empty(path: &Path) -> Self {
        Self { path: path.to_owned(), whole: Map::new() }
    }

    /// The logins for `host`, those of helpers first.
    pub(crate) fn logins(&self, host: &Host) -> Vec<(LoginTarget, AuthEntry)> {
        let ours = |text: &str| LoginTarget::from_file_key(text).filter(|target| target.host() == host);
        let mut logins = Vec::new();
        for (text, name) in self.section("credHelpers") {
            if let (Some(target), Some(name)) = (ours(text), name.as_str()) {
                logins.push((target, AuthEntry::Helper { name: name.to_owned(), server: text.clone() }));
            }
        }
        if let (Some(name), true) = (self.store(), logins.is_empty()) {
            let target = LoginTarget::registry(host.clone());
            let server = target.to_file_key();
            logins.push((target, AuthEntry::Helper { name: name.to_owned(), server }));
        }
        let auths = self.section("auths").filter_map(|(text, entry)| Some((ours(text)?, entry_of(entry)?)));
        logins.extend(auths);
        logins
    }

    /// The registries that it names.
    pub(crate) fn hosts(&self) -> impl Iterator<Item = Host> {
        let keys = self.section("credHelpers").chain(self.section("auths")).map(|(key, _)| key);
        keys.filter_map(|key| Some(LoginTarget::from_file_key(key)?.host().clone()))
    }

    /// The name of the helper that keeps the secret of `target`; `None` if this file does.
    pub(crate) fn helper_name(&self, target: &LoginTarget) -> Option<&str> {
        let is_its = |text: &str| LoginTarget::from_file_key(text).as_ref() == Some(target);
        let named = self.section("credHelpers").find(|(text, _)| is_its(text));
        match named {
            Some((_, name)) => name.as_str(),
            None => self.store().filter(|_| target.namespace().is_none()),
        }
    }

    /// The keys of the entries for `target`, or of all entries if there is no target.
    pub(crate) fn keys(&self, target: Option<&LoginTarget>) -> Vec<String> {
        let is_meant = |text: &str| target.is_none() || LoginTarget::from_file_key(text).as_ref() == target;
        self.section("auths").map(|(text, _)| text).filter(|text| is_meant(text)).cloned().collect()
    }

    /// Sets the entry under `key`. Without a credential it says that a helper has the secret.
    pub(crate) fn put(&mut self, key: &str, credential: Option<&Credential>) {
        let mut entry = Map::new();
        if let Some(Credential { username, password }) = credential {
            let auth = BASE64_STANDARD.encode(format!("{username}:{}", password.expose_secret()));
            entry.insert("auth".to_owned(), Value::String(auth));
        }
        let auths = self.whole.entry("auths").or_insert_with(|| Value::Object(Map::new()));
        if !auths.is_object() {
            *auths = Value::Object(Map::new());
        }
        if let Value::Object(auths) = auths {
            auths.insert(key.to_owned(), Value::Object(entry));
        }
    }

    /// Removes the entry under `key`.
    pub(crate) fn remove(&mut self, key: &str) {
        if let Some(Value::Object(auths)) = self.whole.get_mut("auths") {
            auths.remove(key);
        }
    }

    /// Writes the file atomically, readable by this user only. If its path is a link, the target of the link is replaced.
    pub(crate) fn save(&self) -> Result<(), Error> {
        let path = fs::canonicalize(&self.path).unwrap_or_else(|_| self.path.clone());
        write(&path, &Value::Object(self.whole.clone()))
            .map_err(|source| Error::Write { path: self.path.clone(), source })
    }

    fn section(&self, name: &str) -> impl Iterator<Item = (&String, &Value)> {
        self.whole.get(name).and_then(Value::as_object).into_iter().flatten()
    }

    fn store(&self) -> Option<&str> {
        self.whole.get("credsStore").and_then(Value::as_str).filter(|name| !name.is_empty())
    }
}

impl std::fmt::Debug for AuthFile {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("AuthFile").field(&self.path).finish()
    }
}

// `None` for an empty entry, which says that a helper has the secret, or that there is none.
fn entry_of(entry: &Value) -> Option<AuthEntry> {
    let text = |name| entry.get(name).and_then(Value::as_str).filter(|text: &&str| !text.is_empty());
    if let Some(token) = text("identitytoken") {
        let username = IDENTITY_TOKEN.to_owned();
        return Some(AuthEntry::Credential(Credential { username, password: token.into() }));
    }
    if let Some(auth) = text("auth") {
        let credential = decoded(auth);
        let is_empty = credential.as_ref().is_some_and(Credential::is_empty);
        return (!is_empty).then(|| credential.map_or(AuthEntry::Unreadable, AuthEntry::Credential));
    }
    let (username, password) = (text("username")?, text("password")?);
    Some(AuthEntry::Credential(Credential { username: username.to_owned(), password: password.into() }))
}

fn decoded(auth: &str) -> Option<Credential> {
    let text = String::from_utf8(LENIENT.decode(auth.trim()).ok()?).ok()?;
    let (username, password) = text.split_once(':')?;
    // Old versions of Docker padded it with zeros.
    let password: SecretString = password.trim_matches('\0').into();
    Some(Credential { username: username.to_owned(), password })
}

fn write(path: &Path, value: &Value) -> io::Result<()> {
    let directory = path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    fs::DirBuilder::new().recursive(true).mode(0o700).create(directory)?;
    let draft = Draft::at(path, Readers::Owner)?;
    serde_json::to_writer_pretty(draft.file(), value)?;
    draft.file().write_all(b"\n")?;
    draft.replace()
}
