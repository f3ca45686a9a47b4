//! The registry commands: `copy`, `tags`, `inspect`, `digest`, `login` and `logout`.

use std::path::PathBuf;

use clap::{Args, ValueHint};
use entrepot_credentials::LoginTarget;
use entrepot_oci::{ImageRef, Platform};
use entrepot_sync::{
    Format,
    rules::{TagsSection, TextList},
};
use secrecy::SecretString;

use super::{
    action::Action,
    common::{FileArgs, OutputArgs},
};
use crate::{
    commands::{
        copy, digest, inspect, login, login_device,
        password::Password,
        session::Common,
        tags::{self, TypedRepository},
    },
    log::Verbosity,
};

/// Arguments shared by the registry commands.
#[derive(Args)]
pub(super) struct CommonArgs {
    #[command(flatten)]
    file: FileArgs,
    #[command(flatten)]
    output: OutputArgs,
    /// The directory for data kept between runs [default: ~/.cache/entrepot]
    #[arg(long, value_name = "DIR", value_hint = ValueHint::DirPath)]
    cache: Option<PathBuf>,
}

#[derive(Args)]
pub(super) struct CopyArgs {
    /// The image: `nginx:1.27`, `oci:DIR[:TAG]`, `oci-archive:FILE[:TAG]`, `docker-archive:FILE[:TAG]`
    #[arg(value_name = "SOURCE")]
    source: copy::Endpoint,
    /// Where to copy it; without a tag, the source's is used
    #[arg(value_name = "TARGET", required = true)]
    targets: Vec<copy::Endpoint>,
    /// Copy every tag of the repository, or every image of the archive
    #[arg(long)]
    all_tags: bool,
    /// Copy only these platforms: `linux/amd64,linux/arm64`
    #[arg(long, value_name = "PLATFORM", value_delimiter = ',')]
    platform: Vec<Platform>,
    /// Manifest format: `keep`, or `docker` for registries that refuse OCI [default: depends on the registry]
    #[arg(long, value_name = "FORM", value_enum, hide_possible_values = true)]
    format: Option<FormatWord>,
    /// Do not copy signatures, attestations and SBOMs
    #[arg(long)]
    no_referrers: bool,
    /// Number of images to copy in parallel
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..))]
    jobs: Option<u16>,
    /// Only show what would be copied
    #[arg(long)]
    dry_run: bool,
    #[command(flatten)]
    common: CommonArgs,
}

#[derive(Clone, Copy, clap::ValueEnum)]
pub(super) enum FormatWord {
    /// Unchanged.
    Keep,
    /// Docker's media types.
    Docker,
}

impl FormatWord {
    pub(super) fn into_format(self) -> Format {
        match self {
            Self::Keep => Format::Keep,
            Self::Docker => Format::Docker,
        }
    }
}

#[derive(Args)]
pub(super) struct TagsArgs {
    /// The repository: `nginx`, `quay.io/ascend/cann`
    #[arg(value_name = "REPOSITORY")]
    place: TypedRepository,
    /// Only tags that match this regular expression anywhere; `^…$` for the whole tag
    #[arg(long = "match", value_name = "REGEX")]
    matches: Vec<String>,
    /// Only tags that do not match this regular expression
    #[arg(long = "not-match", value_name = "REGEX")]
    not_matches: Vec<String>,
    /// Only tags that match this glob: `v1.*`
    #[arg(long, value_name = "GLOB")]
    include: Vec<String>,
    /// Only tags that do not match this glob
    #[arg(long, value_name = "GLOB")]
    exclude: Vec<String>,
    /// Only tags whose version is in this range: `>=1.2, <2`
    #[arg(long, value_name = "RANGE")]
    semver: Option<String>,
    /// Only the newest N, after all other filters
    #[arg(long, value_name = "N")]
    latest: Option<usize>,
    #[command(flatten)]
    common: CommonArgs,
}

#[derive(Args)]
pub(super) struct InspectArgs {
    /// The image: `nginx:1.27`, `quay.io/ascend/cann@sha256:…`
    image: ImageRef,
    /// The platform to show: `linux/arm64`
    #[arg(long)]
    platform: Option<Platform>,
    /// Print the registry's manifest byte for byte
    #[arg(long, conflicts_with = "output")]
    raw: bool,
    #[command(flatten)]
    common: CommonArgs,
}

#[derive(Args)]
pub(super) struct DigestArgs {
    /// The image: `nginx:1.27`
    image: ImageRef,
    #[command(flatten)]
    common: CommonArgs,
}

#[derive(Args)]
pub(super) struct LoginArgs {
    /// The registry, or a namespace in it: `quay.io`, `quay.io/ascend`
    #[arg(value_name = "HOST[/NAMESPACE]")]
    target: LoginTarget,
    /// The user name; prompted for if omitted
    #[arg(short, long, value_name = "NAME")]
    username: Option<String>,
    /// The password; other users of this machine may see it, so rather use `--password-stdin`
    #[arg(short, long, value_name = "PASSWORD", requires = "username", conflicts_with = "password_stdin")]
    password: Option<SecretString>,
    /// Read the password from standard input
    #[arg(long, requires = "username")]
    password_stdin: bool,
    /// Keep the password itself, also where the server gives API tokens
    #[arg(long)]
    keep_password: bool,
    /// Confirm the login in a browser: for an entrepot, whatever way its people log in
    #[arg(long, conflicts_with_all = ["username", "password", "password_stdin", "config"])]
    device: bool,
    #[command(flatten)]
    file: FileArgs,
    #[command(flatten)]
    output: OutputArgs,
}

#[derive(Args)]
pub(super) struct LogoutArgs {
    /// The registry, or a namespace in it
    #[arg(value_name = "HOST[/NAMESPACE]", required_unless_present = "all")]
    target: Option<LoginTarget>,
    /// Remove all stored logins
    #[arg(long, conflicts_with = "target")]
    all: bool,
    #[command(flatten)]
    output: OutputArgs,
}

impl CopyArgs {
    pub(super) fn into_args(self, verbosity: Verbosity) -> copy::Copy {
        copy::Copy {
            common: self.common.into_args(verbosity),
            source: self.source,
            targets: self.targets,
            all_tags: self.all_tags,
            platforms: self.platform,
            format: self.format.map(FormatWord::into_format),
            referrers: !self.no_referrers,
            at_once: self.jobs.map(usize::from),
            dry_run: self.dry_run,
        }
    }
}

impl TagsArgs {
    pub(super) fn into_args(self, verbosity: Verbosity) -> tags::Tags {
        let texts = |items: Vec<String>| TextList { items, is_list: true };
        let filter = TagsSection {
            matches: texts(self.matches),
            not_matches: texts(self.not_matches),
            include: texts(self.include),
            exclude: texts(self.exclude),
            semver: self.semver,
            latest: self.latest,
            ..TagsSection::default()
        };
        tags::Tags { common: self.common.into_args(verbosity), place: self.place, filter }
    }
}

impl InspectArgs {
    pub(super) fn into_args(self, verbosity: Verbosity) -> inspect::Inspect {
        let Self { image, platform, raw, common } = self;
        inspect::Inspect { common: common.into_args(verbosity), image, platform, raw }
    }
}

impl DigestArgs {
    pub(super) fn into_args(self, verbosity: Verbosity) -> digest::DigestOf {
        digest::DigestOf { common: self.common.into_args(verbosity), image: self.image }
    }
}

impl LoginArgs {
    pub(super) fn into_action(self, verbosity: Verbosity) -> Action {
        if self.device {
            return Action::LoginDevice(login_device::LoginDevice {
                target: self.target,
                output: self.output.output,
            });
        }
        Action::Login(self.into_args(verbosity))
    }

    fn into_args(self, verbosity: Verbosity) -> login::LoginOptions {
        let Self { target, username, password, password_stdin, keep_password, device: _, file, output } =
            self;
        let common = CommonArgs { file, output, cache: None }.into_args(verbosity);
        let password = match (password, password_stdin) {
            (Some(password), _) => Password::Given(password),
            (None, true) => Password::OnInput,
            (None, false) => Password::Asked,
        };
        login::LoginOptions { common, target, username, password, keep_password }
    }
}

impl LogoutArgs {
    pub(super) fn into_args(self) -> login::Logout {
        login::Logout { output: self.output.output, target: self.target }
    }
}

impl CommonArgs {
    pub(super) fn into_args(self, verbosity: Verbosity) -> Common {
        Common { file: self.file.config, cache: self.cache, output: self.output.output, verbosity }
    }
}
