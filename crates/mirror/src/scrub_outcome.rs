//! What became of content that was found damaged.

/// What became of damaged or missing content.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ScrubOutcome {
    /// It was fetched again.
    Restored,
    /// Its upstream does not have it any more: the images that need it cannot be pulled.
    Lost,
    /// Its upstream did not give it now; it is fetched when somebody asks for it.
    Later,
    /// It was pushed here, and has to be pushed again.
    PushAgain,
}
