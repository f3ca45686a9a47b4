//! Why the mirror does not answer a request, in texts that a client may see.

use std::{sync::Arc, time::Duration};

use entrepot_oci::{Digest, Host, ManifestError, MediaType};
use entrepot_remote::NetworkFault;

/// Why there is no answer. The server maps each to a status, an error code and a message.
#[derive(Clone, Debug, thiserror::Error)]
pub enum Error {
    /// The name means a registry that is not configured as an upstream.
    #[error("`{host}` is not an upstream of this mirror")]
    NotAnUpstream {
        /// The registry asked for.
        host: Host,
    },
    /// The host name is below the domain whose subdomains stand for upstreams, and is none of theirs.
    #[error("`{host}` stands for no upstream; there are {aliases}")]
    NotAnAlias {
        /// The host name asked for, without its port.
        host: String,
        /// The host names that stand for upstreams, as text for people.
        aliases: String,
    },
    /// The name begins with an upstream, and the request says another one.
    #[error("`{name}` begins with a registry, and is asked of another one, `{asked}`")]
    TwoRegistries {
        /// The name asked for.
        name: String,
        /// The other registry.
        asked: Host,
    },
    /// The name is not that of a repository in the registry it means.
    #[error("`{name}` is not the name of a repository")]
    NotARepository {
        /// The name asked for.
        name: String,
    },
    /// Nothing of this repository is known.
    #[error("repository `{name}` is not known")]
    RepositoryUnknown {
        /// The repository asked for.
        name: String,
    },
    /// The repository has no such manifest.
    #[error("manifest `{reference}` is not known in `{name}`")]
    ManifestUnknown {
        /// The repository asked for.
        name: String,
        /// The tag or digest asked for.
        reference: String,
    },
    /// The repository has no such blob.
    #[error("blob `{digest}` is not known in `{name}`")]
    BlobUnknown {
        /// The repository asked for.
        name: String,
        /// The blob asked for.
        digest: Digest,
    },
    /// There is no such upload in this repository.
    #[error("there is no such upload in this repository; it may have expired")]
    UploadUnknown,
    /// The bound on open uploads is reached, in this repository or in all.
    #[error("too many uploads are open")]
    TooManyUploads,
    /// The push is to a name of an upstream.
    #[error("`{name}` mirrors an upstream and takes no pushes; push to a name that starts with {hosted}")]
    ReadOnly {
        /// The repository pushed to.
        name: String,
        /// The prefixes that take pushes.
        hosted: String,
    },
    /// The upstream did not give what was asked for, and nothing that is held may be served instead.
    #[error("upstream `{host}` {fault}")]
    Upstream {
        /// The registry asked.
        host: Host,
        /// The way it failed.
        fault: UpstreamFault,
    },
    /// Nobody without a grant may have this repository, because it is not known whether it is public: its upstream did not
    /// say.
    #[error("it is not known whether `{name}` is public: upstream `{host}` {fault}")]
    VisibilityUnknown {
        /// The repository.
        name: String,
        /// The registry asked.
        host: Host,
        /// The way it failed.
        fault: UpstreamFault,
    },
    /// The pushed manifest is not one.
    #[error("{0}")]
    ManifestInvalid(std::sync::Arc<ManifestError>),
    /// The pushed manifest has a type that a browser might render or run.
    #[error("a manifest cannot have the media type `{0}`")]
    MediaTypeRefused(MediaType),
    /// The pushed manifest names a blob that the repository does not have.
    #[error("the manifest names blob `{0}`, which this repository does not have; push it first")]
    ManifestBlobUnknown(Digest),
    /// The content does not have the digest it was pushed under.
    #[error("the content has digest `{actual}`, not `{expected}`")]
    DigestMismatch {
        /// The digest that was named.
        expected: Digest,
        /// The digest of what came.
        actual: Digest,
    },
    /// The chunk does not begin where the upload ends.
    #[error("the upload has {offset} bytes; the next chunk must begin there")]
    ChunkOutOfOrder {
        /// How many bytes the upload has.
        offset: u64,
    },
    /// An upload's body is longer or shorter than its range says.
    #[error("the content is not as long as was said")]
    SizeInvalid,
    /// The pushed manifest gives something that the repository has another size than it has.
    #[error("the manifest gives `{digest}` {stated} bytes, and it has {actual}")]
    DescriptorSizeInvalid {
        /// The digest in the descriptor.
        digest: Digest,
        /// The size in the descriptor, in bytes.
        stated: u64,
        /// The size of the content, in bytes.
        actual: u64,
    },
    /// The client stopped sending.
    #[error("the request's body broke off")]
    BodyBroken,
    /// The upload has more bytes than a blob may have.
    #[error("the upload is larger than the {limit} bytes that a blob may have")]
    TooLarge {
        /// The most that is taken.
        limit: u64,
    },
    /// The memory for answers is used up; it is free again when clients have read theirs.
    #[error("there is no memory for another answer")]
    Busy,
    /// The mode in force does not offer this.
    #[error("{}", .0.message)]
    NotOffered(Arc<NotOffered>),
    /// Background work would take the last pulls that an upstream allows, which are for clients.
    #[error("the last pulls of `{host}` are kept for clients")]
    Reserved {
        /// The upstream.
        host: Host,
    },
    /// A round of eviction is under way.
    #[error("an eviction is under way")]
    EvictionRuns,
    /// All that is held is being hashed already.
    #[error("a scrub is under way")]
    ScrubRuns,
    /// What would be evicted now is not what that plan says.
    #[error("that plan is not known, and what would be evicted now is something else")]
    PlanChanged,
    /// The disk is full.
    #[error("there is no space left to store this")]
    Full,
    /// The store or the catalog does not answer. Nothing that it holds is lost.
    #[error("the store does not answer")]
    StoreDown,
    /// The store or the catalog failed; what it said is in the log.
    #[error("the store failed")]
    Store,
}

/// What the mode in force does not offer.
#[derive(Debug)]
pub struct NotOffered {
    /// The fact, and a way out.
    pub message: String,
    /// When the mode ends, as far as that is known.
    pub retry_after: Option<Duration>,
}

/// The way in which an upstream failed to answer.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum UpstreamFault {
    /// It refuses: 401 or 403, in its own words.
    #[error("refuses this: {0}")]
    Denied(String),
    /// It answers with another client error, which says nothing about what it has.
    #[error("answers with status {status}: {reason}")]
    Rejected {
        /// The status of the answer.
        status: u16,
        /// What it says. It may be empty.
        reason: String,
    },
    /// It has had too many requests from us.
    #[error("limits our requests")]
    Limited {
        /// When to come back, if it said so.
        retry_after: Option<Duration>,
    },
    /// It answers with a server error.
    #[error("fails with status {0}")]
    Failing(u16),
    /// It cannot be connected to, or the connection breaks.
    #[error("cannot be reached: {}", .0.summary())]
    Unreachable(NetworkFault),
    /// It did not answer in time.
    #[error("does not answer in time")]
    TimedOut,
    /// It sends more than a blob may have.
    #[error("{}", too_large(*limit, *named))]
    TooLarge {
        /// The most that is taken, in bytes.
        limit: u64,
        /// It is what a manifest says, and not the configuration.
        named: bool,
    },
    /// Its answer is not what the protocol allows, or does not have the digest asked for.
    #[error("gave an answer that cannot be used: {0}")]
    Invalid(String),
}

fn too_large(limit: u64, named: bool) -> String {
    if named {
        format!("sends more than the {limit} bytes that a manifest gives the blob")
    } else {
        format!("sends a blob of more than {limit} bytes")
    }
}

impl Error {
    /// True if the upstream has said no: that it has no such thing (404), or that we may not have it (401, 403). Asking again
    /// soon would get the same. Such an answer counts, even if something else is held. Any other error says nothing about
    /// what the upstream has.
    pub(crate) fn is_an_answer(&self) -> bool {
        matches!(
            self,
            Self::ManifestUnknown { .. }
                | Self::BlobUnknown { .. }
                | Self::RepositoryUnknown { .. }
                | Self::Upstream { fault: UpstreamFault::Denied(_), .. }
        )
    }

    /// True if the upstream has said that it has no such manifest or blob.
    pub(crate) fn is_absence(&self) -> bool {
        matches!(self, Self::ManifestUnknown { .. } | Self::BlobUnknown { .. })
    }

    /// True if the store or the catalog is the reason.
    pub(crate) fn is_of_store(&self) -> bool {
        matches!(self, Self::Store | Self::StoreDown)
    }

    /// The length of its texts in bytes, for caches that are bounded in bytes.
    pub(crate) fn weight(&self) -> usize {
        match self {
            Self::NotAnAlias { host, aliases } => host.len() + aliases.len(),
            Self::TwoRegistries { name, .. }
            | Self::NotARepository { name }
            | Self::RepositoryUnknown { name }
            | Self::BlobUnknown { name, .. } => name.len(),
            Self::ManifestUnknown { name, reference } => name.len() + reference.len(),
            Self::ReadOnly { name, hosted } => name.len() + hosted.len(),
            Self::NotOffered(what) => what.message.len(),
            Self::Upstream { fault: UpstreamFault::Denied(said) | UpstreamFault::Invalid(said), .. } => {
                said.len()
            }
            _ => 0,
        }
    }
}
