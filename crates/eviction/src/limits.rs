//! How much may be held, and for how long. Decides when something has to go, and what is not kept at all.

use std::time::Duration;

/// Above this part of the largest size, images go.
const HIGH: f64 = 0.99;
/// They go until this part is left.
const LOW: f64 = 0.98;
/// An image that takes more than this part of the largest size is not kept, unless it is pinned.
const LARGEST_IMAGE: f64 = 0.25;
/// When too little of the disk is free, so much more than the least is made free, in parts of it.
const SLACK: f64 = 0.25;
/// The part of all images that may expire at once, and the number that may in any case.
const EXPIRE_AT_ONCE: (usize, usize) = (10, 100);

/// The limits of a cache. Each is off unless it is set.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CacheLimits {
    max_size: Option<u64>,
    min_free: Option<u64>,
    keep_for: Option<Duration>,
}

/// A limit that cannot be meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LimitsError {
    /// Nothing could be held.
    #[error("this must be more than 0")]
    Zero {
        /// The limit.
        key: &'static str,
    },
    /// What a client is just pulling would go.
    #[error("this must be 1h or more")]
    TooShort,
}

impl LimitsError {
    /// The limit that cannot be meant.
    pub fn key(&self) -> &'static str {
        match self {
            Self::Zero { key } => key,
            Self::TooShort => "keep_for",
        }
    }
}

/// What is held, and what is left.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Space {
    /// The bytes that are held.
    pub held: u64,
    /// The bytes that are free on the disk; `None` where that says nothing, as with an object store.
    pub free: Option<u64>,
}

/// A limit that is reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Trigger {
    /// What is held comes near the largest size.
    Size,
    /// The disk has too little free space, whoever has taken it.
    FreeSpace,
}

/// What has to be freed, and why.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Demand {
    /// The bytes to free; 0 if nothing has to go.
    pub free: u64,
    /// The limits that are reached.
    pub triggers: Vec<Trigger>,
    /// There is no room left for what comes: do not wait.
    pub is_urgent: bool,
}

/// Whether something that comes is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Admission {
    /// Keep it.
    Kept,
    /// Pass it on without keeping it: there is no room now.
    Full,
    /// Pass it on without keeping it: it would push out too much of everything else.
    TooLarge,
}

impl CacheLimits {
    /// Limits as they are written.
    ///
    /// # Errors
    /// One that cannot be meant.
    pub fn new(
        max_size: Option<u64>,
        min_free: Option<u64>,
        keep_for: Option<Duration>,
    ) -> Result<Self, LimitsError> {
        if max_size == Some(0) {
            return Err(LimitsError::Zero { key: "max_size" });
        }
        if min_free == Some(0) {
            return Err(LimitsError::Zero { key: "min_free" });
        }
        if keep_for.is_some_and(|age| age < Duration::from_secs(60 * 60)) {
            return Err(LimitsError::TooShort);
        }
        Ok(Self { max_size, min_free, keep_for })
    }

    /// Whether anything is ever evicted.
    pub fn is_off(&self) -> bool {
        *self == Self::default()
    }

    /// The most bytes that are held.
    pub fn max_size(&self) -> Option<u64> {
        self.max_size
    }

    /// How long an image is kept that nobody pulls.
    pub fn keep_for(&self) -> Option<Duration> {
        self.keep_for
    }

    /// What has to be freed.
    pub fn demand(&self, space: Space) -> Demand {
        let mut demand = Demand::default();
        if let Some(max) = self.max_size
            && space.held > part(max, HIGH)
        {
            demand.add(Trigger::Size, space.held - part(max, LOW));
            demand.is_urgent |= space.held >= max;
        }
        if let (Some(min), Some(free)) = (self.min_free, space.free)
            && free < min
        {
            demand.add(Trigger::FreeSpace, min + part(min, SLACK) - free);
            demand.is_urgent |= free < min / 2;
        }
        demand
    }

    /// Whether a blob of `size` bytes is kept that belongs to an image of `image` bytes.
    pub fn admit(&self, space: Space, size: u64, image: Option<u64>) -> Admission {
        let Some(max) = self.max_size else { return Admission::Kept };
        if image.unwrap_or(size) > part(max, LARGEST_IMAGE) {
            Admission::TooLarge
        } else if space.held.saturating_add(size) > max {
            Admission::Full
        } else {
            Admission::Kept
        }
    }
}

impl Demand {
    fn add(&mut self, trigger: Trigger, free: u64) {
        self.free = self.free.max(free);
        self.triggers.push(trigger);
    }
}

/// Whether so many images expire at once that the clock or the records may be wrong, and somebody should look first.
pub fn is_mass_expiry(expired: usize, all: usize) -> bool {
    let (part, few) = EXPIRE_AT_ONCE;
    expired > (all / part).max(few)
}

fn part(of: u64, part: f64) -> u64 {
    (of as f64 * part) as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR: Duration = Duration::from_secs(3600);

    fn demand(limits: &CacheLimits, held: u64, free: u64) -> (u64, Vec<Trigger>, bool) {
        let demand = limits.demand(Space { held, free: Some(free) });
        (demand.free, demand.triggers, demand.is_urgent)
    }

    #[test]
    fn limits_that_cannot_be_meant_are_refused() {
        let refused = |limits: Result<CacheLimits, LimitsError>| {
            let error = limits.unwrap_err();
            format!("{}: {error}", error.key())
        };
        assert_eq!(refused(CacheLimits::new(Some(0), None, None)), "max_size: this must be more than 0");
        assert_eq!(refused(CacheLimits::new(None, Some(0), None)), "min_free: this must be more than 0");
        assert_eq!(
            refused(CacheLimits::new(None, None, Some(HOUR / 2))),
            "keep_for: this must be 1h or more"
        );
        let limits = CacheLimits::new(Some(1), None, Some(HOUR)).unwrap();
        assert_eq!((limits.max_size(), limits.keep_for(), limits.is_off()), (Some(1), Some(HOUR), false));
        assert!(CacheLimits::new(None, None, None).unwrap().is_off());
    }

    // Row 65
    #[test]
    fn from_the_high_mark_down_to_the_low_one() {
        let limits = CacheLimits::new(Some(1000), None, None).unwrap();
        assert_eq!(demand(&limits, 990, 0), (0, vec![], false));
        assert_eq!(demand(&limits, 991, 0), (11, vec![Trigger::Size], false));
        assert_eq!(demand(&limits, 1000, 0), (20, vec![Trigger::Size], true));
        assert_eq!(limits.demand(Space::default()), Demand::default());
    }

    // Row 66
    #[test]
    fn free_space_is_a_reason_of_its_own() {
        let limits = CacheLimits::new(Some(1000), Some(400), None).unwrap();
        assert_eq!(demand(&limits, 10, 400), (0, vec![], false));
        assert_eq!(demand(&limits, 10, 399), (101, vec![Trigger::FreeSpace], false));
        assert_eq!(demand(&limits, 10, 0), (500, vec![Trigger::FreeSpace], true));
        assert_eq!(demand(&limits, 1000, 399), (101, vec![Trigger::Size, Trigger::FreeSpace], true));
        assert_eq!(limits.demand(Space { held: 1, free: None }), Demand::default(), "an object store");
    }

    // Row 62
    #[test]
    fn what_has_no_room_is_not_kept() {
        let limits = CacheLimits::new(Some(1000), None, None).unwrap();
        let space = |held| Space { held, free: None };
        assert_eq!(limits.admit(space(900), 100, None), Admission::Kept);
        assert_eq!(limits.admit(space(901), 100, None), Admission::Full);
        assert_eq!(limits.admit(space(0), 10, Some(251)), Admission::TooLarge);
        assert_eq!(limits.admit(space(0), 251, None), Admission::TooLarge);
        assert_eq!(limits.admit(space(0), 251, Some(250)), Admission::Kept);
        assert_eq!(CacheLimits::default().admit(space(u64::MAX), u64::MAX, None), Admission::Kept);
    }

    // Row 56
    #[test]
    fn all_at_once_is_suspicious() {
        assert!(!is_mass_expiry(100, 100) && !is_mass_expiry(200, 2000));
        assert!(is_mass_expiry(101, 101) && is_mass_expiry(201, 2000));
    }
}
