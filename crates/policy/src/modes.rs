//! Which mode is in force: by hand, by a condition, or as it is configured. Pure: times are parameters.
//!
//! What is set by hand decides alone until its time is over or it is taken back. Otherwise it is the strictest of the
//! configured mode and those of the conditions that hold.

use std::time::{Duration, SystemTime};

use bytesize::ByteSize;
use serde::Deserialize;

use crate::{
    condition::{Condition, Measurements, Watch, WrittenCondition},
    mode::Mode,
    offer::{Cause, Offer},
};

/// The largest blob that is small, unless it is written.
const SMALL: ByteSize = ByteSize::mib(20);

/// The section `modes` of the configuration as it is written.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ModesSection {
    /// The mode while nothing else decides.
    pub mode: Mode,
    /// The largest blob that is fetched in `small-only`.
    pub small: Option<ByteSize>,
    /// Whether the tags of mirrored repositories are listed; yes, unless it is written.
    pub tag_lists: Option<bool>,
    /// When less is on offer.
    pub when: Vec<WrittenCondition>,
}

/// A mistake in the section.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ModesFault {
    /// The index in `when`.
    pub at: usize,
    /// The fact.
    pub what: String,
}

/// What the section means.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ModeSettings {
    mode: Mode,
    small: u64,
    lists_tags: bool,
    takes_requests: bool,
    conditions: Vec<Condition>,
}

impl Default for ModeSettings {
    fn default() -> Self {
        Self {
            mode: Mode::Normal,
            small: SMALL.as_u64(),
            lists_tags: true,
            takes_requests: false,
            conditions: Vec::new(),
        }
    }
}

impl ModesSection {
    /// What it means.
    ///
    /// # Errors
    /// The first condition that is none.
    pub fn read(&self) -> Result<ModeSettings, ModesFault> {
        let conditions =
            self.when.iter().enumerate().map(|(at, written)| {
                written.read().map_err(|error| ModesFault { at, what: error.to_string() })
            });
        Ok(ModeSettings {
            mode: self.mode,
            small: self.small.unwrap_or(SMALL).as_u64(),
            lists_tags: self.tag_lists.unwrap_or(true),
            takes_requests: false,
            conditions: conditions.collect::<Result<_, _>>()?,
        })
    }
}

impl ModeSettings {
    /// True if the section changes nothing.
    pub fn are_usual(&self) -> bool {
        *self == Self { takes_requests: self.takes_requests, ..Self::default() }
    }

    /// The same, where images can be asked for: refusals say so.
    #[must_use]
    pub fn taking_requests(self) -> Self {
        Self { takes_requests: true, ..self }
    }
}

/// What somebody set by hand. What it leaves open is decided without it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Order {
    /// The mode.
    pub mode: Option<Mode>,
    /// Whether tags of mirrored repositories are listed.
    pub tag_lists: Option<bool>,
    /// Whether the names that were pushed here are listed.
    pub catalog: Option<bool>,
    /// Why, for those who are refused.
    pub reason: Option<String>,
    /// When it was set.
    pub since: SystemTime,
    /// When it ends; without it, when somebody takes it back.
    pub until: Option<SystemTime>,
    /// Who set it.
    pub by: String,
}

impl Order {
    /// How long it still counts at `now`; `None` is without end. A clock that was set back makes that no longer than it was
    /// meant to be.
    pub fn remaining(&self, now: SystemTime) -> Option<Duration> {
        let left = |from| self.until.map(|until| until.duration_since(from).unwrap_or_default());
        left(now).zip(left(self.since)).map(|(left, meant)| left.min(meant))
    }
}

/// What decides which mode is in force.
#[derive(Clone, Debug)]
pub struct Modes {
    settings: ModeSettings,
    watches: Vec<Watch>,
    order: Option<TimedOrder>,
}

/// An order, and when it ends by a clock that nobody sets.
#[derive(Clone, Debug)]
struct TimedOrder {
    order: Order,
    ends: Option<Duration>,
}

impl Modes {
    /// Begins without an order, and with conditions that do not hold.
    pub fn new(settings: ModeSettings) -> Self {
        let watches = settings.conditions.iter().copied().map(Watch::new).collect();
        Self { settings, watches, order: None }
    }

    /// Takes other settings. An order stays, and so do conditions that hold and are still written.
    pub fn configure(&mut self, settings: ModeSettings) {
        let watched =
            |condition: &Condition| self.watches.iter().find(|watch| watch.condition() == condition);
        let conditions = settings.conditions.iter();
        self.watches =
            conditions.map(|one| watched(one).copied().unwrap_or_else(|| Watch::new(*one))).collect();
        // Whether images can be asked for does not change while the server runs.
        self.settings = ModeSettings { takes_requests: self.settings.takes_requests, ..settings };
    }

    /// Puts an order into force, in place of an earlier one: `wall` is the time of day, `now` a time since some start.
    pub fn order(&mut self, order: Order, wall: SystemTime, now: Duration) {
        let ends = order.remaining(wall).map(|left| now.saturating_add(left));
        self.order = Some(TimedOrder { order, ends });
    }

    /// Takes the order back.
    pub fn take_back(&mut self) {
        self.order = None;
    }

    /// Ends an order whose time is over. True if there was one.
    pub fn end(&mut self, now: Duration) -> bool {
        let is_over = |ordered: &TimedOrder| ordered.ends.is_some_and(|ends| now >= ends);
        self.order.take_if(|ordered| is_over(ordered)).is_some()
    }

    /// Takes what was measured at `now`, a time since some start.
    pub fn observe(&mut self, measured: &Measurements, now: Duration) {
        for watch in &mut self.watches {
            watch.observe(measured.of(watch.condition().measure()), now);
        }
    }

    /// What was set by hand.
    pub fn ordered(&self) -> Option<&Order> {
        self.order.as_ref().map(|ordered| &ordered.order)
    }

    /// The conditions, and whether each holds.
    pub fn conditions(&self) -> impl Iterator<Item = (&Condition, bool)> {
        self.watches.iter().map(|watch| (watch.condition(), watch.holds()))
    }

    /// What is on offer.
    pub fn offer(&self) -> Offer {
        let order = self.ordered();
        let (mode, cause) = match order.and_then(|order| order.mode) {
            Some(mode) => (mode, Cause::ByHand),
            None => self.without_order(),
        };
        let is_whole = |said: Option<bool>, usual: bool| said.unwrap_or(usual);
        Offer {
            mode,
            cause,
            reason: order.and_then(|order| order.reason.clone()),
            until: order.and_then(|order| order.until),
            small: self.settings.small,
            takes_requests: self.settings.takes_requests,
            lists_tags: is_whole(order.and_then(|order| order.tag_lists), self.settings.lists_tags),
            lists_names: is_whole(order.and_then(|order| order.catalog), true),
        }
    }

    // The strictest; of equals, the first that is written.
    fn without_order(&self) -> (Mode, Cause) {
        let holding = self.watches.iter().filter(|watch| watch.holds()).map(Watch::condition);
        holding.fold((self.settings.mode, Cause::Configured), |strictest, condition| {
            if condition.mode() > strictest.0 {
                (condition.mode(), Cause::Condition(*condition))
            } else {
                strictest
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::{offer::Withheld, percent::Percent};

    fn settings(text: &str) -> ModeSettings {
        serde_json::from_str::<ModesSection>(text).unwrap().read().unwrap()
    }

    fn order(mode: Option<Mode>) -> Order {
        Order {
            mode,
            tag_lists: None,
            catalog: None,
            reason: Some("moving".to_owned()),
            since: SystemTime::UNIX_EPOCH,
            until: None,
            by: "account:ops".to_owned(),
        }
    }

    fn disk(percent: u64) -> Measurements {
        Measurements { disk: Percent::of(percent, 100), ..Measurements::default() }
    }

    const SECTION: &str = r#"{"when":[{"disk":"90%","mode":"small-only"},{"disk":"95%","mode":"cached-only"},
        {"load":"400%","mode":"small-only"}]}"#;

    #[test]
    fn nothing_is_held_back_unless_it_is_written() {
        let usual = settings("{}");
        assert!(usual.are_usual());
        let offer = Modes::new(usual).offer();
        assert_eq!(
            (offer.mode, offer.cause.clone(), offer.small),
            (Mode::Normal, Cause::Configured, 20 << 20)
        );
        assert!(offer.lists_tags && offer.lists_names);
        assert!(!settings(r#"{"tag_lists":false}"#).are_usual());
        let wrong: ModesSection =
            serde_json::from_str(r#"{"when":[{"disk":"9%","mode":"closed"},{"mode":"closed"}]}"#).unwrap();
        assert_eq!(wrong.read().unwrap_err().at, 1);
    }

    #[test]
    fn the_strictest_condition_decides_and_says_so() {
        let mut modes = Modes::new(settings(SECTION));
        modes.observe(&disk(96), Duration::ZERO);
        let offer = modes.offer();
        assert_eq!(offer.mode, Mode::CachedOnly);
        assert!(matches!(&offer.cause, Cause::Condition(one) if one.limit().to_string() == "95%"));
        modes.observe(&disk(87), Duration::from_secs(60));
        assert_eq!(modes.offer().mode, Mode::SmallOnly, "85% is the way back of the milder one");
        modes.observe(&disk(80), Duration::from_secs(120));
        assert_eq!(modes.offer().mode, Mode::Normal);
    }

    #[test]
    fn other_settings_leave_what_is_set_by_hand_and_what_holds() {
        let mut modes = Modes::new(settings(SECTION).taking_requests());
        modes.observe(&disk(96), Duration::ZERO);
        modes.observe(&disk(88), Duration::ZERO);
        modes.configure(settings(r#"{"small":"1MiB","when":[{"disk":"90%","mode":"small-only"}]}"#));
        let offer = modes.offer();
        assert_eq!(
            (offer.mode, offer.small),
            (Mode::SmallOnly, 1 << 20),
            "it held, and 88% is not the way back"
        );
        assert!(offer.takes_requests, "that is not a matter of this section");
        modes.order(order(Some(Mode::Closed)), SystemTime::UNIX_EPOCH, Duration::ZERO);
        modes.configure(settings(r#"{"mode":"cached-only"}"#));
        assert_eq!(modes.offer().mode, Mode::Closed);
        modes.take_back();
        assert_eq!((modes.offer().mode, modes.conditions().count()), (Mode::CachedOnly, 0));
    }

    #[test]
    fn what_is_set_by_hand_decides_alone_until_it_ends() {
        let mut modes = Modes::new(settings(SECTION));
        modes.observe(&disk(96), Duration::ZERO);
        let wall = SystemTime::UNIX_EPOCH + Duration::from_secs(100);
        let until = Some(SystemTime::UNIX_EPOCH + Duration::from_secs(150));
        modes.order(Order { until, ..order(Some(Mode::Normal)) }, wall, Duration::from_secs(7));
        let offer = modes.offer();
        assert_eq!((offer.mode, offer.cause), (Mode::Normal, Cause::ByHand));
        assert!(!modes.end(Duration::from_secs(56)) && modes.end(Duration::from_secs(57)));
        assert_eq!(modes.offer().mode, Mode::CachedOnly, "the condition went on to be watched");
        modes.order(order(Some(Mode::Closed)), wall, Duration::ZERO);
        assert!(!modes.end(Duration::MAX), "without end");
        modes.take_back();
        assert_eq!(modes.offer().mode, Mode::CachedOnly);
    }

    #[test]
    fn lists_are_switched_alone() {
        let mut modes = Modes::new(settings(SECTION));
        let off = Order { tag_lists: Some(false), catalog: Some(false), ..order(None) };
        modes.order(off, SystemTime::UNIX_EPOCH, Duration::ZERO);
        let offer = modes.offer();
        assert_eq!((offer.mode, offer.lists_tags, offer.lists_names), (Mode::Normal, false, false));
        modes.observe(&disk(95), Duration::ZERO);
        assert_eq!(modes.offer().mode, Mode::CachedOnly, "such an order leaves the mode open");
    }

    #[test]
    fn a_condition_is_told_as_the_reason() {
        let mut modes = Modes::new(settings(SECTION));
        modes.observe(&disk(100), Duration::ZERO);
        let told = modes.offer().refusal(Withheld::NotHeld("docker.io/a/b:1"));
        let why = "fetched from upstreams now (mode cached-only: the disk is 95% full or more); hint: ";
        assert!(told.contains(why), "{told}");
    }

    // S13
    #[test]
    fn a_clock_that_was_set_makes_an_order_no_longer() {
        let hour = Duration::from_secs(3600);
        let since = SystemTime::UNIX_EPOCH + hour * 10_000;
        let order = Order { since, until: Some(since + hour), ..order(Some(Mode::Closed)) };
        assert_eq!(order.remaining(since + hour / 2), Some(hour / 2));
        assert_eq!(order.remaining(since - hour * 9_000), Some(hour), "set back");
        assert_eq!(order.remaining(since + hour * 9_000), Some(Duration::ZERO), "set forward");
    }

    proptest! {
        // Without an order, the mode is never milder than the configured one, nor stricter than the strictest condition; an order
        // with a mode is in force at once, and gone when it is taken back.
        #[test]
        fn a_mode_is_between_its_bounds(
            disks in prop::collection::vec(0_u64..110, 1..60), at in 0_usize..4, configured in 0_usize..4
        ) {
            let mut settings = settings(SECTION);
            settings.mode = Mode::ALL[configured];
            let strictest = settings.conditions.iter().map(Condition::mode).max().unwrap().max(settings.mode);
            let mut modes = Modes::new(settings);
            for (nth, percent) in disks.into_iter().enumerate() {
                let now = Duration::from_secs(nth as u64 * 25);
                modes.observe(&disk(percent), now);
                let without = modes.offer();
                prop_assert!(without.mode >= Mode::ALL[configured] && without.mode <= strictest);
                modes.order(order(Some(Mode::ALL[at])), SystemTime::UNIX_EPOCH, now);
                prop_assert_eq!(modes.offer().mode, Mode::ALL[at]);
                modes.take_back();
                prop_assert_eq!(modes.offer(), without);
            }
        }
    }
}
