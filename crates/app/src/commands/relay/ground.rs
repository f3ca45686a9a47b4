//! The output directory for files: its name, and the overwrite policy.

use std::{
    fs,
    io::{self, ErrorKind, Write as _},
    path::{Path, PathBuf},
};

use entrepot_files::{Directory, Draft, Readers};
use entrepot_relay::{Name, Role};

use crate::{
    failure::Failure,
    replace::{FilePermissions, grant},
};

/// The output directory for a bundle whose name cannot be used.
const USUAL: &str = "stack";

/// An output directory.
#[derive(Clone, Debug)]
pub(super) struct OutputDirectory {
    pub(super) path: PathBuf,
    pub(super) policy: OverwritePolicy,
}

/// The overwrite policy for existing files.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum OverwritePolicy {
    /// Keep the file, and fail.
    Stays,
    /// Overwrite the file.
    GivesWay,
}

impl OutputDirectory {
    /// The output directory for a bundle. It must be new or empty, unless overwriting is allowed. By default it is
    /// named after the bundle, so that files from a stranger do not mix with the user's own.
    pub(super) fn of_bundle(bundle: &Path, out: Option<&Path>, overwrite: bool) -> Result<Self, Failure> {
        let path = out.map_or_else(|| usual(bundle), Path::to_owned);
        let held = if overwrite { OverwritePolicy::GivesWay } else { OverwritePolicy::Stays };
        let ground = Self { path, policy: held };
        ground.look()?;
        Ok(ground)
    }

    // Checks that files may be written there, before anything is done.
    fn look(&self) -> Result<(), Failure> {
        let shown = self.path.display();
        let entries = match fs::read_dir(self.directory()) {
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(()),
            other => other.map_err(|error| Failure::because(format!("cannot write to {shown}"), &error))?,
        };
        if self.policy == OverwritePolicy::GivesWay || entries.count() == 0 {
            return Ok(());
        }
        Err(Failure::wrong(format!("there are files in {shown}"))
            .with_hint("`--out DIR` names a new directory; `--overwrite` writes into this one, in the place of files of the same names"))
    }

    fn directory(&self) -> &Path {
        if self.path.as_os_str().is_empty() { Path::new(".") } else { &self.path }
    }

    /// Opens the directory, creating it if needed.
    pub(super) fn open(&self) -> io::Result<Directory> {
        Directory::make(&self.path)
    }

    /// Writes a file below the directory.
    pub(super) fn put(&self, path: &Path, bytes: &[u8], access: FilePermissions) -> io::Result<()> {
        let draft = Draft::below(&self.open()?, path, Readers::Owner)?;
        grant(&draft, access)?;
        draft.file().write_all(bytes)?;
        match self.policy {
            OverwritePolicy::Stays => draft.put_new(),
            OverwritePolicy::GivesWay => draft.replace(),
        }
    }
}

fn usual(bundle: &Path) -> PathBuf {
    let stem = bundle.file_stem().and_then(|stem| stem.to_str());
    let name =
        stem.filter(|_| bundle.extension().is_some()).and_then(|stem| Name::parse(stem, Role::Document).ok());
    name.map_or(USUAL.into(), |name| name.as_str().into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_directory_is_called_after_its_bundle_if_that_is_harmless() {
        for (bundle, directory) in [
            ("/srv/shop.tar", "shop"),
            ("my stack.1.tar", "my stack.1"),
            ("bundle", "stack"),
            (".ssh.tar", "stack"),
            ("-rf.tar", "stack"),
            ("..tar", "stack"),
            ("a\n.tar", "stack"),
        ] {
            assert_eq!(usual(Path::new(bundle)), Path::new(directory), "{bundle:?}");
        }
    }
}
