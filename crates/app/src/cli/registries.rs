//! The commands that speak to registries, one by one: `copy`, `tags`, `inspect`, `digest`, `login` and `logout`.

use std::path::PathBuf;

use clap::{Args, ValueHint};
use entrepot_oci::{Image, Platform};
use entrepot_sync::{
    Format,
    rules::{TagsSection, Texts},
};

use super::common::{FileArgs, OutputArgs};
use crate::{
    commands::{
        copy, digest, inspect, login,
        session::Common,
        tags::{self, Where},
    },
    credentials::Door,
    log::Verbosity,
};

/// What the commands have in common that speak to registries.
#[derive(Args)]
pub(super) struct CommonArgs {
    #[command(flatten)]
    file: FileArgs,
    #[command(flatten)]
    output: OutputArgs,
    /// Where to remember things between runs [default: ~/.cache/entrepot]
    #[arg(long, value_name = "DIR", value_hint = ValueHint::DirPath)]
    cache: Option<PathBuf>,
}

#[derive(Args)]
pub(super) struct CopyArgs {
    /// The image: `nginx:1.27`, `oci:DIR[:TAG]`, `oci-archive:FILE[:TAG]`, `docker-archive:FILE[:TAG]`
    #[arg(value_name = "SOURCE")]
    source: copy::Endpoint,
    /// Where to; without a tag, the source's is taken
    #[arg(value_name = "TARGET", required = true)]
    targets: Vec<copy::Endpoint>,
    /// Copy every tag of the repository, or every image of the archive
    #[arg(long)]
    all_tags: bool,
    /// Copy these platforms alone: `linux/amd64,linux/arm64`
    #[arg(long, value_name = "PLATFORM", value_delimiter = ',')]
    platform: Vec<Platform>,
    /// The form of documents: `keep`, or `docker` for registries that refuse OCI's [default: what suits the registry]
    #[arg(long, value_name = "FORM", value_enum, hide_possible_values = true)]
    format: Option<FormatWord>,
    /// Leave signatures, attestations and bills of materials behind
    #[arg(long)]
    no_referrers: bool,
    /// How many images at once
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..))]
    jobs: Option<u16>,
    /// Only say what would be copied
    #[arg(long)]
    dry_run: bool,
    #[command(flatten)]
    common: CommonArgs,
}

#[derive(Clone, Copy, clap::ValueEnum)]
pub(super) enum FormatWord {
    /// As they are.
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
    place: Where,
    /// Only tags in which this regular expression is found; `^…$` for the whole tag
    #[arg(long = "match", value_name = "REGEX")]
    matches: Vec<String>,
    /// Only tags in which this is not found
    #[arg(long = "not-match", value_name = "REGEX")]
    not_matches: Vec<String>,
    /// Only tags that fit this pattern: `v1.*`
    #[arg(long, value_name = "GLOB")]
    include: Vec<String>,
    /// Only tags that do not
    #[arg(long, value_name = "GLOB")]
    exclude: Vec<String>,
    /// Only tags whose version is in this range: `>=1.2, <2`
    #[arg(long, value_name = "RANGE")]
    semver: Option<String>,
    /// Of what is left, the newest so many
    #[arg(long, value_name = "N")]
    latest: Option<usize>,
    #[command(flatten)]
    common: CommonArgs,
}

#[derive(Args)]
pub(super) struct InspectArgs {
    /// The image: `nginx:1.27`, `quay.io/ascend/cann@sha256:…`
    image: Image,
    /// Look into this platform: `linux/arm64`
    #[arg(long)]
    platform: Option<Platform>,
    /// Print the manifest as the registry has it, byte for byte
    #[arg(long, conflicts_with = "output")]
    raw: bool,
    #[command(flatten)]
    common: CommonArgs,
}

#[derive(Args)]
pub(super) struct DigestArgs {
    /// The image: `nginx:1.27`
    image: Image,
    #[command(flatten)]
    common: CommonArgs,
}

#[derive(Args)]
pub(super) struct LoginArgs {
    /// The registry, or a namespace of it: `quay.io`, `quay.io/ascend`
    #[arg(value_name = "HOST[/NAMESPACE]")]
    door: Door,
    /// The user name; asked for if it is left out
    #[arg(short, long, value_name = "NAME")]
    username: Option<String>,
    /// Read the password from standard input
    #[arg(long, requires = "username")]
    password_stdin: bool,
    #[command(flatten)]
    file: FileArgs,
    #[command(flatten)]
    output: OutputArgs,
}

#[derive(Args)]
pub(super) struct LogoutArgs {
    /// The registry, or a namespace of it
    #[arg(value_name = "HOST[/NAMESPACE]", required_unless_present = "all")]
    door: Option<Door>,
    /// Forget all logins
    #[arg(long, conflicts_with = "door")]
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
        let texts = |items: Vec<String>| Texts { items, is_list: true };
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
    pub(super) fn into_args(self, verbosity: Verbosity) -> login::Login {
        let Self { door, username, password_stdin, file, output } = self;
        let common = CommonArgs { file, output, cache: None }.into_args(verbosity);
        login::Login { common, door, username, password_stdin }
    }
}

impl LogoutArgs {
    pub(super) fn into_args(self) -> login::Logout {
        login::Logout { output: self.output.output, door: self.door }
    }
}

impl CommonArgs {
    pub(super) fn into_args(self, verbosity: Verbosity) -> Common {
        Common { file: self.file.config, cache: self.cache, output: self.output.output, verbosity }
    }
}
