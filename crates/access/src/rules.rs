//! The rules: what a principal may do. Pure.

use entrepot_oci::RepositoryPattern;

use crate::{
    grant::{Grant, Subject},
    principal::{Account, Identity, Principal},
    role::{Operation, Role},
    verb::{Verb, Verbs},
};

/// Who may do what. Rights are only ever added, never taken away by a later rule, so their order does not matter.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rules {
    /// What anybody may do to public repositories.
    pub anonymous: Verbs,
    /// Whether anybody may read the public pages.
    pub anonymous_sees: bool,
    /// What programs on the server's machine may do to any repository.
    pub local: Verbs,
    /// Rights beyond those.
    pub grants: Vec<Grant>,
    /// Repositories that are private whatever their upstream says.
    pub private: Vec<RepositoryPattern>,
}

/// Whether anybody may pull a repository.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Visibility {
    /// Its upstream gives it to anybody, or it is hosted here and not declared private.
    Public,
    /// Only those who were granted it may know that it exists.
    Private,
}

/// The rules where nothing is configured: anybody may pull, and programs on the server's machine may do everything.
impl Default for Rules {
    fn default() -> Self {
        let anonymous = Verbs::NONE.with(Verb::Pull);
        Self { anonymous, anonymous_sees: true, local: Verbs::ALL, grants: Vec::new(), private: Vec::new() }
    }
}

impl Rules {
    /// True if the configuration makes this repository private, whatever its upstream says.
    pub fn is_private(&self, repository: &str) -> bool {
        self.private.iter().any(|pattern| pattern.matches(repository))
    }

    /// Whether anybody may pull this repository, by the configuration.
    pub fn visibility(&self, repository: &str) -> Visibility {
        if self.is_private(repository) { Visibility::Private } else { Visibility::Public }
    }

    /// What a principal may do to a repository, named in full.
    pub fn rights(&self, principal: &Principal, repository: &str, visibility: Visibility) -> Verbs {
        let rights = match &principal.identity {
            Identity::Owner => Verbs::ALL,
            Identity::Account(account) => self.of_account(account, repository, visibility),
            Identity::Workload(workload) => {
                self.of_anybody(repository, visibility).union(workload.rights(repository))
            }
            Identity::Local => self.local.union(self.of_anybody(repository, visibility)),
            Identity::SyncToken | Identity::Anonymous => self.of_anybody(repository, visibility),
        };
        principal.carries.limit(rights, repository)
    }

    fn of_anybody(&self, repository: &str, visibility: Visibility) -> Verbs {
        let usual = match visibility {
            Visibility::Public => self.anonymous,
            Visibility::Private => Verbs::NONE,
        };
        usual.union(self.granted(None, repository))
    }

    fn of_account(&self, account: &Account, repository: &str, visibility: Visibility) -> Verbs {
        let usual = match account.role {
            Role::Admin => return Verbs::ALL,
            // Whoever operates the cache can read what is in it.
            Role::Operator => Verbs::NONE.with(Verb::Pull).with(Verb::Request),
            Role::User | Role::Viewer if visibility == Visibility::Private => Verbs::NONE,
            Role::User => Verbs::NONE.with(Verb::Pull).with(Verb::Request),
            Role::Viewer => Verbs::NONE.with(Verb::Pull),
        };
        usual.union(self.granted(Some(account), repository))
    }

    fn granted(&self, account: Option<&Account>, repository: &str) -> Verbs {
        let is_for = |subject: &Subject| match (subject, account) {
            (Subject::Anonymous, _) => true,
            (_, None) => false,
            (Subject::Account(name), Some(account)) => *name == account.name,
            (Subject::Group(group), Some(account)) => account.groups.contains(group),
            (Subject::Role(role), Some(account)) => *role == account.role,
        };
        let grants = self.grants.iter().filter(|grant| is_for(&grant.to) && grant.covers(repository));
        grants.fold(Verbs::NONE, |all, grant| all.union(grant.may))
    }

    /// True if a principal may do this.
    pub fn may(&self, principal: &Principal, operation: Operation) -> bool {
        let may = match &principal.identity {
            Identity::Owner => true,
            Identity::Account(account) => account.role.may(operation),
            Identity::Local => match operation {
                Operation::See | Operation::Inspect | Operation::ReadMetrics => true,
                Operation::Request => self.local.has(Verb::Request),
                _ => false,
            },
            Identity::SyncToken => {
                matches!(operation, Operation::See | Operation::Inspect | Operation::RunSyncs)
            }
            Identity::Anonymous | Identity::Workload(_) => match operation {
                Operation::See => self.anonymous_sees,
                Operation::Request => self.anonymous.has(Verb::Request),
                _ => false,
            },
        };
        may && principal.carries.may(operation)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use proptest::prelude::*;

    use super::*;
    use crate::principal::{Carries, HeldToken};

    const PUBLIC: &str = "docker.io/library/nginx";
    const SECRET: &str = "docker.io/acme/web";

    fn rules() -> Rules {
        let grant = |to: &str, repositories: &str, may: &str| Grant {
            to: to.parse().unwrap(),
            repositories: vec![repositories.parse().unwrap()],
            may: may.parse().unwrap(),
        };
        Rules {
            anonymous: "pull".parse().unwrap(),
            anonymous_sees: true,
            local: "pull,push,delete".parse().unwrap(),
            grants: vec![
                grant("account:alice", "docker.io/acme/**", "pull"),
                grant("group:ml", "local/ml/**", "pull,push"),
                grant("role:viewer", "local/reports/*", "pull"),
                grant("anonymous", "local/demo/*", "pull,push"),
            ],
            private: vec!["local/secret/**".parse().unwrap()],
        }
    }

    fn account(name: &str, role: Role, groups: &[&str]) -> Principal {
        let groups = groups.iter().map(|group| (*group).to_owned()).collect();
        let account = Account { id: 1, name: name.parse().unwrap(), role, groups };
        Principal { identity: Identity::Account(Arc::new(account)), carries: Carries::All }
    }

    fn scoped(mut principal: Principal, scopes: &str) -> Principal {
        let (id, name) = ("0123456789".parse().unwrap(), "ci".to_owned());
        principal.carries = Carries::Token(Arc::new(HeldToken { id, name, scopes: scopes.parse().unwrap() }));
        principal
    }

    fn rights(principal: &Principal, repository: &str, visibility: Visibility) -> String {
        rules().rights(principal, repository, visibility).to_string()
    }

    #[test]
    fn public_is_for_all_and_private_for_those_who_were_granted_it() {
        use Visibility::{Private, Public};
        let alice = account("alice", Role::User, &[]);
        let bob = account("bob", Role::User, &["ml"]);
        let viewer = account("eve", Role::Viewer, &[]);
        let operator = account("op", Role::Operator, &[]);
        let admin = account("admin", Role::Admin, &[]);
        for (who, repository, visibility, expected) in [
            (&Principal::ANONYMOUS, PUBLIC, Public, "pull"),
            (&Principal::ANONYMOUS, SECRET, Private, ""),
            (&Principal::ANONYMOUS, "local/demo/x", Private, "pull,push"),
            (&Principal::SYNC_TOKEN, SECRET, Private, ""),
            (&Principal::LOCAL, SECRET, Private, "pull,push,delete"),
            (&alice, PUBLIC, Public, "pull,request"),
            (&alice, SECRET, Private, "pull"),
            (&bob, SECRET, Private, ""),
            (&bob, "local/ml/model", Public, "pull,push,request"),
            (&bob, "local/ml/model", Private, "pull,push"),
            (&alice, "local/ml/model", Private, ""),
            (&viewer, PUBLIC, Public, "pull"),
            (&viewer, "local/reports/q1", Private, "pull"),
            (&operator, SECRET, Private, "pull,request"),
            (&admin, SECRET, Private, "pull,push,delete,request"),
            (&Principal::OWNER, SECRET, Private, "pull,push,delete,request"),
        ] {
            assert_eq!(rights(who, repository, visibility), expected, "{who:?} {repository}");
        }
    }

    #[test]
    fn a_token_carries_no_more_than_its_account_has() {
        let alice = scoped(account("alice", Role::User, &[]), "pull,push:docker.io/**");
        assert_eq!(rights(&alice, SECRET, Visibility::Private), "pull");
        assert_eq!(rights(&alice, "quay.io/a/b", Visibility::Public), "", "not in its scopes");
        let admin = scoped(account("admin", Role::Admin, &[]), "push:local/app");
        assert_eq!(rights(&admin, "local/app", Visibility::Public), "push");
        assert!(!rules().may(&admin, Operation::ManageAccounts));
        let robot = scoped(account("admin", Role::Admin, &[]), "sync");
        assert!(rules().may(&robot, Operation::RunSyncs) && !rules().may(&robot, Operation::ManageCache));
    }

    #[test]
    fn what_is_private_by_configuration() {
        assert!(rules().is_private("local/secret/a/b"));
        assert!(!rules().is_private("local/secret") && !rules().is_private(PUBLIC));
    }

    #[test]
    fn operations_of_those_without_an_account() {
        let may = |who: &Principal| -> Vec<_> {
            Operation::ALL.into_iter().filter(|operation| rules().may(who, *operation)).collect()
        };
        assert_eq!(may(&Principal::ANONYMOUS), [Operation::See]);
        assert_eq!(may(&Principal::SYNC_TOKEN), [Operation::See, Operation::Inspect, Operation::RunSyncs]);
        assert_eq!(may(&Principal::LOCAL), [Operation::See, Operation::Inspect, Operation::ReadMetrics]);
        assert_eq!(may(&Principal::OWNER), Operation::ALL);
    }

    proptest! {
        /// Whatever the grants are, a credential never adds to what its account may do.
        #[test]
        fn credentials_never_add(role in 0..4usize, scope in "(pull|push|delete|request):(\\*\\*|docker\\.io/\\*\\*|local/a)") {
            let whole = account("alice", Role::ALL[role], &["ml"]);
            let limited = scoped(whole.clone(), &scope);
            for repository in [PUBLIC, SECRET, "local/a", "local/ml/x"] {
                for visibility in [Visibility::Public, Visibility::Private] {
                    let (all, some) = (rules().rights(&whole, repository, visibility), rules().rights(&limited, repository, visibility));
                    prop_assert_eq!(some.intersection(all), some);
                }
            }
            for operation in Operation::ALL {
                prop_assert!(rules().may(&whole, operation) || !rules().may(&limited, operation));
            }
        }
    }
}
