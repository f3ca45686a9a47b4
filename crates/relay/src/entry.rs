//! One image of a plan.

use std::collections::HashMap;

use entrepot_oci::{ImageRef, Reference, Tag};
use entrepot_rewrite::{Origin, Position};

/// An image, where it goes, and who names it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Where it is.
    pub source: ImageRef,
    /// Where it goes.
    pub target: ImageRef,
    /// Who names it; at least one.
    pub users: Vec<User>,
    /// Whether its tag is another image's there, so that only its digest is its own.
    pub(crate) is_contested: bool,
}

/// A place where an image is named.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct User {
    /// The file, by its number in the stack.
    pub source: usize,
    /// Where it is written.
    pub position: Position,
    /// Where it is in the file's structure: `services.web.image`.
    pub place: String,
    /// The variables whose values make its name, and where they are set.
    pub variables: Vec<(String, Origin)>,
}

impl Entry {
    /// What it is put as: its tag, or its digest where it has none to itself.
    pub fn put_as(&self) -> Reference {
        match (self.target.tag(), self.target.digest()) {
            (Some(tag), _) if !self.is_contested => Reference::Tag(tag.clone()),
            (_, Some(digest)) => Reference::Digest(*digest),
            (Some(tag), None) => Reference::Tag(tag.clone()),
            (None, None) => Reference::Tag(Tag::latest()),
        }
    }

    /// Whether files name it by its digest, so that no other form of it will do.
    pub fn is_pinned(&self) -> bool {
        self.source.digest().is_some()
    }
}

/// Marks images whose tag another one has there: where one name has both a tag and a digest, it may be that the tag has
/// moved on since.
pub(crate) fn contest(entries: &mut [Entry]) {
    // Of two with digests the first keeps the tag; a bare tag goes before both.
    let mut owners: HashMap<String, usize> = HashMap::new();
    for (index, entry) in entries.iter().enumerate() {
        let owner = owners.entry(tagged(&entry.target)).or_insert(index);
        if entries[*owner].is_pinned() && !entry.is_pinned() {
            *owner = index;
        }
    }
    for (index, entry) in entries.iter_mut().enumerate() {
        entry.is_contested = entry.is_pinned() && owners.get(&tagged(&entry.target)) != Some(&index);
    }
}

fn tagged(image: &ImageRef) -> String {
    let tag = image.tag().map(Tag::as_str).unwrap_or_default();
    format!("{}/{}:{tag}", image.host(), image.repository())
}
