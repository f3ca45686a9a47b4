//! `entrepot node`: the machines that instances run on, asked of the server.

mod render;

use std::path::PathBuf;

use entrepot_api::{NewNode, Node, NodeChange, NodeList, NodeListQuery, NodeStatus, NodeTls};
use reqwest::Method;

use super::asker::ApiSession;
use crate::{client::ServerTarget, failure::Failure, output::sentence, runtime};

/// How many entries are asked for at once.
const PAGE: usize = 500;
/// The largest file with a certificate or key, in bytes.
const MAX_PEM: u64 = 256 << 10;

/// The arguments.
#[derive(Debug)]
pub(crate) struct Nodes {
    /// The server, and how to answer.
    pub(crate) to: ServerTarget,
    /// The subcommand.
    pub(crate) operation: NodeOperation,
}

/// Where certificates and key are.
#[derive(Debug)]
pub(crate) struct PemFiles {
    /// The certificate of the authority.
    pub(crate) ca: PathBuf,
    /// Our certificate.
    pub(crate) certificate: PathBuf,
    /// Its key.
    pub(crate) key: PathBuf,
}

/// A subcommand.
pub(crate) enum NodeOperation {
    /// List nodes.
    List(NodeListQuery),
    /// Show a node with its cards.
    Show {
        /// Its name or id.
        node: String,
    },
    /// Add a node.
    Add {
        /// What is said about it, without certificates.
        new: Box<NewNode>,
        /// Where its certificates are.
        tls: Option<PemFiles>,
    },
    /// Look at a node now.
    Check {
        /// Its name or id.
        node: String,
    },
    /// Change a node.
    Change {
        /// Its name or id.
        node: String,
        /// What changes, without certificates.
        change: Box<NodeChange>,
        /// Where its new certificates are.
        tls: Option<PemFiles>,
    },
    /// Say that a card works again.
    Release {
        /// The node's name or id.
        node: String,
        /// The card.
        card: String,
    },
    /// Remove a node.
    Remove {
        /// Its name or id.
        node: String,
    },
}

/// Without what may be secret.
impl std::fmt::Debug for NodeOperation {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("an operation on nodes")
    }
}

/// Runs the command.
pub(crate) fn run(Nodes { to, operation }: Nodes) -> Result<(), Failure> {
    let asker = ApiSession::new(to)?;
    runtime::build()?.block_on(perform(&asker, operation))
}

async fn perform(asker: &ApiSession, operation: NodeOperation) -> Result<(), Failure> {
    match operation {
        NodeOperation::List(query) => {
            let nodes = list(asker, &query).await?;
            let all = NodeList { nodes, ..NodeList::default() };
            asker.print(&all, || render::nodes(&all.nodes))
        }
        NodeOperation::Show { node } => {
            let id = find(asker, &node).await?.to_string();
            let none: [(&str, &str); 0] = [];
            let path = ["library", "nodes", id.as_str()];
            let node: Node = asker.told(asker.client.get(&path, &none).await)?;
            asker.print(&node, || render::node(&node))
        }
        NodeOperation::Add { mut new, tls } => {
            new.tls = tls.map(PemFiles::read).transpose()?;
            let node: Node = asker.told(asker.client.post(&["library", "nodes"], &new).await)?;
            asker.print(&node, || render::node(&node))
        }
        NodeOperation::Check { node } => check(asker, &node).await,
        NodeOperation::Change { node, mut change, tls } => {
            if let Some(tls) = tls.map(PemFiles::read).transpose()? {
                change.tls = Some(Some(tls));
            }
            let id = find(asker, &node).await?.to_string();
            let path = ["library", "nodes", id.as_str()];
            let node: Node = asker.told(asker.client.patch(&path, &change).await)?;
            asker.print(&node, || render::node(&node))
        }
        NodeOperation::Release { node, card } => {
            let id = find(asker, &node).await?.to_string();
            let path = ["library", "nodes", &id, "devices", &card, "release"];
            asker.told(asker.client.change(Method::POST, &path, &()).await)?;
            asker.done(&card, &sentence!("can be given to instances again"))
        }
        NodeOperation::Remove { node } => {
            let id = find(asker, &node).await?.to_string();
            let path = ["library", "nodes", id.as_str()];
            asker.told(asker.client.change(Method::DELETE, &path, &()).await)?;
            asker.done(&node, &sentence!("is removed"))
        }
    }
}

// The exit code says whether the node can be used.
async fn check(asker: &ApiSession, node: &str) -> Result<(), Failure> {
    let id = find(asker, node).await?.to_string();
    let none: [(&str, &str); 0] = [];
    let path = ["library", "nodes", id.as_str(), "check"];
    let node: Node = asker.told(asker.client.act(&path, &none).await)?;
    asker.print(&node, || render::node(&node))?;
    match node.status {
        NodeStatus::Connected => Ok(()),
        status => {
            let failure = Failure::new(format!("`{}` cannot be used: {status}", node.name));
            Err(match node.conditions.first() {
                Some(condition) => failure.with_hint(condition.text.clone()),
                None => failure,
            })
        }
    }
}

async fn list(asker: &ApiSession, query: &NodeListQuery) -> Result<Vec<Node>, Failure> {
    asker
        .pages(async |last| {
            let query = NodeListQuery { n: Some(PAGE), last, ..query.clone() };
            let page: NodeList = asker.told(asker.client.get(&["library", "nodes"], &query).await)?;
            Ok((page.nodes, page.next))
        })
        .await
}

/// The id of the node that somebody names, by its name or its id.
pub(super) async fn find(asker: &ApiSession, named: &str) -> Result<u32, Failure> {
    // No name is a number.
    if let Ok(id) = named.parse() {
        return Ok(id);
    }
    let query = NodeListQuery { search: Some(named.to_owned()), ..NodeListQuery::default() };
    let found = list(asker, &query).await?.into_iter().find(|node| node.name == named);
    found.map(|node| node.id).ok_or_else(|| {
        Failure::new(format!("there is no node `{named}`")).with_hint("see what there is: `entrepot node ls`")
    })
}

impl PemFiles {
    fn read(self) -> Result<NodeTls, Failure> {
        let read = |path: PathBuf| {
            let failed =
                |error: std::io::Error| Failure::because(format!("cannot read `{}`", path.display()), &error);
            let length = std::fs::metadata(&path).map_err(failed)?.len();
            if length > MAX_PEM {
                return Err(Failure::new(format!("`{}` is too long for a certificate", path.display())));
            }
            std::fs::read_to_string(&path).map_err(failed)
        };
        Ok(NodeTls { ca: read(self.ca)?, certificate: read(self.certificate)?, key: read(self.key)? })
    }
}
