//! The pull quota that a registry reports: Docker Hub's `ratelimit-*` headers.

use std::time::Duration;

use http::HeaderMap;

/// The longest text that is kept of whom a quota is counted for, in bytes.
const LONGEST_SOURCE: usize = 64;
/// What is longer is a time of day, in seconds.
const LONGEST_RESET: u64 = 31 * 24 * 60 * 60;

/// The pull quota that a registry reports. The registry counts manifests, per account, or per IP address for anonymous
/// requests.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PullQuota {
    /// The number of pulls in a window.
    pub limit: u64,
    /// The number of pulls that remain.
    pub remaining: u64,
    /// The length of the window, if it is reported.
    pub window: Option<Duration>,
}

/// What one response tells. Any part of it may be missing: what was told before still counts then.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct QuotaHeaders {
    pub(crate) limit: Option<u64>,
    pub(crate) remaining: Option<u64>,
    pub(crate) window: Option<Duration>,
    /// Whom the registry counts for: an address, or an account of its own naming.
    pub(crate) source: Option<String>,
}

impl QuotaHeaders {
    /// Reads `ratelimit-limit: 100;w=21600`, `ratelimit-remaining: 76;w=21600` and `docker-ratelimit-source`. Of several items, as
    /// in `100, 100;w=60`, the first number and the first window count.
    pub(crate) fn read(headers: &HeaderMap) -> Self {
        let (limit, window) = count(headers, "ratelimit-limit");
        let (remaining, same_window) = count(headers, "ratelimit-remaining");
        // Where no window is said, when it is over will do, as in GitLab's answers.
        let (reset, _) = count(headers, "ratelimit-reset");
        let reset = reset.filter(|seconds| (1..=LONGEST_RESET).contains(seconds)).map(Duration::from_secs);
        let source = headers.get("docker-ratelimit-source").and_then(|value| value.to_str().ok());
        let source = source.map(str::trim).filter(|text| !text.is_empty() && text.len() <= LONGEST_SOURCE);
        Self { limit, remaining, window: window.or(same_window).or(reset), source: source.map(str::to_owned) }
    }
}

fn count(headers: &HeaderMap, name: &str) -> (Option<u64>, Option<Duration>) {
    let Some(text) = headers.get(name).and_then(|value| value.to_str().ok()) else { return (None, None) };
    let mut parts = text.split([';', ',']).map(str::trim);
    let count = parts.next().and_then(number);
    let window = parts.find_map(|part| part.strip_prefix("w=").and_then(number));
    (count, window.filter(|seconds| *seconds > 0).map(Duration::from_secs))
}

// `u64::from_str` takes a sign.
fn number(text: &str) -> Option<u64> {
    let text = text.trim();
    text.bytes().all(|byte| byte.is_ascii_digit()).then(|| text.parse().ok())?
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(headers: &[(&'static str, &str)]) -> QuotaHeaders {
        QuotaHeaders::read(
            &headers.iter().map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap())).collect(),
        )
    }

    fn both(limit: &str, remaining: &str) -> (Option<u64>, Option<u64>, Option<u64>) {
        let told = read(&[("ratelimit-limit", limit), ("ratelimit-remaining", remaining)]);
        (told.limit, told.remaining, told.window.map(|window| window.as_secs()))
    }

    // operate.md rows 31, 32, 33
    #[test]
    fn reads_what_registries_send_and_keeps_what_is_missing_open() {
        let window = Some(21_600);
        assert_eq!(both("100;w=21600", "76;w=21600"), (Some(100), Some(76), window));
        assert_eq!(both(" 100 ; w=21600", "76"), (Some(100), Some(76), window));
        assert_eq!(both("100", "76;w=21600"), (Some(100), Some(76), window));
        assert_eq!(both("10;w=3600", "0;w=3600"), (Some(10), Some(0), Some(3600)));
        assert_eq!(both("100, 100;w=60", "7"), (Some(100), Some(7), Some(60)));
        assert_eq!(both(";w=21600", ";w=21600"), (None, None, window), "empty numbers");
        assert_eq!(both("100;w=0", "1;w=x"), (Some(100), Some(1), None));
        for (limit, remaining) in [("many", "-1"), ("-1", "+1"), ("99999999999999999999", "1.5")] {
            assert_eq!(both(limit, remaining), (None, None, None), "{limit} {remaining}");
        }
        assert_eq!(read(&[]), QuotaHeaders::default());
        let reset = |text| read(&[("ratelimit-remaining", "7"), ("ratelimit-reset", text)]).window;
        assert_eq!(reset("42"), Some(Duration::from_secs(42)));
        assert_eq!((reset("1777672800"), reset("soon")), (None, None), "a time of day is no length");
    }

    #[test]
    fn whom_it_is_counted_for_is_bounded() {
        let source = |text: &str| read(&[("docker-ratelimit-source", text)]).source;
        assert_eq!(source("203.0.113.9").as_deref(), Some("203.0.113.9"));
        assert_eq!(source(""), None);
        assert_eq!(source(&"x".repeat(65)), None);
    }
}
