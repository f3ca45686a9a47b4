//! Sessions: logins that go on.

use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::timestamp::Timestamp;

/// What a session begins with.
#[derive(Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewSession {
    /// The account's name.
    pub name: String,
    /// Its password. An API token does not begin a session.
    pub password: String,
}

/// A session.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Session {
    /// Its public part, which names it.
    pub id: String,
    /// The account that it belongs to.
    pub account: String,
    /// When it began.
    pub created: Timestamp,
    /// When it was last used, to the minute.
    pub last_used: Timestamp,
    /// When it ends, however much it is used.
    pub ends: Timestamp,
    /// Where it began.
    #[schema(required = true)]
    pub address: Option<String>,
    /// The program that it began with.
    #[schema(required = true)]
    pub agent: Option<String>,
    /// Whether it is the one that this request was made with.
    pub current: bool,
}

/// A page of sessions.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct SessionList {
    /// The sessions, by id.
    pub sessions: Vec<Session>,
    /// The `last` of the next page; none if this is the last one.
    #[schema(required = true)]
    pub next: Option<String>,
}

/// How many sessions were ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct EndedSessions {
    /// How many.
    pub ended: u64,
}

/// Parameters of the list of sessions.
#[derive(Clone, Debug, Default, Serialize, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct SessionListQuery {
    /// Only those of this account; the caller's own if left out, or all for the owner.
    pub account: Option<String>,
    /// How many at most; 100 if left out.
    pub n: Option<usize>,
    /// The `next` of the page before.
    pub last: Option<String>,
}

/// Whose sessions end.
#[derive(Clone, Debug, Default, Serialize, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct SessionEndQuery {
    /// Those of this account; the caller's own if left out.
    pub account: Option<String>,
}
