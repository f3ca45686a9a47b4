//! Names allowed for files of a bundle. A bundle is untrusted, and its files are written to a working directory. So it
//! must not choose names with a special meaning there, such as `.bashrc`.

use std::fmt;

use entrepot_oci::is_hidden;

/// The most bytes of a name and of a part of it, and the most parts.
const LONGEST: usize = 1024;
const LONGEST_PART: usize = 255;
const MOST_PARTS: usize = 16;

/// The role of a file in a bundle.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// It names images.
    Document,
    /// It sets variables.
    Variables,
}

/// The name of a file in a bundle: a path below the output directory.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Name(String);

/// The reason a name is not allowed, as the end of a sentence.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FileNameError {
    /// Empty or too long.
    #[error("is no name of a file")]
    Length,
    /// An absolute path, or one that leads upward.
    #[error("leads out of the directory")]
    LeadsOut,
    /// Hidden files have a meaning for programs: hooks, keys, settings.
    #[error("is that of a hidden file")]
    Hidden,
    /// Programs would read it as an option.
    #[error("has a part that begins with `-`")]
    Option,
    /// It does not display as what it is.
    #[error("has characters that cannot be seen, or spaces at an end")]
    Invisible,
    /// Path separators on other systems.
    #[error("has `\\` or `:` in it")]
    Elsewhere,
}

impl Name {
    /// Parses the name of a file with this role.
    ///
    /// # Errors
    /// The name is not allowed in a bundle.
    pub fn parse(text: &str, role: Role) -> Result<Self, FileNameError> {
        let parts: Vec<&str> = text.split('/').collect();
        if text.is_empty() || text.len() > LONGEST || parts.len() > MOST_PARTS {
            return Err(FileNameError::Length);
        }
        let (last, above) = parts.split_last().ok_or(FileNameError::Length)?;
        above.iter().try_for_each(|part| plain(part))?;
        match plain(last) {
            Err(FileNameError::Hidden) if role == Role::Variables && is_usual(last) => {}
            other => other?,
        }
        Ok(Self(text.to_owned()))
    }

    /// The name in a bundle for a file of the user: its own, or the last part if the rest is not allowed.
    ///
    /// # Errors
    /// Neither is allowed.
    pub fn of(path: &str, role: Role) -> Result<Self, FileNameError> {
        let path = path.trim_start_matches("./");
        Self::parse(path, role)
            .or_else(|_| Self::parse(path.rsplit('/').next().unwrap_or_default(), role))
            .or_else(|_| Self::parse(path, role))
    }

    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Role {
    /// The permission bits for a file of this role, where `mode` is from a bundle: never executable, writable only by
    /// the owner, and private if it holds variables, since these include passwords.
    pub fn mode(self, mode: u32) -> u32 {
        if self == Self::Document && mode & 0o044 != 0 { 0o644 } else { 0o600 }
    }
}

fn plain(part: &str) -> Result<(), FileNameError> {
    match part {
        "" | "." | ".." => Err(FileNameError::LeadsOut),
        _ if part.len() > LONGEST_PART => Err(FileNameError::Length),
        _ if part.starts_with('-') => Err(FileNameError::Option),
        _ if part.trim() != part || part.chars().any(is_hidden) => Err(FileNameError::Invisible),
        _ if part.contains(['\\', ':']) => Err(FileNameError::Elsewhere),
        _ if part.starts_with('.') => Err(FileNameError::Hidden),
        _ => Ok(()),
    }
}

// `.env`, `.env.prod`, `.env-mirror`: compose's default and common variants of it. Not `.envrc`, which a shell may run.
fn is_usual(part: &str) -> bool {
    let rest = part.strip_prefix(".env");
    rest.is_some_and(|rest| {
        let is_word = rest.chars().all(|c| c.is_ascii_alphanumeric() || "._-".contains(c));
        rest.is_empty() || rest.starts_with(['.', '-', '_']) && is_word
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_strangers_are_plain() {
        use FileNameError as E;
        for (name, document, variables) in [
            ("compose.yaml", Ok(()), Ok(())),
            ("deploy/it's a stack é.yaml", Ok(()), Ok(())),
            ("prod.env", Ok(()), Ok(())),
            (".env", Err(E::Hidden), Ok(())),
            ("deploy/.env.prod", Err(E::Hidden), Ok(())),
            (".env-mirror", Err(E::Hidden), Ok(())),
            (".envrc", Err(E::Hidden), Err(E::Hidden)),
            (".env.d/x", Err(E::Hidden), Err(E::Hidden)),
            (".git/hooks/pre-commit", Err(E::Hidden), Err(E::Hidden)),
            (".ssh/authorized_keys", Err(E::Hidden), Err(E::Hidden)),
            (".git/.env", Err(E::Hidden), Err(E::Hidden)),
            (".bash_aliases", Err(E::Hidden), Err(E::Hidden)),
            ("-oProxyCommand=x", Err(E::Option), Err(E::Option)),
            ("a/-rf", Err(E::Option), Err(E::Option)),
            ("/etc/cron.d/x", Err(E::LeadsOut), Err(E::LeadsOut)),
            ("../../esc", Err(E::LeadsOut), Err(E::LeadsOut)),
            ("a/../b", Err(E::LeadsOut), Err(E::LeadsOut)),
            ("./a", Err(E::LeadsOut), Err(E::LeadsOut)),
            ("a//b", Err(E::LeadsOut), Err(E::LeadsOut)),
            ("a/", Err(E::LeadsOut), Err(E::LeadsOut)),
            ("..", Err(E::LeadsOut), Err(E::LeadsOut)),
            ("a\nb\u{1b}]0;x\u{7}", Err(E::Invisible), Err(E::Invisible)),
            ("a\u{202e}lmay", Err(E::Invisible), Err(E::Invisible)),
            (" a", Err(E::Invisible), Err(E::Invisible)),
            ("C:\\x", Err(E::Elsewhere), Err(E::Elsewhere)),
            ("host:x", Err(E::Elsewhere), Err(E::Elsewhere)),
            ("", Err(E::Length), Err(E::Length)),
        ] {
            assert_eq!(Name::parse(name, Role::Document).map(drop), document, "{name:?}");
            assert_eq!(Name::parse(name, Role::Variables).map(drop), variables, "{name:?}");
        }
        for (name, is_one) in [
            ("a/".repeat(15) + "a", true),
            ("a/".repeat(16) + "a", false),
            ("a".repeat(255), true),
            ("a".repeat(256), false),
        ] {
            assert_eq!(Name::parse(&name, Role::Document).is_ok(), is_one);
        }
    }

    #[test]
    fn a_file_goes_into_a_bundle_under_the_name_that_it_can_keep() {
        for (path, name) in [
            ("compose.yaml", Ok("compose.yaml")),
            ("./a/compose.yaml", Ok("a/compose.yaml")),
            ("../a/compose.yaml", Ok("compose.yaml")),
            ("/srv/a/compose.yaml", Ok("compose.yaml")),
            (".deploy/compose.yaml", Ok("compose.yaml")),
            (".gitlab-ci.yml", Err(FileNameError::Hidden)),
            ("a/-x.yaml", Err(FileNameError::Option)),
        ] {
            assert_eq!(
                Name::of(path, Role::Document).as_ref().map(Name::as_str),
                name.as_ref().copied(),
                "{path}"
            );
        }
    }

    #[test]
    fn nothing_of_a_bundle_can_be_run() {
        for (mode, document) in
            [(0o777, 0o644), (0o4777, 0o644), (0o640, 0o644), (0o600, 0o600), (0o711, 0o600)]
        {
            assert_eq!(
                (Role::Document.mode(mode), Role::Variables.mode(mode)),
                (document, 0o600),
                "{mode:o}"
            );
        }
    }
}
