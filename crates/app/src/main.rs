//! The binary: command line, configuration, assembly, shutdown.
//!
//! - typed to meant: `cli` makes an action of the arguments, `config` a valid configuration of the file
//! - done: `commands`, with `assembly` as the only place that builds the parts, `data` and `control` beside it
//! - said: `output` and `failure`, both by way of `terminal`, `log` and `greeting` for whoever runs the server

#![forbid(unsafe_code)]

mod assembly;
mod cli;
mod client;
mod commands;
mod config;
mod control;
mod credentials;
mod data;
mod failure;
mod greeting;
mod log;
mod output;
mod progress;
mod replace;
mod runtime;
mod syncing;
mod terminal;
mod world;

use std::process::ExitCode;

use cli::Action;

// Thousands of short-lived pieces for every request, from all threads: a fifth faster than with the system's.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    let done = match cli::parse(std::env::args_os()) {
        Action::Serve(serve) => commands::serve::run(serve),
        Action::Config(config) => commands::config::run(config),
        Action::Cache(cache) => commands::cache::run(cache),
        Action::Sync(sync) => commands::sync::sync(sync),
        Action::Import(import) => commands::sync::import::run(import),
        Action::Check(check) => commands::sync::check(check),
        Action::Guide(guide) => commands::sync::tell(guide),
        Action::ListFmt(fmt) => commands::list::run(fmt),
        Action::Runs(runs) => commands::runs::run(runs),
        Action::Copy(copy) => commands::copy::run(copy),
        Action::Tags(tags) => commands::tags::run(tags),
        Action::Inspect(inspect) => commands::inspect::run(inspect),
        Action::Digest(digest) => commands::digest::run(digest),
        Action::Login(login) => commands::login::login(login),
        Action::Logout(logout) => commands::login::logout(logout),
        Action::Images(images) => commands::documents::images::run(images),
        Action::Rewrite(rewrite) => commands::documents::rewrite::run(rewrite),
        Action::Relay(relay) => commands::relay::run(&relay),
        Action::Load(load) => commands::relay::load::run(&load),
        Action::MigratePlan(make) => commands::migrate::plan::run(make),
        Action::MigrateCheck(asked) => commands::migrate::check::run(asked),
        Action::MigrateApply(apply) => commands::migrate::apply::run(apply),
        Action::MigrateVerify(asked) => commands::migrate::verify::run(asked),
        Action::MigrateRewrite(rewrite) => commands::migrate::rewrite::run(rewrite),
        Action::MigrateStatus(asked) => commands::migrate::status::run(asked),
        Action::Completions(completions) => commands::completions::run(completions, cli::command()),
        Action::Man(man) => commands::man::run(man, cli::command()),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            failure.report();
            failure.code()
        }
    }
}
