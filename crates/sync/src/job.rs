//! One image's copy: what is to be done, what happens meanwhile, and what became of it.

use std::{collections::HashSet, fmt, sync::Arc, time::Duration};

use entrepot_oci::{Digest, Platform, Reference, Tag};

use crate::Place;

/// One image that is read once and written to every target.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Job {
    /// The rule that wants it; empty for a copy by hand.
    pub rule: String,
    /// Where it is.
    pub source: Place,
    /// What it is called there.
    pub reference: Reference,
    /// What it was when the plan was made; it is this that is copied, whatever the tag says by then. `None`: ask.
    pub digest: Option<Digest>,
    /// What tags of the source are about: no others have a list of referrers under a tag. `None`: its tags were not listed.
    pub attached: Option<Arc<HashSet<Digest>>>,
    /// Where it goes; at least one.
    pub targets: Vec<Target>,
}

/// Where a copy goes and in which form.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Target {
    /// Where to.
    pub place: Place,
    /// Under which name; a digest for an image without a tag.
    pub reference: Reference,
    /// In which form.
    pub shape: Shape,
    /// Whether its referrers travel with it: signatures, attestations, bills of materials.
    pub referrers: bool,
    /// What the tag pointed at when the plan was made, if at anything.
    pub before: Option<Digest>,
    /// The tag under which that is kept before it is overwritten.
    pub backup: Option<Tag>,
}

/// In which form an image is wanted. The default keeps every byte.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Shape {
    /// These platforms alone; empty: all.
    pub platforms: Vec<Platform>,
    /// The form of its documents.
    pub format: Format,
    /// Leaves out what BuildKit puts beside the platforms: provenance and bills of materials in the index.
    pub without_attestations: bool,
}

impl fmt::Display for Shape {
    /// Equal texts are equal shapes: in whatever order platforms are named, those of the image keep theirs.
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

/// The form of an image's documents.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Format {
    /// As they are.
    #[default]
    Keep,
    /// Docker's media types (distribution, manifest v2 schema 2), for registries that refuse OCI indexes.
    Docker,
}

/// How a copy to one target ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The target has the image, or has it now.
    Done(Done),
    /// It does not.
    Failed(Failure),
    /// It was not tried since the budget of its source is used up; a later run will.
    Postponed {
        /// When the budget is renewed, where the registry says so.
        after: Option<Duration>,
    },
    /// The run was told to stop before it came to this one.
    Cancelled,
}

/// How a target came to have the image.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Done {
    /// The digest at the target.
    pub digest: Digest,
    /// Whether anything had to be written there.
    pub changed: bool,
    /// Bytes of blobs written.
    pub written: u64,
    /// Bytes of blobs mounted from other repositories there.
    pub mounted: u64,
    /// Bytes of blobs that were there.
    pub present: u64,
}

/// Why a target does not have the image.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// The fact, safe to show anybody.
    pub what: String,
    /// The way out, if there is one to name.
    pub hint: Option<String>,
    /// Whether it was the source that failed, for all its targets.
    pub at_source: bool,
}

/// A line of the report: one image at one target.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    /// The rule that wants it; empty for a copy by hand.
    pub rule: String,
    /// Where it comes from.
    pub source: Place,
    /// What it is called there.
    pub reference: Reference,
    /// Where it goes.
    pub target: Place,
    /// Under which name.
    pub target_reference: Reference,
    /// The source's digest, where it is known.
    pub digest: Option<Digest>,
    /// How it ended.
    pub outcome: Outcome,
    /// How long it took.
    pub took: Duration,
}

/// What happens while a run goes on. `job` counts from 0 in the order of the plan, `target` in that of the job.
#[derive(Clone, Debug)]
pub enum Event {
    /// A job has begun.
    Started {
        /// Which.
        job: usize,
    },
    /// It is known how much there is to read for a job.
    Sized {
        /// Which.
        job: usize,
        /// Bytes of blobs, each counted once.
        bytes: u64,
    },
    /// Bytes of a job's blobs were dealt with: read, or found not to be needed.
    Progress {
        /// Which.
        job: usize,
        /// How many since the last such event.
        bytes: u64,
        /// How many of them came over the wire.
        read: u64,
    },
    /// A target of a job is settled.
    Settled {
        /// Which job.
        job: usize,
        /// Which target of it.
        target: usize,
        /// The line of the report.
        row: Box<Row>,
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
