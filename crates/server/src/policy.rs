//! What may be refused although the sender may do it, such as by a limit.

use std::{fmt, sync::Arc};

use entrepot_mirror::RepoKey;

use crate::{action::Action, error::Refusal, permit::Permit, sender::Sender};

/// The result of a check.
#[derive(Debug)]
pub enum Decision {
    /// Allowed. The permit is held until the response has ended.
    Allow(Permit),
    /// Denied; the refusal is the response.
    Refuse(Refusal),
}

/// Refuses what the sender may do, for reasons such as limits. It is asked once per request, after the route and the repository are known and before
/// anything is done. For a mount it is asked again, as [`Action::Pull`], for the source repository: a refusal there
/// means that nothing is mounted and the client must upload the blob.
///
/// It runs on the threads that serve connections, so it must not block.
#[derive(Clone)]
pub struct Policy(Arc<Decide>);

type Decide = dyn Fn(&Sender, &Action<'_>, Option<&RepoKey>) -> Decision + Send + Sync;

impl Policy {
    /// Allows everything to everybody.
    pub fn allow_all() -> Self {
        Self::new(|_, _, _| Decision::Allow(Permit::free()))
    }

    /// Decides by a function of sender, action and repository; [`Action::Ping`] and
    /// [`Action::ListRepositories`] have no repository.
    pub fn new(
        decide: impl Fn(&Sender, &Action<'_>, Option<&RepoKey>) -> Decision + Send + Sync + 'static,
    ) -> Self {
        Self(Arc::new(decide))
    }

    pub(crate) fn decide(
        &self,
        sender: &Sender,
        action: &Action<'_>,
        repository: Option<&RepoKey>,
    ) -> Decision {
        (self.0)(sender, action, repository)
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
