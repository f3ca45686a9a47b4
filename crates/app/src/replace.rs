//! Putting a file in another's place: whole, or not at all.

use std::{
    fs::{File, Permissions},
    io::{self, Write as _},
    os::unix::fs::{MetadataExt as _, PermissionsExt as _, fchown},
    path::Path,
};

use entrepot_files::{Directory, Draft, Readers};

/// What may be done with the new file.
#[derive(Clone, Copy)]
pub(crate) enum Access {
    /// This user may read and write it, nobody else.
    Private,
    /// What these bits of Unix say; this user may write it in any case.
    Mode(u32),
}

/// What a file that was changed has no more, since it is a new one of the same name.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Lost {
    /// How many other names the old one has: hard links, which keep the old content.
    pub(crate) other_names: u64,
    /// Whose the old one was, by the numbers of user and group, where the new one could not be given to them.
    pub(crate) owner: Option<(u32, u32)>,
}

/// Writes beside the file, and renames: whoever reads it sees the old content or the new one. What is at `path` and is a
/// link gives way; who wants it kept says where it leads.
///
/// # Errors
/// The directory or the file cannot be written to. The old file is as it was, and nothing is left beside it.
pub(crate) fn replace(
    path: &Path,
    access: Access,
    write: impl FnOnce(&mut &File) -> io::Result<()>,
) -> io::Result<()> {
    let draft = Draft::at(path, Readers::Owner)?;
    grant(&draft, access)?;
    write(&mut draft.file())?;
    draft.replace()
}

/// Gives a draft what may be done with it.
pub(crate) fn grant(draft: &Draft, access: Access) -> io::Result<()> {
    match access {
        Access::Private => Ok(()),
        Access::Mode(mode) => draft.file().set_permissions(Permissions::from_mode(mode | 0o600)),
    }
}

/// Puts a file below a directory back with another text. Owner and mode stay, as far as they can.
///
/// # Errors
/// It is not there or is no regular file, nobody may write it, or the directory cannot be written to.
pub(crate) fn change(directory: &Directory, path: &Path, text: &str) -> io::Result<Lost> {
    let old = directory.read(path)?.metadata()?;
    if old.permissions().readonly() {
        return Err(io::ErrorKind::PermissionDenied.into());
    }
    let draft = Draft::below(directory, path, Readers::Owner)?;
    let mut file = draft.file();
    let (user, group) = (old.uid(), old.gid());
    let new = file.metadata()?;
    // A group may be kept where the owner cannot be.
    let is_kept = (new.uid(), new.gid()) == (user, group)
        || fchown(file, Some(user), Some(group)).is_ok()
        || fchown(file, None, Some(group)).is_ok() && new.uid() == user;
    // Behind the change of the owner, which takes bits away.
    file.set_permissions(Permissions::from_mode(old.mode() & 0o777))?;
    file.write_all(text.as_bytes())?;
    draft.replace()?;
    Ok(Lost { other_names: old.nlink().saturating_sub(1), owner: (!is_kept).then_some((user, group)) })
}

impl Lost {
    /// What people are told of it: facts, each with a way out.
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
        assert_eq!(lost, Lost { other_names: 1, owner: None });
        let read = |name: &str| fs::read_to_string(directory.path().join(name)).unwrap();
        assert_eq!((read("a"), read("b")), ("new".to_owned(), "old".to_owned()));
        assert_eq!(fs::metadata(&path).unwrap().mode() & 0o777, 0o640);
        let told = Lost { other_names: 2, owner: Some((0, 7)) }.told("a");
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
