//! One request over a link: counted, paced, and noticed when it falls silent.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use super::{link::Link, standing::SILENCE, status::LinkFailure};

/// A request under way over a link, until the end of its response. Cheap to make.
pub(crate) struct Traffic {
    link: Arc<Link>,
    /// Since when bytes are awaited.
    awaits_since: Option<Instant>,
}

impl Traffic {
    pub(crate) fn new(link: &Arc<Link>) -> Self {
        link.begin();
        Self { link: Arc::clone(link), awaits_since: None }
    }

    /// Begins to wait for bytes.
    pub(crate) fn awaits(&mut self) {
        let now = Instant::now();
        if self.awaits_since.replace(now).is_none() {
            self.link.standing().awaits(now);
        }
    }

    /// Bytes have come. Returns how long to wait before more are read.
    pub(crate) fn received(&mut self, bytes: u64) -> Duration {
        self.awaits_no_more();
        self.link.received(bytes)
    }

    /// All has come.
    pub(crate) fn finished(&mut self) {
        self.awaits_no_more();
        self.link.worked();
    }

    /// It broke in the middle of what came.
    pub(crate) fn broke(&mut self, failure: LinkFailure) {
        self.awaits_no_more();
        self.link.failed(failure);
    }

    fn awaits_no_more(&mut self) {
        if self.awaits_since.take().is_some() {
            self.link.standing().awaits_no_more();
        }
    }
}

impl Drop for Traffic {
    fn drop(&mut self) {
        let is_silent = self.awaits_since.is_some_and(|since| since.elapsed() >= SILENCE);
        // Where another request hears something, this one was given up for another reason.
        let is_silent = is_silent && self.link.standing().is_silent(Instant::now());
        self.awaits_no_more();
        self.link.standing().end();
        if is_silent {
            self.link.failed(LinkFailure::Silent);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{LinkSettings, LinkState};

    #[test]
    fn what_is_under_way_is_counted_until_it_ends() {
        let link = Arc::new(Link::new(LinkSettings::default()));
        let (mut first, second) = (Traffic::new(&link), Traffic::new(&link));
        first.awaits();
        first.awaits();
        assert_eq!(first.received(5), Duration::ZERO);
        assert_eq!(link.sent(7), Duration::ZERO);
        let status = link.status().unwrap();
        assert_eq!((status.active, status.received, status.sent), (2, 5, 7));
        first.broke(LinkFailure::Broken);
        drop((first, second));
        let status = link.status().unwrap();
        assert_eq!((status.active, status.failures, status.state), (0, 1, LinkState::Resting));
        Traffic::new(&link).finished();
        assert_eq!(link.status().unwrap().state, LinkState::Ready);
    }

    #[test]
    fn a_link_has_one_rate_for_all_requests() {
        let settings: LinkSettings = serde_json::from_str(r#"{"rate":"8Mbit/s"}"#).unwrap();
        let link = Arc::new(Link::new(settings));
        let (mut first, mut second) = (Traffic::new(&link), Traffic::new(&link));
        let alone = first.received(1_000_000);
        assert!(second.received(1_000_000) > alone);
        link.set_rate(None);
        assert_eq!(first.received(1_000_000), Duration::ZERO);
        assert!(Link::usual().status().is_none());
    }
}
