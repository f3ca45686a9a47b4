//! What is on its way to nodes, and how that is stopped.

use comfy_table::CellAlignment::{Left, Right};
use entrepot_api::{Pull, PullList, PullListQuery, PullStatus};
use reqwest::Method;

use super::super::{asker::ApiSession, nodes};
use crate::{
    client::ServerTarget,
    failure::Failure,
    output::{self, Column, sentence, word},
    runtime,
};

/// How many pulls are listed where nobody says.
const USUAL: usize = 100;

/// The arguments.
#[derive(Debug)]
pub(crate) struct Pulls {
    /// The server, and how to answer.
    pub(crate) to: ServerTarget,
    /// What to do.
    pub(crate) operation: PullsOperation,
}

/// What to do.
#[derive(Debug)]
pub(crate) enum PullsOperation {
    /// List pulls, the latest first.
    List {
        /// Only those of this node.
        node: Option<String>,
        /// Only those of this status.
        status: Option<PullStatus>,
        /// How many at most.
        count: Option<usize>,
    },
    /// Stop a pull.
    Cancel {
        /// Its id.
        id: u32,
    },
}

/// Runs the command.
pub(crate) fn list(Pulls { to, operation }: Pulls) -> Result<(), Failure> {
    let asker = ApiSession::new(to)?;
    runtime::build()?.block_on(perform(&asker, operation))
}

async fn perform(asker: &ApiSession, operation: PullsOperation) -> Result<(), Failure> {
    match operation {
        PullsOperation::List { node, status, count } => {
            let node = match node {
                Some(node) => Some(nodes::find(asker, &node).await?),
                None => None,
            };
            let query = PullListQuery { node, status, n: Some(count.unwrap_or(USUAL)), last: None };
            let page: PullList = asker.told(asker.client.get(&["library", "pulls"], &query).await)?;
            asker.print(&page, || table(&page.pulls))
        }
        PullsOperation::Cancel { id } => {
            let id = id.to_string();
            let path = ["library", "pulls", id.as_str(), "cancel"];
            asker.told(asker.client.change(Method::POST, &path, &()).await)?;
            asker.done(&id, &sentence!("is stopped; its node keeps the layers that it has"))
        }
    }
}

fn table(pulls: &[Pull]) -> String {
    if pulls.is_empty() {
        return sentence!("there are no pulls") + "\n";
    }
    let columns = [
        Column("ID", Right),
        Column("NODE", Right),
        Column("IMAGE", Left),
        Column("STATUS", Left),
        Column("DONE", Right),
        Column("OF", Right),
    ];
    let rows = pulls.iter().map(|pull| {
        let status = match &pull.error {
            Some(error) => {
                sentence!("{phase} ({reason})", phase = word(pull.status), reason = word(error.code))
            }
            None => word(pull.status),
        };
        vec![
            pull.id.to_string(),
            pull.node.to_string(),
            pull.image.clone(),
            status,
            output::size(pull.done),
            pull.total.map_or_else(|| "-".to_owned(), output::size),
        ]
    });
    output::table(&columns, rows.collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pull_is_one_line_with_what_became_of_it() {
        let text = r#"{"id":7,"node":1,"image":"docker.io/library/nginx:1","entry":null,"status":"failed","done":1024,
            "total":null,"layers_done":0,"layers_total":null,"rate":null,"seconds_left":null,"silent_seconds":0,
            "attempt":1,"layers":[],"error":{"code":"no-login","hint":"h","detail":"d"},"created_by":"owner",
            "created":"2026-11-30T12:00:00Z","started":null,"finished":null}"#;
        let table = table(&[serde_json::from_str(text).unwrap()]);
        let line: Vec<_> = table.lines().nth(1).unwrap().split_whitespace().collect();
        assert_eq!(
            line,
            ["7", "1", "docker.io/library/nginx:1", "failed", "(no-login)", "1.0", "KiB", "-"],
            "{table}"
        );
        assert_eq!(super::table(&[]), "there are no pulls\n");
    }
}
