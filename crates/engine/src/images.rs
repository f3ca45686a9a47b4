//! The images that an engine has.

use std::collections::BTreeMap;

use entrepot_oci::{ImageRef, Platform};
use serde::Deserialize;

use crate::{
    engine::{Engine, MAX_DOCUMENT, MAX_LIST},
    error::Error,
    json::null_is_default,
    names::ImageId,
};

/// An image that an engine has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Image {
    /// Its id.
    pub id: ImageId,
    /// What it was pulled as, `NAME@DIGEST`.
    pub digests: Vec<String>,
    /// What it runs on.
    pub platform: Platform,
    /// Bytes on the engine's disk.
    pub size: u64,
    /// How it wants to be run.
    pub config: ImageConfig,
}

/// How an image wants to be run.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ImageConfig {
    /// Its variables.
    pub environment: BTreeMap<String, String>,
    /// The program that is started.
    pub entrypoint: Vec<String>,
    /// Its arguments.
    pub arguments: Vec<String>,
    /// As whom; empty for root.
    pub user: String,
}

/// An image in a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListedImage {
    /// Its id.
    pub id: ImageId,
    /// Its names, `NAME:TAG`.
    pub tags: Vec<String>,
    /// What it was pulled as, `NAME@DIGEST`.
    pub digests: Vec<String>,
    /// Bytes on the engine's disk.
    pub size: u64,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct WireImage {
    id: String,
    #[serde(default, deserialize_with = "null_is_default")]
    repo_digests: Vec<String>,
    #[serde(default)]
    os: String,
    #[serde(default)]
    architecture: String,
    #[serde(default)]
    variant: String,
    #[serde(default)]
    size: u64,
    #[serde(default, deserialize_with = "null_is_default")]
    config: WireConfig,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct WireConfig {
    #[serde(default, deserialize_with = "null_is_default")]
    env: Vec<String>,
    #[serde(default, deserialize_with = "null_is_default")]
    entrypoint: Vec<String>,
    #[serde(default, deserialize_with = "null_is_default")]
    cmd: Vec<String>,
    #[serde(default)]
    user: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct WireListed {
    id: String,
    #[serde(default, deserialize_with = "null_is_default")]
    repo_tags: Vec<String>,
    #[serde(default, deserialize_with = "null_is_default")]
    repo_digests: Vec<String>,
    #[serde(default)]
    size: u64,
}

impl Engine {
    /// Looks at an image.
    ///
    /// # Errors
    /// [`Error::NotFound`] if it is not there.
    pub async fn image(&self, image: &ImageRef) -> Result<Image, Error> {
        let wire: WireImage = self.get(&format!("images/{image}/json"), MAX_DOCUMENT).await?;
        let environment = wire.config.env.iter().filter_map(|line| line.split_once('='));
        Ok(Image {
            id: id(&wire.id)?,
            digests: wire.repo_digests,
            platform: Platform {
                os: wire.os,
                architecture: wire.architecture,
                variant: Some(wire.variant).filter(|variant| !variant.is_empty()),
                os_version: None,
            },
            size: wire.size,
            config: ImageConfig {
                environment: environment.map(|(name, value)| (name.to_owned(), value.to_owned())).collect(),
                entrypoint: wire.config.entrypoint,
                arguments: wire.config.cmd,
                user: wire.config.user,
            },
        })
    }

    /// All images with a name, or that were pulled.
    ///
    /// # Errors
    /// The engine does not answer, or the list is longer than 32 MiB.
    pub async fn images(&self) -> Result<Vec<ListedImage>, Error> {
        let wire: Vec<WireListed> = self.get("images/json", MAX_LIST).await?;
        let listed = wire.into_iter().map(|image| {
            Ok(ListedImage {
                id: id(&image.id)?,
                tags: image.repo_tags,
                digests: image.repo_digests,
                size: image.size,
            })
        });
        listed.collect()
    }
}

fn id(text: &str) -> Result<ImageId, Error> {
    ImageId::of_engine(text).map_err(|_| Error::Answer("it names no image"))
}
