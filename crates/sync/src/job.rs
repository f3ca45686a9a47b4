//! The copy of one image: the job, the events while it runs, and how it ended.

use std::{collections::HashSet, fmt, sync::Arc, time::Duration};

use entrepot_oci::{Digest, Platform, Reference, Tag};

use crate::Place;

/// One image that is read once and written to every target.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CopyJob {
    /// The rule that asked for it; empty for a manual copy.
    pub rule: String,
    /// The place that the image is read from.
    pub source: Place,
    /// The name of the image there.
    pub reference: Reference,
    /// The digest when the plan was made. This is what is copied, even if the tag has moved since. `None` means look it
    /// up.
    pub digest: Option<Digest>,
    /// The digests that tags of the source belong to. Only these can have a referrers tag. `None` means the tags were
    /// not listed.
    pub attached: Option<Arc<HashSet<Digest>>>,
    /// The targets; at least one.
    pub targets: Vec<JobTarget>,
}

/// One target of a copy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JobTarget {
    /// The place that the image is written to.
    pub place: Place,
    /// The name of the image there; a digest for an image without a tag.
    pub reference: Reference,
    /// The shape of the copy.
    pub shape: Shape,
    /// The name at the source that this is a copy of, where several names there stand for one image. `None` means the
    /// job's.
    pub source_name: Option<Reference>,
    /// The digest that the image must have there. If it would have another, nothing is written. `None` takes any.
    pub digest: Option<Digest>,
    /// Copy its referrers too: signatures, attestations, SBOMs.
    pub referrers: bool,
    /// The digest that the tag had at the target when the plan was made, if it was there.
    pub before: Option<Digest>,
    /// The tag that keeps the old image before this one overwrites it.
    pub backup: Option<Tag>,
}

/// The shape of an image at a target. The default keeps every byte.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Shape {
    /// Only these platforms; empty means all.
    pub platforms: Vec<Platform>,
    /// The media types of its manifests.
    pub format: Format,
    /// Omit the attestations that BuildKit adds to an index: provenance and SBOMs.
    pub without_attestations: bool,
}

impl fmt::Display for Shape {
    /// Equal texts mean equal shapes. The order of the platforms does not matter: an image keeps its own.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.format {
            Format::Keep => "keep",
            Format::Docker => "docker",
        })?;
        if self.without_attestations {
            f.write_str(" without-attestations")?;
        }
        let mut platforms: Vec<_> = self.platforms.iter().map(ToString::to_string).collect();
        platforms.sort_unstable();
        platforms.iter().try_for_each(|platform| write!(f, " {platform}"))
    }
}

/// The media types of an image's manifests.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Format {
    /// Unchanged.
    #[default]
    Keep,
    /// Docker's media types (distribution, manifest v2 schema 2), for registries that refuse OCI indexes.
    Docker,
}

/// The result of a copy to one target.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum JobOutcome {
    /// The target has the image: it was there, or was copied.
    Done(CopySuccess),
    /// The target does not have the image.
    Failed(CopyFailure),
    /// Not attempted, because the pull budget of the source is exhausted. A later run will.
    Postponed {
        /// Time until the budget is renewed, if the registry says so.
        after: Option<Duration>,
    },
    /// Not attempted, because the run was stopped first.
    Cancelled,
}

/// The result of a successful copy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CopySuccess {
    /// The digest at the target.
    pub digest: Digest,
    /// True if anything was written there.
    pub changed: bool,
    /// Bytes of blobs written.
    pub written: u64,
    /// Bytes of blobs mounted from other repositories there.
    pub mounted: u64,
    /// Bytes of blobs that were there already.
    pub present: u64,
}

/// The reason a target does not have the image.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CopyFailure {
    /// The fact. It contains no secrets.
    pub what: String,
    /// A hint, if one is known.
    pub hint: Option<String>,
    /// True if the source failed, and so all its targets.
    pub at_source: bool,
}

/// The result of copying one image to one target.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CopyResult {
    /// The rule that asked for it; empty for a manual copy.
    pub rule: String,
    /// The place that it was read from.
    pub source: Place,
    /// The name of the image there.
    pub reference: Reference,
    /// The place that it was written to.
    pub target: Place,
    /// The name of the image there.
    pub target_reference: Reference,
    /// The digest at the source, if known.
    pub digest: Option<Digest>,
    /// The outcome.
    pub outcome: JobOutcome,
    /// The duration.
    pub took: Duration,
}

/// An event of a run. `job` counts from 0 in the order of the plan, `target` in that of the job.
#[derive(Clone, Debug)]
pub enum CopyEvent {
    /// A job has begun.
    Started {
        /// The number of the job.
        job: usize,
    },
    /// The size of a job is known.
    Sized {
        /// The number of the job.
        job: usize,
        /// Bytes of blobs, each counted once.
        bytes: u64,
    },
    /// Bytes of a job's blobs are done: read, or found not to be needed.
    Progress {
        /// The number of the job.
        job: usize,
        /// The number of bytes since the last such event.
        bytes: u64,
        /// The bytes that came over the network since then.
        read: u64,
    },
    /// A target of a job is settled.
    Settled {
        /// The number of the job.
        job: usize,
        /// The number of the target.
        target: usize,
        /// The result.
        row: Box<CopyResult>,
    },
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_shapes_have_one_text() {
        let shape = |platforms: &[&str]| Shape {
            platforms: platforms.iter().map(|platform| platform.parse().unwrap()).collect(),
            format: Format::Docker,
            without_attestations: true,
        };
        assert_eq!(Shape::default().to_string(), "keep");
        let text = shape(&["linux/arm64", "linux/amd64"]).to_string();
        assert_eq!(text, "docker without-attestations linux/amd64 linux/arm64");
        assert_eq!(text, shape(&["linux/amd64", "linux/arm64"]).to_string());
    }
}
