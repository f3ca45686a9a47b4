//! How far the saving of an instance as an image is. Pure.

use std::collections::BTreeMap;

use entrepot_engine::PushEvent;

/// What is done to save an instance.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum SavingPhase {
    /// Its node makes an image of its disk. No engine says how far that is.
    #[default]
    Making,
    /// The image is sent to this server.
    Sending,
}

/// How far the saving of an instance is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SavingProgress {
    /// What is done.
    pub phase: SavingPhase,
    /// Bytes that were sent.
    pub done: u64,
    /// Bytes of the layers that are known so far.
    pub total: u64,
}

/// The bytes of a push, layer by layer.
#[derive(Debug, Default)]
pub(super) struct PushedBytes(BTreeMap<String, (u64, u64)>);

impl PushedBytes {
    /// How far a push is after this. What the engine says of a layer may fall; what is told does not.
    pub(super) fn after(&mut self, event: &PushEvent) -> SavingProgress {
        if let PushEvent::Layer { id, current, total } = event {
            let layer = self.0.entry(id.clone()).or_default();
            layer.0 = layer.0.max(*current);
            layer.1 = layer.1.max(total.unwrap_or_default()).max(layer.0);
        }
        let (done, total) = self.0.values().fold((0, 0), |sum, layer| (sum.0 + layer.0, sum.1 + layer.1));
        SavingProgress { phase: SavingPhase::Sending, done, total }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn layer(id: &str, current: u64, total: Option<u64>) -> PushEvent {
        PushEvent::Layer { id: id.to_owned(), current, total }
    }

    #[test]
    fn layers_are_added_up_and_never_fall() {
        let mut sent = PushedBytes::default();
        let mut after = |event: PushEvent| {
            let SavingProgress { phase, done, total } = sent.after(&event);
            assert_eq!(phase, SavingPhase::Sending);
            (done, total)
        };
        assert_eq!(after(layer("a", 10, Some(100))), (10, 100));
        assert_eq!(after(layer("b", 5, None)), (15, 105), "as large as what is there");
        assert_eq!(after(layer("a", 3, Some(100))), (15, 105), "it is sent again");
        assert_eq!(after(layer("a", 120, Some(100))), (125, 125), "larger than it was said to be");
        let pushed = PushEvent::Pushed(entrepot_oci::Digest::of(b"a"));
        assert_eq!(after(pushed), (125, 125));
    }
}
