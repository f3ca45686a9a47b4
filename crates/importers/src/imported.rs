//! What an import gives: rules, and notes about everything that has no counterpart.

use entrepot_sync::rules::RuleSection;

use crate::draft::RuleDraft;

/// What a file is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FileKind {
    /// A list of pairs in JSON.
    ImageSync,
    /// A list of repositories with expressions for their tags, one a line.
    List,
    /// A list of images, one a line.
    Images,
    /// regsync's.
    Regsync,
    /// skopeo's.
    Skopeo,
    /// image-syncer's list of images.
    ImageSyncer,
}

impl FileKind {
    /// What people call it.
    pub fn name(self) -> &'static str {
        match self {
            Self::ImageSync => "image-sync.json",
            Self::List | Self::Images => "a list of images",
            Self::Regsync => "regsync",
            Self::Skopeo => "skopeo sync",
            Self::ImageSyncer => "image-syncer",
        }
    }
}

/// Rules made of a file.
#[derive(Clone, Debug)]
pub struct Imported {
    pub(crate) kind: FileKind,
    pub(crate) notes: Vec<String>,
    /// Registries that are spoken to in a way that is not the usual one: key and value of a line of YAML.
    pub(crate) registries: Vec<(String, String)>,
    pub(crate) drafts: Vec<RuleDraft>,
}

impl Imported {
    /// Nothing yet.
    pub(crate) fn new(kind: FileKind) -> Self {
        Self { kind, notes: Vec::new(), registries: Vec::new(), drafts: Vec::new() }
    }

    /// What the file was.
    pub fn kind(&self) -> FileKind {
        self.kind
    }

    /// True if nothing of the file could be carried over; the notes say why.
    pub fn is_empty(&self) -> bool {
        self.drafts.is_empty()
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
}
