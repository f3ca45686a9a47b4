//! `entrepot run`, `ps`, `stop` and their like: instances, asked of the server.

mod commit;
mod find;
mod render;

use std::{collections::BTreeMap, time::Duration};

use entrepot_api::{
    DataVolumeList, FreeQuery, FreeSpecs, Instance, InstanceChange, InstanceList, InstanceListQuery,
    InstanceLogQuery, InstancePhase, InstanceReimage, InstanceRemovalQuery, InstanceStart, InstanceUsage,
    InstanceVolumes, NewInstance, PageQuery, Timestamp,
};
use reqwest::Method;

pub(crate) use find::find;
use find::{PAGE, find_entry, list};

use super::{asker::ApiSession, specs};
use crate::{
    client::ServerTarget,
    failure::Failure,
    output::{self, Characters, sentence},
    runtime,
};

/// How often it is asked how an instance is.
const PACE: Duration = Duration::from_millis(500);

/// The arguments.
#[derive(Debug)]
pub(crate) struct Instances {
    /// The server, and how to answer.
    pub(crate) to: ServerTarget,
    /// What to do.
    pub(crate) operation: InstanceOperation,
}

/// What to do.
#[derive(Debug)]
pub(crate) enum InstanceOperation {
    /// Create an instance.
    Run(Box<InstanceOptions>),
    /// List instances.
    List {
        /// Only those with this in their name.
        search: Option<String>,
        /// Also those of others.
        all: bool,
    },
    /// Start an instance.
    Start {
        /// Its name or id.
        instance: String,
        /// Whether it gets its cards.
        with_cards: bool,
    },
    /// Stop an instance.
    Stop {
        /// Its name or id.
        instance: String,
    },
    /// Stop an instance and start it again.
    Restart {
        /// Its name or id.
        instance: String,
    },
    /// Remove an instance.
    Remove {
        /// Its name or id.
        instance: String,
        /// What becomes of its volumes.
        volumes: InstanceVolumes,
    },
    /// Give an instance another name.
    Rename {
        /// Its name or id.
        instance: String,
        /// Its new name.
        name: String,
    },
    /// Give an instance the image of another entry.
    Reimage {
        /// Its name or id.
        instance: String,
        /// The name or id of the entry.
        entry: String,
    },
    /// Save an instance as an image.
    Commit {
        /// Its name or id.
        instance: String,
        /// The name of the image.
        image: String,
        /// The name of an entry that is added for it.
        entry: Option<String>,
    },
    /// Say when an instance ends.
    Extend {
        /// Its name or id.
        instance: String,
        /// When it is stopped.
        stop_after: Option<Expiry>,
        /// When it is removed.
        release_after: Option<Expiry>,
    },
    /// Read the log of an instance.
    Logs {
        /// Its name or id.
        instance: String,
        /// What to read.
        query: InstanceLogQuery,
    },
    /// What an instance uses.
    Stats {
        /// Its name or id.
        instance: String,
    },
    /// How often each spec fits.
    Free {
        /// Only in this region.
        region: Option<String>,
    },
    /// Have webhooks told when a spec is free.
    WaitFor {
        /// Its name or id.
        spec: String,
    },
    /// Wait for a spec no longer.
    Forget {
        /// Its name or id.
        spec: String,
    },
    /// List volumes.
    Volumes,
}

/// When something ends.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Expiry {
    /// At this time.
    At(Timestamp),
    /// It does not.
    Never,
}

impl Expiry {
    fn time(self) -> Option<Timestamp> {
        match self {
            Self::At(at) => Some(at),
            Self::Never => None,
        }
    }
}

/// A new instance.
#[derive(Debug)]
pub(crate) struct InstanceOptions {
    /// The name or id of the entry.
    pub(crate) entry: String,
    /// The name or id of the spec.
    pub(crate) spec: String,
    /// Its name.
    pub(crate) name: Option<String>,
    /// The node.
    pub(crate) node: Option<u32>,
    /// The region.
    pub(crate) region: Option<String>,
    /// Variables.
    pub(crate) environment: BTreeMap<String, String>,
    /// Ports.
    pub(crate) ports: Vec<u16>,
    /// Where its data volume is; `Some(None)`: it has none.
    pub(crate) data: Option<Option<String>>,
    /// A volume to attach.
    pub(crate) volume: Option<String>,
    /// When it is stopped.
    pub(crate) stop_at: Option<Timestamp>,
    /// When it is removed.
    pub(crate) release_at: Option<Timestamp>,
    /// What it starts.
    pub(crate) command: Option<Vec<String>>,
    /// Whether to wait until it runs.
    pub(crate) waits: bool,
}

/// Runs the command.
pub(crate) fn run(Instances { to, operation }: Instances) -> Result<(), Failure> {
    let asker = ApiSession::new(to)?;
    runtime::build()?.block_on(perform(&asker, operation))
}

async fn perform(asker: &ApiSession, operation: InstanceOperation) -> Result<(), Failure> {
    match operation {
        InstanceOperation::Run(run) => create(asker, *run).await,
        InstanceOperation::List { search, all } => {
            let all = all.then_some(true);
            show(asker, &InstanceListQuery { search, all, ..InstanceListQuery::default() }).await
        }
        InstanceOperation::Start { instance, with_cards } => {
            let start = InstanceStart { cards: Some(with_cards) };
            act(asker, &instance, "start", &start).await?;
            asker.done(&instance, &sentence!("starts"))
        }
        InstanceOperation::Stop { instance } => {
            act(asker, &instance, "stop", &()).await?;
            asker.done(&instance, &sentence!("is being stopped: its disk stays, its cards are free"))
        }
        InstanceOperation::Restart { instance } => {
            act(asker, &instance, "restart", &()).await?;
            asker.done(&instance, &sentence!("starts again"))
        }
        InstanceOperation::Remove { instance, volumes } => {
            remove(asker, &instance, InstanceRemovalQuery { volumes }).await?;
            asker.done(&instance, &sentence!("is being removed"))
        }
        InstanceOperation::Rename { instance, name } => {
            let change = InstanceChange { name: Some(name.clone()), ..InstanceChange::default() };
            edit(asker, &instance, change).await?;
            asker.done(&instance, &sentence!("is called `{name}` now", name = name))
        }
        InstanceOperation::Reimage { instance, entry } => {
            let reimage = InstanceReimage { entry: find_entry(asker, &entry).await? };
            act(asker, &instance, "image", &reimage).await?;
            let gets = sentence!("gets the image of `{entry}`: its data stays, its disk goes", entry = entry);
            asker.done(&instance, &gets)
        }
        InstanceOperation::Commit { instance, image, entry } => {
            commit::commit(asker, &instance, image, entry).await
        }
        InstanceOperation::Extend { instance, stop_after, release_after } => {
            let (stop_at, release_at) = (stop_after.map(Expiry::time), release_after.map(Expiry::time));
            let changed = edit(asker, &instance, InstanceChange { name: None, stop_at, release_at }).await?;
            asker.print(&changed, || render::ends(&changed))
        }
        InstanceOperation::Logs { instance, query } => logs(asker, &instance, query).await,
        InstanceOperation::Stats { instance } => stats(asker, &instance).await,
        InstanceOperation::Free { region } => show_free(asker, region).await,
        InstanceOperation::WaitFor { spec } => {
            wait(asker, &spec, Method::PUT).await?;
            asker.done(&spec, &sentence!("is waited for: webhooks are told when it is free"))
        }
        InstanceOperation::Forget { spec } => {
            wait(asker, &spec, Method::DELETE).await?;
            asker.done(&spec, &sentence!("is not waited for"))
        }
        InstanceOperation::Volumes => volumes(asker).await,
    }
}

async fn show_free(asker: &ApiSession, region: Option<String>) -> Result<(), Failure> {
    let free: FreeSpecs = asker.told(asker.client.get(&["library", "free"], &FreeQuery { region }).await)?;
    asker.print(&free, || render::free(&free.specs))
}

async fn show(asker: &ApiSession, query: &InstanceListQuery) -> Result<(), Failure> {
    let instances = list(asker, query).await?;
    let all = InstanceList { instances, ..InstanceList::default() };
    asker.print(&all, || render::instances(&all.instances))
}

async fn remove(asker: &ApiSession, named: &str, query: InstanceRemovalQuery) -> Result<(), Failure> {
    let id = find(asker, named).await?.to_string();
    asker.told(asker.client.remove(&["library", "instances", &id], &query).await)
}

/// Begins (`PUT`) or ends (`DELETE`) waiting for a card of a spec.
async fn wait(asker: &ApiSession, spec: &str, method: Method) -> Result<(), Failure> {
    let id = specs::find(asker, spec).await?.to_string();
    asker.told(asker.client.change(method, &["library", "specs", &id, "wait"], &()).await)
}

async fn volumes(asker: &ApiSession) -> Result<(), Failure> {
    let volumes = asker.pages(async |last| {
        let query = PageQuery { n: Some(PAGE), last };
        let page: DataVolumeList = asker.told(asker.client.get(&["library", "volumes"], &query).await)?;
        let last = page.volumes.last().map(|volume| volume.name.clone());
        Ok((page.volumes, last.filter(|_| page.more)))
    });
    let all = DataVolumeList { volumes: volumes.await?, more: false };
    asker.print(&all, || render::volumes(&all.volumes))
}

async fn create(asker: &ApiSession, run: InstanceOptions) -> Result<(), Failure> {
    let new = NewInstance {
        name: run.name,
        entry: find_entry(asker, &run.entry).await?,
        spec: specs::find(asker, &run.spec).await?,
        node: run.node,
        region: run.region,
        environment: run.environment,
        command: run.command,
        ports: run.ports,
        data: run.data,
        volume: run.volume,
        stop_at: run.stop_at,
        release_at: run.release_at,
        request_key: None,
    };
    let made: Instance = asker.told(asker.client.post(&["library", "instances"], &new).await)?;
    let made = if run.waits { settled(asker, made).await? } else { made };
    asker.print(&made, || render::made(&made))?;
    match made.phase {
        InstancePhase::Failed | InstancePhase::Lost => Err(render::failure(&made)),
        _ => Ok(()),
    }
}

/// Prints what an instance printed, piece by piece.
async fn logs(asker: &ApiSession, named: &str, query: InstanceLogQuery) -> Result<(), Failure> {
    let id = find(asker, named).await?.to_string();
    let path = ["library", "instances", id.as_str(), "logs"];
    let mut text = asker.told(asker.client.text(&path, &query).await)?;
    let mut characters = Characters::default();
    while let Some(bytes) = asker.told(text.next().await)? {
        output::print(&String::from_utf8_lossy(&characters.push(&bytes)))?;
    }
    output::print(&String::from_utf8_lossy(&characters.rest()))
}

/// What an instance uses: asked twice, because processors are counted between the two.
async fn stats(asker: &ApiSession, named: &str) -> Result<(), Failure> {
    let id = find(asker, named).await?.to_string();
    let path = ["library", "instances", id.as_str(), "stats"];
    let none: [(&str, &str); 0] = [];
    let first: InstanceUsage = asker.told(asker.client.get(&path, &none).await)?;
    let usage = if first.running && first.cores.is_none() {
        tokio::time::sleep(PACE * 2).await;
        asker.told(asker.client.get(&path, &none).await)?
    } else {
        first
    };
    asker.print(&usage, || render::usage(named, &usage))
}

/// Waits until an instance runs, or does not come up.
async fn settled(asker: &ApiSession, made: Instance) -> Result<Instance, Failure> {
    let id = made.id.to_string();
    let mut instance = made;
    loop {
        match instance.phase {
            InstancePhase::Running | InstancePhase::Stopped | InstancePhase::Failed | InstancePhase::Lost => {
                return Ok(instance);
            }
            _ => tokio::time::sleep(PACE).await,
        }
        let none: [(&str, &str); 0] = [];
        instance = asker.told(asker.client.get(&["library", "instances", &id], &none).await)?;
    }
}

async fn act(
    asker: &ApiSession,
    named: &str,
    operation: &str,
    body: &impl serde::Serialize,
) -> Result<(), Failure> {
    let id = find(asker, named).await?.to_string();
    let path = ["library", "instances", id.as_str(), operation];
    asker.told(asker.client.change(Method::POST, &path, body).await)
}

async fn edit(asker: &ApiSession, named: &str, change: InstanceChange) -> Result<Instance, Failure> {
    let id = find(asker, named).await?.to_string();
    asker.told(asker.client.patch(&["library", "instances", id.as_str()], &change).await)
}
