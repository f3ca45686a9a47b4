//! What a command line asks for.

use crate::commands::{
    self, cache, completions, config, copy, digest,
    documents::{images, rewrite},
    inspect, list, login, man, relay, runs, serve, sync, tags,
};

/// A command with its arguments.
#[derive(Debug)]
pub(crate) enum Action {
    /// Serve images.
    Serve(serve::Serve),
    /// Look at a configuration.
    Config(config::Config),
    /// Look at what is held.
    Cache(cache::Cache),
    /// Copy what rules say.
    Sync(sync::Sync),
    /// Make rules of another tool's file.
    Import(sync::import::Import),
    /// Say how much is equal.
    Check(sync::Check),
    /// Tell readers where everything is.
    Guide(sync::Guide),
    /// Put a list in order.
    ListFmt(list::Fmt),
    /// Copy images.
    Copy(copy::Copy),
    /// List the tags of a repository.
    Tags(tags::Tags),
    /// Look at an image in a registry.
    Inspect(inspect::Inspect),
    /// Say what an image's digest is.
    Digest(digest::DigestOf),
    /// Begin or list runs of a server's rules.
    Runs(runs::Runs),
    /// Log in to a registry.
    Login(login::Login),
    /// Forget a login.
    Logout(login::Logout),
    /// List the images that documents name.
    Images(images::Images),
    /// Give them other names.
    Rewrite(rewrite::Rewrite),
    /// Bring a stack to a registry of one's own.
    Relay(Box<relay::Relay>),
    /// Bring what was packed of one there.
    Load(relay::load::Load),
    /// Plan a migration.
    MigratePlan(commands::migrate::plan::Make),
    /// Prove the rights that a migration needs.
    MigrateCheck(commands::migrate::Args),
    /// Make its copies.
    MigrateApply(commands::migrate::apply::Apply),
    /// Prove them.
    MigrateVerify(commands::migrate::Args),
    /// Rewrite the project's files.
    MigrateRewrite(commands::migrate::rewrite::Rewrite),
    /// Say where it stands.
    MigrateStatus(commands::migrate::Args),
    /// Write a completion script.
    Completions(completions::Completions),
    /// Write manual pages.
    Man(man::Man),
}
