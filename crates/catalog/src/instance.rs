//! A server process, as the database knows it.

use std::time::SystemTime;

use crate::sql;

/// Identifies one start of one server. A restart gets another id.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct InstanceId(pub(crate) i64);

impl InstanceId {
    /// A new id, different from all others.
    #[expect(clippy::new_without_default, reason = "two of them differ, so there is no default")]
    pub fn new() -> Self {
        Self(sql::new_id())
    }
}

/// A server process: made once, at its start.
#[derive(Clone, Debug)]
pub struct Instance {
    /// What its runs carry as their owner.
    pub id: InstanceId,
    /// Its machine and process, for people.
    pub name: String,
    /// When it was started.
    pub started: SystemTime,
}
