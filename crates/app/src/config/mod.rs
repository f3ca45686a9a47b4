//! The configuration file, with environment variables over it and defaults under it.
//!
//! - `reader` reads any configuration, independent of keys; `sections` has the keys, `secrets` those that may be
//!   references
//! - `load` combines everything: `defaults`, `check`, `rules`, `pull_rules`, `keep` and `migration` make a [`Config`], which is valid
//! - `faults` finds all that is wrong with a file, `named` what is wrong with the files that it names
//! - `show` writes a configuration out again, without secrets
//!
//! Each crate owns the type of its own section. Only this module combines them, and no lower crate depends on it.

mod check;
mod defaults;
mod environment;
#[cfg(test)]
mod example;
#[cfg(test)]
mod fault_tests;
mod faults;
mod files;
mod keep;
mod keys;
#[cfg(any(test, fuzzing))]
pub(crate) mod laws;
mod links;
mod listen;
mod load;
mod migration;
mod named;
pub(crate) mod pull_rules;
mod reader;
mod rules;
mod secrets;
mod sections;
mod show;
mod shown;
#[cfg(test)]
mod tests;
mod tls;
mod types;
mod urls;

pub(crate) use environment::Environment;
pub(crate) use faults::load_whole;
pub(crate) use listen::Listen;
#[cfg(any(test, fuzzing))]
pub(crate) use load::parse;
pub(crate) use load::{data_directory, load};
pub(crate) use reader::error::Error;
pub(crate) use secrets::secret_variable;
pub(crate) use types::{
    Config, KeySource, Level, LoadedConfig, Log, LogFormat, Overrides, Registry, Tls, Warning,
};
