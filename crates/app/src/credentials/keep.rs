//! Adding a login and taking it away again.

use std::path::PathBuf;

use super::{
    file::AuthFile,
    helper::{Helper, Pair},
    key::{Door, Key},
    places,
};
use crate::{
    config::{Environment, Warning},
    failure::Failure,
};

/// Where logins are kept.
#[derive(Debug)]
pub(crate) struct Vault<'a> {
    environment: &'a Environment,
}

/// Where a login went.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Kept {
    /// Into this file, the secret with it.
    File(PathBuf),
    /// To this helper.
    Helper(String),
}

/// A login that is no more.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Removed {
    /// What it was called.
    pub(crate) name: String,
    /// The file it was in.
    pub(crate) file: PathBuf,
}

impl<'a> Vault<'a> {
    /// The places that the environment names.
    pub(crate) fn new(environment: &'a Environment) -> Self {
        Self { environment }
    }

    /// Keeps a login, in the place of one that is there.
    pub(crate) fn put(&self, door: &Door, pair: &Pair) -> Result<Kept, Failure> {
        let (key, name) = (door.key(), door.key().to_file());
        let path = places::to_write(self.environment, key).ok_or_else(no_place)?;
        let mut file = AuthFile::read(&path).map_err(failed)?.unwrap_or_else(|| AuthFile::empty(&path));
        let Some(keeper) = file.keeper(key) else {
            file.put(&name, Some(pair));
            file.save()?;
            return Ok(Kept::File(path));
        };
        let helper = Helper::new(keeper).map_err(failed)?;
        helper.store(&name, pair).map_err(failed)?;
        file.put(&name, None);
        file.save()?;
        Ok(Kept::Helper(helper.to_string()))
    }

    /// Takes a login out of every file that has it, or all logins.
    pub(crate) fn take(&self, door: Option<&Door>) -> Result<Vec<Removed>, Failure> {
        let mut removed = Vec::new();
        for path in places::to_read(self.environment) {
            let Some(mut file) = AuthFile::read(&path).map_err(failed)? else { continue };
            let names = self.held(&file, door.map(Door::key))?;
            if names.is_empty() {
                continue;
            }
            names.iter().for_each(|name| file.take(name));
            file.save()?;
            removed.extend(names.into_iter().map(|name| Removed { name, file: path.clone() }));
        }
        Ok(removed)
    }

    // What the file or its helpers have for it; the helpers have it no more.
    fn held(&self, file: &AuthFile, key: Option<&Key>) -> Result<Vec<String>, Failure> {
        let mut names = file.names(key);
        if let Some(name) = key.map(Key::to_file).filter(|name| !names.contains(name)) {
            let with_helper = key.is_some_and(|key| file.keeper(key).is_some());
            names.extend(with_helper.then_some(name));
        }
        let mut held = Vec::new();
        for name in names {
            let keeper = Key::of_file(&name).and_then(|key| file.keeper(&key).map(str::to_owned));
            let was_there = match keeper {
                Some(keeper) => forget(&keeper, &name).map_err(failed)?,
                None => false,
            };
            if was_there || file.names(None).contains(&name) {
                held.push(name);
            }
        }
        Ok(held)
    }
}

// Helpers are content to erase what they do not have, so they are asked first.
fn forget(keeper: &str, name: &str) -> Result<bool, Warning> {
    let helper = Helper::new(keeper)?;
    if helper.get(name)?.is_none() {
        return Ok(false);
    }
    helper.erase(name)?;
    Ok(true)
}

fn no_place() -> Failure {
    Failure::wrong("there is no place to keep a login")
        .with_hint("set `HOME`, `DOCKER_CONFIG` or `REGISTRY_AUTH_FILE`")
}

// What would only be warned about while looking for logins is the end of changing them.
fn failed(Warning { what, hint }: Warning) -> Failure {
    Failure::new(what).with_hint(hint)
}
