//! One image of a plan.

use std::collections::HashMap;

use entrepot_oci::{ImageRef, Reference, Tag};
use entrepot_rewrite::{Position, ValueOrigin};

/// An image, its target, and its users.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StackImage {
    /// The source.
    pub source: ImageRef,
    /// The target.
    pub target: ImageRef,
    /// The places that name it; at least one.
    pub users: Vec<User>,
    /// True if its tag at the target belongs to another image, so that only its digest is its own.
    pub(crate) is_contested: bool,
}

/// A place where an image is named.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct User {
    /// The index of the file in the stack.
    pub source: usize,
    /// The position in the file.
    pub position: Position,
    /// The path in the file's structure: `services.web.image`.
    pub place: String,
    /// The variables that make up its name, and where they are set.
    pub variables: Vec<(String, ValueOrigin)>,
}

impl StackImage {
    /// The reference it is put under: its tag, or its digest if the tag is not its own.
    pub fn put_as(&self) -> Reference {
        match (self.target.tag(), self.target.digest()) {
            (Some(tag), _) if !self.is_contested => Reference::Tag(tag.clone()),
            (_, Some(digest)) => Reference::Digest(*digest),
            (Some(tag), None) => Reference::Tag(tag.clone()),
            (None, None) => Reference::Tag(Tag::latest()),
        }
    }

    /// True if files name it by digest, so that it must be copied unchanged.
    pub fn is_pinned(&self) -> bool {
        self.source.digest().is_some()
    }
}

/// Marks images whose tag belongs to another at the target: if a name has both a tag and a digest, the tag may have
/// moved since.
pub(crate) fn contest(entries: &mut [StackImage]) {
    // Of two pinned images the first gets the tag; an image named by tag alone precedes both.
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

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(source: &str, target: &str) -> StackImage {
        let (source, target) = (source.parse().unwrap(), target.parse().unwrap());
        StackImage { source, target, users: Vec::new(), is_contested: false }
    }

    fn put(names: &[(&str, &str)]) -> Vec<String> {
        let mut entries: Vec<StackImage> =
            names.iter().map(|(source, target)| entry(source, target)).collect();
        contest(&mut entries);
        entries.iter().map(|entry| entry.put_as().to_string()).collect()
    }

    #[test]
    fn a_tag_belongs_to_one_image() {
        let digest = |seed: &[u8]| entrepot_oci::Digest::of(seed).to_string();
        let (one, two) = (digest(b"one"), digest(b"two"));
        let pinned = |digest: &str| (format!("a.test/b:1@{digest}"), format!("r.test/b:1@{digest}"));
        let ((one_at, one_to), (two_at, two_to)) = (pinned(&one), pinned(&two));
        let bare = ("a.test/b:1", "r.test/b:1");
        // Of two with digests the first has the tag.
        assert_eq!(put(&[(&one_at, &one_to), (&two_at, &two_to)]), ["1".to_owned(), two.clone()]);
        // A bare tag goes before both, wherever it stands.
        assert_eq!(put(&[(&one_at, &one_to), bare, (&two_at, &two_to)]), [one.clone(), "1".to_owned(), two]);
        assert_eq!(put(&[bare, (&one_at, &one_to)]), ["1".to_owned(), one.clone()]);
        // Another repository, or another tag, is another name.
        let (other_at, other_to) = (format!("a.test/c:1@{one}"), format!("r.test/c:1@{one}"));
        assert_eq!(put(&[bare, (&other_at, &other_to)]), ["1", "1"]);
        let (newer_at, newer_to) = (format!("a.test/b:2@{one}"), format!("r.test/b:2@{one}"));
        assert_eq!(put(&[bare, (&newer_at, &newer_to)]), ["1", "2"]);
    }

    #[test]
    fn an_image_is_put_under_what_it_has() {
        let digest = entrepot_oci::Digest::of(b"one").to_string();
        let by_digest = format!("r.test/b@{digest}");
        assert_eq!(put(&[(&by_digest, &by_digest)]), [digest]);
        assert_eq!(put(&[("a.test/b", "r.test/b")]), ["latest"]);
    }
}
