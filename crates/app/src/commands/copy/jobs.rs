//! From what was typed to what the engine does.

use std::time::Duration;

use entrepot_oci::{Digest, Host, Reference, Repository, Tag};
use entrepot_remote::Error;
use entrepot_sync::{self as sync, Done, Format, Job, Outcome, Place, Registries as _, Row, Shape, Target};
use futures_util::{StreamExt as _, future::join_all, stream};
use serde::Serialize;

use super::End;
use crate::{
    commands::{
        session::{self, Session},
        tags,
    },
    failure::Failure,
    progress::image,
};

/// How many images are looked at at once.
const AT_ONCE: usize = 16;

/// What was typed.
pub(super) struct Wanted<'a> {
    pub(super) source: &'a End,
    pub(super) targets: &'a [End],
    pub(super) all_tags: bool,
    pub(super) format: Option<Format>,
    pub(super) shape: Shape,
    pub(super) referrers: bool,
}

/// What would be done for one image at one target.
#[derive(Debug, Serialize)]
pub(super) struct Planned {
    pub(super) source: String,
    pub(super) target: String,
    pub(super) digest: Option<String>,
    pub(super) action: Action,
}

/// What would be done.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Action {
    /// The target has it.
    UpToDate,
    /// It is not there.
    Copy,
    /// Something else is there, or the same in another form.
    Update,
}

/// Makes jobs: one for each image.
pub(super) async fn jobs(session: &Session, wanted: &Wanted<'_>) -> Result<Vec<Job>, Failure> {
    if wanted.all_tags
        && let Some(end) =
            [wanted.source].into_iter().chain(wanted.targets).find(|end| end.reference.is_some())
    {
        return Err(Failure::wrong(format!("`{end}` is one image, and `--all-tags` means all"))
            .with_hint("leave out tags and digests, or `--all-tags`"));
    }
    let references = match &wanted.source.reference {
        Some(reference) => vec![reference.clone()],
        None => unsaid(session, wanted).await?,
    };
    references.into_iter().map(|reference| job(session, wanted, reference)).collect()
}

// Which images are meant where nobody said it: `latest` at a registry, and elsewhere the only one.
async fn unsaid(session: &Session, wanted: &Wanted<'_>) -> Result<Vec<Reference>, Failure> {
    let place = &wanted.source.place;
    if let Place::Registry { host, repository } = place {
        if !wanted.all_tags {
            return Ok(vec![Reference::Tag(Tag::latest())]);
        }
        let tags = tags::list(session, host, repository).await?;
        if tags.is_empty() {
            return Err(Failure::new(format!("`{place}` has no tags")));
        }
        return Ok(tags.into_iter().map(Reference::Tag).collect());
    }
    let found = sync::contents(place).await;
    let found = found.map_err(|sync::Failure { what, hint, .. }| match hint {
        Some(hint) => Failure::new(what).with_hint(hint),
        None => Failure::new(what),
    })?;
    match found.as_slice() {
        [] => Err(Failure::new(format!("there is no image in `{place}`"))),
        [_] => Ok(found),
        _ if wanted.all_tags => Ok(found),
        several => {
            let names: Vec<String> = several.iter().take(5).map(ToString::to_string).collect();
            let more = if several.len() > names.len() { ", …" } else { "" };
            Err(Failure::wrong(format!("there are {} images in `{place}`", several.len())).with_hint(
                format!(
                    "say which, as in `{}`, or `--all-tags`; there are {}{more}",
                    image(place, &several[0]),
                    names.join(", "),
                ),
            ))
        }
    }
}

fn job(session: &Session, wanted: &Wanted<'_>, reference: Reference) -> Result<Job, Failure> {
    let targets = wanted.targets.iter().map(|end| target(session, wanted, end, &reference));
    Ok(Job {
        rule: String::new(),
        source: wanted.source.place.clone(),
        targets: targets.collect::<Result<_, _>>()?,
        digest: match &reference {
            Reference::Digest(digest) => Some(*digest),
            Reference::Tag(_) => None,
        },
        attached: None,
        reference,
    })
}

// Without a tag of its own a target gets the source's.
fn target(
    session: &Session,
    wanted: &Wanted<'_>,
    end: &End,
    reference: &Reference,
) -> Result<Target, Failure> {
    let usual = match end.place.host() {
        Some(host) => session.registry(host)?.format,
        None => Format::Keep,
    };
    Ok(Target {
        place: end.place.clone(),
        reference: end.reference.clone().unwrap_or_else(|| reference.clone()),
        shape: Shape { format: wanted.format.unwrap_or(usual), ..wanted.shape.clone() },
        referrers: wanted.referrers,
        before: None,
        backup: None,
    })
}

/// What there is for a job: the image at its source, and what each of its targets has, in their order.
pub(in crate::commands) struct Seen {
    digest: Option<Digest>,
    targets: Vec<(Option<Digest>, Action)>,
}

/// Looks who has what, for a `HEAD` each.
pub(in crate::commands) async fn look(session: &Session, jobs: &[Job]) -> Vec<Seen> {
    let asked = stream::iter(jobs).map(async |job| {
        let digest = match &job.digest {
            Some(digest) => Some(*digest),
            None => digest(session, &job.source, &job.reference).await,
        };
        let targets = job.targets.iter().map(async |target| {
            let there = self::digest(session, &target.place, &target.reference).await;
            (there, action(session, digest, (there, target)).await)
        });
        Seen { digest, targets: join_all(targets).await }
    });
    asked.buffered(AT_ONCE).collect().await
}

/// What would be done.
pub(super) fn planned(jobs: &[Job], seen: &[Seen]) -> Vec<Planned> {
    let each = jobs.iter().zip(seen).flat_map(|(job, seen)| {
        job.targets.iter().zip(&seen.targets).map(|(target, (_, action))| Planned {
            source: image(&job.source, &job.reference),
            target: image(&target.place, &target.reference),
            digest: seen.digest.as_ref().map(Digest::to_string),
            action: *action,
        })
    });
    each.collect()
}

/// Tells the engine what is there, and takes away what needs no more than that: rows for targets that have the image,
/// where nothing that refers to it is to be looked for.
pub(in crate::commands) fn settle(jobs: &mut Vec<Job>, seen: Vec<Seen>) -> Vec<Row> {
    let mut rows = Vec::new();
    for (job, seen) in jobs.iter_mut().zip(seen) {
        let Job { rule, source, reference, targets, .. } = job;
        let mut states = seen.targets.into_iter();
        targets.retain_mut(|target| {
            let (there, action) = states.next().unwrap_or((None, Action::Copy));
            target.before = there;
            let Some(at_target) = there.filter(|_| action == Action::UpToDate && !target.referrers) else {
                return true;
            };
            rows.push(Row {
                rule: rule.clone(),
                source: source.clone(),
                reference: reference.clone(),
                target: target.place.clone(),
                target_reference: target.reference.clone(),
                digest: seen.digest,
                outcome: Outcome::Done(Done {
                    digest: at_target,
                    changed: false,
                    written: 0,
                    mounted: 0,
                    present: 0,
                }),
                took: Duration::ZERO,
            });
            false
        });
    }
    jobs.retain(|job| !job.targets.is_empty());
    rows
}

async fn action(
    session: &Session,
    wanted: Option<Digest>,
    (there, target): (Option<Digest>, &Target),
) -> Action {
    let cache = session.registries.cache();
    let converted = match &wanted {
        Some(source) if target.shape != Shape::default() => cache.converted(source, &target.shape).await,
        _ => wanted,
    };
    match there {
        None => Action::Copy,
        Some(there) if converted == Some(there) => Action::UpToDate,
        Some(_) => Action::Update,
    }
}

// What cannot be asked is taken for not there: the copy itself will say why.
async fn digest(session: &Session, place: &Place, reference: &Reference) -> Option<Digest> {
    let Place::Registry { host, repository } = place else { return None };
    match head(session, host, repository, reference).await {
        Ok(digest) => digest,
        Err(error) => {
            tracing::debug!(%error, %place, "cannot be asked");
            None
        }
    }
}

async fn head(
    session: &Session,
    host: &Host,
    repository: &Repository,
    reference: &Reference,
) -> Result<Option<Digest>, Failure> {
    let remote = session.remote(host)?;
    match remote.head_manifest(repository, reference).await {
        Ok(head) => Ok(head.digest),
        Err(Error::NotFound) => Ok(None),
        Err(error) => Err(session.told(host, &session::name(host, repository), &error)),
    }
}
