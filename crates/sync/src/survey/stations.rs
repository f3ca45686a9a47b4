//! The registries of a survey, each opened once.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};

use entrepot_oci::Host;
use tokio::sync::Semaphore;

use crate::{
    Format, Place, Registries,
    ends::{At, EndError, Station},
};

/// The most that a survey asks of one registry at once.
const LINES: usize = 32;

/// The registries of a survey.
pub(super) struct Stations {
    registries: Arc<dyn Registries>,
    known: Mutex<HashMap<Host, Result<Known, EndError>>>,
}

/// A registry, and how much is asked of it.
#[derive(Clone)]
struct Known {
    station: Arc<Station>,
    lines: Arc<Semaphore>,
    format: Format,
}

impl Stations {
    pub(super) fn new(registries: Arc<dyn Registries>) -> Self {
        Self { registries, known: Mutex::default() }
    }

    /// Where a place is, and what keeps it from being asked too much at once.
    pub(super) fn at(&self, place: &Place) -> Result<(At, Arc<Semaphore>), EndError> {
        let (Place::Registry { repository, .. }, Some(host)) = (place, place.host()) else {
            return Err(EndError::NotFound);
        };
        let Known { station, lines, .. } = self.known(host)?;
        Ok((At { station, repository: repository.clone() }, lines))
    }

    /// The form of documents that is said of a place's registry.
    pub(super) fn usual(&self, place: &Place) -> Format {
        let known = place.host().map(|host| self.known(host));
        known.and_then(Result::ok).map(|known| known.format).unwrap_or_default()
    }

    fn known(&self, host: &Host) -> Result<Known, EndError> {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        let open = || {
            let registry =
                self.registries.registry(host).map_err(|error| EndError::Settings(Arc::new(error)))?;
            let (lines, format) = (Arc::new(Semaphore::new(LINES)), registry.format);
            Ok(Known { station: Arc::new(Station::new(registry)), lines, format })
        };
        known.entry(host.clone()).or_insert_with(open).clone()
    }
}
