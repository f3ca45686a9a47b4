//! The manifest of a bundle, a file next to its images. [`Manifest::new`] creates it; [`Manifest::read`] validates all
//! of it.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use crate::{
    mirror_name,
    name::{FileNameError, Name, Role},
    stack::{File, Stack},
};

/// The only version written and read.
const VERSION: u32 = 1;
/// The most files of a stack.
const MAX_FILES: usize = 1000;

/// The description of a bundle.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Manifest {
    version: u32,
    /// The target of the images, when it was made.
    pub to: String,
    /// The naming scheme.
    pub naming: String,
    /// Explicit names for some of them.
    pub map: Vec<String>,
    /// The list of images to leave alone.
    pub ignore: String,
    /// The files that name images.
    pub sources: Vec<PackedFile>,
    /// The variable files.
    pub variables: Vec<PackedFile>,
    /// Environment variables that image names depend on.
    pub environment: BTreeMap<String, String>,
}

/// An original file of the stack.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct PackedFile {
    /// The file's name.
    pub name: String,
    /// Its path in the bundle.
    pub file: String,
    /// The Unix permission bits.
    pub mode: u32,
    /// Its kind, if it names images.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kind: Option<String>,
    /// Indexes of the variable files it uses.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub variables: Vec<usize>,
}

/// The naming options and target of a stack.
#[derive(Clone, Debug)]
pub struct RelayOptions {
    /// The target of the images.
    pub to: String,
    /// The naming scheme.
    pub naming: String,
    /// Explicit names for some of them.
    pub map: Vec<String>,
    /// The list of images to leave alone.
    pub ignore: String,
    /// Environment variables that image names depend on.
    pub environment: BTreeMap<String, String>,
}

/// The reason a bundle is invalid.
#[derive(Debug, thiserror::Error)]
pub enum BundleError {
    /// It cannot be parsed.
    #[error(transparent)]
    Unreadable(#[from] serde_json::Error),
    /// The version is not supported.
    #[error("a bundle of version {0}")]
    Version(u32),
    /// Too many files.
    #[error("more than {MAX_FILES} files")]
    TooMany,
    /// A file name is not allowed.
    #[error("the name {name:?} {why}")]
    Name {
        /// The name.
        name: String,
        /// The reason, as the end of a sentence.
        why: FileNameError,
    },
    /// Two files would have the same path, or one would be where another needs a directory.
    #[error("two files would be at {0:?}")]
    Twice(String),
    /// A variable file that no file uses, or a reference to a missing one.
    #[error("its files of variables are not those that its other files use")]
    Variables,
}

impl Manifest {
    /// Describes a bundle of a stack. Files are renamed if a bundle does not allow their names; `place` gives each its
    /// path.
    ///
    /// # Errors
    /// The stack cannot be packed into a bundle.
    pub fn new(
        stack: &Stack,
        wishes: RelayOptions,
        mut place: impl FnMut(&File) -> String,
    ) -> Result<Self, BundleError> {
        let RelayOptions { to, naming, map, ignore, environment } = wishes;
        let mut pack = |file: &File, role| {
            let name = Name::of(&file.name, role)
                .map_err(|why| BundleError::Name { name: file.name.clone(), why })?;
            let (name, mode) = (name.to_string(), role.mode(file.mode));
            Ok::<_, BundleError>(PackedFile {
                name,
                file: place(file),
                mode,
                kind: None,
                variables: Vec::new(),
            })
        };
        let mut sources = Vec::new();
        for source in &stack.sources {
            let (kind, variables) = (Some(source.kind.to_string()), source.variables.clone());
            sources.push(PackedFile { kind, variables, ..pack(&source.file, Role::Document)? });
        }
        let variables =
            stack.variables.iter().map(|file| pack(file, Role::Variables)).collect::<Result<_, _>>()?;
        let manifest = Self { version: VERSION, to, naming, map, ignore, sources, variables, environment };
        manifest.check()?;
        Ok(manifest)
    }

    /// Parses and validates a description.
    ///
    /// # Errors
    /// It cannot be parsed, or tries to write to places that are not allowed.
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

    /// Its files with their roles.
    pub fn files(&self) -> impl Iterator<Item = (&PackedFile, Role)> {
        let sources = self.sources.iter().map(|packed| (packed, Role::Document));
        sources.chain(self.variables.iter().map(|packed| (packed, Role::Variables)))
    }

    fn check(&self) -> Result<(), BundleError> {
        if self.sources.len() + self.variables.len() > MAX_FILES {
            return Err(BundleError::TooMany);
        }
        for (PackedFile { name, .. }, role) in self.files() {
            let wrong = |why| BundleError::Name { name: name.clone(), why };
            Name::parse(name, role).map_err(wrong)?;
        }
        let used: BTreeSet<usize> =
            self.sources.iter().flat_map(|packed| &packed.variables).copied().collect();
        let uses = |packed: &PackedFile| !packed.variables.is_empty();
        if !used.into_iter().eq(0..self.variables.len()) || self.variables.iter().any(uses) {
            return Err(BundleError::Variables);
        }
        apart(self.files().map(|(packed, _)| packed.name.as_str()))
    }
}

// The files and their mirrors are written: no two may have the same path, and none may be where another needs a
// directory.
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
