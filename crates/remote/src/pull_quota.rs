//! The pull quota that a registry reports: Docker Hub's `ratelimit-*` headers.

use std::time::Duration;

use http::HeaderMap;

/// The most recent pull quota that a registry reported. The registry counts manifests, per account, or per IP address
/// for anonymous requests.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PullQuota {
    /// The number of pulls in a window.
    pub limit: u64,
    /// The number of pulls that remain.
    pub remaining: u64,
    /// The length of the window, if it is reported.
    pub window: Option<Duration>,
}

impl PullQuota {
    /// Reads `ratelimit-limit: 100;w=21600` and `ratelimit-remaining: 76;w=21600`.
    pub(crate) fn read(headers: &HeaderMap) -> Option<Self> {
        let (limit, window) = count(headers, "ratelimit-limit")?;
        let (remaining, _) = count(headers, "ratelimit-remaining")?;
        Some(Self { limit, remaining, window })
    }
}

fn count(headers: &HeaderMap, name: &str) -> Option<(u64, Option<Duration>)> {
    let text = headers.get(name)?.to_str().ok()?;
    let (count, parameters) = text.split_once(';').unwrap_or((text, ""));
    let window = parameters.split(';').find_map(|parameter| parameter.trim().strip_prefix("w="));
    Some((number(count)?, window.and_then(number).map(Duration::from_secs)))
}

// `u64::from_str` takes a sign.
fn number(text: &str) -> Option<u64> {
    let text = text.trim();
    text.bytes().all(|byte| byte.is_ascii_digit()).then(|| text.parse().ok())?
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(limit: &str, remaining: &str) -> Option<PullQuota> {
        let mut headers = HeaderMap::new();
        headers.insert("ratelimit-limit", limit.parse().unwrap());
        headers.insert("ratelimit-remaining", remaining.parse().unwrap());
        PullQuota::read(&headers)
    }

    #[test]
    fn reads_what_docker_hub_sends() {
        let window = Some(Duration::from_secs(21_600));
        let told = PullQuota { limit: 100, remaining: 76, window };
        assert_eq!(read("100;w=21600", "76;w=21600"), Some(told));
        assert_eq!(read(" 100 ; w=21600", "76"), Some(told));
        assert_eq!(read("100", "0"), Some(PullQuota { limit: 100, remaining: 0, window: None }));
        for (limit, remaining) in [("many", "1"), ("-1", "1"), ("1", ""), ("99999999999999999999", "1")] {
            assert_eq!(read(limit, remaining), None, "{limit} {remaining}");
        }
        assert_eq!(PullQuota::read(&HeaderMap::new()), None);
    }
}
