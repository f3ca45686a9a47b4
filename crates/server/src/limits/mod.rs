//! How much clients may have: requests for manifests, names that nobody has, blobs at a time, and bytes.
//!
//! - `holder`: whose a limit is; `ledger`: what was taken, in tables of bounded size; `in_force`: the limits, with all that
//! - `requests`: manifests, and blobs at a time; `inquiry`: names that nobody has, as `misses` remembers; `streams`: bytes, and
//!   how fast they go
//! - `refusals`: what is told, and what is remembered of it; `ban`, `banning`: who is sent away for a while; `standing`: what
//!   somebody has left
//!
//! What a limit means is decided in `policy`, purely.

mod ban;
mod banning;
mod holder;
mod in_force;
mod inquiry;
mod ledger;
mod misses;
mod refusals;
mod requests;
mod standing;
mod streams;

pub use self::in_force::LimitsInForce;
pub(crate) use self::{
    ban::{Ban, NewBan, Subject, SubjectError},
    holder::LimitedClient,
    inquiry::UpstreamInquiry,
    refusals::RefusalRecord,
    standing::{ClientStanding, LimitBalance, Unit},
    streams::{SentBlob, StreamShaping},
};
