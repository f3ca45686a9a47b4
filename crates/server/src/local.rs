//! Decides whether a request from this machine counts as one of its owner.
//!
//! A local address proves nothing if a proxy or tunnel on this machine forwards requests. So it counts only on a
//! listener that nobody else can reach, only if nothing in the configuration implies other users, and only until the
//! first forwarded request. Forwarders that add no headers cannot be told from their clients.

use std::sync::atomic::{AtomicBool, Ordering};

use http::{HeaderMap, HeaderName};

/// Headers that forwarders add, besides names that begin with [`FAMILY`].
const ADDED: [&str; 14] = [
    "forwarded",
    "forwarded-for",
    "via",
    "x-real-ip",
    "x-client-ip",
    "x-cluster-client-ip",
    "x-original-forwarded-for",
    "x-original-host",
    "x-remote-ip",
    "true-client-ip",
    "cf-connecting-ip",
    "fastly-client-ip",
    "x-envoy-external-address",
    "cdn-loop",
];
const FAMILY: &str = "x-forwarded";

/// Tracks whether a local address counts as proof.
#[derive(Debug)]
pub(crate) struct Local(AtomicBool);

impl Local {
    /// `counts` is the initial state; `false` is permanent.
    pub(crate) fn new(counts: bool) -> Self {
        Self(AtomicBool::new(counts))
    }

    /// True if a local address still counts.
    pub(crate) fn counts(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }

    /// Inspects a request. After a forwarded one, local does not count until a restart, and the log says so.
    pub(crate) fn notice(&self, headers: &HeaderMap) {
        if !self.counts() {
            return;
        }
        let Some(name) = headers.keys().find(|name| is_added(name)) else { return };
        if self.0.swap(false, Ordering::Relaxed) {
            tracing::warn!(
                "a request with `{name}` came through a proxy: until the restart, no request over the network counts as \
                 local; hint: begin runs with `entrepot sync run` on this machine, or set `api_token`"
            );
        }
    }
}

fn is_added(name: &HeaderName) -> bool {
    let name = name.as_str();
    name.starts_with(FAMILY) || ADDED.contains(&name)
}

#[cfg(test)]
mod tests {
    use entrepot_testkit::CapturedOutput;
    use http::HeaderValue;

    use super::*;

    fn with(name: &str) -> HeaderMap {
        HeaderMap::from_iter([(name.parse::<HeaderName>().unwrap(), HeaderValue::from_static("x"))])
    }

    #[test]
    fn one_request_that_was_passed_on_ends_it() {
        for name in ADDED.into_iter().chain(["x-forwarded", "x-forwarded-for", "x-forwarded-proto"]) {
            let local = Local::new(true);
            local.notice(&with("user-agent"));
            assert!(local.counts());
            local.notice(&with(name));
            assert!(!local.counts(), "{name}");
            local.notice(&HeaderMap::new());
            assert!(!local.counts(), "{name}");
        }
    }

    #[test]
    fn the_log_says_so_once() {
        let log = CapturedOutput::default();
        let writer = log.clone();
        let subscriber = tracing_subscriber::fmt().with_writer(move || writer.clone()).finish();
        tracing::subscriber::with_default(subscriber, || {
            let local = Local::new(true);
            local.notice(&with("x-real-ip"));
            local.notice(&with("x-real-ip"));
        });
        let text = log.text();
        assert_eq!(text.lines().count(), 1, "{text}");
        let said = "a request with `x-real-ip` came through a proxy: until the restart, no request over the network \
                    counts as local; hint: begin runs with `entrepot sync run` on this machine, or set `api_token`";
        assert!(text.contains(said), "{text}");
    }

    #[test]
    fn it_may_never_have_counted() {
        let local = Local::new(false);
        local.notice(&HeaderMap::new());
        assert!(!local.counts());
    }
}
