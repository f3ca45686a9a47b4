//! `entrepot pull`: an image on its way to a node, followed until it is there; `entrepot pulls`: what is on its way.

mod bars;
mod list;

use entrepot_api::{NewPull, Pull, PullList, PullStatus};

use self::bars::Bars;
pub(crate) use self::list::{Pulls, PullsOperation, list};
use super::{asker::ApiSession, nodes};
use crate::{
    client::ServerTarget,
    failure::Failure,
    log::Verbosity,
    output::{self, joined, sentence, word},
    runtime, terminal,
};

/// The arguments.
#[derive(Debug)]
pub(crate) struct PullTo {
    /// The server, and how to answer.
    pub(crate) to: ServerTarget,
    /// What is to be pulled.
    pub(crate) options: PullOptions,
}

/// What is to be pulled, and by whom.
#[derive(Debug)]
pub(crate) struct PullOptions {
    /// How much is said meanwhile.
    pub(crate) verbosity: Verbosity,
    /// The node, by its name or id; or a region.
    pub(crate) target: PullTarget,
    /// The image.
    pub(crate) image: String,
    /// Whether to return at once.
    pub(crate) detach: bool,
}

/// Who pulls.
#[derive(Debug)]
pub(crate) enum PullTarget {
    /// One node, by its name or id.
    Node(String),
    /// All nodes of a region.
    Region(String),
}

/// Runs the command.
pub(crate) fn run(PullTo { to, options: wanted }: PullTo) -> Result<(), Failure> {
    let asker = ApiSession::new(to)?;
    runtime::build()?.block_on(perform(&asker, wanted))
}

async fn perform(asker: &ApiSession, options: PullOptions) -> Result<(), Failure> {
    let PullOptions { verbosity, target, image, detach } = options;
    let new = match target {
        PullTarget::Node(node) => {
            NewPull { image: Some(image), node: Some(nodes::find(asker, &node).await?), ..NewPull::default() }
        }
        PullTarget::Region(region) => {
            NewPull { image: Some(image), region: Some(region), ..NewPull::default() }
        }
    };
    let begun: PullList = asker.told(asker.client.post(&["library", "pulls"], &new).await)?;
    if detach {
        return asker.print(&begun, || begun.pulls.iter().map(told).collect());
    }
    let mut ended = Vec::new();
    for pull in begun.pulls {
        ended.push(follow(asker, pull, verbosity).await?);
    }
    let failed = ended.iter().find(|pull| pull.status != PullStatus::Succeeded).cloned();
    let all = PullList { pulls: ended, ..PullList::default() };
    asker.print(&all, || all.pulls.iter().map(told).collect())?;
    match failed {
        None => Ok(()),
        Some(pull) => Err(failure(&pull)),
    }
}

// Until its end; a stream that breaks off is opened again.
async fn follow(asker: &ApiSession, begun: Pull, verbosity: Verbosity) -> Result<Pull, Failure> {
    let id = begun.id.to_string();
    let path = ["library", "pulls", id.as_str(), "events"];
    let mut shown = (terminal::is_heard() && verbosity == Verbosity::Usual).then(Bars::new);
    let mut last = begun;
    while last.finished.is_none() {
        let mut frames = asker.told(asker.client.stream(&path).await)?;
        while let Some((_, data)) = frames.next().await? {
            let pull: Pull = serde_json::from_str(&data)
                .map_err(|error| Failure::because("the server's events cannot be used", &error))?;
            match &mut shown {
                Some(bars) => bars.show(&pull),
                None if pull.status != last.status && verbosity != Verbosity::Quiet => {
                    terminal::say(None, &format!("{}: {}", pull.image, word(pull.status)));
                }
                None => {}
            }
            last = pull;
        }
    }
    if let Some(bars) = shown {
        bars.end();
    }
    Ok(last)
}

fn told(pull: &Pull) -> String {
    let (id, image, node, status) = (pull.id, &pull.image, pull.node, word(pull.status));
    let what = sentence!(
        "pull {id} of `{image}` by node {node}: {status}",
        id = id,
        image = image,
        node = node,
        status = status
    );
    let size = pull.total.map(output::size);
    output::line(&joined(&[what].into_iter().chain(size).collect::<Vec<_>>()))
}

fn failure(pull: &Pull) -> Failure {
    match &pull.error {
        Some(error) => {
            Failure::new(format!("`{}` was not pulled ({}): {}", pull.image, error.code, error.detail))
                .with_hint(error.hint.clone())
        }
        None => Failure::new(format!("the pull of `{}` was stopped", pull.image)),
    }
}
