//! Adding logins and removing them.

use std::path::PathBuf;

use crate::{
    auth_file::AuthFile, credential::Credential, error::Error, helper::Helper, paths::AuthFilePaths,
    target::LoginTarget,
};

/// Adds logins to credentials files and helpers, and removes them.
#[derive(Debug)]
pub struct LoginStore {
    paths: AuthFilePaths,
}

/// Where a login was stored.
#[derive(Debug, PartialEq, Eq)]
pub enum StoredIn {
    /// In this file, the secret included.
    File(PathBuf),
    /// With the credential helper of this program name.
    Helper(String),
}

/// A login that was removed.
#[derive(Debug, PartialEq, Eq)]
pub struct RemovedLogin {
    /// Its key in the file.
    pub name: String,
    /// The file that it was in.
    pub file: PathBuf,
}

impl LoginStore {
    /// A store that writes to these files, and to the helpers that they name.
    pub fn new(paths: AuthFilePaths) -> Self {
        Self { paths }
    }

    /// Stores a login, in place of an earlier one for the same target. A helper may take up to 30 s.
    ///
    /// # Errors
    /// There is no file to write to, it cannot be read or written, or the helper fails.
    pub fn put(&self, target: &LoginTarget, credential: &Credential) -> Result<StoredIn, Error> {
        let key = target.to_file_key();
        let path = self.paths.to_write(target).ok_or(Error::NoPath)?;
        let mut file = AuthFile::read(&path)?.unwrap_or_else(|| AuthFile::empty(&path));
        let Some(helper) = file.helper_name(target) else {
            file.put(&key, Some(credential));
            file.save()?;
            return Ok(StoredIn::File(path));
        };
        let helper = Helper::new(helper)?;
        helper.store(&key, credential)?;
        file.put(&key, None);
        file.save()?;
        Ok(StoredIn::Helper(helper.to_string()))
    }

    /// Removes the login for `target` from every file that has it, or all logins if there is no target. Helpers may take
    /// up to 30 s each.
    ///
    /// # Errors
    /// A file cannot be read or written, or a helper fails. Logins in earlier files may be gone then.
    pub fn remove(&self, target: Option<&LoginTarget>) -> Result<Vec<RemovedLogin>, Error> {
        let mut removed = Vec::new();
        for path in self.paths.to_read() {
            let Some(mut file) = AuthFile::read(&path)? else { continue };
            let keys = erase_from_helpers(&file, target)?;
            if keys.is_empty() {
                continue;
            }
            keys.iter().for_each(|key| file.remove(key));
            file.save()?;
            removed.extend(keys.into_iter().map(|name| RemovedLogin { name, file: path.clone() }));
        }
        Ok(removed)
    }
}

// Returns the keys of the logins that the file or its helpers have. Afterwards the helpers have them no more.
fn erase_from_helpers(file: &AuthFile, target: Option<&LoginTarget>) -> Result<Vec<String>, Error> {
    let mut keys = file.keys(target);
    if let Some(key) = target.map(LoginTarget::to_file_key).filter(|key| !keys.contains(key)) {
        let has_helper = target.is_some_and(|target| file.helper_name(target).is_some());
        keys.extend(has_helper.then_some(key));
    }
    let mut found = Vec::new();
    for key in keys {
        let target = LoginTarget::from_file_key(&key);
        let was_there = match target.and_then(|target| file.helper_name(&target).map(str::to_owned)) {
            Some(helper) => erase(&helper, &key)?,
            None => false,
        };
        if was_there || file.keys(None).contains(&key) {
            found.push(key);
        }
    }
    Ok(found)
}

// Helpers report success for what they do not have, so they are asked first.
fn erase(helper: &str, key: &str) -> Result<bool, Error> {
    let helper = Helper::new(helper)?;
    if helper.get(key)?.is_none() {
        return Ok(false);
    }
    helper.erase(key)?;
    Ok(true)
}

#[cfg(test)]
#[path = "store_tests.rs"]
mod tests;
