//! `entrepot rules`: which images may be pulled. Lists are checked without a server; what is in force is asked of one.

use std::path::{Path, PathBuf};

use comfy_table::CellAlignment::{Left, Right};
use entrepot_api::{
    Denial, DenialList, DenialQuery, DenialResult, NewDenial, PullRuleDecision, PullRuleQuery,
    PullRules as PullRulesBody, PullerList, PullerQuery,
};
use entrepot_oci::{ImageRef, Reference};
use entrepot_policy::{FullName, ListKind, PullRules, RuleList};
use entrepot_server::rule_views;
use serde::Serialize;

use super::asker::ApiSession;
use crate::{
    client::ServerTarget,
    config::{self, Environment, Overrides},
    failure::{Failure, told},
    output::{self, Column, Output, amount, counted, sentence, word},
    runtime,
};

/// The arguments of `rules check`.
#[derive(Debug)]
pub(crate) struct CheckRules {
    /// A list, or a configuration.
    pub(crate) file: PathBuf,
    /// The images to decide about.
    pub(crate) images: Vec<String>,
    /// The output format.
    pub(crate) output: Output,
}

/// The arguments of what is asked of a server.
#[derive(Debug)]
pub(crate) struct Rules {
    /// The server, and how to answer.
    pub(crate) to: ServerTarget,
    /// The subcommand.
    pub(crate) operation: RulesOperation,
}

/// A subcommand.
#[derive(Debug)]
pub(crate) enum RulesOperation {
    /// Show the lists in force.
    Ls,
    /// Say which rule decides about an image.
    Explain {
        /// The image.
        image: String,
    },
    /// Read the rules again.
    Reload,
    /// Deny images.
    Deny(NewDenial),
    /// Show what is denied by command.
    Denied,
    /// Take a denial back.
    Undeny {
        /// The images, as they were denied.
        image: String,
    },
    /// Say who pulled an image.
    PulledBy(PullerQuery),
}

#[derive(Serialize)]
struct RulesReport<'a> {
    file: &'a Path,
    rules: usize,
    images: &'a [PullRuleDecision],
}

/// Checks a list or the rules of a configuration, and says which rule decides about each image.
pub(crate) fn check(CheckRules { file, images, output }: CheckRules) -> Result<(), Failure> {
    let rules = read(&file)?;
    let decided = images.iter().map(|image| decide(&rules, image)).collect::<Result<Vec<_>, _>>()?;
    let count: usize = rules.lists().iter().map(|list| list.rules).sum();
    match output {
        Output::Json => {
            output::print_json(&RulesReport { file: &file, rules: count, images: &decided })?;
        }
        Output::Text if decided.is_empty() => {
            let rules = amount(count, "rule");
            let good = sentence!("{file}: {rules}, all of them good", file = file.display(), rules = rules);
            output::print(&(good + "\n"))?;
        }
        Output::Text => {
            let lines: Vec<_> = decided.iter().map(line).collect();
            output::print(&lines.concat())?;
        }
    }
    match decided.iter().filter(|one| !one.allowed).count() {
        0 => Ok(()),
        refused => Err(Failure::new(format!("{} may not be pulled", counted(refused as u64, "image")))),
    }
}

fn read(file: &Path) -> Result<PullRules, Failure> {
    let is_configuration = file.extension().is_some_and(|end| end == "yaml" || end == "yml");
    if is_configuration {
        let loaded = config::load(Some(file), &Environment::of_process(), Overrides::default())?;
        return Ok(loaded.config.pull_rules.build());
    }
    let name = file.file_name().unwrap_or(file.as_os_str()).to_string_lossy().into_owned();
    let list: RuleList = config::pull_rules::list(file, name, ListKind::Allow)?;
    Ok(PullRules::new(vec![list], None))
}

fn decide(rules: &PullRules, text: &str) -> Result<PullRuleDecision, Failure> {
    let image: ImageRef = text.parse().map_err(|error| {
        Failure::wrong(format!("`{text}` is not an image: {error}"))
            .with_hint("write it as clients name it: `nginx:1.27`, `quay.io/acme/web`")
    })?;
    // Without tag and digest, the question is about the repository.
    let is_whole = matches!(ImageRef::split(text), (_, None, None));
    let reference: Option<Reference> = (!is_whole).then(|| image.reference());
    let name = FullName { host: image.host(), repository: image.repository() };
    Ok(rule_views::decision(rules, name, reference.as_ref()))
}

fn line(decision: &PullRuleDecision) -> String {
    let PullRuleDecision { detail, hint, .. } = decision;
    match hint {
        Some(hint) => sentence!("{detail}; {hint}", detail = told(detail), hint = told(hint)) + "\n",
        None => format!("{}\n", told(detail)),
    }
}

/// Asks a server.
pub(crate) fn run(Rules { to, operation }: Rules) -> Result<(), Failure> {
    let asker = ApiSession::new(to)?;
    runtime::build()?.block_on(perform(&asker, operation))
}

async fn perform(asker: &ApiSession, operation: RulesOperation) -> Result<(), Failure> {
    let none: [(&str, &str); 0] = [];
    let ApiSession { client, .. } = asker;
    match operation {
        RulesOperation::Ls => show(asker, asker.told(client.get(&["pull-rules"], &none).await)?),
        RulesOperation::Reload => {
            show(asker, asker.told(client.act(&["pull-rules", "reload"], &none).await)?)
        }
        RulesOperation::Explain { image } => {
            let query = PullRuleQuery { image };
            let told = client.get(&["pull-rules", "explain"], &query).await;
            explained(asker, &asker.told(told)?)
        }
        RulesOperation::Deny(new) => {
            let told: DenialResult = asker.told(client.post(&["pull-rules", "denials"], &new).await)?;
            asker.print(&told, || done(&told))
        }
        RulesOperation::Denied => {
            let told: DenialList = asker.told(client.get(&["pull-rules", "denials"], &none).await)?;
            asker.print(&told, || denied(&told.denials))
        }
        RulesOperation::Undeny { image } => {
            let query = DenialQuery { image };
            asker.told(client.remove(&["pull-rules", "denials"], &query).await)
        }
        RulesOperation::PulledBy(query) => {
            let told: PullerList = asker.told(client.get(&["pull-rules", "pulled-by"], &query).await)?;
            asker.print(&told, || pulled_by(&told))
        }
    }
}

fn show(asker: &ApiSession, rules: PullRulesBody) -> Result<(), Failure> {
    asker.print(&rules, || table(&rules))?;
    match rules.refused {
        None => Ok(()),
        Some(refused) => {
            let what = format!("the rules that were read last cannot be used: {}", refused.problem);
            Err(refused.hint.into_iter().fold(Failure::new(what), Failure::with_hint))
        }
    }
}

fn explained(asker: &ApiSession, told: &PullRuleDecision) -> Result<(), Failure> {
    match asker.output {
        Output::Json => output::print_json(told)?,
        Output::Text if told.allowed => output::print(&line(told))?,
        Output::Text => {}
    }
    if told.allowed {
        return Ok(());
    }
    Err(told.hint.iter().fold(Failure::new(told.detail.clone()), Failure::with_hint))
}

fn table(rules: &PullRulesBody) -> String {
    if rules.lists.is_empty() {
        return sentence!("there are no rules: everything may be pulled") + "\n";
    }
    let columns = [Column("LIST", Left), Column("KIND", Left), Column("RULES", Right)];
    let rows =
        rules.lists.iter().map(|list| vec![list.name.clone(), word(list.kind), list.rules.to_string()]);
    let table = output::table(&columns, rows.collect());
    let since = sentence!("in force since {time}", time = rules.since);
    let contact = rules.contact.as_ref();
    let contact =
        contact.map(|contact| sentence!("ask for what is refused: {contact}", contact = contact) + "\n");
    format!("{table}{since}\n{}", contact.unwrap_or_default())
}

fn done(told: &DenialResult) -> String {
    let DenialResult { denial, removed, pulled_by: pulls } = told;
    let mut text = sentence!("`{image}` is denied", image = denial.image) + "\n";
    if let Some(removed) = removed {
        let (manifests, freed) = (amount(removed.manifests, "manifest"), output::size(removed.freed));
        let removed = sentence!("removed {manifests}, {freed} freed", manifests = manifests, freed = freed);
        text.push_str(&(removed + "\n"));
    }
    text.extend(pulls.iter().map(pulled_by));
    text
}

fn denied(denials: &[Denial]) -> String {
    if denials.is_empty() {
        return sentence!("nothing is denied by command") + "\n";
    }
    let columns = [Column("IMAGES", Left), Column("SINCE", Left), Column("BY", Left), Column("REASON", Left)];
    let rows = denials.iter().map(|denial| {
        let reason = denial.reason.clone().unwrap_or_default();
        vec![denial.image.clone(), denial.since.to_string(), denial.by.clone(), reason]
    });
    output::table(&columns, rows.collect())
}

fn pulled_by(told: &PullerList) -> String {
    let PullerList { repository, recorded_for, pulls, more } = told;
    if recorded_for.is_none() && pulls.is_empty() {
        return sentence!(
            "who pulls what is not recorded: write `rules: {{pulled_by: 30d}}` in the configuration"
        ) + "\n";
    }
    if pulls.is_empty() {
        return sentence!("nobody pulled `{repository}`", repository = repository) + "\n";
    }
    let columns =
        [Column("CLIENT", Left), Column("PULLS", Right), Column("LAST", Left), Column("DIGEST", Left)];
    let rows = pulls.iter().map(|pull| {
        vec![pull.client.clone(), pull.pulls.to_string(), pull.last.to_string(), pull.digest.clone()]
    });
    let table = output::table(&columns, rows.collect());
    if *more { format!("{table}{}\n", sentence!("and more")) } else { table }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pullers(recorded_for: Option<u64>) -> PullerList {
        PullerList {
            repository: "docker.io/acme/web".to_owned(),
            recorded_for,
            pulls: Vec::new(),
            more: false,
        }
    }

    #[test]
    fn an_empty_list_says_what_that_means() {
        assert_eq!(
            pulled_by(&pullers(None)),
            "who pulls what is not recorded: write `rules: {pulled_by: 30d}` in the configuration\n"
        );
        assert_eq!(pulled_by(&pullers(Some(60))), "nobody pulled `docker.io/acme/web`\n");
        assert_eq!(denied(&[]), "nothing is denied by command\n");
    }
}
