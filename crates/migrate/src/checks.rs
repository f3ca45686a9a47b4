//! Checks that the accounts have the permissions a migration needs, without leaving anything behind.
//!
//! Each repository is tried step by step until one fails: is the registry reachable, what does the token allow, can the
//! repository be read, can it be written. The last starts an upload and cancels it.

use std::sync::Arc;

use entrepot_oci::{Reference, Repository, Tag};
use entrepot_remote::{Error, Remote, RepositoryAccess, Rights};
use entrepot_sync::{Place, Provider, Registries};
use futures_util::{StreamExt as _, stream};
use serde::Serialize;

use crate::{
    migration::Migration,
    moves::Moves,
    outcome::CheckOutcome,
    problem::{Problem, Severity},
    refusals::{self, RegistryOperation},
    requirements::{self, Account, KnownAccounts, Role},
};

/// The number of repositories checked at once.
const AT_ONCE: usize = 4;

/// The result for an upload that was not cancelled.
const LEFT_TO_EXPIRE: &str = "an upload was begun, and is left to expire";

/// The results of all checks.
#[derive(Clone, Debug, Serialize)]
pub struct Checks {
    /// True if everything is permitted.
    pub ok: bool,
    /// Every step of every repository; sources first.
    pub steps: Vec<Check>,
    /// Uploads that a registry did not cancel; they expire after a while.
    pub left_to_expire: usize,
    /// Problems known without asking a registry.
    pub problems: Vec<Problem>,
    /// The accounts needed.
    pub accounts: Vec<Account>,
    /// Additional notes.
    pub notes: Vec<String>,
}

/// One step for one repository.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Check {
    /// The repository.
    pub repository: String,
    /// The step.
    pub step: CheckStep,
    /// The result.
    #[serde(flatten)]
    pub result: CheckOutcome,
}

/// A step of the check.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum CheckStep {
    /// Access: the registry is reachable and accepts the account, and its token has the needed permissions.
    Access,
    /// Listing tags.
    List,
    /// Requesting a manifest.
    Pull,
    /// Starting an upload and cancelling it.
    Push,
}

impl Check {
    fn is_left(&self) -> bool {
        matches!(&self.result, CheckOutcome::Passed { how } if how == LEFT_TO_EXPIRE)
    }
}

impl CheckStep {
    /// The name of the step.
    pub fn word(self) -> &'static str {
        match self {
            Self::Access => "access",
            Self::List => "list",
            Self::Pull => "pull",
            Self::Push => "push",
        }
    }
}

/// Tries everything the migration needs, leaving nothing behind except uploads that expire.
pub async fn check(
    registries: &Arc<dyn Registries>,
    migration: &Migration,
    moves: &Moves,
    accounts: KnownAccounts,
) -> Checks {
    let sources = moves.moves.iter().map(|moved| (&moved.source, Role::Read, accounts.source));
    let targets = moves.moves.iter().map(|moved| (&moved.target, Role::Write, accounts.target));
    let ladders = sources
        .chain(targets)
        .map(|(place, role, has_account)| async move { ladder(registries, place, role, has_account).await });
    let steps: Vec<Vec<Check>> = stream::iter(ladders).buffered(AT_ONCE).collect().await;
    let steps = steps.concat();
    let stops = moves.problems.iter().any(|problem| problem.severity == Severity::Stops);
    Checks {
        ok: !stops && steps.iter().all(|check| matches!(check.result, CheckOutcome::Passed { .. })),
        left_to_expire: steps.iter().filter(|check| check.is_left()).count(),
        steps,
        problems: moves.problems.clone(),
        accounts: vec![
            requirements::account(migration.from.host(), Role::Read, accounts.source),
            requirements::account(migration.to.host(), Role::Write, accounts.target),
        ],
        notes: notes(migration),
    }
}

fn notes(migration: &Migration) -> Vec<String> {
    let provider = Provider::of(migration.to.host());
    let makes = matches!(
        provider,
        Provider::DockerHub
            | Provider::Quay
            | Provider::Swr
            | Provider::AliyunPersonal
            | Provider::AliyunEnterprise
    );
    let name = provider.name();
    makes
        .then(|| {
            format!(
                "{name} makes repositories as they are pushed to: beginning an upload may have made those that were \
                 not there, empty"
            )
        })
        .into_iter()
        .collect()
}

async fn ladder(
    registries: &Arc<dyn Registries>,
    place: &Place,
    role: Role,
    has_account: bool,
) -> Vec<Check> {
    let Place::Registry { host, repository } = place else { return Vec::new() };
    let about = RegistryOperation { provider: Provider::of(host), place, role, has_account };
    let mut steps = Vec::new();
    let mut add = |step: CheckStep, result: CheckOutcome| {
        let passed = matches!(result, CheckOutcome::Passed { .. });
        steps.push(Check { repository: place.to_string(), step, result });
        passed
    };
    let remote = match registries.registry(host) {
        Ok(registry) => registry.remote,
        Err(error) => {
            let hint = "look at its section under `registries`".to_owned();
            add(CheckStep::Access, CheckOutcome::Failed { what: error.to_string(), hint });
            return steps;
        }
    };
    if !add(CheckStep::Access, access(&remote, repository, &about).await) {
        return steps;
    }
    match role {
        Role::Read => {
            let (listed, tag) = list(&remote, repository, &about).await;
            add(CheckStep::List, listed);
            if let Some(tag) = tag {
                add(CheckStep::Pull, pull(&remote, repository, &tag, &about).await);
            }
        }
        Role::Write => {
            add(CheckStep::Push, push(&remote, repository, &about).await);
        }
    }
    steps
}

async fn access(remote: &Remote, repository: &Repository, about: &RegistryOperation<'_>) -> CheckOutcome {
    let rights = match about.role {
        Role::Read => Rights::Pull,
        Role::Write => Rights::Push,
    };
    let how = match remote.access(repository, rights).await {
        Ok(RepositoryAccess::Open) => "it asks nobody who they are".to_owned(),
        Ok(RepositoryAccess::Password) => "it takes the password".to_owned(),
        Ok(RepositoryAccess::Token(None)) => "it gives a token, which does not say what for".to_owned(),
        Ok(RepositoryAccess::Token(Some(actions))) => {
            let has = |wanted: &str| actions.iter().any(|action| action == wanted || action == "*");
            if !has(about.role.word()) {
                return refusals::too_little(about, &actions);
            }
            format!("it gives a token for {}", actions.join(" and "))
        }
        Err(error) => return refusals::refused(about, &error),
    };
    CheckOutcome::Passed { how }
}

async fn list(
    remote: &Remote,
    repository: &Repository,
    about: &RegistryOperation<'_>,
) -> (CheckOutcome, Option<Tag>) {
    match remote.all_tags(repository).await {
        Ok(tags) => {
            let how = if tags.len() == 1 { "1 tag".to_owned() } else { format!("{} tags", tags.len()) };
            (CheckOutcome::Passed { how }, tags.last().cloned())
        }
        Err(error) => (refusals::refused(about, &error), None),
    }
}

async fn pull(
    remote: &Remote,
    repository: &Repository,
    tag: &Tag,
    about: &RegistryOperation<'_>,
) -> CheckOutcome {
    match remote.find_manifest(repository, &Reference::Tag(tag.clone())).await {
        Ok(_) => CheckOutcome::Passed { how: format!("`{tag}` can be read") },
        // A listing may name tags that are gone.
        Err(Error::NotFound) => CheckOutcome::Passed { how: format!("`{tag}` may be asked for") },
        Err(error) => refusals::refused(about, &error),
    }
}

async fn push(remote: &Remote, repository: &Repository, about: &RegistryOperation<'_>) -> CheckOutcome {
    match remote.try_push(repository).await {
        Ok(entrepot_remote::CancelOutcome::Forgotten) => {
            CheckOutcome::Passed { how: "an upload was begun, and taken back".to_owned() }
        }
        Ok(entrepot_remote::CancelOutcome::LeftToExpire) => {
            CheckOutcome::Passed { how: LEFT_TO_EXPIRE.to_owned() }
        }
        Err(error) => refusals::refused(about, &error),
    }
}
