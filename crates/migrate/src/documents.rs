//! Finds the names of moved images in the project's files, and replaces them.

use std::collections::BTreeSet;

use entrepot_rewrite::{
    Census, Document as Text, DocumentImage, DocumentKind, ImageChange, LeftCandidate, Map, Naming, Position,
    Reason, RewrittenDocument, Rules, Search,
};
use entrepot_sync::Place;

use crate::{
    edit::{Direction, EditError},
    migration::{Migration, Move},
    project_file::{File, FileChanges},
    root::Root,
    workflow::{self, LoginChange, LoginSettings, Remark},
};

/// An edited file.
#[derive(Clone, Debug)]
pub struct EditedFile {
    /// The name of the file.
    pub name: String,
    /// Its kind.
    pub kind: DocumentKind,
    /// The new text; the old one if nothing changed.
    pub text: String,
    /// The renamed images.
    pub changes: Vec<ImageChange>,
    /// The names left unchanged, with reasons.
    pub left: Vec<LeftCandidate>,
    /// The changed logins.
    pub logins: Vec<LoginChange>,
    /// Other places that need a manual check.
    pub remarks: Vec<Remark>,
}

/// Replaces names in files.
#[derive(Clone, Debug)]
pub struct Editor {
    rules: Rules,
    search: Search,
    desk: LoginSettings,
    names: Vec<String>,
}

impl Editor {
    /// An editor for these files and moves. It needs all files, since names in one may depend on another.
    ///
    /// # Errors
    /// The names contradict each other.
    pub fn new(
        migration: &Migration,
        moves: &[Move],
        files: &[File],
        direction: Direction,
    ) -> Result<Self, EditError> {
        let pair = |moved: &Move| {
            let (source, target) = (moved.source.to_string(), moved.target.to_string());
            match direction {
                Direction::There => (source, target),
                Direction::Back => (target, source),
            }
        };
        let pairs: Vec<(String, String)> = moves.iter().map(pair).collect();
        let lines: Vec<String> = pairs.iter().map(|(old, new)| format!("{old}={new}")).collect();
        let map = Map::read(lines.iter().map(String::as_str))?;
        let rules = Rules { map, naming: Naming::Map, ..Rules::default() };
        let search = Search { renamed: renamed(files, &rules, &pairs), ..search() };
        let names = pairs.into_iter().map(|(old, _)| old).collect();
        Ok(Self { rules, search, desk: LoginSettings::new(migration, direction), names })
    }

    /// Edits a file.
    ///
    /// # Errors
    /// The file cannot be edited.
    pub fn edit(&self, file: &File) -> Result<EditedFile, EditError> {
        let kind = DocumentKind::of(&file.name, &file.text).ok_or(EditError::Kind)?;
        let RewrittenDocument { text, changes, left } =
            Text::read(&file.text, kind, &self.search)?.rewrite(&self.rules, &mut Census::default())?;
        // A moved image where none is expected is a mention.
        let left: Vec<LeftCandidate> = left.into_iter().filter(|left| !self.is_mention(left)).collect();
        let workflow::ReviewedWorkflow { text, logins, remarks } = if kind == DocumentKind::Github {
            workflow::review(&self.desk, text, &changes, &left)?
        } else {
            workflow::ReviewedWorkflow { text, ..Default::default() }
        };
        let told = changes.iter().map(|change| change.position.line);
        let told: BTreeSet<usize> = told.chain(left.iter().map(|left| left.position.line)).collect();
        let mut remarks = remarks;
        remarks.extend(mentions(&file.text, &self.names, &told));
        Ok(EditedFile { name: file.name.clone(), kind, text, changes, left, logins, remarks })
    }

    fn is_mention(&self, left: &LeftCandidate) -> bool {
        matches!(left.reason, Reason::Script | Reason::Elsewhere)
            && self.names.iter().any(|name| says(&left.text, short(name)))
    }

    /// A summary of the changes to a file.
    pub fn preview(&self, file: &File) -> FileChanges {
        match self.edit(file) {
            Ok(edited) => FileChanges {
                file: file.name.clone(),
                images: edited.changes.len(),
                logins: edited.logins.len(),
                left: edited.left.iter().filter(|left| self.concerns(left)).count() + edited.remarks.len(),
                ..FileChanges::default()
            },
            Err(error) => FileChanges {
                file: file.name.clone(),
                error: Some(error.to_string()),
                ..FileChanges::default()
            },
        }
    }

    /// True if a name that was left concerns the moved images.
    pub fn concerns(&self, left: &LeftCandidate) -> bool {
        let root = &self.desk.from;
        let namespace = root.namespace().map(entrepot_oci::Repository::as_str);
        match (&left.reason, &left.found) {
            (Reason::AlreadyThere | Reason::Stage | Reason::Scratch, _) => false,
            (_, Some(found)) => root.below(&found.host, &found.repository).is_some(),
            (_, None) => namespace.map_or_else(
                || left.text.contains(root.host().as_str()),
                |namespace| left.text.contains(&format!("{namespace}/")),
            ),
        }
    }
}

// Finds lines that mention moved images but not as an image name: in scripts and comments. `told` are lines reported
// already.
fn mentions(text: &str, names: &[String], told: &BTreeSet<usize>) -> Vec<Remark> {
    let remark = |(index, line): (usize, &str)| {
        let name = names.iter().map(|name| short(name)).find(|name| says(line, name))?;
        (!told.contains(&(index + 1))).then(|| Remark {
            position: Some(Position { line: index + 1, column: 1 }),
            what: format!("`{name}` is named here, and not as an image"),
            hint: "look whether it is to be changed by hand".to_owned(),
        })
    };
    text.lines().enumerate().filter_map(remark).collect()
}

// The usual short form.
fn short(name: &str) -> &str {
    name.strip_prefix("docker.io/").unwrap_or(name)
}

// True if a line contains the whole name, not just as part of another.
fn says(line: &str, name: &str) -> bool {
    let is_inner = |c: char| c.is_ascii_alphanumeric() || matches!(c, '/' | '.' | '_' | '-');
    line.match_indices(name).any(|(at, _)| {
        let before = line[..at].trim_end_matches("docker.io/").trim_end_matches("index.");
        let behind = &line[at + name.len()..];
        !before.ends_with(is_inner) && !behind.starts_with(|c: char| is_inner(c) && c != '.')
    })
}

// Images that are built and pushed move as well, and so do values that are certainly images.
fn search() -> Search {
    Search { built: true, arguments: true, ..Search::default() }
}

// Images that Kubernetes resources name differently after the edit, or do already. Kustomizations refer to images by
// these names.
fn renamed(files: &[File], rules: &Rules, pairs: &[(String, String)]) -> Vec<String> {
    let old = |found: &DocumentImage| {
        let name = found.name();
        if rules.name(found).is_ok() {
            return Some(name);
        }
        pairs.iter().find(|(_, new)| *new == name).map(|(old, _)| old.clone())
    };
    let of = |file: &File| {
        let kind =
            DocumentKind::of(&file.name, &file.text).filter(|kind| *kind == DocumentKind::Kubernetes)?;
        let document = Text::read(&file.text, kind, &search()).ok()?;
        Some(document.images().filter_map(old).collect::<Vec<_>>())
    };
    let all: BTreeSet<String> = files.iter().filter_map(of).flatten().collect();
    all.into_iter().collect()
}

/// The names in a file below `root`.
pub(crate) fn names_below(file: &File, root: &Root) -> BTreeSet<String> {
    let Some(kind) = DocumentKind::of(&file.name, &file.text) else { return BTreeSet::new() };
    let Ok(document) = Text::read(&file.text, kind, &search()) else { return BTreeSet::new() };
    let name = |found: &DocumentImage| root.below(&found.host, &found.repository).map(str::to_owned);
    document.images().filter_map(name).collect()
}

/// Counts the names in `places` per file.
pub fn naming(files: &[File], places: &[Place]) -> Vec<(String, usize)> {
    let count = |file: &File| {
        let kind = DocumentKind::of(&file.name, &file.text)?;
        let document = Text::read(&file.text, kind, &search()).ok()?;
        let names = document.images().filter(|found| {
            let place = Place::Registry { host: found.host.clone(), repository: found.repository.clone() };
            places.contains(&place)
        });
        let count = names.count();
        (count > 0).then(|| (file.name.clone(), count))
    };
    files.iter().filter_map(count).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whole_names_are_mentions() {
        for (line, is) in [
            ("docker pull team/app:1", true),
            ("docker pull docker.io/team/app", true),
            ("see index.docker.io/team/app.", true),
            ("# `team/app` is ours", true),
            ("ghcr.io/team/app:1", false),
            ("team/app-more:1", false),
            ("their-team/app:1", false),
            ("team/app/more", false),
        ] {
            assert_eq!(says(line, "team/app"), is, "{line}");
        }
    }
}
