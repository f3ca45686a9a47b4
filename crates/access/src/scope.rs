//! Scopes of API tokens: the part of its account's rights that a token carries. Pure.

use std::{fmt, str::FromStr};

use entrepot_oci::{PatternError, RepositoryPattern};

use crate::{
    role::Operation,
    verb::{VerbError, Verbs},
};

/// One scope. As text: `pull,push:docker.io/acme/**`, or the word of an area.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Scope {
    /// Verbs on the repositories that match.
    Repositories {
        /// The verbs.
        may: Verbs,
        /// The repositories.
        pattern: RepositoryPattern,
    },
    /// `sync`: reading rules and runs, and starting and cancelling runs.
    Sync,
    /// `library`: the image library.
    Library,
    /// `admin`: everything that the account may do.
    Admin,
}

/// The scopes of a token; at least one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Scopes(Box<[Scope]>);

/// Why a text is not a scope.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ScopeError {
    /// It has none of the known forms.
    #[error("a scope is `pull:REPOSITORY`, `pull,push:REPOSITORY/**`, `sync`, `library` or `admin`")]
    Form,
    /// There is no scope.
    #[error("a token needs at least one scope")]
    None,
    /// A verb is unknown.
    #[error(transparent)]
    Verb(#[from] VerbError),
    /// The pattern is not one.
    #[error(transparent)]
    Pattern(#[from] PatternError),
}

impl Scopes {
    /// The scopes of a new token.
    ///
    /// # Errors
    /// There is none.
    pub fn new(scopes: Vec<Scope>) -> Result<Self, ScopeError> {
        if scopes.is_empty() { Err(ScopeError::None) } else { Ok(Self(scopes.into())) }
    }

    /// The scopes.
    pub fn iter(&self) -> impl Iterator<Item = &Scope> {
        self.0.iter()
    }

    /// What the token may do with a repository, named in full, if its account may.
    pub fn on(&self, repository: &str) -> Verbs {
        self.0.iter().fold(Verbs::NONE, |all, scope| match scope {
            Scope::Repositories { may, pattern } if pattern.matches(repository) => all.union(*may),
            Scope::Admin => Verbs::ALL,
            _ => all,
        })
    }

    /// True if the token may do this, if its account may. A token without `admin` never manages its account: whoever
    /// finds it must not be able to make another one.
    pub fn may(&self, operation: Operation) -> bool {
        self.0.iter().any(|scope| match scope {
            Scope::Admin => true,
            Scope::Sync => {
                matches!(operation, Operation::See | Operation::Inspect | Operation::RunSyncs)
            }
            Scope::Library => matches!(
                operation,
                Operation::See
                    | Operation::BrowseLibrary
                    | Operation::RunInstances
                    | Operation::ManageLibrary
                    | Operation::ManageInstances
            ),
            Scope::Repositories { may, .. } => match operation {
                Operation::See => true,
                Operation::Request => may.has(crate::verb::Verb::Request),
                _ => false,
            },
        })
    }
}

impl FromStr for Scope {
    type Err = ScopeError;

    fn from_str(text: &str) -> Result<Self, ScopeError> {
        match text {
            "sync" => return Ok(Self::Sync),
            "library" => return Ok(Self::Library),
            "admin" => return Ok(Self::Admin),
            _ => {}
        }
        let (verbs, pattern) = text.split_once(':').ok_or(ScopeError::Form)?;
        let may: Verbs = verbs.parse()?;
        if may.is_empty() {
            return Err(ScopeError::Form);
        }
        Ok(Self::Repositories { may, pattern: pattern.parse()? })
    }
}

impl fmt::Display for Scope {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Repositories { may, pattern } => write!(formatter, "{may}:{pattern}"),
            Self::Sync => formatter.write_str("sync"),
            Self::Library => formatter.write_str("library"),
            Self::Admin => formatter.write_str("admin"),
        }
    }
}

/// Separated by spaces, as the catalog stores them.
impl fmt::Display for Scopes {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scopes: Vec<_> = self.0.iter().map(Scope::to_string).collect();
        formatter.write_str(&scopes.join(" "))
    }
}

impl FromStr for Scopes {
    type Err = ScopeError;

    fn from_str(text: &str) -> Result<Self, ScopeError> {
        Self::new(text.split_ascii_whitespace().map(str::parse).collect::<Result<_, _>>()?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::verb::Verb;

    fn scopes(text: &str) -> Scopes {
        text.parse().unwrap()
    }

    #[test]
    fn scopes_are_read_back() {
        for text in ["pull:docker.io/library/**", "pull,push:local/app sync", "admin", "library"] {
            assert_eq!(scopes(text).to_string(), text);
        }
        for bad in ["", " ", "pull", "pull:", ":local/a", "root:local/a", "pull:Local", "everything"] {
            assert!(bad.parse::<Scopes>().is_err(), "{bad}");
        }
    }

    #[test]
    fn a_repository_gets_what_its_scopes_say() {
        let token = scopes("pull:docker.io/library/** push:local/app pull:local/app");
        assert_eq!(token.on("docker.io/library/nginx").to_string(), "pull");
        assert_eq!(token.on("local/app").to_string(), "pull,push");
        assert!(token.on("local/app2").is_empty() && token.on("docker.io/library").is_empty());
        assert_eq!(scopes("admin").on("x"), Verbs::ALL);
        assert!(!scopes("push:local/**").on("local/a").has(Verb::Pull), "write-only");
    }

    #[test]
    fn only_admin_manages() {
        for token in ["pull:**", "sync", "library", "pull,push,delete,request:**"] {
            for operation in [Operation::ManageSelf, Operation::ManageAccounts, Operation::ManageSecrets] {
                assert!(!scopes(token).may(operation), "{token} {operation}");
            }
        }
        assert!(scopes("sync").may(Operation::RunSyncs) && !scopes("sync").may(Operation::ManageCache));
        assert!(scopes("request:docker.io/**").may(Operation::Request));
    }
}
