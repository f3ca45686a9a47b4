//! Who is connected and has not shown a key yet: so many in all, and so many from one address.

use std::{
    collections::HashMap,
    net::IpAddr,
    sync::{Arc, Mutex, PoisonError},
};

/// How many connections may wait in all, and how many of one address.
const ALL: usize = 100;
const OF_ONE: usize = 10;

/// Counts those that wait. Clones count together.
#[derive(Clone, Debug, Default)]
pub(crate) struct WaitingClients(Arc<Mutex<HashMap<IpAddr, usize>>>);

/// A place among those that wait, until it is dropped.
#[derive(Debug)]
pub(crate) struct WaitingSlot {
    waiting: WaitingClients,
    address: IpAddr,
}

impl WaitingClients {
    /// A place for one more connection, if there is one.
    pub(crate) fn enter(&self, address: IpAddr) -> Option<WaitingSlot> {
        let address = address.to_canonical();
        let mut counts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if counts.values().sum::<usize>() >= ALL || counts.get(&address).is_some_and(|count| *count >= OF_ONE)
        {
            return None;
        }
        *counts.entry(address).or_default() += 1;
        Some(WaitingSlot { waiting: self.clone(), address })
    }
}

impl Drop for WaitingSlot {
    fn drop(&mut self) {
        let mut counts = self.waiting.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = counts.get_mut(&self.address) {
            *count -= 1;
            if *count == 0 {
                counts.remove(&self.address);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_address_does_not_take_all_places() {
        let waiting = WaitingClients::default();
        let enter = |last: u8| waiting.enter(IpAddr::from([10, 0, 0, last]));
        let first: Vec<_> = (0..OF_ONE).map(|_| enter(1).unwrap()).collect();
        assert!(enter(1).is_none() && enter(2).is_some());
        assert!(waiting.enter("::ffff:10.0.0.1".parse().unwrap()).is_none(), "it is the same address");
        drop(first);
        assert!(waiting.0.lock().unwrap().is_empty(), "nothing is left of those that went");
        let all: Vec<_> = (0..ALL).map(|one| enter(u8::try_from(one).unwrap()).unwrap()).collect();
        assert!(enter(200).is_none());
        drop(all);
        assert!(enter(200).is_some());
    }
}
