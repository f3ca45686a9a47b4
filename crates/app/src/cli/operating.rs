//! The commands about how a mirror stands: `mode`.

use std::time::Duration;

use clap::{Args, ValueEnum};
use entrepot_api::NewModeOrder;

use super::{action::Action, server::ServerArgs};
use crate::commands::mode::{ModeOf, ModeOperation};

/// What `mode` may be told.
#[derive(Clone, Copy, ValueEnum)]
enum ModeWord {
    Normal,
    SmallOnly,
    CachedOnly,
    Closed,
    Auto,
}

#[derive(Clone, Copy, ValueEnum)]
enum Switch {
    On,
    Off,
}

#[derive(Args)]
pub(super) struct ModeArgs {
    /// The mode to set by hand; `auto` takes back what was set
    #[arg(value_name = "MODE")]
    mode: Option<ModeWord>,
    /// For how long, such as `2h`; without it, until it is taken back
    #[arg(long = "for", value_name = "TIME", value_parser = humantime::parse_duration)]
    time: Option<Duration>,
    /// Why: those who are refused are told
    #[arg(long, value_name = "TEXT")]
    reason: Option<String>,
    /// Whether tags of mirrored repositories are listed
    #[arg(long, value_name = "SWITCH")]
    tag_lists: Option<Switch>,
    /// Whether `/v2/_catalog` may be asked
    #[arg(long, value_name = "SWITCH")]
    catalog: Option<Switch>,
    #[command(flatten)]
    server: ServerArgs,
}

impl ModeArgs {
    pub(super) fn into_action(self) -> Action {
        let is_on = |switch: Switch| matches!(switch, Switch::On);
        let order = NewModeOrder {
            mode: self.mode.and_then(ModeWord::mode),
            tag_lists: self.tag_lists.map(is_on),
            catalog: self.catalog.map(is_on),
            reason: self.reason,
            seconds: self.time.map(|time| time.as_secs()),
        };
        let operation = match self.mode {
            Some(ModeWord::Auto) => ModeOperation::TakeBack { order },
            None if order == NewModeOrder::default() => ModeOperation::Show,
            Some(_) | None => ModeOperation::Set { order },
        };
        Action::Mode(ModeOf { to: self.server.addressed(), operation })
    }
}

impl ModeWord {
    fn mode(self) -> Option<entrepot_api::Mode> {
        match self {
            Self::Normal => Some(entrepot_api::Mode::Normal),
            Self::SmallOnly => Some(entrepot_api::Mode::SmallOnly),
            Self::CachedOnly => Some(entrepot_api::Mode::CachedOnly),
            Self::Closed => Some(entrepot_api::Mode::Closed),
            Self::Auto => None,
        }
    }
}
