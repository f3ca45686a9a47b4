//! The sentences, by the crate that says them. What `app` prints is in `app_output`, `app_output_server` (of commands that
//! ask a server), `app_words` and `migrate_report`. `app_hints` and `config` are of `app`, `rules` of `sync`, `problems` of
//! `server`, `documents` of `rewrite` and `migrate`. `composed` are put together of parts; `system` is what the operating
//! system says, and `parser` what parsers of others say.

mod access;
mod acme;
mod app;
mod app_hints;
mod app_output;
mod app_output_server;
mod app_words;
mod blobs;
mod catalog;
mod composed;
mod config;
mod credentials;
mod documents;
mod egress;
mod engine;
mod eviction;
mod federation;
mod importers;
mod keep;
mod library;
mod migrate;
mod migrate_report;
mod mirror;
mod oci;
mod parser;
mod policy;
mod problems;
mod relay;
mod remote;
mod requests;
mod rewrite;
mod rules;
mod scheduler;
mod secrets;
mod server;
mod ssh;
mod sync;
mod system;
mod telemetry;
mod vault;
mod webhooks;

/// A sentence in English, and in 中文.
pub(crate) type Sentence = (&'static str, &'static str);

/// The sentences of each area.
pub(crate) const ALL: &[(&str, &[Sentence])] = &[
    ("access", access::SENTENCES),
    ("acme", acme::SENTENCES),
    ("app", app::SENTENCES),
    ("app_hints", app_hints::SENTENCES),
    ("blobs", blobs::SENTENCES),
    ("catalog", catalog::SENTENCES),
    ("composed", composed::SENTENCES),
    ("config", config::SENTENCES),
    ("credentials", credentials::SENTENCES),
    ("documents", documents::SENTENCES),
    ("egress", egress::SENTENCES),
    ("engine", engine::SENTENCES),
    ("eviction", eviction::SENTENCES),
    ("federation", federation::SENTENCES),
    ("importers", importers::SENTENCES),
    ("keep", keep::SENTENCES),
    ("library", library::SENTENCES),
    ("migrate", migrate::SENTENCES),
    ("mirror", mirror::SENTENCES),
    ("oci", oci::SENTENCES),
    ("parser", parser::SENTENCES),
    ("policy", policy::SENTENCES),
    ("problems", problems::SENTENCES),
    ("relay", relay::SENTENCES),
    ("remote", remote::SENTENCES),
    ("requests", requests::SENTENCES),
    ("rewrite", rewrite::SENTENCES),
    ("rules", rules::SENTENCES),
    ("scheduler", scheduler::SENTENCES),
    ("secrets", secrets::SENTENCES),
    ("server", server::SENTENCES),
    ("ssh", ssh::SENTENCES),
    ("sync", sync::SENTENCES),
    ("system", system::SENTENCES),
    ("telemetry", telemetry::SENTENCES),
    ("vault", vault::SENTENCES),
    ("webhooks", webhooks::SENTENCES),
];

/// Sentences that the command line prints.
pub(crate) const PRINTED: &[&[Sentence]] =
    &[app_output::SENTENCES, app_output_server::SENTENCES, migrate_report::SENTENCES];

pub(crate) use app_words::{HEADINGS, NOUNS, WORDS};
