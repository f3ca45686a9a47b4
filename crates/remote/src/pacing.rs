//! Going no faster than an operator allows: so many requests in a time, so many at once. Whoever is too early waits.

use std::{
    fmt,
    num::NonZeroU32,
    str::FromStr,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use serde::Deserialize;
use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore},
    time::Instant,
};

use crate::settings::Settings;

/// So many requests in a second, a minute or an hour: `20/s`, `2000/m`, `600/h`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct Rate {
    count: NonZeroU32,
    unit: char,
}

/// A text that is not a rate.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a rate is a number of requests and a time, such as `20/s`, `2000/m` or `600/h`")]
pub struct RateError;

impl Rate {
    /// The time from one request to the next.
    pub fn interval(self) -> Duration {
        let seconds = match self.unit {
            's' => 1,
            'm' => 60,
            _ => 3600,
        };
        Duration::from_secs(seconds) / self.count.get()
    }
}

impl FromStr for Rate {
    type Err = RateError;

    fn from_str(text: &str) -> Result<Self, RateError> {
        let (count, unit) = text.trim().split_once('/').ok_or(RateError)?;
        let is_number = count.bytes().all(|byte| byte.is_ascii_digit());
        let count = count.parse().ok().filter(|_| is_number).ok_or(RateError)?;
        match unit {
            "s" | "m" | "h" => Ok(Self { count, unit: unit.chars().next().unwrap_or('s') }),
            _ => Err(RateError),
        }
    }
}

impl TryFrom<String> for Rate {
    type Error = RateError;

    fn try_from(text: String) -> Result<Self, RateError> {
        text.parse()
    }
}

impl fmt::Display for Rate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.count, self.unit)
    }
}

/// What keeps requests to one registry apart.
#[derive(Default)]
pub(crate) struct Pacing {
    slots: Option<(Duration, Mutex<Option<Instant>>)>,
    at_once: Option<Arc<Semaphore>>,
}

/// The right to have one request under way.
pub(crate) struct Turn {
    _permit: Option<OwnedSemaphorePermit>,
}

impl Pacing {
    pub(crate) fn new(settings: &Settings) -> Self {
        Self {
            slots: settings.rate.map(|rate| (rate.interval(), Mutex::default())),
            at_once: settings.concurrency.map(|most| Arc::new(Semaphore::new(most.get()))),
        }
    }

    /// Waits until a request may go out.
    pub(crate) async fn turn(&self) -> Turn {
        let permit = match &self.at_once {
            // It is never closed.
            Some(at_once) => Arc::clone(at_once).acquire_owned().await.ok(),
            None => None,
        };
        if let Some(slot) = self.slot(Instant::now()) {
            tokio::time::sleep_until(slot).await;
        }
        Turn { _permit: permit }
    }

    // Evenly spaced, without a burst: registries that count do not all count in the same second as we do.
    fn slot(&self, now: Instant) -> Option<Instant> {
        let (interval, next) = self.slots.as_ref()?;
        let mut next = next.lock().unwrap_or_else(PoisonError::into_inner);
        let slot = next.map_or(now, |next| next.max(now));
        *next = Some(slot + *interval);
        Some(slot)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rates_are_read() {
        for (text, interval) in [("20/s", 50), ("2000/m", 30), ("3600/h", 1000), (" 1/s ", 1000)] {
            let rate: Rate = text.parse().unwrap();
            assert_eq!(rate.interval(), Duration::from_millis(interval), "{text}");
            assert_eq!(rate.to_string(), text.trim());
        }
        for bad in ["", "20", "20/", "/s", "0/s", "-1/s", "+1/s", "20/d", "1.5/s", "99999999999/s"] {
            assert_eq!(bad.parse::<Rate>(), Err(RateError), "{bad}");
        }
    }

    #[test]
    fn requests_get_slots_of_their_own() {
        let settings = Settings { rate: Some("20/s".parse().unwrap()), ..Settings::default() };
        let (pacing, begun) = (Pacing::new(&settings), Instant::now());
        let slot = |after: u64| {
            let slot = pacing.slot(begun + Duration::from_millis(after)).unwrap();
            slot.duration_since(begun).as_millis()
        };
        assert_eq!([slot(0), slot(0), slot(10), slot(60)], [0, 50, 100, 150]);
        // What was not used is not saved up.
        assert_eq!([slot(10_000), slot(10_000)], [10_000, 10_050]);
        assert_eq!(Pacing::default().slot(begun), None);
    }

    #[tokio::test]
    async fn only_so_many_are_under_way() {
        let settings = Settings { concurrency: 2.try_into().ok(), ..Settings::default() };
        let pacing = Pacing::new(&settings);
        let (first, _second) = (pacing.turn().await, pacing.turn().await);
        assert!(futures_util::poll!(Box::pin(pacing.turn())).is_pending());
        drop(first);
        assert!(futures_util::poll!(Box::pin(pacing.turn())).is_ready());
    }
}
