//! Combines the rules about pulls: those of `rules` itself, and of the files that it names.

use std::{fs, path::Path};

use entrepot_policy::{LARGEST_LIST, LineFault, ListKind, RuleList, RulesSection, SectionFault};

use super::{
    files::read_file,
    reader::{error::Error, place::SourceLocation, tree::ConfigNode},
    rules,
    shown::OutputValue,
    types::PullRules,
};

/// The lists of files: their key, and what their rules do.
const FILES: [(&str, ListKind); 2] = [("files", ListKind::Allow), ("deny_files", ListKind::Deny)];

/// Builds the rules from `root`. `section` is the same in types; patterns of files are relative to `directory`.
pub(super) fn check(root: &ConfigNode, section: &RulesSection, directory: &Path) -> Result<PullRules, Error> {
    let in_section = |fault: SectionFault| {
        let path: Vec<&str> = std::iter::once("rules").chain(fault.path.iter().map(String::as_str)).collect();
        located(root, &path, fault.what)
    };
    let contact = section.contact().map_err(in_section)?;
    let (mut lists, mut watched) = (section.lists().map_err(in_section)?, Vec::new());
    for (key, kind) in FILES {
        let patterns = if kind == ListKind::Allow { &section.files } else { &section.deny_files };
        for (index, pattern) in patterns.iter().enumerate() {
            watched.extend(directory.join(pattern).parent().map(Path::to_owned));
            let fault = |(what, hint): (String, &'static str)| {
                located(root, &["rules", key, &index.to_string()], what).with_hint(hint)
            };
            for file in rules::files(directory, pattern).map_err(fault)? {
                let name = file.strip_prefix(directory).unwrap_or(&file).display().to_string();
                lists.push(list(&file, name, kind)?);
                watched.push(file);
            }
        }
    }
    let shown = root.get("rules").map(OutputValue::written);
    Ok(PullRules { lists, contact, pulled_by: section.pulled_by, watched, output: shown })
}

/// Reads a list.
///
/// # Errors
/// It cannot be read, a line is not a rule, or it would refuse everything.
pub(crate) fn list(file: &Path, name: String, kind: ListKind) -> Result<RuleList, Error> {
    let fault = |place: SourceLocation, what: String| Error::at(&place, what).in_file(file);
    if fs::metadata(file).is_ok_and(|about| about.len() > LARGEST_LIST) {
        return Err(fault(SourceLocation::Nowhere, format!("the list is larger than {LARGEST_LIST} bytes"))
            .with_hint("write patterns such as `docker.io/library/**` instead of names"));
    }
    let hint =
        "a list is a text file with a pattern a line; the path is seen from where the configuration is";
    let text = read_file(file).map_err(|error| error.with_hint(hint))?;
    let list = RuleList::read(name, kind, &text).map_err(|faults| not_rules(file, &faults))?;
    if kind == ListKind::Allow && list.rules.is_empty() {
        return Err(fault(
            SourceLocation::Nowhere,
            "the list has no rule, and would refuse every pull".to_owned(),
        )
        .with_hint("leave the file out to allow everything, or deny `**`"));
    }
    Ok(list)
}

fn not_rules(file: &Path, faults: &[LineFault]) -> Error {
    let Some((first, others)) = faults.split_first() else {
        return Error::at(&SourceLocation::Nowhere, "the list cannot be read").in_file(file);
    };
    let what = match others.len() {
        0 => first.to_string(),
        more => format!("{first} (and {more} more, line {})", numbers(others)),
    };
    let place = SourceLocation::File { line: first.line as u64, column: 1 };
    Error::at(&place, what).in_file(file).with_hint("see all of a list: `entrepot rules check FILE`")
}

fn numbers(faults: &[LineFault]) -> String {
    const SHOWN: usize = 10;
    let numbers = faults.iter().take(SHOWN).map(|fault| fault.line.to_string());
    let text = numbers.collect::<Vec<_>>().join(", ");
    if faults.len() > SHOWN { format!("{text}, …") } else { text }
}

fn located(root: &ConfigNode, path: &[&str], what: impl Into<String>) -> Error {
    let node = (1..=path.len()).rev().find_map(|end| root.at(&path[..end]));
    let error = Error::at(node.map_or(&SourceLocation::Nowhere, |node| &node.location), what);
    path.iter().rev().fold(error, |error, step| error.under(step))
}
