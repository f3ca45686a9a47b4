//! Putting a file in another's place: whole, or not at all.

use std::{
    fs::{self, File, OpenOptions},
    io,
    os::unix::fs::{OpenOptionsExt, PermissionsExt as _},
    path::Path,
};

/// What may be done with the new file.
pub(crate) enum Access {
    /// This user may read and write it, nobody else.
    Private,
    /// What may be done with the one that is there; where that is not to be written, it stays.
    AsBefore,
    /// What these bits of Unix say; this user may write it in any case.
    Mode(u32),
}

/// Writes beside the file, and renames: whoever reads it sees the old content or the new one. What is at `path` and is a
/// link gives way; who wants it kept says where it leads.
///
/// # Errors
/// The directory or the file cannot be written to. The old file is as it was, and nothing is left beside it.
pub(crate) fn replace(
    path: &Path,
    access: Access,
    write: impl FnOnce(&mut File) -> io::Result<()>,
) -> io::Result<()> {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let beside = path.with_file_name(format!(".{name}.{}", std::process::id()));
    let written = begin(&beside, path, access).and_then(|mut file| {
        write(&mut file)?;
        file.sync_all()?;
        fs::rename(&beside, path)
    });
    if written.is_err() {
        // What is left of it may have a secret in it.
        let _ = fs::remove_file(&beside);
    }
    written
}

fn begin(beside: &Path, path: &Path, access: Access) -> io::Result<File> {
    let permissions = match &access {
        Access::Private => None,
        Access::AsBefore => Some(fs::metadata(path)?.permissions()),
        Access::Mode(mode) => Some(fs::Permissions::from_mode(mode | 0o600)),
    };
    if matches!(access, Access::AsBefore) && permissions.as_ref().is_some_and(fs::Permissions::readonly) {
        return Err(io::ErrorKind::PermissionDenied.into());
    }
    let _ = fs::remove_file(beside);
    let file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(beside)?;
    if let Some(permissions) = permissions {
        file.set_permissions(permissions)?;
    }
    Ok(file)
}
