//! The bounds of what may be said about a node.

/// Where HAMi-core is on a node of which nothing else is said.
pub const DEFAULT_HAMI_CORE: &str = "/root/HAMi-core/build";
/// The longest name and region, in characters.
pub(super) const MAX_NAME: usize = 63;
/// The longest remark, in characters.
pub(super) const MAX_REMARK: usize = 1000;
/// The most cards that may be said of a node.
pub(super) const MAX_CARDS: u32 = 64;
