//! The registries of a survey, each opened once.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};

use entrepot_oci::Host;
use tokio::sync::Semaphore;

use crate::{
    Format, Place, Registries,
    endpoints::{EndpointError, RegistryConn, RepositoryRef},
};

/// The most concurrent requests of a survey to one registry.
const LINES: usize = 32;

/// The registries of a survey.
pub(super) struct SurveyConnections {
    registries: Arc<dyn Registries>,
    known: Mutex<HashMap<Host, Result<SurveyConnection, EndpointError>>>,
}

/// A registry with its request limit.
#[derive(Clone)]
struct SurveyConnection {
    conn: Arc<RegistryConn>,
    lines: Arc<Semaphore>,
    format: Format,
}

impl SurveyConnections {
    pub(super) fn new(registries: Arc<dyn Registries>) -> Self {
        Self { registries, known: Mutex::default() }
    }

    /// The repository of a place, and the semaphore that limits requests to its registry.
    pub(super) fn at(&self, place: &Place) -> Result<(RepositoryRef, Arc<Semaphore>), EndpointError> {
        let (Place::Registry { repository, .. }, Some(host)) = (place, place.host()) else {
            return Err(EndpointError::NotFound);
        };
        let SurveyConnection { conn, lines, .. } = self.known(host)?;
        Ok((RepositoryRef { conn, repository: repository.clone() }, lines))
    }

    /// The usual manifest format of a place's registry.
    pub(super) fn usual(&self, place: &Place) -> Format {
        let known = place.host().map(|host| self.known(host));
        known.and_then(Result::ok).map(|known| known.format).unwrap_or_default()
    }

    fn known(&self, host: &Host) -> Result<SurveyConnection, EndpointError> {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        let open = || {
            let registry =
                self.registries.registry(host).map_err(|error| EndpointError::Settings(Arc::new(error)))?;
            let (lines, format) = (Arc::new(Semaphore::new(LINES)), registry.format);
            Ok(SurveyConnection { conn: Arc::new(RegistryConn::new(registry)), lines, format })
        };
        known.entry(host.clone()).or_insert_with(open).clone()
    }
}
