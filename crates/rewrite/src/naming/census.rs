//! Detects two images that would get the same name.

use std::collections::HashMap;

use super::NewName;
use crate::DocumentImage;

/// The new names of a whole set of images.
#[derive(Clone, Debug, Default)]
pub struct Census {
    sources: HashMap<String, String>,
}

/// Two images would get the same name.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{first}` and `{second}` would both be `{target}`")]
pub struct Collision {
    /// The image that has the name.
    pub first: String,
    /// The other image.
    pub second: String,
    /// The name that both would get.
    pub target: String,
}

impl Census {
    /// Records a new name.
    ///
    /// ```
    /// use entrepot_oci::ImageRef;
    /// use entrepot_rewrite::{Census, DocumentImage, Naming, Rules};
    ///
    /// let rules = Rules { naming: Naming::Flatten("r.example.com".parse()?), ..Rules::default() };
    /// let mut census = Census::default();
    /// let mut add = |image: &str| {
    ///     let found = DocumentImage::from(&image.parse::<ImageRef>().unwrap());
    ///     census.add(&found, &rules.name(&found).unwrap())
    /// };
    /// add("quay.io/a/b:1")?;
    /// add("quay.io/a/b:2")?;
    /// let collision = add("ghcr.io/a/b:1").unwrap_err();
    /// assert_eq!(collision.to_string(), "`quay.io/a/b` and `ghcr.io/a/b` would both be `r.example.com/a-b`");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// Another image already has it.
    pub fn add(&mut self, image: &DocumentImage, name: &NewName) -> Result<(), Collision> {
        let (source, new) = match &name.tag {
            // With an explicit new tag, images that share a repository remain distinct.
            Some(tag) => (image.to_string(), format!("{}:{tag}", name.name())),
            None => (image.name(), name.name()),
        };
        let known = self.sources.entry(new.clone()).or_insert_with(|| source.clone());
        if *known == source {
            return Ok(());
        }
        Err(Collision { first: known.clone(), second: source, target: new })
    }
}
