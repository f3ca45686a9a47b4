//! Grants: who may do what to which repositories.

use std::{fmt, str::FromStr};

use entrepot_oci::RepositoryPattern;

use crate::{
    name::AccountName,
    role::{Role, RoleError},
    verb::Verbs,
};

/// Lets somebody do something to some repositories.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Grant {
    /// Whom.
    pub to: Subject,
    /// To which repositories.
    pub repositories: Vec<RepositoryPattern>,
    /// What.
    pub may: Verbs,
}

/// Whom a grant is for.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Subject {
    /// Everybody, logged in or not.
    Anonymous,
    /// One account.
    Account(AccountName),
    /// The members of a group that a directory or identity provider tells of, compared exactly.
    Group(String),
    /// The accounts of a role.
    Role(Role),
}

/// Why a text is not a subject.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SubjectError {
    /// It has none of the known forms.
    #[error("a grant is to `anonymous`, `account:NAME`, `group:NAME` or `role:ROLE`")]
    Form,
    /// What follows `role:` is not a role.
    #[error(transparent)]
    Role(#[from] RoleError),
    /// What follows `account:` is not an account name.
    #[error(transparent)]
    Name(#[from] crate::name::AccountNameError),
}

impl Grant {
    /// True if it is about this repository, named in full.
    pub fn covers(&self, repository: &str) -> bool {
        self.repositories.iter().any(|pattern| pattern.matches(repository))
    }
}

impl FromStr for Subject {
    type Err = SubjectError;

    fn from_str(text: &str) -> Result<Self, SubjectError> {
        match text.split_once(':') {
            None if text == "anonymous" => Ok(Self::Anonymous),
            Some(("account", name)) => Ok(Self::Account(name.parse()?)),
            Some(("group", name)) if !name.is_empty() => Ok(Self::Group(name.to_owned())),
            Some(("role", role)) => Ok(Self::Role(role.parse()?)),
            _ => Err(SubjectError::Form),
        }
    }
}

impl fmt::Display for Subject {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Anonymous => formatter.write_str("anonymous"),
            Self::Account(name) => write!(formatter, "account:{name}"),
            Self::Group(name) => write!(formatter, "group:{name}"),
            Self::Role(role) => write!(formatter, "role:{role}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn subjects_are_read_back() {
        for text in ["anonymous", "account:alice", "group:/ml/team a", "group:cn=ml,dc=x", "role:operator"] {
            assert_eq!(text.parse::<Subject>().unwrap().to_string(), text);
        }
        for bad in ["", "everybody", "account:", "account:A b", "group:", "role:root", "user:alice"] {
            assert!(bad.parse::<Subject>().is_err(), "{bad}");
        }
    }
}
