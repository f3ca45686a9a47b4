//! Lists the images in a layout or an archive.

use entrepot_oci::{Descriptor, Reference, Tag};

use super::failure;
use crate::{
    CopyFailure, Place,
    endpoints::{Archive, EndpointError, Index, Layout},
};

/// The images in a layout or an archive: by tag if the tag is unique, otherwise by digest. Empty for a registry.
///
/// # Errors
/// It cannot be read.
pub async fn contents(place: &Place) -> Result<Vec<Reference>, CopyFailure> {
    let listed = |index: &Index| {
        let tags: Vec<Option<Tag>> = index.entries().map(tag).collect();
        let is_own = |tag: &&Tag| tags.iter().flatten().filter(|other| other == tag).count() == 1;
        let mut all: Vec<Reference> = Vec::new();
        for (entry, tag) in index.entries().zip(&tags) {
            let tag = tag.as_ref().filter(is_own).cloned();
            let reference = tag.map_or(Reference::Digest(entry.digest), Reference::Tag);
            if !all.contains(&reference) {
                all.push(reference);
            }
        }
        all
    };
    let found = match place {
        Place::Registry { .. } => Ok(Vec::new()),
        Place::Layout(path) => Layout::open(path).await.map(|layout| listed(layout.index())),
        Place::OciArchive(path) => Archive::oci(path).await.map(|archive| listed(archive.index())),
        Place::DockerArchive(path) => Archive::docker(path).await.map(|archive| listed(archive.index())),
    };
    found.map_err(|error: EndpointError| failure::at_source(place, &error))
}

// If the name is a full reference, the part after the last colon.
fn tag(entry: &Descriptor) -> Option<Tag> {
    let name = Index::name(entry)?;
    let end = name.rsplit_once(':').map_or(name, |(_, end)| end);
    end.parse().ok()
}
