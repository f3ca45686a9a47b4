//! Volumes of ours.

use std::{collections::BTreeMap, time::Duration};

use http::Method;
use serde::{Deserialize, Serialize};

use crate::{
    engine::{Api, Engine, MAX_LIST, with_query},
    error::Error,
    json::null_is_default,
    names::VolumeName,
    owner::{self, Installation, Owner},
};

/// How long making or removing a volume may take: removing deletes files.
const TIMEOUT: Duration = Duration::from_secs(120);

/// A volume of ours.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Volume {
    /// Its name.
    pub name: VolumeName,
    /// Whose it is.
    pub owner: Owner,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct CreateVolume<'a> {
    name: &'a str,
    labels: BTreeMap<&'static str, String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct WireNamedVolume {
    name: String,
    #[serde(default, deserialize_with = "null_is_default")]
    labels: BTreeMap<String, String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct WireList {
    #[serde(default, deserialize_with = "null_is_default")]
    volumes: Vec<WireNamedVolume>,
}

impl Engine {
    /// Makes a volume; one that is there already stays as it is, whoever made it.
    ///
    /// # Errors
    /// [`Error::Conflict`] if there is one of this name that belongs to somebody else.
    pub async fn create_volume(&self, volume: &Volume) -> Result<(), Error> {
        let document = CreateVolume { name: volume.name.as_str(), labels: volume.owner.labels() };
        let path = self.path(Api::Docker, "volumes/create");
        let made: WireNamedVolume = self.post(&path, &document, TIMEOUT).await?;
        match Owner::of_labels(&made.labels) {
            Some(owner) if owner.installation == volume.owner.installation => Ok(()),
            _ => Err(Error::Conflict(crate::message::Message::new("the volume belongs to somebody else"))),
        }
    }

    /// The volumes of one server of ours.
    ///
    /// # Errors
    /// The engine does not answer, or the list is longer than 32 MiB.
    pub async fn volumes(&self, installation: &Installation) -> Result<Vec<Volume>, Error> {
        let path = with_query("volumes", &[("filters", &owner::filter(installation))]);
        let list: WireList = self.get(&path, MAX_LIST).await?;
        // Engines may ignore a filter that they do not know.
        let ours = list.volumes.into_iter().filter_map(|wire| {
            let owner = Owner::of_labels(&wire.labels).filter(|owner| owner.installation == *installation)?;
            Some(Volume { name: wire.name.parse().ok()?, owner })
        });
        Ok(ours.collect())
    }

    /// Removes a volume with all that is in it.
    ///
    /// # Errors
    /// [`Error::NotFound`] if it is not there, [`Error::Conflict`] if a container has it.
    pub async fn remove_volume(&self, name: &VolumeName) -> Result<(), Error> {
        self.act(Method::DELETE, &format!("volumes/{name}"), TIMEOUT).await.map(drop)
    }
}
