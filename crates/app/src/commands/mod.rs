//! The commands. Each has its own argument type and is independent of the command line parser.

pub(crate) mod access;
pub(crate) mod access_test;
pub(crate) mod accounts;
pub(crate) mod cache;
pub(crate) mod completions;
pub(crate) mod config;
pub(crate) mod copy;
pub(crate) mod credentials;
pub(crate) mod digest;
pub(crate) mod documents;
pub(crate) mod inspect;
pub(crate) mod list;
pub(crate) mod login;
pub(crate) mod login_device;
mod login_token;
pub(crate) mod man;
pub(crate) mod migrate;
pub(crate) mod password;
pub(crate) mod relay;
pub(crate) mod rules;
pub(crate) mod runs;
pub(crate) mod serve;
pub(crate) mod session;
pub(crate) mod sync;
pub(crate) mod tags;
