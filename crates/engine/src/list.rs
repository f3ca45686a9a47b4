//! Lists containers.

use std::collections::BTreeMap;

use serde::Deserialize;

use crate::{
    container::ContainerStatus,
    engine::{Engine, MAX_LIST, with_query},
    error::Error,
    json::null_is_default,
    message::Message,
    names::ContainerId,
    owner::{self, Installation, Owner},
};

/// Which containers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OwnerFilter<'a> {
    /// Those of one server of ours.
    Of(&'a Installation),
    /// Everybody's.
    Everybody,
}

/// A container in a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListedContainer {
    /// Its id.
    pub id: ContainerId,
    /// Its name.
    pub name: String,
    /// Whose it is; nothing for what is not ours.
    pub owner: Option<Owner>,
    /// What it does.
    pub status: ContainerStatus,
    /// What its image was called when it was made.
    pub image_name: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct WireSummary {
    id: String,
    #[serde(default, deserialize_with = "null_is_default")]
    names: Vec<String>,
    #[serde(default)]
    image: String,
    #[serde(default)]
    state: String,
    #[serde(default, deserialize_with = "null_is_default")]
    labels: BTreeMap<String, String>,
}

impl Engine {
    /// All containers, running or not.
    ///
    /// # Errors
    /// The engine does not answer, or the list is longer than 32 MiB.
    pub async fn containers(&self, whose: OwnerFilter<'_>) -> Result<Vec<ListedContainer>, Error> {
        let filter = match whose {
            OwnerFilter::Of(installation) => Some(owner::filter(installation)),
            OwnerFilter::Everybody => None,
        };
        let mut query = vec![("all", "true")];
        query.extend(filter.iter().map(|filter| ("filters", filter.as_str())));
        let wire: Vec<WireSummary> = self.get(&with_query("containers/json", &query), MAX_LIST).await?;
        let mut containers: Vec<ListedContainer> = wire.into_iter().map(listed).collect::<Result<_, _>>()?;
        if let OwnerFilter::Of(installation) = whose {
            // An engine that ignores a filter must not make others' containers ours.
            containers
                .retain(|one| one.owner.as_ref().is_some_and(|owner| owner.installation == *installation));
        }
        Ok(containers)
    }
}

fn listed(wire: WireSummary) -> Result<ListedContainer, Error> {
    let name = wire.names.first().map(|name| name.trim_start_matches('/')).unwrap_or_default();
    Ok(ListedContainer {
        id: wire.id.parse().map_err(|_| Error::Answer("it names no container"))?,
        name: Message::new(name).as_str().to_owned(),
        owner: Owner::of_labels(&wire.labels),
        status: ContainerStatus::of_engine(&wire.state),
        image_name: Message::new(&wire.image).as_str().to_owned(),
    })
}
