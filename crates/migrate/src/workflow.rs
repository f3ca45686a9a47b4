//! Edits logins in GitHub workflows to match the images that are pushed.
//!
//! A login is changed if its job pushes images that move and nothing else to the same registry. Anything less clear is
//! reported and left for a manual change.

use std::collections::{BTreeSet, HashMap};

use entrepot_oci::Host;
use entrepot_rewrite::{
    Document as Text, DocumentKind, ImageChange, LeftCandidate, LoginForm, LoginStep, NewLogin, Position,
    RewriteError, Search,
};
use entrepot_sync::Provider;

use crate::{
    edit::{Direction, EditError},
    migration::Migration,
    root::Root,
};

/// A changed login.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LoginChange {
    /// The position in the file.
    pub position: Position,
    /// The path in the document's structure.
    pub place: String,
    /// The old registry.
    pub from: String,
    /// The new registry.
    pub to: String,
    /// The new secret, if another one.
    pub secret: Option<String>,
}

/// A place that needs a manual check.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Remark {
    /// The position, if there is a single one.
    pub position: Option<Position>,
    /// The fact.
    pub what: String,
    /// A hint.
    pub hint: String,
}

/// The editor's settings for logins.
#[derive(Clone, Debug)]
pub(crate) struct LoginSettings {
    /// The root of the names to change.
    pub(crate) from: Root,
    to: Root,
    direction: Direction,
    username: Option<String>,
    secret: Option<String>,
}

/// A reviewed workflow.
#[derive(Clone, Debug, Default)]
pub(crate) struct ReviewedWorkflow {
    pub(crate) text: String,
    pub(crate) logins: Vec<LoginChange>,
    pub(crate) remarks: Vec<Remark>,
}

/// A job that pushes moved images.
struct PushJob<'a> {
    name: &'a str,
    logins: Vec<&'a LoginStep>,
    /// Images it still pushes to the old registry.
    stays: Vec<String>,
}

/// The decision about a job's logins.
enum LoginDecision<'a> {
    /// Change this login.
    Change(&'a LoginStep, NewLogin),
    /// It needs a manual check.
    Ask(Remark),
}

impl LoginSettings {
    pub(crate) fn new(migration: &Migration, direction: Direction) -> Self {
        let (from, to) = match direction {
            Direction::There => (&migration.from, &migration.to),
            Direction::Back => (&migration.to, &migration.from),
        };
        let is_ghcr = Provider::of(to.host()) == Provider::Ghcr;
        let usual = |text: &str| is_ghcr.then(|| text.to_owned());
        let login = &migration.login;
        Self {
            from: from.clone(),
            to: to.clone(),
            direction,
            username: login.username.clone().or_else(|| usual("${{ github.actor }}")),
            secret: login.secret.clone().or_else(|| usual("GITHUB_TOKEN")),
        }
    }

    // The registry of a login; `None` if it is in a variable.
    fn registry(&self, login: &LoginStep) -> Option<Host> {
        match &login.form {
            LoginForm::Action { registry: None, .. } => Some(Host::docker_hub()),
            LoginForm::Action { registry: Some(text), .. } => {
                // Docker's own login address is a URL.
                let text = text.trim_start_matches("https://").split('/').next().unwrap_or_default();
                text.parse().ok()
            }
            LoginForm::Command(_) => None,
        }
    }

    fn new_login(&self) -> Option<NewLogin> {
        let secret = self.secret.as_ref()?;
        Some(NewLogin {
            registry: self.to.host().to_string(),
            username: self.username.clone(),
            password: Some(format!("${{{{ secrets.{secret} }}}}")),
        })
    }

    fn verdict<'a>(&self, job: &PushJob<'a>) -> Option<LoginDecision<'a>> {
        let at = |host: &Host| job.logins.iter().find(|login| self.registry(login).as_ref() == Some(host));
        let (old, new) = (at(self.from.host()), at(self.to.host()));
        let ask = |position: Option<Position>, what: String, hint: String| {
            Some(LoginDecision::Ask(Remark { position, what, hint }))
        };
        let (from, to, name) = (self.from.host(), self.to.host(), job.name);
        // The existing login works for the new names.
        if from == to {
            return None;
        }
        match (old, new) {
            (_, Some(_)) => None,
            (Some(login), None) if self.direction == Direction::Back => ask(
                Some(login.position),
                format!("job `{name}` logs in to `{from}`, and pushes to `{to}` now"),
                "which secrets it took before is not known here: `git checkout` has them".to_owned(),
            ),
            (Some(login), None) if !job.stays.is_empty() => ask(
                Some(login.position),
                format!(
                    "job `{name}` pushes {} to `{from}` as well, so its login stays",
                    job.stays.join(" and ")
                ),
                format!("add a second step that logs in to `{to}`"),
            ),
            (Some(login), None) => match self.new_login() {
                Some(new) => Some(LoginDecision::Change(login, new)),
                None => ask(
                    Some(login.position),
                    format!("job `{name}` logs in to `{from}`, and pushes to `{to}` now"),
                    "say as whom: `login: {username: …, secret: NAME}` in the migration".to_owned(),
                ),
            },
            (None, None) => {
                let command = job.logins.iter().find(|login| matches!(login.form, LoginForm::Command(_)));
                let hint = format!("have it log in to `{to}`");
                match (command, job.logins.first()) {
                    (Some(login), _) => ask(
                        Some(login.position),
                        format!("job `{name}` logs in by a command, and pushes to `{to}` now"),
                        hint,
                    ),
                    (None, Some(login)) => ask(
                        Some(login.position),
                        format!(
                            "where job `{name}` logs in to is in a variable, and it pushes to `{to}` now"
                        ),
                        hint,
                    ),
                    (None, None) => {
                        ask(None, format!("job `{name}` pushes to `{to}` now, and logs in nowhere"), hint)
                    }
                }
            }
        }
    }

    // A workflow's own token lacks this permission by default.
    fn permission(&self, login: &LoginStep) -> Option<Remark> {
        let is_own = self.secret.as_deref() == Some("GITHUB_TOKEN") && self.direction == Direction::There;
        let lacks =
            is_own && Provider::of(self.to.host()) == Provider::Ghcr && login.writes_packages != Some(true);
        lacks.then(|| Remark {
            position: Some(login.position),
            what: format!("the token of job `{}` may not write packages", login.job),
            hint: "add `permissions: {contents: read, packages: write}` to the job".to_owned(),
        })
    }
}

/// Reviews a workflow whose images have their new names; `changes` and `left` are the results of renaming.
pub(crate) fn review(
    settings: &LoginSettings,
    text: String,
    changes: &[ImageChange],
    left: &[LeftCandidate],
) -> Result<ReviewedWorkflow, EditError> {
    let document = Text::read(&text, DocumentKind::Github, &Search::default())?;
    let logins = document.logins();
    let mut reviewed = ReviewedWorkflow::default();
    let mut new: HashMap<String, NewLogin> = HashMap::new();
    let names: BTreeSet<&str> = changes.iter().filter_map(|change| pushing_job(&change.place)).collect();
    for name in names {
        let own = logins.iter().filter(|login| login.job == name).collect();
        let job = PushJob { name, logins: own, stays: stays(settings, name, left) };
        match settings.verdict(&job) {
            Some(LoginDecision::Change(login, to)) => {
                reviewed.remarks.extend(settings.permission(login));
                reviewed.logins.push(LoginChange {
                    position: login.position,
                    place: login.place.clone(),
                    from: settings.from.host().to_string(),
                    to: settings.to.host().to_string(),
                    secret: settings.secret.clone(),
                });
                new.insert(login.place.clone(), to);
            }
            Some(LoginDecision::Ask(remark)) => reviewed.remarks.push(remark),
            None => {}
        }
    }
    reviewed.remarks.extend(twice(changes, left));
    let written: Result<String, RewriteError> =
        if new.is_empty() { Ok(text.clone()) } else { document.with_logins(&new) };
    reviewed.text = written?;
    Ok(reviewed)
}

// The job that pushes the image at this path, if any: inputs of steps are pushed.
fn pushing_job(place: &str) -> Option<&str> {
    let rest = place.strip_prefix("jobs.")?;
    let (job, step) = rest.split_once(".steps[")?;
    step.contains("].with.").then_some(job)
}

// Images that a job still pushes to the old registry.
fn stays(settings: &LoginSettings, job: &str, left: &[LeftCandidate]) -> Vec<String> {
    let own = left.iter().filter(|left| pushing_job(&left.place) == Some(job));
    let at_old =
        own.filter(|left| left.found.as_ref().is_some_and(|found| found.host == *settings.from.host()));
    let texts: BTreeSet<String> = at_old.map(|left| format!("`{}`", left.text)).collect();
    texts.into_iter().collect()
}

// Jobs that push the same as other jobs: a workflow that was built for both registries.
fn twice(changes: &[ImageChange], left: &[LeftCandidate]) -> Option<Remark> {
    let pushed = |place: &str, name: String| Some((pushing_job(place)?.to_owned(), name));
    let now: BTreeSet<(String, String)> =
        changes.iter().filter_map(|change| pushed(&change.place, change.to.name())).collect();
    let before: BTreeSet<(String, String)> =
        left.iter().filter_map(|left| pushed(&left.place, left.found.as_ref()?.name())).collect();
    let (mut ours, mut theirs) = (BTreeSet::new(), BTreeSet::new());
    for (job, name) in &now {
        for (other, _) in before.iter().filter(|(other, known)| known == name && other != job) {
            ours.insert(job.clone());
            theirs.insert(other.clone());
        }
    }
    let named = |jobs: &BTreeSet<String>| {
        let jobs: Vec<String> = jobs.iter().map(|job| format!("`{job}`")).collect();
        jobs.join(", ")
    };
    (!ours.is_empty()).then(|| Remark {
        position: None,
        what: format!("job {} now pushes what job {} pushes already", named(&ours), named(&theirs)),
        hint: "remove one of them, or build once and copy: two builds have two digests".to_owned(),
    })
}
