//! `entrepot sync prune`: tags at destinations that no rule writes, and deciding about them, asked of a server.

use std::io;

use comfy_table::CellAlignment::{Left, Right};
use entrepot_api::{
    Prune, PruneDecision, PruneDetail, PruneList, PruneListQuery, PruneOutcome, PruneQuery, PruneStatus,
    PruneTag,
};

use super::asker::ApiSession;
use crate::{
    client::ServerTarget,
    failure::{self, Failure},
    output::{self, Column, amount, counted, joined, sentence, word},
    runtime, terminal,
};

/// How many tags are asked for at once.
const PAGE: usize = 500;

/// The arguments.
#[derive(Debug)]
pub(crate) struct Prunes {
    /// The server, and how to answer.
    pub(crate) to: ServerTarget,
    /// The subcommand.
    pub(crate) operation: PruneOperation,
}

/// A subcommand.
#[derive(Debug)]
pub(crate) enum PruneOperation {
    /// List lists.
    Ls {
        /// Only those of this rule.
        rule: Option<String>,
        /// How many.
        count: usize,
    },
    /// Show the tags of a list.
    Show {
        /// Its id.
        id: String,
    },
    /// Have the tags of a list removed.
    Approve {
        /// Its id.
        id: String,
        /// Do not ask.
        yes: bool,
    },
    /// Leave the tags of a list where they are.
    Reject {
        /// Its id.
        id: String,
    },
}

/// Runs the command.
pub(crate) fn run(Prunes { to, operation }: Prunes) -> Result<(), Failure> {
    let asker = ApiSession::new(to)?;
    runtime::build()?.block_on(perform(&asker, operation))
}

async fn perform(asker: &ApiSession, operation: PruneOperation) -> Result<(), Failure> {
    match operation {
        PruneOperation::Ls { rule, count } => {
            let query = PruneListQuery { rule, before: None, n: Some(count) };
            let page: PruneList = asker.told(asker.client.get(&["sync", "prunes"], &query).await)?;
            asker.print(&page, || lists(&page.prunes))
        }
        PruneOperation::Show { id } => {
            let all = whole(asker, &id).await?;
            asker.print(&all, || shown(&all))
        }
        PruneOperation::Approve { id, yes } => {
            let all = whole(asker, &id).await?;
            if !yes && all.prune.status == PruneStatus::Waiting {
                agree(&all)?;
            }
            decide(asker, &all.prune, "approve").await
        }
        PruneOperation::Reject { id } => {
            let all = whole(asker, &id).await?;
            decide(asker, &all.prune, "reject").await
        }
    }
}

async fn whole(asker: &ApiSession, id: &str) -> Result<PruneDetail, Failure> {
    let mut all: Option<PruneDetail> = None;
    loop {
        let after = all.as_ref().and_then(|all| all.tags.last()).map(|tag| tag.number);
        let query = PruneQuery { after, n: Some(PAGE) };
        let page: PruneDetail = asker.told(asker.client.get(&["sync", "prunes", id], &query).await)?;
        let more = page.more;
        match &mut all {
            Some(all) => all.tags.extend(page.tags),
            None => all = Some(page),
        }
        if let Some(all) = all.take_if(|_| !more) {
            return Ok(PruneDetail { more: false, ..all });
        }
    }
}

async fn decide(asker: &ApiSession, prune: &Prune, what: &str) -> Result<(), Failure> {
    let seen = PruneDecision { digest: prune.digest.clone() };
    let path = ["sync", "prunes", &prune.id, what];
    let decided: Prune = asker.told(asker.client.post(&path, &seen).await)?;
    asker.print(&decided, || told(&decided) + "\n")
}

fn told(decided: &Prune) -> String {
    let tags = amount(decided.tags, "tag");
    match decided.status {
        PruneStatus::Rejected => sentence!("nothing is removed: {tags}", tags = tags),
        _ => sentence!("{tags} being removed: `entrepot sync prune show {id}`", tags = tags, id = decided.id),
    }
}

// What is removed elsewhere cannot be brought back from here, so ask.
fn agree(all: &PruneDetail) -> Result<(), Failure> {
    let refused = || {
        let tags = counted(all.prune.tags, "tag");
        Failure::wrong(format!("this removes {tags} at other registries"))
            .with_hint("say `--yes` to remove them")
    };
    if !terminal::is_person() {
        return Err(refused());
    }
    output::print(&shown(all))?;
    let mut answer = String::new();
    let tags = amount(all.prune.tags, "tag");
    terminal::ask(&sentence!("remove {tags}? [y/N] ", tags = tags))
        .and_then(|()| io::stdin().read_line(&mut answer))
        .map_err(|_| refused())?;
    if matches!(answer.trim(), "y" | "Y" | "yes") { Ok(()) } else { Err(Failure::new("nothing was removed")) }
}

fn lists(prunes: &[Prune]) -> String {
    if prunes.is_empty() {
        return sentence!("there are no tags that no rule writes") + "\n";
    }
    let columns = [
        Column("ID", Left),
        Column("RULE", Left),
        Column("TAGS", Right),
        Column("STATUS", Left),
        Column("MADE", Left),
        Column("UNTIL", Left),
        Column("DECIDED BY", Left),
    ];
    let rows = prunes.iter().map(|prune| {
        vec![
            prune.id.clone(),
            prune.rule.clone(),
            prune.tags.to_string(),
            word(prune.status),
            prune.created.to_string(),
            prune.expires.to_string(),
            prune.decided_by.clone().unwrap_or_else(|| "-".to_owned()),
        ]
    });
    output::table(&columns, rows.collect())
}

fn shown(PruneDetail { prune, tags, .. }: &PruneDetail) -> String {
    let about = format!("{}: {}", prune.rule, joined(&[word(prune.status), amount(prune.tags, "tag")]));
    let columns = [Column("IMAGE", Left), Column("DIGEST", Left), Column("OUTCOME", Left)];
    let rows = tags
        .iter()
        .map(|tag| vec![format!("{}:{}", tag.repository, tag.tag), tag.digest.clone(), outcome(tag)]);
    format!("{}{}", output::line(&about), output::table(&columns, rows.collect()))
}

fn outcome(tag: &PruneTag) -> String {
    match (tag.outcome, &tag.problem) {
        (PruneOutcome::Failed, Some(problem)) => {
            sentence!("failed: {what}", what = failure::told(problem))
        }
        (outcome, _) => word(outcome),
    }
}

#[cfg(test)]
mod tests {
    use std::time::SystemTime;

    use entrepot_api::RunId;

    use super::*;

    fn prune(status: PruneStatus) -> Prune {
        Prune {
            id: "12".to_owned(),
            rule: "base".to_owned(),
            run: RunId::new("7".to_owned()),
            digest: "sha256:0".to_owned(),
            tags: 1,
            created: SystemTime::UNIX_EPOCH.into(),
            expires: SystemTime::UNIX_EPOCH.into(),
            status,
            decided_by: Some("account:alice".to_owned()),
            decided: None,
        }
    }

    #[test]
    fn lists_and_tags_are_lines() {
        let text = lists(&[prune(PruneStatus::Waiting)]);
        assert!(
            text.contains("base") && text.contains("waiting") && text.contains("account:alice"),
            "{text}"
        );
        assert_eq!(lists(&[]), "there are no tags that no rule writes\n");
        let tag = PruneTag {
            number: 1,
            repository: "q.io/a".to_owned(),
            tag: "1".to_owned(),
            digest: "sha256:0".to_owned(),
            outcome: PruneOutcome::Failed,
            problem: Some("no right".to_owned()),
            hint: None,
        };
        let detail = PruneDetail { prune: prune(PruneStatus::Done), tags: vec![tag], more: false };
        let text = shown(&detail);
        assert!(text.starts_with("base: done, 1 tag\n") && text.contains("q.io/a:1"), "{text}");
        assert!(text.contains("failed: no right"), "{text}");
    }
}
