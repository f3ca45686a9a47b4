//! `entrepot spec`: what instances get, asked of the server.

mod render;

use entrepot_api::{NewSpec, Spec, SpecChange, SpecList, SpecListQuery};
use reqwest::Method;

use super::asker::ApiSession;
use crate::{client::ServerTarget, failure::Failure, output::sentence, runtime};

/// How many entries are asked for at once.
const PAGE: usize = 500;

/// The arguments.
#[derive(Debug)]
pub(crate) struct Specs {
    /// The server, and how to answer.
    pub(crate) to: ServerTarget,
    /// The subcommand.
    pub(crate) operation: SpecOperation,
}

/// A subcommand.
#[derive(Debug)]
pub(crate) enum SpecOperation {
    /// List specs.
    List(SpecListQuery),
    /// Create a spec.
    Add(Box<NewSpec>),
    /// Change a spec.
    Change {
        /// Its name or id.
        spec: String,
        /// What changes.
        change: Box<SpecChange>,
    },
    /// Remove a spec.
    Remove {
        /// Its name or id.
        spec: String,
    },
}

/// Runs the command.
pub(crate) fn run(Specs { to, operation }: Specs) -> Result<(), Failure> {
    let asker = ApiSession::new(to)?;
    runtime::build()?.block_on(perform(&asker, operation))
}

async fn perform(asker: &ApiSession, operation: SpecOperation) -> Result<(), Failure> {
    match operation {
        SpecOperation::List(query) => {
            let specs = list(asker, &query).await?;
            let all = SpecList { specs, ..SpecList::default() };
            asker.print(&all, || render::specs(&all.specs))
        }
        SpecOperation::Add(new) => {
            let spec: Spec = asker.told(asker.client.post(&["library", "specs"], &new).await)?;
            asker.print(&spec, || render::made(&spec))
        }
        SpecOperation::Change { spec, change } => {
            let id = find(asker, &spec).await?.to_string();
            let path = ["library", "specs", id.as_str()];
            let spec: Spec = asker.told(asker.client.patch(&path, &change).await)?;
            asker.print(&spec, || render::changed(&spec))
        }
        SpecOperation::Remove { spec } => {
            let id = find(asker, &spec).await?.to_string();
            let path = ["library", "specs", id.as_str()];
            asker.told(asker.client.change(Method::DELETE, &path, &()).await)?;
            asker.done(&spec, &sentence!("is removed"))
        }
    }
}

async fn list(asker: &ApiSession, query: &SpecListQuery) -> Result<Vec<Spec>, Failure> {
    asker
        .pages(async |last| {
            let query = SpecListQuery { n: Some(PAGE), last, ..query.clone() };
            let page: SpecList = asker.told(asker.client.get(&["library", "specs"], &query).await)?;
            Ok((page.specs, page.next))
        })
        .await
}

/// The id of the spec that somebody names, by its name or its id. A name may be a number, and goes first.
pub(super) async fn find(asker: &ApiSession, named: &str) -> Result<u32, Failure> {
    let query = SpecListQuery { search: Some(named.to_owned()), ..SpecListQuery::default() };
    let found = list(asker, &query).await?.into_iter().find(|spec| spec.name == named);
    found.map(|spec| spec.id).or_else(|| named.parse().ok()).ok_or_else(|| {
        Failure::new(format!("there is no spec `{named}`")).with_hint("see what there is: `entrepot spec ls`")
    })
}
