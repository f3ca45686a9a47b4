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
    /// What becomes of pulls with credentials that are not accepted.
    pub wrong_credentials: WrongCredentials,
}

/// What becomes of pulls with credentials that are not accepted. Clusters send those of other registries.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum WrongCredentials {
    /// They get what they would get without any.
    #[default]
    Ignored,
    /// They are refused.
    Refused,
}

/// Whether anybody may pull a repository.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Visibility {
    /// Its upstream gives it to anybody, or it is hosted here and not declared private.
    Public,
    /// Only those who were granted it may know that it exists.
    Private,
}

/// A repository, as the rules see it.
#[derive(Clone, Copy, Debug)]
pub struct Repository<'a> {
    /// Its name in full.
    pub name: &'a str,
    /// Whether anybody may pull it.
    pub visibility: Visibility,
}

/// What gives somebody a right to a repository.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MatchedRule {
    /// They can open the local socket, and so own everything.
    Owner,
    /// What programs on the server's machine may do.
    Local,
    /// The rule that a CI job fits, in `access.workloads`.
    Workload,
    /// What anybody may do to public repositories.
    Anonymous,
    /// What accounts of this role may do without a grant.
    Role(Role),
    /// The grant at this place in [`Rules::grants`].
    Grant(usize),
}

/// Whether somebody may do something to a repository, and what says so.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reason {
    /// They may, by this.
    Given(MatchedRule),
    /// Their API token does not carry it, but this lets anybody pull.
    Anyway(MatchedRule),
    /// This gives it to their account, but their API token does not carry it.
    NotCarried(MatchedRule),
    /// Nothing gives it to them.
    Nothing,
}

/// The rules where nothing is configured: anybody may pull, and programs on the server's machine may do everything.
impl Default for Rules {
    fn default() -> Self {
        let anonymous = Verbs::NONE.with(Verb::Pull);
        Self {
            anonymous,
            anonymous_sees: true,
            local: Verbs::ALL,
            grants: Vec::new(),
            private: Vec::new(),
            wrong_credentials: WrongCredentials::Ignored,
        }
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

    /// What a principal may do to a repository, named in full. Their credential limits that, but takes no pull away that
    /// needs no login.
    pub fn rights(&self, principal: &Principal, repository: &str, visibility: Visibility) -> Verbs {
        let of = Repository { name: repository, visibility };
        let mut rights = Verbs::NONE;
        self.sources(&principal.identity, of, |_, verbs| {
            rights = rights.union(verbs);
        });
        let carried = principal.carries.limit(rights, repository);
        if !carried.has(Verb::Pull) && rights.has(Verb::Pull) && self.lets_anybody_pull(of).is_some() {
            return carried.with(Verb::Pull);
        }
        carried
    }

    // What lets anybody pull a repository without a login.
    fn lets_anybody_pull(&self, of: Repository<'_>) -> Option<MatchedRule> {
        let mut found = None;
        self.sources(&Identity::Anonymous, of, |source, verbs| {
            if found.is_none() && verbs.has(Verb::Pull) {
                found = Some(source);
            }
        });
        found
    }

    /// Whether a principal may do this to a repository, and what says so. It agrees with [`Rules::rights`]: both ask the
    /// same sources.
    pub fn explain(&self, principal: &Principal, verb: Verb, of: Repository<'_>) -> Reason {
        let mut found = None;
        self.sources(&principal.identity, of, |source, verbs| {
            if found.is_none() && verbs.has(verb) {
                found = Some(source);
            }
        });
        let Some(source) = found else { return Reason::Nothing };
        if principal.carries.limit(Verbs::NONE.with(verb), of.name).has(verb) {
            return Reason::Given(source);
        }
        let anyway = if verb == Verb::Pull { self.lets_anybody_pull(of) } else { None };
        anyway.map_or(Reason::NotCarried(source), Reason::Anyway)
    }

    // Calls `tell` with everything that gives somebody rights to a repository, whatever their credential carries of them.
    fn sources(&self, identity: &Identity, of: Repository<'_>, mut tell: impl FnMut(MatchedRule, Verbs)) {
        let is_public = of.visibility == Visibility::Public;
        let account = match identity {
            Identity::Owner => return tell(MatchedRule::Owner, Verbs::ALL),
            Identity::Account(account) => {
                tell(MatchedRule::Role(account.role), usual(account.role, is_public));
                Some(&**account)
            }
            Identity::Local => {
                tell(MatchedRule::Local, self.local);
                None
            }
            Identity::Workload(workload) => {
                tell(MatchedRule::Workload, workload.rights(of.name));
                None
            }
            Identity::SyncToken | Identity::Anonymous => None,
        };
        // What anybody may do, accounts may do as well.
        if is_public {
            tell(MatchedRule::Anonymous, self.anonymous);
        }
        for (at, grant) in self.grants.iter().enumerate() {
            if is_for(&grant.to, account) && grant.covers(of.name) {
                tell(MatchedRule::Grant(at), grant.may);
            }
        }
    }

    /// True if a principal may do this.
    pub fn may(&self, principal: &Principal, operation: Operation) -> bool {
        let may = match &principal.identity {
            Identity::Owner => true,
            Identity::Account(account) => account.role.may(operation) || self.anybody_may(operation),
            Identity::Local => match operation {
                Operation::See | Operation::Inspect | Operation::ReadMetrics => true,
                Operation::Request => self.local.has(Verb::Request) || self.anybody_may(operation),
                _ => false,
            },
            Identity::SyncToken => {
                matches!(operation, Operation::See | Operation::Inspect | Operation::RunSyncs)
            }
            Identity::Anonymous | Identity::Workload(_) => self.anybody_may(operation),
        };
        may && principal.carries.may(operation)
    }

    fn anybody_may(&self, operation: Operation) -> bool {
        match operation {
            Operation::See => self.anonymous_sees,
            Operation::Request => self.anonymous.has(Verb::Request),
            _ => false,
        }
    }
}

/// What a role gives without a grant.
fn usual(role: Role, is_public: bool) -> Verbs {
    match role {
        Role::Admin => Verbs::ALL,
        // Whoever operates the cache can read what is in it.
        Role::Operator => Verbs::NONE.with(Verb::Pull).with(Verb::Request),
        Role::User | Role::Viewer if !is_public => Verbs::NONE,
        Role::User => Verbs::NONE.with(Verb::Pull).with(Verb::Request),
        Role::Viewer => Verbs::NONE.with(Verb::Pull),
    }
}

fn is_for(subject: &Subject, account: Option<&Account>) -> bool {
    match (subject, account) {
        (Subject::Anonymous, _) => true,
        (_, None) => false,
        (Subject::Account(name), Some(account)) => *name == account.name,
        (Subject::Group(group), Some(account)) => account.groups.contains(group),
        (Subject::Role(role), Some(account)) => *role == account.role,
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
            wrong_credentials: WrongCredentials::Ignored,
        }
    }

    fn account(name: &str, role: Role, groups: &[&str]) -> Principal {
        let groups = groups.iter().map(|group| (*group).to_owned()).collect();
        let account = Account { id: 1, name: name.parse().unwrap(), role, groups };
        Principal { identity: Identity::Account(Arc::new(account)), carries: Carries::All }
    }

    fn scoped(mut principal: Principal, scopes: &str) -> Principal {
        let (id, name) = ("0123456789".parse().unwrap(), "ci".to_owned());
        let held = HeldToken { id, name, scopes: scopes.parse().unwrap(), ends: None };
        principal.carries = Carries::Token(Arc::new(held));
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
    fn a_login_takes_nothing_away() {
        let rules = Rules { anonymous: "pull,push,request".parse().unwrap(), ..rules() };
        let viewer = account("eve", Role::Viewer, &[]);
        assert_eq!(rules.rights(&viewer, PUBLIC, Visibility::Public).to_string(), "pull,push,request");
        assert_eq!(rules.rights(&viewer, SECRET, Visibility::Private), Verbs::NONE);
        assert!(rules.may(&viewer, Operation::Request) && rules.may(&Principal::LOCAL, Operation::Request));
        assert!(!super::Rules::default().may(&viewer, Operation::Request));
    }

    #[test]
    fn a_token_carries_no_more_than_its_account_has() {
        let alice = scoped(account("alice", Role::User, &[]), "pull,push:docker.io/**");
        assert_eq!(rights(&alice, SECRET, Visibility::Private), "pull");
        assert_eq!(rights(&alice, "quay.io/a/b", Visibility::Public), "pull", "as without a login");
        assert_eq!(rights(&alice, "local/ml/x", Visibility::Private), "");
        let admin = scoped(account("admin", Role::Admin, &[]), "push:local/app");
        assert_eq!(rights(&admin, "local/app", Visibility::Public), "pull,push", "it is public");
        assert_eq!(rights(&admin, "local/app", Visibility::Private), "push", "write-only");
        assert_eq!(
            rights(&admin, "local/demo/x", Visibility::Private),
            "pull",
            "granted to anybody, who may push as well"
        );
        let closed = Rules { anonymous: Verbs::NONE, ..rules() };
        assert_eq!(closed.rights(&alice, "quay.io/a/b", Visibility::Public), Verbs::NONE, "needs a login");
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

    #[test]
    fn a_right_has_a_reason() {
        let explain = |who: &Principal, verb, repository, visibility| {
            rules().explain(who, verb, Repository { name: repository, visibility })
        };
        let (alice, bob) = (account("alice", Role::User, &[]), account("bob", Role::User, &["ml"]));
        let robot = scoped(alice.clone(), "push:docker.io/**");
        for (who, verb, repository, visibility, reason) in [
            (&Principal::OWNER, Verb::Delete, SECRET, Visibility::Private, Reason::Given(MatchedRule::Owner)),
            (&Principal::LOCAL, Verb::Push, SECRET, Visibility::Private, Reason::Given(MatchedRule::Local)),
            (&Principal::LOCAL, Verb::Request, PUBLIC, Visibility::Public, Reason::Nothing),
            (
                &Principal::ANONYMOUS,
                Verb::Pull,
                PUBLIC,
                Visibility::Public,
                Reason::Given(MatchedRule::Anonymous),
            ),
            (&Principal::ANONYMOUS, Verb::Pull, SECRET, Visibility::Private, Reason::Nothing),
            (&alice, Verb::Pull, SECRET, Visibility::Private, Reason::Given(MatchedRule::Grant(0))),
            (&alice, Verb::Pull, PUBLIC, Visibility::Public, Reason::Given(MatchedRule::Role(Role::User))),
            (&bob, Verb::Push, "local/ml/x", Visibility::Private, Reason::Given(MatchedRule::Grant(1))),
            (&robot, Verb::Pull, SECRET, Visibility::Private, Reason::NotCarried(MatchedRule::Grant(0))),
            (&robot, Verb::Push, SECRET, Visibility::Private, Reason::Nothing),
            (&robot, Verb::Pull, PUBLIC, Visibility::Public, Reason::Anyway(MatchedRule::Anonymous)),
            (&robot, Verb::Pull, "local/demo/x", Visibility::Private, Reason::Anyway(MatchedRule::Grant(3))),
            (
                &robot,
                Verb::Push,
                "local/demo/x",
                Visibility::Private,
                Reason::NotCarried(MatchedRule::Grant(3)),
            ),
        ] {
            assert_eq!(explain(who, verb, repository, visibility), reason, "{who:?} {verb} {repository}");
        }
    }

    proptest! {
        /// What is explained is what is decided.
        #[test]
        fn reasons_and_rights_agree(
            role in 0..4usize,
            scope in proptest::option::of("(pull|push|delete|request):(\\*\\*|docker\\.io/\\*\\*|local/a)"),
        ) {
            let mut all = vec![Principal::OWNER, Principal::LOCAL, Principal::ANONYMOUS, Principal::SYNC_TOKEN];
            all.push(account("alice", Role::ALL[role], &["ml"]));
            if let Some(scope) = &scope {
                all.push(scoped(account("alice", Role::ALL[role], &["ml"]), scope));
            }
            for who in &all {
                for name in [PUBLIC, SECRET, "local/a", "local/ml/x", "local/demo/x", "local/reports/q1"] {
                    for visibility in [Visibility::Public, Visibility::Private] {
                        let rights = rules().rights(who, name, visibility);
                        for verb in Verb::ALL {
                            let reason = rules().explain(who, verb, Repository { name, visibility });
                            prop_assert_eq!(rights.has(verb), matches!(reason, Reason::Given(_) | Reason::Anyway(_)), "{:?} {} {}", who, verb, name);
                        }
                    }
                }
            }
        }

        /// Whatever the grants are, a credential never adds to what its account may do, and takes no pull from it that needs
        /// no login.
        #[test]
        fn credentials_never_add(role in 0..4usize, scope in "(pull|push|delete|request):(\\*\\*|docker\\.io/\\*\\*|local/a)") {
            let whole = account("alice", Role::ALL[role], &["ml"]);
            let limited = scoped(whole.clone(), &scope);
            for repository in [PUBLIC, SECRET, "local/a", "local/ml/x"] {
                for visibility in [Visibility::Public, Visibility::Private] {
                    let (all, some) = (rules().rights(&whole, repository, visibility), rules().rights(&limited, repository, visibility));
                    prop_assert_eq!(some.intersection(all), some);
                    let anybody = rules().rights(&Principal::ANONYMOUS, repository, visibility);
                    prop_assert!(some.has(Verb::Pull) || !anybody.has(Verb::Pull));
                }
            }
            for operation in Operation::ALL {
                prop_assert!(rules().may(&whole, operation) || !rules().may(&limited, operation));
            }
        }
    }
}
