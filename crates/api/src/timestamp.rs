//! Times on the wire.

use std::{
    fmt,
    str::FromStr,
    time::{Duration, SystemTime},
};

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use utoipa::ToSchema;

/// The last second that RFC 3339 can write: the end of the year 9999.
const LAST: u64 = 253_402_300_799;

/// A moment, to the second. Written as RFC 3339 in UTC: `2026-05-01T12:34:56Z`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, ToSchema)]
#[schema(value_type = String, format = DateTime)]
pub struct Timestamp(
    // Seconds since 1970, and not beyond `LAST`, so that it can always be written.
    u64,
);

/// A text that is not a [`Timestamp`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TimestampError;

impl fmt::Display for TimestampError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("this is not a time as RFC 3339 has it, in UTC")
    }
}

impl std::error::Error for TimestampError {}

impl Timestamp {
    fn system_time(self) -> SystemTime {
        SystemTime::UNIX_EPOCH + Duration::from_secs(self.0)
    }
}

impl From<SystemTime> for Timestamp {
    /// Fractions of a second are cut off; what is before 1970 becomes 1970.
    fn from(time: SystemTime) -> Self {
        let since = time.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        Self(since.as_secs().min(LAST))
    }
}

impl From<Timestamp> for SystemTime {
    fn from(timestamp: Timestamp) -> Self {
        timestamp.system_time()
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        humantime::format_rfc3339_seconds(self.system_time()).fmt(f)
    }
}

impl FromStr for Timestamp {
    type Err = TimestampError;

    fn from_str(text: &str) -> Result<Self, TimestampError> {
        humantime::parse_rfc3339(text).map(Self::from).map_err(|_| TimestampError)
    }
}

impl Serialize for Timestamp {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Timestamp {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn is_written_in_utc_to_the_second() {
        let time = SystemTime::UNIX_EPOCH + Duration::from_millis(1_777_638_896_789);
        let timestamp = Timestamp::from(time);
        assert_eq!(serde_json::to_string(&timestamp).unwrap(), r#""2026-05-01T12:34:56Z""#);
        assert_eq!(serde_json::from_str::<Timestamp>(r#""2026-05-01T12:34:56Z""#).unwrap(), timestamp);
        assert!(serde_json::from_str::<Timestamp>(r#""yesterday""#).is_err());
    }

    #[test]
    fn every_time_can_be_written() {
        let before = SystemTime::UNIX_EPOCH - Duration::from_secs(1);
        assert_eq!(Timestamp::from(before).to_string(), "1970-01-01T00:00:00Z");
        let far = SystemTime::UNIX_EPOCH + Duration::from_secs(LAST + 1);
        assert_eq!(Timestamp::from(far).to_string(), "9999-12-31T23:59:59Z");
    }
}
