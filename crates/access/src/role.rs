//! Roles, and what each may do apart from repositories. Pure.
//!
//! The table in `docs/how-to/access.md` is compared with this module by a test.

use std::{fmt, str::FromStr};

/// What an account may do in general. Rights to repositories come from grants.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Role {
    /// Reads what operators read, without secrets.
    Viewer,
    /// Pulls and pushes what was granted, and manages its own tokens.
    User,
    /// Runs the service: syncs, limits, the cache; no accounts, no secrets.
    Operator,
    /// Everything.
    Admin,
}

/// Something that can be done apart from repositories.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Operation {
    /// Read the public pages: `/`, `/guide`, `/sync`, `/status`, badges and public logs.
    See,
    /// Read rules, runs, what the mirror holds, and other state of the service.
    Inspect,
    /// Read `/metrics`.
    ReadMetrics,
    /// Start and cancel sync runs.
    RunSyncs,
    /// Decide whether tags go from destinations that no rule writes.
    PruneTags,
    /// Remove what the mirror holds.
    ManageCache,
    /// Read the rules about pulls again, deny images, set the mode, ban and lift bans.
    ManageRules,
    /// See webhooks and what came of deliveries, and try them.
    ManageWebhooks,
    /// Ask for an image to be fetched.
    Request,
    /// Manage one's own password, sessions and API tokens.
    ManageSelf,
    /// Read the audit log.
    ReadAudit,
    /// Manage accounts, grants, and the tokens of others.
    ManageAccounts,
    /// Manage the credential store and its keys.
    ManageSecrets,
    /// See the images and specs that may be run, and which cards are free.
    BrowseLibrary,
    /// Run instances of one's own.
    RunInstances,
    /// Manage entries of the image library, and specs.
    ManageLibrary,
    /// Manage nodes: the machines that instances run on.
    ManageNodes,
    /// See, stop and remove the instances of others.
    ManageInstances,
}

/// The text is not a role.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a role is one of `admin`, `operator`, `user`, `viewer`")]
pub struct RoleError;

impl Role {
    /// All roles, from the least to the most powerful.
    pub const ALL: [Self; 4] = [Self::Viewer, Self::User, Self::Operator, Self::Admin];

    /// The role's name.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Viewer => "viewer",
            Self::User => "user",
            Self::Operator => "operator",
            Self::Admin => "admin",
        }
    }

    /// True if accounts of this role may do this.
    pub fn may(self, operation: Operation) -> bool {
        match operation {
            Operation::See | Operation::ManageSelf | Operation::BrowseLibrary => true,
            Operation::Inspect => self != Self::User,
            Operation::Request | Operation::RunInstances => self != Self::Viewer,
            Operation::ReadMetrics
            | Operation::RunSyncs
            | Operation::PruneTags
            | Operation::ManageCache
            | Operation::ManageRules
            | Operation::ManageWebhooks
            | Operation::ReadAudit
            | Operation::ManageLibrary
            | Operation::ManageNodes
            | Operation::ManageInstances => self >= Self::Operator,
            Operation::ManageAccounts | Operation::ManageSecrets => self == Self::Admin,
        }
    }
}

impl Operation {
    /// All operations.
    pub const ALL: [Self; 18] = [
        Self::See,
        Self::Inspect,
        Self::ReadMetrics,
        Self::RunSyncs,
        Self::PruneTags,
        Self::ManageCache,
        Self::ManageRules,
        Self::ManageWebhooks,
        Self::Request,
        Self::ManageSelf,
        Self::ReadAudit,
        Self::ManageAccounts,
        Self::ManageSecrets,
        Self::BrowseLibrary,
        Self::RunInstances,
        Self::ManageLibrary,
        Self::ManageNodes,
        Self::ManageInstances,
    ];

    /// The operation's name, as the audit log and the documentation have it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::See => "see",
            Self::Inspect => "inspect",
            Self::ReadMetrics => "read-metrics",
            Self::RunSyncs => "run-syncs",
            Self::PruneTags => "prune-tags",
            Self::ManageCache => "manage-cache",
            Self::ManageRules => "manage-rules",
            Self::ManageWebhooks => "manage-webhooks",
            Self::Request => "request",
            Self::ManageSelf => "manage-self",
            Self::ReadAudit => "read-audit",
            Self::ManageAccounts => "manage-accounts",
            Self::ManageSecrets => "manage-secrets",
            Self::BrowseLibrary => "browse-library",
            Self::RunInstances => "run-instances",
            Self::ManageLibrary => "manage-library",
            Self::ManageNodes => "manage-nodes",
            Self::ManageInstances => "manage-instances",
        }
    }
}

impl FromStr for Role {
    type Err = RoleError;

    fn from_str(text: &str) -> Result<Self, RoleError> {
        Self::ALL.into_iter().find(|role| role.as_str() == text).ok_or(RoleError)
    }
}

impl fmt::Display for Role {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.pad(self.as_str())
    }
}

impl fmt::Display for Operation {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.pad(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_read_back() {
        for role in Role::ALL {
            assert_eq!(role.as_str().parse(), Ok(role));
        }
        for bad in ["", "Admin", "root", "user "] {
            assert_eq!(bad.parse::<Role>(), Err(RoleError), "{bad}");
        }
    }

    #[test]
    fn the_table_for_readers_is_this_one() {
        for (page, yes, no) in [("how-to/access.md", "yes", "no"), ("zh-CN/how-to/access.md", "可以", "不可")]
        {
            let path = format!("{}/../../docs/{page}", env!("CARGO_MANIFEST_DIR"));
            let text = std::fs::read_to_string(path).unwrap();
            for operation in Operation::ALL {
                let row = text.lines().find(|line| line.starts_with(&format!("| `{operation}`"))).unwrap();
                let told: Vec<&str> =
                    row.split(" | ").skip(1).map(|cell| cell.trim_end_matches(" |")).collect();
                let expected = Role::ALL.map(|role| if role.may(operation) { yes } else { no });
                assert_eq!(told, expected, "{page} {operation}");
            }
        }
    }

    #[test]
    fn only_an_admin_reaches_accounts_and_secrets() {
        for operation in [Operation::ManageAccounts, Operation::ManageSecrets] {
            let who: Vec<_> = Role::ALL.into_iter().filter(|role| role.may(operation)).collect();
            assert_eq!(who, [Role::Admin], "{operation}");
        }
        assert!(Operation::ALL.into_iter().all(|operation| Role::Admin.may(operation)));
    }
}
