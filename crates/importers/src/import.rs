//! Recognizes a file by its content and has it read by the module for its tool.

use serde_json::Value;

use crate::{
    draft, image_sync, image_syncer,
    imported::{Imported, Kind},
    list, regsync, skopeo,
};

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
