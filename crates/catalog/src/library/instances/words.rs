//! What becomes of an instance, in words.

use crate::words::words;

words! {
    /// Where an instance is on its way.
    InstancePhase "phase of an instance" {
        /// It waits for its turn.
        Queued = "queued",
        /// Its node fetches the image.
        Pulling = "pulling",
        /// The container is made.
        Creating = "creating",
        /// The container starts, and its split is verified.
        Starting = "starting",
        /// It runs.
        Running = "running",
        /// It is being stopped.
        Stopping = "stopping",
        /// It is stopped: its disk is kept, its cards are free for others.
        Stopped = "stopped",
        /// It stops and starts again, or its container is made anew.
        Restarting = "restarting",
        /// It is being removed.
        Deleting = "deleting",
        /// It did not work out, and its reason says why.
        Failed = "failed",
        /// Its container is gone, and we did not remove it.
        Lost = "lost",
    }
}

words! {
    /// What an instance should be.
    InstanceDesired "wish for an instance" {
        /// Running.
        Running = "running",
        /// Stopped.
        Stopped = "stopped",
        /// Gone.
        Deleted = "deleted",
    }
}

words! {
    /// Why an instance is as it is.
    InstanceReason "reason of an instance" {
        /// The node does not answer: nobody knows how the instance is.
        NodeUnreachable = "node-unreachable",
        /// The image could not be fetched.
        PullFailed = "pull-failed",
        /// The engine did not make the container.
        CreateFailed = "create-failed",
        /// The engine made something else than what was asked for.
        CreatedOtherwise = "created-otherwise",
        /// The engine did not start the container.
        StartFailed = "start-failed",
        /// The split is not effective.
        SplitNotEffective = "split-not-effective",
        /// A card that it had is gone.
        DeviceGone = "device-gone",
        /// Its program ended by itself.
        Exited = "exited",
        /// Its program was killed because it used more memory than it has.
        OutOfMemory = "out-of-memory",
        /// It cannot be stopped: its cards are kept from others.
        Stuck = "stuck",
        /// Somebody paused its container.
        Paused = "paused",
        /// Its container is gone, and we did not remove it.
        ContainerGone = "container-gone",
        /// It was stopped at the time that was set for it.
        TimedStop = "timed-stop",
        /// Its account has used up its hours.
        QuotaUsed = "quota-used",
    }
}

words! {
    /// Whether the limit on an instance's cards was seen to hold.
    InstanceSplit "split of an instance" {
        /// It has whole cards, or none.
        None = "none",
        /// Nobody looked yet.
        Unverified = "unverified",
        /// It holds.
        Verified = "verified",
        /// It does not.
        NotEffective = "not-effective",
    }
}

impl InstancePhase {
    /// All phases.
    pub const ALL: [Self; 11] = [
        Self::Queued,
        Self::Pulling,
        Self::Creating,
        Self::Starting,
        Self::Running,
        Self::Stopping,
        Self::Stopped,
        Self::Restarting,
        Self::Deleting,
        Self::Failed,
        Self::Lost,
    ];

    /// The phase with this word.
    pub fn named(word: &str) -> Option<Self> {
        Self::read(word).ok()
    }
}
