//! No two images may come to have one name.

use std::collections::HashMap;

use super::Target;
use crate::Found;

/// The new names of a whole set of images.
#[derive(Clone, Debug, Default)]
pub struct Census {
    sources: HashMap<String, String>,
}

/// Two images would come to have one name.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{first}` and `{second}` would both be `{target}`")]
pub struct Collision {
    /// One image.
    pub first: String,
    /// Another one.
    pub second: String,
    /// What both would be called.
    pub target: String,
}

impl Census {
    /// Takes a new name down.
    ///
    /// # Errors
    /// Another image has it.
    pub fn add(&mut self, found: &Found, target: &Target) -> Result<(), Collision> {
        let (source, new) = match &target.tag {
            // A tag that is given by hand tells apart what shares a repository.
            Some(tag) => (found.to_string(), format!("{}:{tag}", target.name())),
            None => (found.name(), target.name()),
        };
        let known = self.sources.entry(new.clone()).or_insert_with(|| source.clone());
        if *known == source {
            return Ok(());
        }
        Err(Collision { first: known.clone(), second: source, target: new })
    }
}
