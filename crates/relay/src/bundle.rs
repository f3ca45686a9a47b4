//! The manifest of a bundle, a file beside its images. [`Manifest::new`] writes it; [`Manifest::read`] validates all of it.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use crate::{
    mirror_name,
    name::{Name, NameError, Role},
    stack::{File, Stack},
};

/// What is written now, and read.
const VERSION: u32 = 1;
/// The most files of a stack.
const MAX_FILES: usize = 1000;

/// What a bundle says of itself.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Manifest {
    version: u32,
    /// Where the images were to go when it was made.
    pub to: String,
    /// What they were to be called there.
    pub naming: String,
    /// Names of their own for some of them.
    pub map: Vec<String>,
    /// The list of images to be left alone.
    pub ignore: String,
    /// The files that name images.
    pub sources: Vec<Packed>,
    /// The files of variables.
    pub variables: Vec<Packed>,
    /// What the environment said, of variables that image names rest on.
    pub environment: BTreeMap<String, String>,
}

/// A file of the stack, as it is.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Packed {
    /// What it is called.
    pub name: String,
    /// Where it is in the bundle.
    pub file: String,
    /// Who may do what with it, in the bits of Unix.
    pub mode: u32,
    /// Its kind, if it names images.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kind: Option<String>,
    /// The files of variables that it takes values from, by their numbers.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub variables: Vec<usize>,
}

/// What a stack is to be called, and where it is to go.
#[derive(Clone, Debug)]
pub struct Wishes {
    /// Where the images go.
    pub to: String,
    /// What they are called there.
    pub naming: String,
    /// Names of their own for some of them.
    pub map: Vec<String>,
    /// The list of images to be left alone.
    pub ignore: String,
    /// What the environment says, of variables that image names rest on.
    pub environment: BTreeMap<String, String>,
}

/// Why there is no bundle.
#[derive(Debug, thiserror::Error)]
pub enum BundleError {
    /// It is not readable.
    #[error(transparent)]
    Unreadable(#[from] serde_json::Error),
    /// Another program wrote it.
    #[error("a bundle of version {0}")]
    Version(u32),
    /// More files than anybody has.
    #[error("more than {MAX_FILES} files")]
    TooMany,
    /// A file has a name that it cannot have.
    #[error("the name {name:?} {why}")]
    Name {
        /// The name.
        name: String,
        /// What is wrong with it, as the end of a sentence.
        why: NameError,
    },
    /// Two files would be written to one place, or one where another needs a directory.
    #[error("two files would be at {0:?}")]
    Twice(String),
    /// A file of variables that no file takes values from, or one that is not there.
    #[error("its files of variables are not those that its other files use")]
    Variables,
}

impl Manifest {
    /// What a bundle of a stack says of itself. Files are renamed where a bundle cannot have their names, and each is at the
    /// place that `place` gives it.
    ///
    /// # Errors
    /// The stack cannot be in one bundle.
    pub fn new(
        stack: &Stack,
        wishes: Wishes,
        mut place: impl FnMut(&File) -> String,
    ) -> Result<Self, BundleError> {
        let Wishes { to, naming, map, ignore, environment } = wishes;
        let mut pack = |file: &File, role| {
            let name = Name::of(&file.name, role)
                .map_err(|why| BundleError::Name { name: file.name.clone(), why })?;
            let (name, mode) = (name.to_string(), role.mode(file.mode));
            Ok::<_, BundleError>(Packed { name, file: place(file), mode, kind: None, variables: Vec::new() })
        };
        let mut sources = Vec::new();
        for source in &stack.sources {
            let (kind, variables) = (Some(source.kind.to_string()), source.variables.clone());
            sources.push(Packed { kind, variables, ..pack(&source.file, Role::Document)? });
        }
        let variables =
            stack.variables.iter().map(|file| pack(file, Role::Variables)).collect::<Result<_, _>>()?;
        let manifest = Self { version: VERSION, to, naming, map, ignore, sources, variables, environment };
        manifest.check()?;
        Ok(manifest)
    }

    /// Reads what a bundle says of itself.
    ///
    /// # Errors
    /// It is not readable, or a stranger's way to write where nobody wants it.
    pub fn read(bytes: &[u8]) -> Result<Self, BundleError> {
        let mut manifest: Self = serde_json::from_slice(bytes)?;
        if manifest.version != VERSION {
            return Err(BundleError::Version(manifest.version));
        }
        manifest.check()?;
        for (packed, role) in manifest.sources.iter_mut().map(|packed| (packed, Role::Document)) {
            packed.mode = role.mode(packed.mode);
        }
        for packed in &mut manifest.variables {
            packed.mode = Role::Variables.mode(packed.mode);
        }
        Ok(manifest)
    }

    /// Its files with what they are.
    pub fn files(&self) -> impl Iterator<Item = (&Packed, Role)> {
        let sources = self.sources.iter().map(|packed| (packed, Role::Document));
        sources.chain(self.variables.iter().map(|packed| (packed, Role::Variables)))
    }

    fn check(&self) -> Result<(), BundleError> {
        if self.sources.len() + self.variables.len() > MAX_FILES {
            return Err(BundleError::TooMany);
        }
        for (Packed { name, .. }, role) in self.files() {
            let wrong = |why| BundleError::Name { name: name.clone(), why };
            Name::parse(name, role).map_err(wrong)?;
        }
        let used: BTreeSet<usize> =
            self.sources.iter().flat_map(|packed| &packed.variables).copied().collect();
        let uses = |packed: &Packed| !packed.variables.is_empty();
        if !used.into_iter().eq(0..self.variables.len()) || self.variables.iter().any(uses) {
            return Err(BundleError::Variables);
        }
        apart(self.files().map(|(packed, _)| packed.name.as_str()))
    }
}

// What is written are the files and their mirrors: no two at one place, and none where another needs a directory.
fn apart<'n>(names: impl Iterator<Item = &'n str>) -> Result<(), BundleError> {
    let mut written = BTreeSet::new();
    for name in names.flat_map(|name| [name.to_owned(), mirror_name(name)]) {
        if let Some(twice) = written.replace(name) {
            return Err(BundleError::Twice(twice));
        }
    }
    let above = |name: &String| name.match_indices('/').any(|(at, _)| written.contains(&name[..at]));
    match written.iter().find(|name| above(name)) {
        Some(name) => Err(BundleError::Twice(name.clone())),
        None => Ok(()),
    }
}

#[cfg(test)]
#[path = "bundle_tests.rs"]
mod tests;
