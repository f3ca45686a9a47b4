//! `entrepot access`: who may do what on a server, and why, asked of the server.

use comfy_table::CellAlignment::Left;
use entrepot_api::{
    AccessExplanation, ExplanationQuery, Grant, GrantList, GrantListQuery, GrantOrigin, NewGrant,
};
use reqwest::{Method, StatusCode};

use super::asker::ApiSession;
use crate::{
    client::{ApiError, ServerTarget},
    failure::Failure,
    output::{self, Column, Output, sentence, word},
    runtime,
};

/// The arguments.
#[derive(Debug)]
pub(crate) struct AccessOptions {
    /// The server, and how to answer.
    pub(crate) to: ServerTarget,
    /// The subcommand.
    pub(crate) operation: AccessOperation,
}

/// A subcommand.
#[derive(Debug)]
pub(crate) enum AccessOperation {
    /// Say whether somebody may do something.
    Explain {
        /// Who.
        principal: String,
        /// What.
        action: String,
        /// To which repository.
        repository: String,
    },
    /// List grants.
    Grants {
        /// Only those to this one.
        to: Option<String>,
        /// Only those that cover this repository.
        repository: Option<String>,
    },
    /// Grant a right.
    Add {
        /// To whom.
        to: String,
        /// What.
        may: Vec<String>,
        /// To which repositories.
        repositories: Vec<String>,
    },
    /// Take a grant back.
    Remove {
        /// Its id.
        id: String,
    },
}

/// Runs the command.
pub(crate) fn run(AccessOptions { to, operation }: AccessOptions) -> Result<(), Failure> {
    let asker = ApiSession::new(to)?;
    runtime::build()?.block_on(perform(&asker, operation))
}

async fn perform(asker: &ApiSession, operation: AccessOperation) -> Result<(), Failure> {
    match operation {
        AccessOperation::Explain { principal, action, repository } => {
            explain(asker, &ExplanationQuery { principal, action, repository }).await
        }
        AccessOperation::Grants { to, repository } => {
            let query = GrantListQuery { to, repository };
            let list: GrantList = told(asker, asker.client.get(&["grants"], &query).await)?;
            asker.print(&list, || table(&list.grants))
        }
        AccessOperation::Add { to, may, repositories } => {
            let new = NewGrant { to, repositories, may };
            let grant: Grant = told(asker, asker.client.post(&["grants"], &new).await)?;
            asker.print(&grant, || sentence!("grant {id} is in force", id = grant.id) + "\n")
        }
        AccessOperation::Remove { id } => {
            told(asker, asker.client.change(Method::DELETE, &["grants", &id], &()).await)?;
            asker.print(&serde_json::json!({ "id": id }), || {
                sentence!("grant {id} is removed", id = id) + "\n"
            })
        }
    }
}

async fn explain(asker: &ApiSession, query: &ExplanationQuery) -> Result<(), Failure> {
    let said: AccessExplanation = told(asker, asker.client.get(&["access", "explain"], query).await)?;
    if asker.output == Output::Json {
        output::print_json(&said)?;
    }
    let AccessExplanation { principal, action, repository, detail, .. } = &said;
    if said.allowed {
        return match asker.output {
            Output::Json => Ok(()),
            Output::Text => {
                let may = sentence!(
                    "{principal} may {action} {repository}: {detail}",
                    principal = principal,
                    action = action,
                    repository = repository,
                    detail = detail
                );
                output::print(&(may + "\n"))
            }
        };
    }
    let failure = Failure::new(format!("{principal} may not {action} {repository}: {detail}"));
    Err(said.hint.into_iter().fold(failure, Failure::with_hint))
}

// An exit code of 1 is an answer here: they may not.
fn told<T>(asker: &ApiSession, answer: Result<T, ApiError>) -> Result<T, Failure> {
    let is_wrong =
        matches!(&answer, Err(ApiError::Refused { status, .. }) if *status == StatusCode::BAD_REQUEST);
    asker.told(answer).map_err(|failure| if is_wrong { failure.of_arguments() } else { failure })
}

fn table(grants: &[Grant]) -> String {
    if grants.is_empty() {
        return sentence!("there are no grants") + "\n";
    }
    let columns = [
        Column("ID", Left),
        Column("TO", Left),
        Column("MAY", Left),
        Column("REPOSITORIES", Left),
        Column("FROM", Left),
    ];
    let rows = grants.iter().map(|grant| {
        let from = match (grant.origin, &grant.created_by, grant.created) {
            (GrantOrigin::Api, Some(by), Some(at)) => format!("{by}, {at}"),
            _ => word("configuration"),
        };
        vec![grant.id.clone(), grant.to.clone(), grant.may.join(","), grant.repositories.join(" "), from]
    });
    output::table(&columns, rows.collect())
}
