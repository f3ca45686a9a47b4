//! Plans copies requested by hand, without a rule. Pure.
//!
//! [`CopyRequest::jobs`] makes the jobs; [`crate::look`] queries both sides; [`JobState`] compares them, and [`settle`]
//! leaves only the jobs that have work.

use std::time::Duration;

use entrepot_oci::{Digest, Host, Platform, Reference};

use crate::{CopyJob, CopyResult, CopySuccess, Format, JobOutcome, JobTarget, Place, Shape};

/// A request to copy images of one place to others.
#[derive(Clone, Debug)]
pub struct CopyRequest {
    /// The source.
    pub source: Place,
    /// The images; each becomes a job.
    pub images: Vec<CopyImage>,
    /// The targets.
    pub targets: Vec<CopyTarget>,
    /// The manifest format; `None` means the usual one of each target's registry.
    pub format: Option<Format>,
    /// Only these platforms; empty means all.
    pub platforms: Vec<Platform>,
    /// Copy referrers too.
    pub referrers: bool,
}

/// An image of a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CopyImage {
    /// Its name at the source, and at targets that give it no other.
    pub name: Reference,
    /// The digest that is read, whatever the name stands for. `None` means what the name stands for.
    pub digest: Option<Digest>,
}

impl From<Reference> for CopyImage {
    fn from(name: Reference) -> Self {
        let digest = match &name {
            Reference::Digest(digest) => Some(*digest),
            Reference::Tag(_) => None,
        };
        Self { name, digest }
    }
}

/// A target of a request.
#[derive(Clone, Debug)]
pub struct CopyTarget {
    /// The repository, layout or archive.
    pub place: Place,
    /// The name there; `None` means the same as at the source.
    pub name: Option<Reference>,
    /// The digest that the image must have there; `None` takes any.
    pub digest: Option<Digest>,
}

impl CopyRequest {
    /// A job for each image. `usual` returns the format that a registry accepts.
    ///
    /// # Errors
    /// Those of `usual`.
    pub fn jobs<E>(&self, usual: impl Fn(&Host) -> Result<Format, E>) -> Result<Vec<CopyJob>, E> {
        self.images.iter().map(|image| self.job(image, &usual)).collect()
    }

    fn job<E>(&self, image: &CopyImage, usual: impl Fn(&Host) -> Result<Format, E>) -> Result<CopyJob, E> {
        let target = |target: &CopyTarget| {
            let format = match (self.format, target.place.host()) {
                (Some(format), _) => format,
                (None, Some(host)) => usual(host)?,
                (None, None) => Format::Keep,
            };
            Ok(JobTarget {
                place: target.place.clone(),
                reference: target.name.as_ref().unwrap_or(&image.name).clone(),
                source_name: None,
                digest: target.digest,
                shape: Shape { platforms: self.platforms.clone(), format, ..Shape::default() },
                referrers: self.referrers,
                before: None,
                backup: None,
            })
        };
        Ok(CopyJob {
            rule: String::new(),
            source: self.source.clone(),
            reference: image.name.clone(),
            digest: image.digest,
            attached: None,
            targets: self.targets.iter().map(target).collect::<Result<_, E>>()?,
        })
    }
}

/// The action of a manual copy at one target.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CopyAction {
    /// Nothing: the target has the image.
    UpToDate,
    /// The image is copied: nothing is there.
    Copy,
    /// The image is copied over something else, or over the same image in another form.
    Update,
}

impl CopyAction {
    /// Compares the wanted digest with the one at the target. If either is unknown, a copy is needed.
    pub(crate) fn of(wanted: Option<Digest>, there: Option<Digest>) -> Self {
        match there {
            None => Self::Copy,
            Some(_) if there == wanted => Self::UpToDate,
            Some(_) => Self::Update,
        }
    }
}

/// The state of a job's source and targets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JobState {
    /// The digest at the source, if known.
    pub digest: Option<Digest>,
    /// Each target, in the order of the job.
    pub targets: Vec<TargetState>,
}

/// The state of a target.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TargetState {
    /// The digest there, if it exists.
    pub digest: Option<Digest>,
    /// The action.
    pub action: CopyAction,
}

/// Records the state of the targets in the jobs, and removes targets that need no copy; returns a row for each of
/// these. A target stays if referrers have to be checked.
pub fn settle(jobs: &mut Vec<CopyJob>, states: Vec<JobState>) -> Vec<CopyResult> {
    let mut rows = Vec::new();
    for (job, state) in jobs.iter_mut().zip(states) {
        let CopyJob { rule, source, reference, targets, .. } = job;
        let mut there = state.targets.into_iter();
        targets.retain_mut(|target| {
            let Some(TargetState { digest, action }) = there.next() else { return true };
            target.before = digest;
            let is_done = action == CopyAction::UpToDate && !target.referrers;
            let Some(digest) = digest.filter(|_| is_done) else { return true };
            rows.push(CopyResult {
                rule: rule.clone(),
                source: source.clone(),
                reference: reference.clone(),
                target: target.place.clone(),
                target_reference: target.reference.clone(),
                digest: state.digest,
                outcome: JobOutcome::Done(CopySuccess {
                    digest,
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

#[cfg(test)]
mod tests {
    use super::*;

    fn place(text: &str) -> Place {
        let (host, repository) = text.split_once('/').unwrap();
        Place::Registry { host: host.parse().unwrap(), repository: repository.parse().unwrap() }
    }

    fn request(referrers: bool) -> CopyRequest {
        let target = |place: Place, tag: Option<&str>| CopyTarget {
            place,
            name: tag.map(|tag| Reference::Tag(tag.parse().unwrap())),
            digest: None,
        };
        CopyRequest {
            source: place("quay.io/a/b"),
            images: vec![
                Reference::Tag("1".parse().unwrap()).into(),
                Reference::Digest(Digest::of(b"two")).into(),
            ],
            targets: vec![
                target(place("docker.io/a/b"), None),
                target(place("swr.example.com/a/b"), Some("other")),
                target(Place::Layout("dir".into()), None),
            ],
            format: None,
            platforms: vec!["linux/amd64".parse().unwrap()],
            referrers,
        }
    }

    fn usual(host: &Host) -> Result<Format, String> {
        match host.as_str() {
            "swr.example.com" => Ok(Format::Docker),
            "docker.io" => Ok(Format::Keep),
            other => Err(other.to_owned()),
        }
    }

    #[test]
    fn every_image_is_a_job_in_the_form_of_each_target() {
        let jobs = request(true).jobs(usual).unwrap();
        let [one, two] = &jobs[..] else { panic!("{jobs:?}") };
        assert_eq!((one.digest, two.digest), (None, Some(Digest::of(b"two"))));
        let told = |job: &CopyJob| {
            let targets = job.targets.iter();
            targets
                .map(|target| format!("{}:{} {}", target.place, target.reference, target.shape))
                .collect::<Vec<_>>()
        };
        assert_eq!(
            told(one),
            [
                "docker.io/a/b:1 keep linux/amd64",
                "swr.example.com/a/b:other docker linux/amd64",
                "oci:dir:1 keep linux/amd64"
            ]
        );
        assert!(
            one.targets.iter().all(|target| target.referrers)
                && two.targets[1].reference == one.targets[1].reference
        );
        assert_eq!(two.targets[0].reference, Reference::Digest(Digest::of(b"two")));
        let forced = CopyRequest { format: Some(Format::Docker), ..request(false) };
        let forced = forced.jobs(|_| Err("nobody is asked")).unwrap();
        assert!(
            forced[0].targets.iter().all(|target| target.shape.format == Format::Docker && !target.referrers)
        );
        let strange = CopyRequest {
            targets: vec![CopyTarget { place: place("x.test/a"), name: None, digest: None }],
            ..request(false)
        };
        assert_eq!(strange.jobs(usual).unwrap_err(), "x.test");
    }

    #[test]
    fn only_the_digest_wanted_is_up_to_date() {
        let (one, two) = (Some(Digest::of(b"one")), Some(Digest::of(b"two")));
        for (wanted, there, action) in [
            (one, one, CopyAction::UpToDate),
            (one, two, CopyAction::Update),
            (None, two, CopyAction::Update),
            (one, None, CopyAction::Copy),
            (None, None, CopyAction::Copy),
        ] {
            assert_eq!(CopyAction::of(wanted, there), action);
        }
    }

    #[test]
    fn a_tag_beside_a_digest_is_the_name_and_the_digest_is_what_is_read() {
        let digest = Digest::of(b"one");
        let mut request = request(false);
        request.images =
            vec![CopyImage { digest: Some(digest), ..Reference::Tag("1".parse().unwrap()).into() }];
        request.targets[1].digest = Some(Digest::of(b"two"));
        let jobs = request.jobs(usual).unwrap();
        assert_eq!((jobs[0].reference.to_string(), jobs[0].digest), ("1".to_owned(), Some(digest)));
        let targets: Vec<_> =
            jobs[0].targets.iter().map(|to| (to.reference.to_string(), to.digest)).collect();
        assert_eq!(
            targets,
            [("1".to_owned(), None), ("other".to_owned(), Some(Digest::of(b"two"))), ("1".to_owned(), None)]
        );
    }

    fn state(actions: [CopyAction; 3]) -> JobState {
        let there = |action| (action != CopyAction::Copy).then(|| Digest::of(b"there"));
        let targets = actions.map(|action| TargetState { digest: there(action), action });
        JobState { digest: Some(Digest::of(b"here")), targets: targets.to_vec() }
    }

    #[test]
    fn what_is_there_is_not_copied() {
        let mut jobs = request(false).jobs(usual).unwrap();
        let all = [CopyAction::UpToDate; 3];
        let rows = settle(
            &mut jobs,
            vec![state([CopyAction::UpToDate, CopyAction::Update, CopyAction::Copy]), state(all)],
        );
        let targets: Vec<String> = jobs[0].targets.iter().map(|target| target.place.to_string()).collect();
        assert_eq!((jobs.len(), targets), (1, vec!["swr.example.com/a/b".to_owned(), "oci:dir".to_owned()]));
        let before: Vec<_> = jobs[0].targets.iter().map(|target| target.before).collect();
        assert_eq!(before, [Some(Digest::of(b"there")), None]);
        assert_eq!((rows.len(), rows[0].target.to_string()), (4, "docker.io/a/b".to_owned()));
        let JobOutcome::Done(done) = &rows[0].outcome else { panic!("{:?}", rows[0]) };
        assert_eq!(
            (done.digest, done.changed, rows[0].digest),
            (Digest::of(b"there"), false, Some(Digest::of(b"here")))
        );
    }

    #[test]
    fn referrers_are_looked_for_although_the_image_is_there() {
        let mut jobs = request(true).jobs(usual).unwrap();
        let all = [CopyAction::UpToDate; 3];
        assert!(settle(&mut jobs, vec![state(all), state(all)]).is_empty());
        assert_eq!((jobs.len(), jobs[1].targets.len()), (2, 3));
    }
}
