//! The binary: command line, configuration, assembly, shutdown.
//!
//! - input: `cli` turns the arguments into an action, `config` the file into a valid configuration
//! - work: `commands`; `assembly` is the only place that builds the parts, `data`, `secrets` and `control` support it
//! - output: `output` and `failure`, both through `terminal`; `log` and `greeting` for the operator

#![forbid(unsafe_code)]

mod assembly;
mod certifier;
mod cli;
mod client;
mod commands;
mod config;
mod control;
mod data;
mod example;
mod examples;
mod examples_cache;
mod examples_entries;
mod examples_instances;
mod examples_limits;
mod examples_nodes;
mod examples_operating;
mod examples_requests;
mod examples_webhooks;
mod failure;
mod fetching;
mod first_password;
mod greeting;
mod housekeeping;
mod log;
mod machine;
mod operators;
mod output;
mod progress;
mod pull_rules;
mod registries;
mod replace;
mod runtime;
mod secrets;
mod ssh;
mod syncing;
mod terminal;
mod traces;

use std::process::ExitCode;

use cli::Action;

// Every request makes thousands of short-lived allocations, on all threads; a fifth faster than the system allocator.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    let cli::Parsed { action, output } = cli::parse(std::env::args_os());
    match perform(action) {
        Ok(code) => code,
        Err(failure) => {
            if output == output::Output::Json {
                output::print_failure(&failure);
            }
            failure.report();
            failure.code()
        }
    }
}

fn perform(action: Action) -> Result<ExitCode, failure::Failure> {
    let done = match action {
        // The code is that of the program.
        Action::Exec(exec) => return commands::exec::run(exec),
        Action::Serve(serve) => commands::serve::run(serve),
        Action::Config(config) => commands::config::run(config),
        Action::Cache(cache) => commands::cache::run(cache),
        Action::Sync(sync) => commands::sync::sync(sync),
        Action::Import(import) => commands::sync::import::run(import),
        Action::Check(check) => commands::sync::check(check),
        Action::Guide(guide) => commands::sync::print_guide(guide),
        Action::ListFmt(fmt) => commands::list::run(fmt),
        Action::Prunes(prunes) => commands::prunes::run(prunes),
        Action::Runs(runs) => commands::runs::run(runs),
        Action::Copy(copy) => commands::copy::run(copy),
        Action::Tags(tags) => commands::tags::run(tags),
        Action::Inspect(inspect) => commands::inspect::run(inspect),
        Action::Digest(digest) => commands::digest::run(digest),
        Action::Access(access) => commands::access::run(access),
        Action::CheckRules(check) => commands::rules::check(check),
        Action::Rules(rules) => commands::rules::run(rules),
        Action::Limits(limits) => commands::limits::run(limits),
        Action::Links(links) => commands::links::run(links),
        Action::Mode(mode) => commands::mode::run(mode),
        Action::Budget(to) => commands::budget::run(to),
        Action::Accounts(accounts) => commands::accounts::run(accounts),
        Action::Credentials(credentials) => commands::credentials::run(credentials),
        Action::Webhooks(webhooks) => commands::webhooks::run(webhooks),
        Action::Library(library) => commands::library::run(library),
        Action::Nodes(nodes) => commands::nodes::run(*nodes),
        Action::Pull(pull) => commands::pulls::run(pull),
        Action::Keep(keep) => commands::keep::run(keep),
        Action::Requests(requests) => commands::requests::run(requests),
        Action::Pulls(pulls) => commands::pulls::list(pulls),
        Action::Specs(specs) => commands::specs::run(specs),
        Action::Instances(instances) => commands::instances::run(instances),
        Action::SecretKey => commands::credentials::print_key(),
        Action::SecretReset(reset) => commands::credentials::reset::run(reset),
        Action::LoginDevice(login) => commands::login_device::run(login),
        Action::AccessTest(test) => commands::access_test::run(test),
        Action::Login(login) => commands::login::login(login),
        Action::Logout(logout) => commands::login::logout(logout),
        Action::Images(images) => commands::documents::images::run(images),
        Action::Rewrite(rewrite) => commands::documents::rewrite::run(rewrite),
        Action::Relay(relay) => commands::relay::run(&relay),
        Action::Load(load) => commands::relay::load::run(&load),
        Action::MigratePlan(make) => commands::migrate::plan::run(make),
        Action::MigrateCheck(args) => commands::migrate::check::run(args),
        Action::MigrateApply(apply) => commands::migrate::apply::run(apply),
        Action::MigrateVerify(args) => commands::migrate::verify::run(args),
        Action::MigrateRewrite(rewrite) => commands::migrate::rewrite::run(rewrite),
        Action::MigrateStatus(args) => commands::migrate::status::run(args),
        Action::Completions(completions) => commands::completions::run(completions, cli::command()),
        Action::Man(man) => commands::man::run(man, cli::manual()),
    };
    done.map(|()| ExitCode::SUCCESS)
}
