//! The `Retry-After` header (RFC 9110 §10.2.3): seconds, or a date.

use std::time::{Duration, SystemTime};

/// The longest wait that is accepted.
pub const MAX_RETRY_AFTER: Duration = Duration::from_secs(3600);

/// The time to wait from `now`; `None` if the header cannot be parsed.
pub(crate) fn parse(header: &str, now: SystemTime) -> Option<Duration> {
    let text = header.trim();
    let wait = if !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit()) {
        // A number that does not fit is a long wait.
        Duration::from_secs(text.parse().unwrap_or(u64::MAX))
    } else {
        let until = httpdate::parse_http_date(text).ok()?;
        until.duration_since(now).unwrap_or(Duration::ZERO)
    };
    Some(wait.min(MAX_RETRY_AFTER))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_every_form() {
        let now = SystemTime::UNIX_EPOCH + Duration::from_secs(1_800_000_000);
        let date = |after| httpdate::fmt_http_date(now + Duration::from_secs(after));
        for (header, seconds) in [
            ("0", Some(0)),
            (" 120 ", Some(120)),
            ("99999999999999999999999", Some(3600)),
            (date(90).as_str(), Some(90)),
            (date(864_000).as_str(), Some(3600)),
            ("Sun, 06 Nov 1994 08:49:37 GMT", Some(0)),
            ("", None),
            ("-1", None),
            ("soon", None),
        ] {
            assert_eq!(parse(header, now), seconds.map(Duration::from_secs), "{header}");
        }
    }
}
