//! Makes containers.

use std::time::Duration;

use entrepot_oci::Platform;
use serde::Deserialize;

use crate::{
    create_request::CreateRequest,
    device::Devices,
    engine::{Api, Engine, with_query},
    error::Error,
    json::null_is_default,
    message::Message,
    names::ContainerId,
    owner::ContainerPurpose,
    wire,
};

/// How long making a container may take: a busy engine prepares its disk first.
const CREATE_TIMEOUT: Duration = Duration::from_secs(120);

/// A container that was made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CreatedContainer {
    /// Its id.
    pub id: ContainerId,
    /// What the engine says about it, such as limits that it cannot keep.
    pub warnings: Vec<Message>,
}

/// The most warnings that are kept.
const MAX_WARNINGS: usize = 16;

#[derive(Deserialize)]
struct CreateResponse {
    #[serde(rename = "Id")]
    id: String,
    #[serde(rename = "Warnings", default, deserialize_with = "null_is_default")]
    warnings: Vec<String>,
}

impl Engine {
    /// Makes a container, which does not run yet. The image must be there.
    ///
    /// Podman is asked in its own words: what Docker's words say about cards it ignores before 5.4, and where a
    /// directory to mount is missing it makes one.
    ///
    /// # Errors
    /// [`Error::NotFound`] if the image is not there, [`Error::Conflict`] if the name is in use. After an error that
    /// [leaves a doubt](Error::leaves_doubt) there may be a container with this name and owner.
    pub async fn create(&self, request: &CreateRequest) -> Result<CreatedContainer, Error> {
        if request.devices == Devices::EveryNvidia && request.owner.purpose != ContainerPurpose::Survey {
            return Err(Error::Answer("every card is only for a look at the machine"));
        }
        let answer: CreateResponse = if self.is_podman() {
            let path = self.path(Api::Libpod, "containers/create");
            self.post(&path, &wire::libpod::create(request), CREATE_TIMEOUT).await.map_err(of_podman)?
        } else {
            let platform = request.platform.as_ref().map(Platform::to_string);
            let mut query = vec![("name", request.name.as_str())];
            query.extend(platform.iter().map(|platform| ("platform", platform.as_str())));
            let path = with_query(&self.path(Api::Docker, "containers/create"), &query);
            self.post(&path, &wire::docker::create(request), CREATE_TIMEOUT).await?
        };
        let id = answer.id.parse().map_err(|_| Error::Answer("it names no container"))?;
        let warnings = answer.warnings.iter().take(MAX_WARNINGS).map(|text| Message::new(text)).collect();
        Ok(CreatedContainer { id, warnings })
    }
}

// Podman answers 500 to most of it.
fn of_podman(error: Error) -> Error {
    match error {
        Error::Refused { message, .. } if message.as_str().contains("name is already in use") => {
            Error::Conflict(message)
        }
        Error::Refused { message, .. } if message.as_str().contains("image not known") => {
            Error::NotFound(message)
        }
        error => error,
    }
}
