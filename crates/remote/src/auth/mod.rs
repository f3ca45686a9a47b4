//! What requests are authorized with. Pure, apart from the cache of grants.
//!
//! - `challenge` reads what a server asks for, `scope` says for which rights, `claims` reads what a token allows
//! - `refused` remembers accounts that are refused where none is needed
//! - `grant` keeps tokens and passwords until they expire; `crate::token` fetches them

pub(crate) mod challenge;
pub(crate) mod claims;
pub(crate) mod grant;
pub(crate) mod refused;
pub(crate) mod scope;
