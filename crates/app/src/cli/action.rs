//! What a command line asks for.

use crate::client::ServerTarget;
use crate::commands::{
    self, access, access_test, accounts, cache, completions, config, copy, credentials, digest,
    documents::{images, rewrite},
    exec, inspect, instances, keep, library, limits, links, list, login, login_device, man, mode, nodes,
    prunes, pulls, relay, requests, rules, runs, serve, specs, sync, tags, webhooks,
};

/// A command with its arguments.
#[derive(Debug)]
pub(crate) enum Action {
    /// Serve images.
    Serve(serve::Serve),
    /// Check or show a configuration.
    Config(config::Config),
    /// List, count, remove or verify cached content.
    Cache(cache::Cache),
    /// Copy what rules select.
    Sync(sync::Sync),
    /// Convert another tool's file into rules.
    Import(sync::import::Import),
    /// Show how much is in sync.
    Check(sync::Check),
    /// Print the addresses of all images for readers.
    Guide(sync::Guide),
    /// Sort a list of images.
    ListFmt(list::Fmt),
    /// Copy images.
    Copy(copy::Copy),
    /// List the tags of a repository.
    Tags(tags::Tags),
    /// Show an image in a registry.
    Inspect(inspect::Inspect),
    /// Print an image's digest.
    Digest(digest::DigestOf),
    /// Decide about tags that no rule writes.
    Prunes(prunes::Prunes),
    /// Start, stop or list runs on a server.
    Runs(runs::Runs),
    /// Log in to a registry.
    Login(login::LoginOptions),
    /// Manage and explain who may do what on a server.
    Access(access::AccessOptions),
    /// Check a list of what may be pulled.
    CheckRules(rules::CheckRules),
    /// Ask a server what may be pulled.
    Rules(rules::Rules),
    /// Ask a server how much may be pulled.
    Limits(limits::LimitsOptions),
    /// Show the links that registries are reached over.
    Links(links::Links),
    /// Show or set the mode of a server.
    Mode(mode::ModeOf),
    /// Show what upstreams allow a server.
    Budget(ServerTarget),
    /// Manage accounts, API tokens and the audit log of a server.
    Accounts(accounts::Accounts),
    /// Manage what a server stores of other registries.
    Credentials(credentials::Credentials),
    /// Show what other servers are told of.
    Webhooks(webhooks::Webhooks),
    /// Manage the images that may be run.
    Library(library::Library),
    /// Manage nodes.
    Nodes(Box<nodes::Nodes>),
    /// Let a node pull an image.
    Pull(pulls::PullTo),
    /// Show and run keep lists.
    Keep(keep::Keep),
    /// Ask for images.
    Requests(requests::Requests),
    /// List and stop pulls.
    Pulls(pulls::Pulls),
    /// Manage specs.
    Specs(specs::Specs),
    /// Manage instances.
    Instances(instances::Instances),
    /// Run a program in an instance.
    Exec(exec::Exec),
    /// Print a new key.
    SecretKey,
    /// Remove everything that is sealed.
    SecretReset(credentials::reset::Reset),
    /// Log in to a server of ours with a browser.
    LoginDevice(login_device::LoginDevice),
    /// Ask the provider or directory of a configuration who somebody is.
    AccessTest(access_test::AccessTest),
    /// Remove a stored login.
    Logout(login::Logout),
    /// List the images that documents name.
    Images(images::Images),
    /// Rename the images in documents.
    Rewrite(rewrite::Rewrite),
    /// Copy a stack's images to a registry.
    Relay(Box<relay::Relay>),
    /// Copy the images of a bundle or archive to a registry.
    Load(relay::load::Load),
    /// Plan a migration.
    MigratePlan(commands::migrate::plan::Make),
    /// Prove the permissions for a migration.
    MigrateCheck(commands::migrate::Args),
    /// Copy the images of a migration.
    MigrateApply(commands::migrate::apply::Apply),
    /// Prove that both sides are equal.
    MigrateVerify(commands::migrate::Args),
    /// Rewrite the project's files.
    MigrateRewrite(commands::migrate::rewrite::Rewrite),
    /// Show the progress of a migration.
    MigrateStatus(commands::migrate::Args),
    /// Write a completion script.
    Completions(completions::Completions),
    /// Write manual pages.
    Man(man::Man),
}
