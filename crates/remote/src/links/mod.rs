//! Egress links: the ways by which requests leave this machine for a registry.
//!
//! - a [`section::LinkSettings`] is what the operator writes, a [`link::Link`] what is shared by all registries that use it;
//!   a [`table::LinkTable`] has them all, and says how they are
//! - [`choose`] (pure) says which one takes the next request, by its [`standing`] (pure); [`pace`] (pure) keeps it within its rate
//! - [`traffic`] belongs to one request: it counts, paces, and notices silence
//!
//! A registry without links has one that goes the usual way, by the proxies of the environment.

pub(crate) mod choose;
pub(crate) mod link;
pub(crate) mod pace;
pub(crate) mod section;
pub(crate) mod standing;
pub(crate) mod status;
pub(crate) mod table;
pub(crate) mod traffic;
