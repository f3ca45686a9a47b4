//! Recognizes a file by its content, has it read by the module for its tool, and keeps only rules that are valid.

use std::collections::BTreeMap;

use entrepot_sync::rules::RuleSet;

use crate::{
    draft, image_sync, image_syncer, images,
    imported::{FileKind, Imported},
    list, regsync, skopeo,
    value::ForeignValue,
};

/// A file, and what the call says besides.
#[derive(Clone, Copy, Debug)]
pub struct Input<'a> {
    /// The file.
    pub text: &'a str,
    /// The file beside a list of repositories that says which tags are left out, a regular expression a line.
    pub exclude: Option<&'a str>,
    /// Where to, for what does not say: `registry.example.com/mirror/{host}/{path}`.
    pub to: Option<&'a str>,
    /// The environment, which templates of a file may read.
    pub variables: &'a BTreeMap<String, String>,
}

/// Why a file cannot be made into rules.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ImportError {
    /// It is nothing that is known here.
    #[error("this is not a file that is known here")]
    Unknown,
    /// It is neither YAML, nor JSON, nor a list.
    #[error("this is neither a list nor YAML: {0}")]
    Malformed(String),
    /// It is image-syncer's file of accounts.
    #[error("this is a file of accounts, not of images")]
    Accounts,
    /// It is empty, or says nothing.
    #[error("there is nothing to copy in it")]
    Empty,
    /// It says what to copy and not where to.
    #[error("{0} says what to copy, and not where to")]
    NoDestination(&'static str),
    /// It says of some images where to, and not of others.
    #[error("{0} does not say for everything where to")]
    PartlyWithout(&'static str),
}

impl ImportError {
    /// The way out.
    pub fn hint(&self) -> &'static str {
        match self {
            Self::Unknown => {
                "what is known: image-sync.json, mirror.txt, images.txt, and the files of regsync, skopeo sync and image-syncer"
            }
            Self::Malformed(_) => "look at that line: a tool that reads it would refuse it too",
            Self::Accounts => {
                "give the file that lists images; accounts go under `registries`, or `entrepot login`"
            }
            Self::Empty => "look whether it is the right file",
            Self::NoDestination(_) | Self::PartlyWithout(_) => {
                "say it: `--to registry.example.com/mirror/{host}/{path}`"
            }
        }
    }
}

/// Makes rules of a file. The rules are valid together; what would not be is in the notes.
///
/// # Errors
/// It is none that is known, or it does not say enough.
pub fn import(input: &Input<'_>) -> Result<Imported, ImportError> {
    let text = input.text.trim_start_matches('\u{feff}');
    let mut imported = match ForeignValue::parse(text) {
        Ok(ForeignValue::List(pairs)) if image_sync::is_one(&pairs) => image_sync::read(&pairs),
        Ok(ForeignValue::Map(keys)) => of_keys(&keys, input)?,
        Ok(ForeignValue::Nothing) => return Err(ImportError::Empty),
        parsed => of_lines(text, input, parsed)?,
    };
    draft::name_all(&mut imported.drafts);
    imported.keep_valid();
    if imported.drafts.is_empty() && imported.notes.is_empty() {
        return Err(ImportError::Empty);
    }
    Ok(imported)
}

fn of_keys(keys: &[(String, ForeignValue)], input: &Input<'_>) -> Result<Imported, ImportError> {
    if regsync::is_one(keys) {
        Ok(regsync::read(keys, input.variables))
    } else if skopeo::is_one(keys) {
        Ok(skopeo::read(keys, destination(input, FileKind::Skopeo)?))
    } else if image_syncer::is_accounts(keys) {
        Err(ImportError::Accounts)
    } else if image_syncer::is_one(keys) {
        let name = FileKind::ImageSyncer.name();
        if image_syncer::needs_destination(keys) && input.to.is_none() {
            return Err(ImportError::PartlyWithout(name));
        }
        Ok(image_syncer::read(keys, input.to.unwrap_or_default()))
    } else {
        Err(ImportError::Unknown)
    }
}

// YAML takes a list for text of several lines, or for nothing that it knows.
fn of_lines(
    text: &str,
    input: &Input<'_>,
    parsed: Result<ForeignValue, String>,
) -> Result<Imported, ImportError> {
    let is_map_or_list = matches!(parsed, Ok(ForeignValue::Map(_) | ForeignValue::List(_)));
    if !is_map_or_list && list::is_one(text) {
        return Ok(list::read(text, input.exclude, destination(input, FileKind::List)?));
    }
    if !is_map_or_list && images::is_one(text) {
        return Ok(images::read(text, destination(input, FileKind::Images)?));
    }
    Err(parsed.map_or_else(ImportError::Malformed, |_| ImportError::Unknown))
}

fn destination<'a>(input: &Input<'a>, kind: FileKind) -> Result<&'a str, ImportError> {
    input.to.ok_or(ImportError::NoDestination(kind.name()))
}

impl Imported {
    // Leaves out, with a note, each rule that `sync` would refuse: by itself, then beside the others.
    fn keep_valid(&mut self) {
        let (drafts, notes) = (&mut self.drafts, &mut self.notes);
        drafts.retain(|draft| match RuleSet::check(std::slice::from_ref(&draft.section)) {
            Ok(_) => true,
            Err(error) => {
                notes.push(format!("{}: {}; {}", draft.what(), error.what(), error.hint()));
                false
            }
        });
        while let Err(error) = RuleSet::check(&self.sections()) {
            let index = error.path().first().and_then(|index| index.parse::<usize>().ok()).unwrap_or(0);
            if index >= self.drafts.len() {
                return;
            }
            let draft = self.drafts.remove(index);
            self.notes.push(format!("{}: {}; {}", draft.what(), error.what(), error.hint()));
        }
    }
}
