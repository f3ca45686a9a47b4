//! Whether somebody may do what a request of the registry API asks for.

use std::{fmt, sync::Arc};

use entrepot_mirror::RepoKey;

use crate::{action::Action, error::Refusal, permit::Permit, principal::Principal};

/// What became of a question whether something is allowed.
#[derive(Debug)]
pub enum Decision {
    /// It is. The permit is held until the answer is over.
    Allow(Permit),
    /// It is not, and this is the answer.
    Refuse(Refusal),
}

/// Decides who may do what. It is asked once for each request, after its route and where its name leads are known and before
/// anything is done for it; and once more, as [`Action::Pull`], for the repository that a mount takes its blob from, where
/// a refusal means that nothing is mounted and the client is asked to upload the blob.
///
/// It is asked on the threads that serve connections, so it must not wait for anything.
#[derive(Clone)]
pub struct Policy(Arc<Decide>);

type Decide = dyn Fn(&Principal, &Action<'_>, Option<&RepoKey>) -> Decision + Send + Sync;

impl Policy {
    /// Everybody may do everything.
    pub fn allow_all() -> Self {
        Self::new(|_, _, _| Decision::Allow(Permit::free()))
    }

    /// Decides by a function of who asks, what for, and the repository that is meant; [`Action::Ping`] means none.
    pub fn new(
        decide: impl Fn(&Principal, &Action<'_>, Option<&RepoKey>) -> Decision + Send + Sync + 'static,
    ) -> Self {
        Self(Arc::new(decide))
    }

    pub(crate) fn decide(
        &self,
        principal: &Principal,
        action: &Action<'_>,
        repository: Option<&RepoKey>,
    ) -> Decision {
        (self.0)(principal, action, repository)
    }
}

impl Default for Policy {
    fn default() -> Self {
        Self::allow_all()
    }
}

impl fmt::Debug for Policy {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Policy").finish_non_exhaustive()
    }
}
