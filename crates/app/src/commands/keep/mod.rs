//! `entrepot keep`: lists of images that are always here, asked of the server.

mod render;

use std::time::Duration;

use entrepot_api::{KeepImageList, KeepImageListQuery, KeepList, KeepLists, KeepOutcome, KeepState};
use reqwest::Method;

use super::asker::ApiSession;
use crate::{client::ServerTarget, failure::Failure, log::Verbosity, runtime, terminal};

/// Images that are asked for at once.
const PAGE: usize = 1000;
/// How often a server is asked how far a run is.
const ASKED_EVERY: Duration = Duration::from_millis(500);

/// The arguments.
#[derive(Debug)]
pub(crate) struct Keep {
    /// The server, and how to answer.
    pub(crate) to: ServerTarget,
    /// The subcommand.
    pub(crate) operation: KeepOperation,
}

/// A subcommand.
#[derive(Debug)]
pub(crate) enum KeepOperation {
    /// List the lists.
    List,
    /// List the images of a list.
    Images {
        /// The list.
        list: String,
        /// Only images that stand so.
        state: Option<KeepState>,
    },
    /// Run a list.
    Run {
        /// The list.
        list: String,
        /// Whether to stay until its end.
        wait: bool,
        /// How much is said meanwhile.
        verbosity: Verbosity,
    },
    /// Stop a run.
    Cancel {
        /// The list.
        list: String,
    },
}

/// Runs the command.
pub(crate) fn run(Keep { to, operation }: Keep) -> Result<(), Failure> {
    let asker = ApiSession::new(to)?;
    runtime::build()?.block_on(perform(&asker, operation))
}

async fn perform(asker: &ApiSession, operation: KeepOperation) -> Result<(), Failure> {
    let none: [(&str, &str); 0] = [];
    match operation {
        KeepOperation::List => {
            let lists: KeepLists = asker.told(asker.client.get(&["keep"], &none).await)?;
            asker.print(&lists, || render::lists(&lists))
        }
        KeepOperation::Images { list, state } => {
            let images = all(asker, &list, state).await?;
            asker.print(&images, || render::images(&images))
        }
        KeepOperation::Run { list, wait, verbosity } => {
            let begun: KeepList = asker.told(asker.client.act(&["keep", &list, "run"], &none).await)?;
            if !wait {
                return asker.print(&begun, || render::line(&begun));
            }
            let ended = to_its_end(asker, begun, verbosity).await?;
            asker.print(&ended, || render::line(&ended))?;
            match &ended.last {
                Some(last) if last.outcome == KeepOutcome::Done => Ok(()),
                _ => Err(Failure::new(format!("not all images of keep list `{list}` are kept"))
                    .with_hint(format!("see which: `entrepot keep images {list}`"))),
            }
        }
        KeepOperation::Cancel { list } => {
            let stopped = asker.client.change(Method::POST, &["keep", &list, "cancel"], &none).await;
            asker.told(stopped)
        }
    }
}

async fn all(asker: &ApiSession, list: &str, state: Option<KeepState>) -> Result<KeepImageList, Failure> {
    let mut all = KeepImageList::default();
    let mut last = None;
    loop {
        let query = KeepImageListQuery { state, n: Some(PAGE), last };
        let path = ["keep", list, "images"];
        let page: KeepImageList = asker.told(asker.client.get(&path, &query).await)?;
        all.images.extend(page.images);
        last = all.images.last().map(|image| image.image.clone()).filter(|_| page.more);
        if last.is_none() {
            return Ok(all);
        }
    }
}

async fn to_its_end(asker: &ApiSession, begun: KeepList, verbosity: Verbosity) -> Result<KeepList, Failure> {
    let none: [(&str, &str); 0] = [];
    let (mut list, mut told) = (begun, None);
    while list.running.is_some() {
        tokio::time::sleep(ASKED_EVERY).await;
        list = asker.told(asker.client.get(&["keep", &list.name], &none).await)?;
        let image = list.running.as_ref().and_then(|running| running.image.clone());
        if verbosity != Verbosity::Quiet && image.is_some() && image != told {
            terminal::say(None, &render::progress(&list));
            told = image;
        }
    }
    Ok(list)
}
