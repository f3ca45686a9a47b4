//! One credentials file: `auths`, `credHelpers`, `credsStore`, and whatever else somebody keeps in it.

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
use entrepot_oci::Host;
use secrecy::{ExposeSecret, SecretString};
use serde_json::{Map, Value};

use super::{helper::Pair, key::Key};
use crate::{
    config::Warning,
    failure::Failure,
    replace::{Access, replace},
};

/// The largest file that is read, in bytes.
const MAX_FILE: u64 = 4 << 20;

// Padding is left out by some who write such files by hand.
const LENIENT: GeneralPurpose = GeneralPurpose::new(
    &STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// A file as it was read.
pub(super) struct AuthFile {
    pub(super) path: PathBuf,
    whole: Map<String, Value>,
}

/// Where the secret of a login is.
#[derive(Debug)]
pub(super) enum Entry {
    /// Here.
    Pair(Pair),
    /// With a helper, under this name.
    Helper {
        /// Which.
        name: String,
        /// What to ask it for.
        server: String,
    },
    /// Here, in a form that only OAuth2 takes.
    IdentityToken,
    /// Nowhere that we can find.
    Unreadable,
}

impl AuthFile {
    /// Reads a file; `None` if it is not there.
    pub(super) fn read(path: &Path) -> Result<Option<Self>, Warning> {
        let unusable = |why: &str| Warning {
            what: format!("the logins in `{}` are not used: {why}", path.display()),
            hint: "it must be a JSON file of Docker or podman that this user may read".to_owned(),
        };
        let mut text = String::new();
        let read = fs::File::open(path).and_then(|file| file.take(MAX_FILE).read_to_string(&mut text));
        match read {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(unusable(&error.to_string())),
            Ok(_) if text.trim().is_empty() => return Ok(None),
            Ok(_) => {}
        }
        match serde_json::from_str(&text) {
            Ok(Value::Object(whole)) => Ok(Some(Self { path: path.to_owned(), whole })),
            // What the parser says would repeat what is in it.
            _ => Err(unusable("this is not such a file")),
        }
    }

    /// An empty one, to be written to `path`.
    pub(super) fn empty(path: &Path) -> Self {
        Self { path: path.to_owned(), whole: Map::new() }
    }

    /// The logins for `host`, its helpers' first.
    pub(super) fn logins(&self, host: &Host) -> Vec<(Key, Entry)> {
        let ours = |text: &str| Key::of_file(text).filter(|key| key.host == *host);
        let mut logins = Vec::new();
        for (text, name) in self.section("credHelpers") {
            if let (Some(key), Some(name)) = (ours(text), name.as_str()) {
                logins.push((key, Entry::Helper { name: name.to_owned(), server: text.clone() }));
            }
        }
        if let (Some(name), true) = (self.store(), logins.is_empty()) {
            let key = Key { host: host.clone(), namespace: None };
            logins.push((key.clone(), Entry::Helper { name: name.to_owned(), server: key.to_file() }));
        }
        let auths = self.section("auths").filter_map(|(text, entry)| Some((ours(text)?, entry_of(entry)?)));
        logins.extend(auths);
        logins
    }

    /// Who keeps the secrets of this registry; `None`: this file.
    pub(super) fn keeper(&self, key: &Key) -> Option<&str> {
        let named = self.section("credHelpers").find(|(text, _)| Key::of_file(text).as_ref() == Some(key));
        match named {
            Some((_, name)) => name.as_str(),
            None => self.store().filter(|_| key.namespace.is_none()),
        }
    }

    /// What the entries are called that belong to `key`, or all of them.
    pub(super) fn names(&self, key: Option<&Key>) -> Vec<String> {
        let is_meant = |text: &str| key.is_none_or(|key| Key::of_file(text).as_ref() == Some(key));
        self.section("auths").map(|(text, _)| text).filter(|text| is_meant(text)).cloned().collect()
    }

    /// Writes a pair, or that there is one with the helper.
    pub(super) fn put(&mut self, name: &str, pair: Option<&Pair>) {
        let mut entry = Map::new();
        if let Some(Pair { username, password }) = pair {
            let auth = BASE64_STANDARD.encode(format!("{username}:{}", password.expose_secret()));
            entry.insert("auth".to_owned(), Value::String(auth));
        }
        let auths = self.whole.entry("auths").or_insert_with(|| Value::Object(Map::new()));
        if !auths.is_object() {
            *auths = Value::Object(Map::new());
        }
        if let Value::Object(auths) = auths {
            auths.insert(name.to_owned(), Value::Object(entry));
        }
    }

    /// Takes an entry away.
    pub(super) fn take(&mut self, name: &str) {
        if let Some(Value::Object(auths)) = self.whole.get_mut("auths") {
            auths.remove(name);
        }
    }

    /// Writes the file: at once or not at all, and for this user only. A link stays one.
    pub(super) fn save(&self) -> Result<(), Failure> {
        let path = fs::canonicalize(&self.path).unwrap_or_else(|_| self.path.clone());
        write(&path, &Value::Object(self.whole.clone())).map_err(|error| {
            Failure::because(format!("cannot write `{}`", self.path.display()), &error)
                .with_hint("it must be a file in a directory that this user may write to")
        })
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

// `None`: an empty entry, which says that a helper has it.
fn entry_of(entry: &Value) -> Option<Entry> {
    let text = |name| entry.get(name).and_then(Value::as_str).filter(|text: &&str| !text.is_empty());
    if text("identitytoken").is_some() {
        return Some(Entry::IdentityToken);
    }
    if let Some(auth) = text("auth") {
        return Some(decoded(auth).map_or(Entry::Unreadable, Entry::Pair));
    }
    let (username, password) = (text("username")?, text("password")?);
    Some(Entry::Pair(Pair { username: username.to_owned(), password: password.into() }))
}

fn decoded(auth: &str) -> Option<Pair> {
    let text = String::from_utf8(LENIENT.decode(auth.trim()).ok()?).ok()?;
    let (username, password) = text.split_once(':')?;
    // Old versions of Docker filled it up with zeros.
    let password: SecretString = password.trim_matches('\0').into();
    Some(Pair { username: username.to_owned(), password })
}

fn write(path: &Path, value: &Value) -> io::Result<()> {
    let directory = path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    fs::DirBuilder::new().recursive(true).mode(0o700).create(directory)?;
    replace(path, Access::Private, |file| {
        serde_json::to_writer_pretty(&mut *file, value)?;
        file.write_all(b"\n")
    })
}
