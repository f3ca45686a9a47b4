//! Files of other tools, made into rules.
//!
//! - what a file is, is seen from what is in it: `image-sync.json` (a list of `src`, `dest`, `tag_filter`), a list of
//!   images as DaoCloud's `mirror.txt` with its `exclude.txt`, regsync, `skopeo sync --src yaml`, image-syncer
//! - `yaml` writes our own file, with a comment wherever something could not be carried over
//!
//! Nothing is dropped in silence: what has no counterpart is said, at its rule or at the top of the file. Accounts are
//! never carried over.

mod draft;
mod image_sync;
mod image_syncer;
mod list;
mod regsync;
mod skopeo;
#[cfg(test)]
mod tests;
mod yaml;

use serde_json::Value;

use crate::rules::RuleSection;
pub(crate) use draft::Draft;

/// A file, and what the call says besides.
#[derive(Clone, Copy, Debug)]
pub struct Input<'a> {
    /// The file.
    pub text: &'a str,
    /// The file beside a list of images that says which tags are left out, a regular expression a line.
    pub exclude: Option<&'a str>,
    /// Where to, for files that do not say: `registry.example.com/mirror/{host}/{path}`.
    pub to: Option<&'a str>,
}

/// What a file is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A list of pairs in JSON.
    ImageSync,
    /// A list of images, one a line.
    List,
    /// regsync's.
    Regsync,
    /// skopeo's.
    Skopeo,
    /// image-syncer's list of images.
    ImageSyncer,
}

impl Kind {
    /// What people call it.
    pub fn name(self) -> &'static str {
        match self {
            Self::ImageSync => "image-sync.json",
            Self::List => "a list of images",
            Self::Regsync => "regsync",
            Self::Skopeo => "skopeo sync",
            Self::ImageSyncer => "image-syncer",
        }
    }
}

/// Why a file cannot be made into rules.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ImportError {
    /// It is nothing that is known here.
    #[error("this is not a file that is known here")]
    Unknown,
    /// It is image-syncer's file of accounts.
    #[error("this is a file of accounts, not of images")]
    Accounts,
    /// It is empty, or says nothing.
    #[error("there is nothing to copy in it")]
    Empty,
    /// It says what to copy and not where to.
    #[error("{0} says what to copy, and not where to")]
    NoDestination(&'static str),
}

impl ImportError {
    /// The way out.
    pub fn hint(&self) -> &'static str {
        match self {
            Self::Unknown => {
                "what is known: image-sync.json, mirror.txt, and the files of regsync, skopeo sync and image-syncer"
            }
            Self::Accounts => {
                "give the file that lists images; accounts go under `registries`, or `entrepot login`"
            }
            Self::Empty => "look whether it is the right file",
            Self::NoDestination(_) => "say it: `--to registry.example.com/mirror/{host}/{path}`",
        }
    }
}

/// Rules made of a file.
#[derive(Clone, Debug)]
pub struct Imported {
    kind: Kind,
    notes: Vec<String>,
    /// Registries that are spoken to in a way that is not the usual one: key and value of a line of YAML.
    registries: Vec<(String, String)>,
    drafts: Vec<Draft>,
}

impl Imported {
    /// What the file was.
    pub fn kind(&self) -> Kind {
        self.kind
    }

    /// The rules, as they would be read from [`Imported::to_yaml`].
    pub fn sections(&self) -> Vec<RuleSection> {
        self.drafts.iter().map(|draft| draft.section.clone()).collect()
    }

    /// What could not be carried over, at the rules and besides them.
    pub fn notes(&self) -> Vec<String> {
        let of_rules = self
            .drafts
            .iter()
            .flat_map(|draft| draft.notes.iter().map(|note| format!("{}: {note}", draft.section.name)));
        self.notes.iter().cloned().chain(of_rules).collect()
    }

    /// A file that `entrepot sync` takes.
    pub fn to_yaml(&self) -> String {
        yaml::write(self)
    }
}

/// Makes rules of a file.
///
/// # Errors
/// It is none that is known, or it does not say enough.
pub fn import(input: &Input<'_>) -> Result<Imported, ImportError> {
    let text = input.text.trim_start_matches('\u{feff}');
    let mut imported = if list::is_one(text) {
        list::read(text, input.exclude, destination(input, Kind::List)?)
    } else {
        let value: Value = serde_saphyr::from_str(text).map_err(|_| ImportError::Unknown)?;
        of_value(&value, input)?
    };
    if imported.drafts.is_empty() {
        return Err(ImportError::Empty);
    }
    draft::name_all(&mut imported.drafts);
    Ok(imported)
}

fn of_value(value: &Value, input: &Input<'_>) -> Result<Imported, ImportError> {
    match value {
        Value::Array(pairs) if image_sync::is_one(pairs) => Ok(image_sync::read(pairs)),
        Value::Object(keys) if regsync::is_one(keys) => Ok(regsync::read(keys)),
        Value::Object(keys) if skopeo::is_one(keys) => {
            Ok(skopeo::read(keys, destination(input, Kind::Skopeo)?))
        }
        Value::Object(keys) if image_syncer::is_accounts(keys) => Err(ImportError::Accounts),
        Value::Object(keys) if image_syncer::is_one(keys) => Ok(image_syncer::read(keys)),
        Value::Null => Err(ImportError::Empty),
        _ => Err(ImportError::Unknown),
    }
}

fn destination<'a>(input: &Input<'a>, kind: Kind) -> Result<&'a str, ImportError> {
    input.to.ok_or(ImportError::NoDestination(kind.name()))
}
