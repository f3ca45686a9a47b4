//! What the configuration says about instances.

use std::{fmt, str::FromStr, time::Duration};

use serde::{Deserialize, Deserializer, de};

/// What the configuration says about instances.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct InstanceSettings {
    /// Memory in MiB that a part of a card costs beyond what its instance sees.
    pub slice_overhead_mib: u64,
    /// The ports of nodes that may lead to instances.
    pub ports: PortSpan,
    /// The most ports of one instance.
    pub max_ports: usize,
    /// Whether people may say what a container starts, in place of its image.
    pub commands: bool,
    /// Whether people may set variables.
    pub environment: bool,
    /// Shared memory in MiB where a spec does not say.
    pub shm_mib: u64,
    /// Processes and threads of one instance.
    pub pids: u32,
    /// How long a container has to end before it is killed.
    #[serde(deserialize_with = "duration")]
    pub stop_grace: Duration,
    /// How long before its end an owner is warned.
    #[serde(deserialize_with = "duration")]
    pub warn_before: Duration,
    /// When an instance that is stopped is removed; its data volume is not. Never, unless it is set.
    #[serde(deserialize_with = "some_duration")]
    pub release_stopped_after: Option<Duration>,
    /// How often instances are compared with what their engines show.
    #[serde(deserialize_with = "duration")]
    pub look_every: Duration,
    /// What an account may have at most, where nothing else was set for it.
    pub quota: QuotaSettings,
}

/// What an account may have at most; without a number, there is no limit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct QuotaSettings {
    /// How many instances.
    pub instances: Option<u64>,
    /// How many cards, or parts of cards, at a time.
    pub cards: Option<u64>,
    /// How many hours of cards in a calendar month.
    pub hours: Option<u64>,
}

/// Ports from one to another, as `30000-32767`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PortSpan {
    first: u16,
    last: u16,
}

/// The text is no span of ports.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("ports are written `30000-32767`, from 1024 on, the lower one first")]
pub struct PortSpanError;

impl Default for InstanceSettings {
    fn default() -> Self {
        Self {
            slice_overhead_mib: 512,
            ports: PortSpan { first: 30_000, last: 32_767 },
            max_ports: 8,
            commands: true,
            environment: true,
            shm_mib: 1024,
            pids: 8192,
            stop_grace: Duration::from_secs(30),
            warn_before: Duration::from_secs(30 * 60),
            release_stopped_after: None,
            look_every: Duration::from_secs(15),
            quota: QuotaSettings::default(),
        }
    }
}

impl PortSpan {
    /// The first port.
    pub fn first(self) -> u16 {
        self.first
    }

    /// The last port.
    pub fn last(self) -> u16 {
        self.last
    }
}

impl FromStr for PortSpan {
    type Err = PortSpanError;

    fn from_str(text: &str) -> Result<Self, PortSpanError> {
        let (first, last) = text.split_once('-').ok_or(PortSpanError)?;
        let number = |text: &str| text.trim().parse::<u16>().map_err(|_| PortSpanError);
        let (first, last) = (number(first)?, number(last)?);
        if (1024..=last).contains(&first) { Ok(Self { first, last }) } else { Err(PortSpanError) }
    }
}

impl fmt::Display for PortSpan {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}-{}", self.first, self.last)
    }
}

impl<'de> Deserialize<'de> for PortSpan {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(de::Error::custom)
    }
}

fn duration<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Duration, D::Error> {
    humantime_serde::deserialize(deserializer)
}

fn some_duration<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Duration>, D::Error> {
    humantime_serde::deserialize(deserializer)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ports_are_read_back() {
        for text in ["30000-32767", "1024-1024", "1024-65535"] {
            assert_eq!(text.parse::<PortSpan>().unwrap().to_string(), text);
        }
        for text in ["", "30000", "22-80", "40000-30000", "30000-70000", "a-b", "-"] {
            assert_eq!(text.parse::<PortSpan>(), Err(PortSpanError), "{text}");
        }
    }

    #[test]
    fn what_is_left_out_is_as_before() {
        let read: InstanceSettings =
            serde_json::from_str(r#"{"ports": "20000-20010", "look_every": "5s", "quota": {"cards": 2}}"#)
                .unwrap();
        let quota = QuotaSettings { cards: Some(2), ..QuotaSettings::default() };
        let ports = PortSpan { first: 20_000, last: 20_010 };
        let expected = InstanceSettings {
            ports,
            look_every: Duration::from_secs(5),
            quota,
            ..InstanceSettings::default()
        };
        assert_eq!(read, expected);
        assert!(serde_json::from_str::<InstanceSettings>(r#"{"port": "1024-2000"}"#).is_err());
    }
}
