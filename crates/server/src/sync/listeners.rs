//! Event listeners and their limits.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use crate::client::Client;

/// Limits of concurrent listeners: in total, and per client.
const MOST: usize = 256;
pub(crate) const MOST_OF_ONE: usize = 32;

/// The number of listeners of each client.
#[derive(Clone, Debug, Default)]
pub(crate) struct Listeners(Arc<Mutex<HashMap<Client, usize>>>);

/// A registered listener; dropping it frees its place.
#[derive(Debug)]
pub(crate) struct Listener {
    all: Listeners,
    client: Client,
}

/// The limit is reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Full {
    /// For all clients together.
    Everywhere,
    /// For this client.
    ForOne,
}

impl Listeners {
    pub(crate) fn join(&self, client: Client) -> Result<Listener, Full> {
        let mut all = self.lock();
        if all.values().sum::<usize>() >= MOST {
            return Err(Full::Everywhere);
        }
        let count = all.entry(client).or_default();
        if *count >= MOST_OF_ONE {
            return Err(Full::ForOne);
        }
        *count += 1;
        Ok(Listener { all: self.clone(), client })
    }

    fn leave(&self, client: Client) {
        let mut all = self.lock();
        match all.get_mut(&client) {
            Some(count) if *count > 1 => *count -= 1,
            _ => drop(all.remove(&client)),
        }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Client, usize>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        self.all.leave(self.client);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn client(last: usize) -> Client {
        Client::Address([10, 0, 0, u8::try_from(last).unwrap()].into())
    }

    #[test]
    fn there_is_room_for_so_many() {
        let listeners = Listeners::default();
        let join = |nth: usize| listeners.join(client(nth / MOST_OF_ONE)).unwrap();
        let mut all: Vec<_> = (0..MOST).map(join).collect();
        assert_eq!(listeners.join(client(200)).err(), Some(Full::Everywhere));
        all.pop();
        assert!(listeners.join(client(200)).is_ok());
        drop(all);
        assert!(listeners.lock().is_empty());
    }
}
