//! How long each step of a request may take.

use std::time::Duration;

/// The longest time to connect, TLS included.
pub const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// The longest time from sending a request to the headers of its response, connecting included.
pub const HEADER_TIMEOUT: Duration = Duration::from_secs(30);

/// The longest silence within a body while its bytes are awaited. There is no limit for a whole blob.
pub const IDLE_TIMEOUT: Duration = Duration::from_secs(30);

/// The least bytes per second that the body of a blob must bring over [`IDLE_TIMEOUT`] while it is awaited. Less
/// counts as silence.
pub const FLOOR: u64 = 1 << 10;

/// The longest time that a download continues below [`FLOOR`], for each endpoint that could serve it. A connection
/// that replaces a silent one gets some seconds to do better, and a client its response within 35 s.
pub const GIVE_UP: Duration = Duration::from_secs(34);

/// The longest time for the body of a manifest, a listing page or a token.
pub const DOCUMENT_TIMEOUT: Duration = Duration::from_secs(60);

/// The longest time from the last byte of a blob or manifest to the response that confirms it: some storages move or
/// hash all of it again.
pub const COMMIT_TIMEOUT: Duration = Duration::from_secs(600);

/// How long an answer is awaited over one link before the same is asked over another one as well.
pub const HEDGE: Duration = Duration::from_secs(3);

/// The timeouts of a [`crate::Remote`]. Only tests use others than the default.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Patience {
    /// See [`CONNECT_TIMEOUT`].
    pub connect: Duration,
    /// See [`HEADER_TIMEOUT`].
    pub headers: Duration,
    /// See [`IDLE_TIMEOUT`].
    pub idle: Duration,
    /// See [`DOCUMENT_TIMEOUT`].
    pub document: Duration,
    /// See [`GIVE_UP`].
    pub give_up: Duration,
    /// See [`COMMIT_TIMEOUT`].
    pub commit: Duration,
    /// See [`HEDGE`].
    pub hedge: Duration,
}

impl Patience {
    /// The bytes that [`FLOOR`] requires within a time.
    pub fn enough(within: Duration) -> u64 {
        // Minutes at most.
        FLOOR.saturating_mul(u64::try_from(within.as_millis()).unwrap_or(u64::MAX)) / 1000
    }
}

impl Default for Patience {
    fn default() -> Self {
        Self {
            connect: CONNECT_TIMEOUT,
            headers: HEADER_TIMEOUT,
            idle: IDLE_TIMEOUT,
            document: DOCUMENT_TIMEOUT,
            give_up: GIVE_UP,
            commit: COMMIT_TIMEOUT,
            hedge: HEDGE,
        }
    }
}
