//! The ways to a manifest or blob of a repository: the manifests above it, and their tags of now and before.

use std::collections::BTreeSet;

use entrepot_oci::Digest;

use crate::{
    database::Catalog,
    error::Error,
    key::RepoKey,
    records::Ancestor,
    sql::{self, ask, here, number},
    tags::read,
};

/// The most manifests that are looked at: a base layer may be in thousands of images.
const MOST: usize = 256;

// The size is asked for because it is in no index, as in `removal::PARENTS`.
pub(crate) const ABOVE: &str = concat!(
    "SELECT parent, size FROM reference WHERE child = $3 AND kind IN (0, 1) AND repository_id = ",
    here!(),
    " LIMIT $4"
);
pub(crate) const TAGS_OF: &str =
    concat!("SELECT name FROM tag WHERE digest = $3 AND repository_id = ", here!());
pub(crate) const FORMER_TAGS_OF: &str =
    concat!("SELECT name FROM former_tag WHERE digest = $3 AND repository_id = ", here!());

impl Catalog {
    /// What leads to a manifest or blob of the repository, itself first, then those above it; 256 if there are more.
    ///
    /// # Errors
    /// The database failed.
    pub async fn lineage(&self, key: &RepoKey, digest: &Digest) -> Result<Vec<Ancestor>, Error> {
        let (mut found, mut seen) = (Vec::new(), BTreeSet::from([*digest]));
        let mut open = vec![*digest];
        while let Some(digest) = open.pop() {
            let ancestor = self.ancestor(key, digest).await?;
            for parent in &ancestor.parents {
                if seen.len() < MOST && seen.insert(*parent) {
                    open.push(*parent);
                }
            }
            found.push(ancestor);
        }
        Ok(found)
    }

    async fn ancestor(&self, key: &RepoKey, digest: Digest) -> Result<Ancestor, Error> {
        let text = digest.to_string();
        let parents = ask::<(String, i64)>(ABOVE, key).bind(text.clone()).bind(number(MOST as u64));
        let parents = parents.fetch_all(&self.reader).await?;
        let mut names = Vec::new();
        for query in [TAGS_OF, FORMER_TAGS_OF] {
            names.extend(ask::<(String,)>(query, key).bind(text.clone()).fetch_all(&self.reader).await?);
        }
        Ok(Ancestor {
            digest,
            tags: names.iter().map(|(name,)| read(name)).collect::<Result<_, _>>()?,
            parents: parents.iter().map(|(parent, _)| sql::digest(parent)).collect::<Result<_, _>>()?,
        })
    }
}
