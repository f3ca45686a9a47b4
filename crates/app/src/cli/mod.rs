//! Parses the command line. Clap's structs stay in here; commands get argument types of their own.
//!
//! Registry commands are in `registries`, rules in `rules`, a server's runs in `server`, documents in `documents`,
//! stacks in `stacks`, and the steps of a migration in `migrate`. `help` makes the help of it, `chinese` has its texts,
//! `refusal` says in 中文 what is wrong with the arguments.

mod access;
mod account_key;
mod accounts;
mod action;
mod cache;
mod chinese;
mod chinese_cache;
mod chinese_entries;
mod chinese_instances;
mod chinese_limits;
mod chinese_nodes;
mod chinese_operating;
mod chinese_requests;
mod chinese_webhooks;
mod common;
mod credentials;
mod documents;
mod help;
mod instances;
mod keep;
mod library;
mod limits;
mod migrate;
mod nodes;
mod operating;
mod prunes;
mod pull_rules;
mod refusal;
mod registries;
mod requests;
mod rules;
mod server;
mod sessions;
mod specs;
mod stacks;
mod webhooks;

use std::{ffi::OsString, path::PathBuf};

use clap::{ArgAction, ArgMatches, Args, CommandFactory, FromArgMatches, Parser, Subcommand, ValueHint};
use clap_complete::Shell;
use entrepot_oci::{printable, without_passwords};

use crate::{
    commands::{completions, config, links, man, serve},
    config::{Listen, Overrides},
    failure,
    log::Verbosity,
    output::Output,
    terminal,
};

use access::AccessCommand;
use accounts::{AccountCommand, AuditArgs, TokenCommand, TokenOutput};
pub(crate) use action::Action;
use cache::CacheArgs;
use common::{FileArgs, OutputArgs};
use credentials::{CredentialsCommand, SecretsCommand};
use documents::{ImagesArgs, RewriteArgs};
use instances::{
    CommitArgs, ExecArgs, ExtendArgs, FreeArgs, InstanceArgs, LogsArgs, PsArgs, ReimageArgs, RenameArgs,
    RmArgs, RunArgs, StartArgs, VolumesArgs,
};
use keep::KeepCommand;
use library::LibraryCommand;
use limits::LimitsCommand;
use migrate::MigrateCommand;
use nodes::{NodeCommand, PullArgs, PullsCommand};
use operating::ModeArgs;
use pull_rules::RulesCommand;
use registries::{CopyArgs, DigestArgs, InspectArgs, LoginArgs, LogoutArgs, TagsArgs};
use requests::RequestArgs;
use rules::{CheckArgs, GuideArgs, ListCommand, SyncArgs};
use server::ServerArgs;
use sessions::SessionCommand;
use specs::SpecCommand;
use stacks::{LoadArgs, RelayArgs};
use webhooks::WebhooksCommand;

/// Parses the command line. On an error or a request for help, prints it and exits with 2 or 0.
pub(crate) fn parse(arguments: impl IntoIterator<Item = OsString>) -> Parsed {
    let arguments: Vec<OsString> = arguments.into_iter().collect();
    match read(&arguments) {
        Ok((Cli { command: RootCommand::Help(HelpArgs { of }), .. }, _)) => parse(call(of, "--help")),
        Ok((Cli { command: RootCommand::Version, .. }, _)) => parse(call(Vec::new(), "--version")),
        Ok((Cli { loudness, command: RootCommand::Command(command) }, output)) => {
            Parsed { action: command.into_args(loudness.verbosity()), output }
        }
        Err(error) => refuse(&arguments, &error),
    }
}

/// What a command line asks for.
pub(crate) struct Parsed {
    /// The command with its arguments.
    pub(crate) action: Action,
    /// The output format, of which failures are told too.
    pub(crate) output: Output,
}

// The value of `--output` of the innermost command, if it has that option.
fn output_of(matches: &ArgMatches) -> Output {
    match matches.subcommand() {
        Some((_, inner)) => output_of(inner),
        None => match matches.try_get_one::<Output>("output") {
            Ok(output) => output.copied().unwrap_or_default(),
            // A command with more forms than these two.
            Err(_) => {
                let output = matches.try_get_one::<TokenOutput>("output").ok().flatten();
                output.copied().unwrap_or_default().of_failures()
            }
        },
    }
}

fn read<T: Clone + Into<OsString>>(arguments: &[T]) -> Result<(Cli, Output), clap::Error> {
    let mut command = command();
    let matches = command.try_get_matches_from_mut(arguments.iter().cloned())?;
    let cli = Cli::from_arg_matches(&matches).map_err(|error| error.format(&mut command))?;
    Ok((cli, output_of(&matches)))
}

// A call of this program with an option that is the last word on everything.
fn call(words: Vec<String>, option: &str) -> Vec<OsString> {
    let program = std::iter::once("entrepot".to_owned());
    program.chain(words).chain([option.to_owned()]).map(OsString::from).collect()
}

// The message repeats the arguments, which may contain untrusted file names, and passwords in front of hosts: parse them
// again in the form in which they may be shown.
fn refuse(arguments: &[OsString], error: &clap::Error) -> ! {
    let shown = |argument: &OsString| without_passwords(&printable(&argument.to_string_lossy())).into_owned();
    match read(&arguments.iter().map(shown).collect::<Vec<_>>()) {
        Err(shown) if shown.use_stderr() && failure::is_chinese() => {
            refusal::tell(&shown.render().to_string());
            std::process::exit(shown.exit_code())
        }
        Err(shown) => shown.exit(),
        Ok(_) => {
            error.render().to_string().lines().for_each(|line| terminal::say(None, line));
            std::process::exit(error.exit_code())
        }
    }
}

/// The whole command line in the terminal's language, with examples.
pub(crate) fn command() -> clap::Command {
    help::written(Cli::command(), failure::is_chinese())
}

/// The whole command line for manual pages, which have examples of their own.
pub(crate) fn manual() -> clap::Command {
    Cli::command()
}

/// Mirror for container images: the first pull streams through, later pulls are local.
#[derive(Parser)]
#[command(name = "entrepot", version, styles = help::STYLES, max_term_width = 100, disable_help_subcommand = true)]
struct Cli {
    #[command(flatten)]
    loudness: Loudness,
    #[command(subcommand)]
    command: RootCommand,
}

#[derive(Subcommand)]
#[expect(clippy::large_enum_variant, reason = "there is one of it, at the start")]
enum RootCommand {
    #[command(flatten)]
    Command(Command),
    /// Print the help of a command
    Help(HelpArgs),
    /// Print the version
    Version,
}

#[derive(Args)]
struct HelpArgs {
    /// The command: `sync`, `sync run`
    #[arg(value_name = "COMMAND")]
    of: Vec<String>,
}

#[derive(Args)]
struct Loudness {
    /// Print less: only warnings and errors
    #[arg(short, long, global = true, display_order = 90, conflicts_with = "verbose")]
    quiet: bool,
    /// Print more; repeat for everything
    #[arg(short, long, global = true, display_order = 90, action = ArgAction::Count)]
    verbose: u8,
}

#[derive(Subcommand)]
enum Command {
    /// Serve images: mirror other registries, and accept pushes to hosted names
    Serve(ServeArgs),
    /// Check or show the configuration
    #[command(subcommand)]
    Config(ConfigCommand),
    /// List, count, remove or verify cached content, with or without a running server
    Cache(CacheArgs),
    /// Copy what the rules in a file select and is not there yet
    Sync(SyncArgs),
    /// Show how much of what the rules select is in sync
    Check(CheckArgs),
    /// Print the addresses everything can be pulled from, in Markdown
    Guide(GuideArgs),
    /// Copy images between registries, directories and archives
    Copy(CopyArgs),
    /// List the tags of a repository in any registry
    Tags(TagsArgs),
    /// Show an image's platforms, layers and configuration without pulling it
    Inspect(InspectArgs),
    /// Print the digest that a tag points to
    Digest(DigestArgs),
    /// Work with plain lists of images
    #[command(subcommand)]
    List(ListCommand),
    /// Log in to a registry, or to a namespace of it
    Login(LoginArgs),
    /// Manage the accounts of a server
    #[command(subcommand)]
    Account(AccountCommand),
    /// Manage the API tokens of a server
    #[command(subcommand)]
    Token(TokenCommand),
    /// Say who may do what on a server, and grant rights
    #[command(subcommand)]
    Access(AccessCommand),
    /// Check which images may be pulled, and by which rule
    #[command(subcommand)]
    Rules(RulesCommand),
    /// See how much may be pulled, why somebody was refused, and who is banned
    #[command(subcommand)]
    Limits(LimitsCommand),
    /// Show how the links are that a server reaches registries over
    Links(ServerArgs),
    /// Show which mode a mirror is in, or set it: how much is on offer
    Mode(ModeArgs),
    /// Show how many pulls upstreams still allow, account by account; exit code 1 if one counts an account as an address
    Budget {
        #[command(flatten)]
        server: ServerArgs,
    },
    /// Manage the sessions of a server: logins with a browser
    #[command(subcommand)]
    Session(SessionCommand),
    /// Manage the credentials of other registries that a server stores
    #[command(subcommand)]
    Credentials(CredentialsCommand),
    /// Show webhooks, and what came of deliveries to them
    #[command(subcommand)]
    Webhooks(WebhooksCommand),
    /// Manage the image library: images that may be run
    #[command(subcommand)]
    Library(LibraryCommand),
    /// Manage nodes: the machines that instances run on
    #[command(subcommand)]
    Node(NodeCommand),
    /// Let a node pull an image, and show how far it is
    Pull(PullArgs),
    /// Ask a server to fetch all of an image before anybody pulls it, and show how far it is
    Request(RequestArgs),
    /// Show and run keep lists: images that are always here
    #[command(subcommand)]
    Keep(KeepCommand),
    /// List and stop pulls: images on their way to nodes
    #[command(subcommand)]
    Pulls(PullsCommand),
    /// Manage specs: what instances get
    #[command(subcommand)]
    Spec(SpecCommand),
    /// Run an instance of an entry of the library
    Run(RunArgs),
    /// List instances
    Ps(PsArgs),
    /// Print what an instance printed
    Logs(LogsArgs),
    /// Run a program in an instance, or a shell
    Exec(ExecArgs),
    /// Show what an instance uses
    Stats(InstanceArgs),
    /// Start an instance that is stopped
    Start(StartArgs),
    /// Stop an instance: its disk stays, its cards are free for others
    Stop(InstanceArgs),
    /// Stop an instance and start it again; it keeps its cards
    Restart(InstanceArgs),
    /// Give an instance another name
    Rename(RenameArgs),
    /// Give an instance the image of another entry: its data stays, its disk goes
    Reimage(ReimageArgs),
    /// Save the disk of an instance as an image on this server
    Commit(CommitArgs),
    /// Say when an instance is stopped or removed
    Extend(ExtendArgs),
    /// Remove an instance
    Rm(RmArgs),
    /// Show how many instances of each spec could be made now
    Free(FreeArgs),
    /// List volumes with data, also those that instances left
    Volumes(VolumesArgs),
    /// Show and rotate the key that a server seals secrets with
    #[command(subcommand)]
    Secrets(SecretsCommand),
    /// Show who did what on a server
    Audit(AuditArgs),
    /// Remove a stored login
    Logout(LogoutArgs),
    /// List the images that documents name: compose files, manifests, charts, Dockerfiles, workflows
    Images(ImagesArgs),
    /// Rename the images in documents, leaving every other byte alone
    Rewrite(RewriteArgs),
    /// Copy all images of compose files to your registry, and write files that use the copies
    Relay(RelayArgs),
    /// Copy the images of a bundle or archive to your registry, and write the stack's files
    Load(LoadArgs),
    /// Move a project's images to another registry: plan, check, copy, verify, rewrite
    #[command(subcommand)]
    Migrate(MigrateCommand),
    /// Write a completion script for a shell to standard output
    Completions(CompletionsArgs),
    /// Write the manual page to standard output, or one page per command to a directory
    Man(ManArgs),
}

#[derive(Args)]
struct ServeArgs {
    #[command(flatten)]
    file: FileArgs,
    /// The listen address, overriding the configuration
    #[arg(long, value_name = "ADDR")]
    listen: Option<Listen>,
    /// The data directory, overriding the configuration
    #[arg(long, value_name = "DIR", value_hint = ValueHint::DirPath)]
    data: Option<PathBuf>,
}

#[derive(Subcommand)]
enum ConfigCommand {
    /// Check a configuration file and the files it names, and report all mistakes
    Check {
        /// The configuration file
        #[arg(value_hint = ValueHint::FilePath)]
        file: PathBuf,
        #[command(flatten)]
        output: OutputArgs,
    },
    /// Print the effective configuration from file, environment and defaults, without secrets
    Show {
        #[command(flatten)]
        file: FileArgs,
        #[command(flatten)]
        output: OutputArgs,
    },
}

impl ConfigCommand {
    fn into_args(self) -> config::Config {
        match self {
            Self::Check { file, output } => config::Config::Check { file, output: output.output },
            Self::Show { file, output } => config::Config::Show { file: file.config, output: output.output },
        }
    }
}

#[derive(Args)]
struct CompletionsArgs {
    /// The shell
    shell: Shell,
}

#[derive(Args)]
struct ManArgs {
    /// The directory for one page per command
    #[arg(long, value_name = "DIR", value_hint = ValueHint::DirPath)]
    out: Option<PathBuf>,
}

impl Loudness {
    fn verbosity(&self) -> Verbosity {
        match (self.quiet, self.verbose) {
            (true, _) => Verbosity::Quiet,
            (false, 0) => Verbosity::Usual,
            (false, 1) => Verbosity::Verbose,
            (false, _) => Verbosity::Everything,
        }
    }
}

impl Command {
    fn into_args(self, verbosity: Verbosity) -> Action {
        match self {
            Self::Serve(ServeArgs { file, listen, data }) => {
                Action::Serve(serve::Serve { file: file.config, over: Overrides { listen, data }, verbosity })
            }
            Self::Config(config) => Action::Config(config.into_args()),
            Self::Cache(cache) => Action::Cache(cache.into_args(verbosity)),
            Self::Sync(sync) => sync.into_args(verbosity),
            Self::Check(check) => Action::Check(check.into_args(verbosity)),
            Self::Guide(guide) => Action::Guide(guide.into_args(verbosity)),
            Self::Copy(copy) => Action::Copy(copy.into_args(verbosity)),
            Self::Tags(tags) => Action::Tags(tags.into_args(verbosity)),
            Self::Inspect(inspect) => Action::Inspect(inspect.into_args(verbosity)),
            Self::Digest(digest) => Action::Digest(digest.into_args(verbosity)),
            Self::Account(account) => Action::Accounts(account.into_args()),
            Self::Token(token) => Action::Accounts(token.into_args()),
            Self::Access(access) => access.into_action(),
            Self::Rules(rules) => rules.into_action(),
            Self::Limits(limits) => limits.into_action(),
            Self::Links(server) => Action::Links(links::Links { to: server.addressed() }),
            Self::Mode(mode) => mode.into_action(),
            Self::Budget { server } => Action::Budget(server.addressed()),
            Self::Session(session) => Action::Accounts(session.into_args()),
            Self::Credentials(credentials) => Action::Credentials(credentials.into_args()),
            Self::Webhooks(webhooks) => Action::Webhooks(webhooks.into_args()),
            Self::Library(library) => Action::Library(library.into_args()),
            Self::Node(node) => Action::Nodes(Box::new(node.into_args())),
            Self::Pull(pull) => Action::Pull(pull.into_args(verbosity)),
            Self::Request(request) => Action::Requests(request.into_args(verbosity)),
            Self::Keep(keep) => Action::Keep(keep.into_args(verbosity)),
            Self::Pulls(pulls) => Action::Pulls(pulls.into_args()),
            Self::Spec(spec) => Action::Specs(spec.into_args()),
            Self::Run(run) => Action::Instances(run.into_args()),
            Self::Ps(ps) => Action::Instances(ps.into_args()),
            Self::Logs(logs) => Action::Instances(logs.into_args()),
            Self::Exec(exec) => Action::Exec(exec.into_args()),
            Self::Stats(instance) => Action::Instances(instance.stats()),
            Self::Start(start) => Action::Instances(start.into_args()),
            Self::Stop(instance) => Action::Instances(instance.stop()),
            Self::Restart(instance) => Action::Instances(instance.restart()),
            Self::Rename(rename) => Action::Instances(rename.into_args()),
            Self::Reimage(reimage) => Action::Instances(reimage.into_args()),
            Self::Commit(commit) => Action::Instances(commit.into_args()),
            Self::Extend(extend) => Action::Instances(extend.into_args()),
            Self::Rm(rm) => Action::Instances(rm.into_args()),
            Self::Free(free) => Action::Instances(free.into_args()),
            Self::Volumes(volumes) => Action::Instances(volumes.into_args()),
            Self::Secrets(secrets) => secrets.into_args(),
            Self::Audit(audit) => Action::Accounts(audit.into_args()),
            Self::Login(login) => login.into_action(verbosity),
            Self::Logout(logout) => Action::Logout(logout.into_args()),
            Self::List(ListCommand::Fmt(fmt)) => Action::ListFmt(fmt.into_args()),
            Self::Images(images) => Action::Images(images.into_args(verbosity)),
            Self::Rewrite(rewrite) => Action::Rewrite(rewrite.into_args(verbosity)),
            Self::Relay(relay) => Action::Relay(Box::new(relay.into_args(verbosity))),
            Self::Load(load) => Action::Load(load.into_args(verbosity)),
            Self::Migrate(step) => step.into_args(verbosity),
            Self::Completions(of) => Action::Completions(completions::Completions { shell: of.shell }),
            Self::Man(ManArgs { out }) => Action::Man(man::Man { out }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clap_finds_nothing_wrong() {
        command().debug_assert();
    }

    #[test]
    fn every_argument_is_explained() {
        fn look(command: &clap::Command) {
            assert!(command.get_about().is_some(), "{}", command.get_name());
            for argument in command.get_arguments() {
                assert!(argument.get_help().is_some(), "{} {}", command.get_name(), argument.get_id());
            }
            command.get_subcommands().for_each(look);
        }
        look(&command());
    }
}
