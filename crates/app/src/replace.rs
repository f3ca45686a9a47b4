//! Replaces files atomically.

use std::{
    fs::{File, Permissions},
    io::{self, Write as _},
    os::unix::fs::{MetadataExt as _, PermissionsExt as _, fchown},
    path::Path,
};

use entrepot_files::{Directory, Draft, Readers};

/// The permissions of the new file.
#[derive(Clone, Copy)]
pub(crate) enum FilePermissions {
    /// Only this user may read and write it.
    Private,
    /// These Unix permission bits; this user may always read and write it.
    Mode(u32),
}

/// Attributes that a replaced file lost, since it is a new file with the same name.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct LostAttributes {
    /// The number of other hard links, which keep the old content.
    pub(crate) other_names: u64,
    /// The old user and group ids, if the new file could not be given to them.
    pub(crate) owner: Option<(u32, u32)>,
}

/// Writes a new file and renames it: readers see either the old content or the new. A link at `path` is replaced; pass
/// its target to keep it.
///
/// # Errors
/// The directory or the file cannot be written. The old file is unchanged, and nothing is left next to it.
pub(crate) fn replace(
    path: &Path,
    access: FilePermissions,
    write: impl FnOnce(&mut &File) -> io::Result<()>,
) -> io::Result<()> {
    let draft = Draft::at(path, Readers::Owner)?;
    grant(&draft, access)?;
    write(&mut draft.file())?;
    draft.replace()
}

/// Sets the permissions of a draft.
pub(crate) fn grant(draft: &Draft, access: FilePermissions) -> io::Result<()> {
    match access {
        FilePermissions::Private => Ok(()),
        FilePermissions::Mode(mode) => draft.file().set_permissions(Permissions::from_mode(mode | 0o600)),
    }
}

/// Replaces the text of a file below a directory. Owner and mode are kept as far as possible.
///
/// # Errors
/// The file is missing, not a regular file or read-only, or the directory cannot be written.
pub(crate) fn change(directory: &Directory, path: &Path, text: &str) -> io::Result<LostAttributes> {
    let old = directory.read(path)?.metadata()?;
    if old.permissions().readonly() {
        return Err(io::ErrorKind::PermissionDenied.into());
    }
    let draft = Draft::below(directory, path, Readers::Owner)?;
    let mut file = draft.file();
    let (user, group) = (old.uid(), old.gid());
    let new = file.metadata()?;
    // The group may be kept even if the owner cannot.
    let is_kept = (new.uid(), new.gid()) == (user, group)
        || fchown(file, Some(user), Some(group)).is_ok()
        || fchown(file, None, Some(group)).is_ok() && new.uid() == user;
    // After the change of owner, which clears bits.
    file.set_permissions(Permissions::from_mode(old.mode() & 0o777))?;
    file.write_all(text.as_bytes())?;
    draft.replace()?;
    Ok(LostAttributes {
        other_names: old.nlink().saturating_sub(1),
        owner: (!is_kept).then_some((user, group)),
    })
}

impl LostAttributes {
    /// Warnings for the user, each with a hint.
    pub(crate) fn told(&self, name: &str) -> Vec<(String, String)> {
        let names = match self.other_names {
            0 => None,
            1 => Some(format!(
                "{name} is a file of its own now: its other name, a hard link, keeps the old content"
            )),
            many => Some(format!(
                "{name} is a file of its own now: its {many} other names, hard links, keep the old content"
            )),
        };
        let names =
            names.map(|fact| (fact, "link them again if they are to be one file: `ln -f`".to_owned()));
        let owner = self.owner.map(|(user, group)| {
            let fact = format!("{name} belongs to this user now, and did to {user}:{group}");
            (fact, format!("root can give it back: `chown {user}:{group}`"))
        });
        names.into_iter().chain(owner).collect()
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn what_a_changed_file_loses_is_told() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("a");
        fs::write(&path, "old").unwrap();
        fs::hard_link(&path, directory.path().join("b")).unwrap();
        fs::set_permissions(&path, Permissions::from_mode(0o640)).unwrap();
        let lost = change(&Directory::open(directory.path()).unwrap(), Path::new("a"), "new").unwrap();
        assert_eq!(lost, LostAttributes { other_names: 1, owner: None });
        let read = |name: &str| fs::read_to_string(directory.path().join(name)).unwrap();
        assert_eq!((read("a"), read("b")), ("new".to_owned(), "old".to_owned()));
        assert_eq!(fs::metadata(&path).unwrap().mode() & 0o777, 0o640);
        let told = LostAttributes { other_names: 2, owner: Some((0, 7)) }.told("a");
        assert_eq!(
            told,
            [
                (
                    "a is a file of its own now: its 2 other names, hard links, keep the old content"
                        .to_owned(),
                    "link them again if they are to be one file: `ln -f`".to_owned()
                ),
                (
                    "a belongs to this user now, and did to 0:7".to_owned(),
                    "root can give it back: `chown 0:7`".to_owned()
                ),
            ]
        );
    }
}
