//! When a certificate is asked for, and when again after a failure. Pure.

use std::time::{Duration, SystemTime};

use crate::{certificate::Certificate, name::Name};

/// The first pause after a failure. Let's Encrypt allows five failed validations of a name in an hour.
const FIRST_PAUSE: Duration = Duration::from_secs(5 * 60);
/// The longest pause after a failure that the authority sets no time for.
const LONGEST_PAUSE: Duration = Duration::from_secs(6 * 3600);

/// How long a name is left out that the authority refuses.
const LEFT_OUT_FOR: Duration = Duration::from_secs(24 * 3600);
/// How long before its end a certificate is replaced by one for fewer names.
const NEAR_END: Duration = Duration::from_secs(3 * 24 * 3600);

/// What is to be done about the certificate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum NextOrder {
    /// Ask for one at once.
    Now(OrderReason),
    /// It is good until then.
    At(SystemTime),
}

/// The names that the authority refuses, and until when they are left out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct LeftOut {
    names: Vec<Name>,
    until: SystemTime,
}

impl Default for LeftOut {
    fn default() -> Self {
        Self { names: Vec::new(), until: SystemTime::UNIX_EPOCH }
    }
}

impl LeftOut {
    /// The names to ask for: all of `wanted` but those that are left out now.
    pub(crate) fn of(&self, wanted: &[Name], now: SystemTime) -> Vec<Name> {
        let is_out = |name: &&Name| now < self.until && self.names.contains(name);
        wanted.iter().filter(|name| !is_out(name)).cloned().collect()
    }

    /// When a name that is left out is asked for again, if there is one.
    pub(crate) fn ends(&self, now: SystemTime) -> Option<SystemTime> {
        (now < self.until && !self.names.is_empty()).then_some(self.until)
    }

    /// Leaves out the names that were `refused`, if the certificate can do without them: the first of `asked` is the
    /// server's own, and a good certificate is not replaced by one for fewer names while it is good. True if so.
    pub(crate) fn add(
        &mut self,
        refused: &[Name],
        asked: &[Name],
        held: Option<&Certificate>,
        now: SystemTime,
    ) -> bool {
        let in_use = held.filter(|held| !held.is_self_signed && now + NEAR_END < held.not_after);
        let has =
            |name: &Name| in_use.is_some_and(|held| held.names.iter().any(|held| held == name.as_str()));
        let can_do_without = |name: &Name| asked.first() != Some(name) && asked.contains(name) && !has(name);
        if refused.is_empty() || !refused.iter().all(can_do_without) {
            return false;
        }
        if self.ends(now).is_none() {
            self.names.clear();
        }
        self.names.extend_from_slice(refused);
        self.until = now + LEFT_OUT_FOR;
        true
    }
}

/// Why a certificate is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum OrderReason {
    /// There is none of an authority.
    Missing,
    /// It lacks a name.
    Names,
    /// It ends soon.
    Age,
}

/// Says what is due. `jitter` is between 0 and 1: it moves the renewal ahead by up to a twentieth of the certificate's
/// life, so that servers that were set up together do not ask together.
pub(crate) fn due(held: Option<&Certificate>, names: &[Name], now: SystemTime, jitter: f64) -> NextOrder {
    let Some(held) = held.filter(|held| !held.is_self_signed) else {
        return NextOrder::Now(OrderReason::Missing);
    };
    if !names.iter().all(|name| held.names.iter().any(|held| held == name.as_str())) {
        return NextOrder::Now(OrderReason::Names);
    }
    let life = held.not_after.duration_since(held.not_before).unwrap_or_default();
    let at = held.not_before + life.mul_f64(2.0 / 3.0) - life.mul_f64(jitter.clamp(0.0, 1.0) / 20.0);
    if at <= now { NextOrder::Now(OrderReason::Age) } else { NextOrder::At(at) }
}

/// The pause after `failures` failures in a row. What the authority says counts, if it is later; `left` is how long the
/// certificate in use is still good: near its end, a tenth of that is not waited for longer.
pub(crate) fn pause(failures: u32, told: Option<Duration>, left: Option<Duration>) -> Duration {
    let doubled = FIRST_PAUSE.saturating_mul(1 << failures.saturating_sub(1).min(10)).min(LONGEST_PAUSE);
    let near = left.filter(|left| !left.is_zero()).map(|left| left / 10);
    let pause = near.map_or(doubled, |near| doubled.min(near.max(Duration::from_secs(5))));
    pause.max(told.unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    const DAY: u64 = 24 * 3600;

    fn at(days: u64) -> SystemTime {
        SystemTime::UNIX_EPOCH + Duration::from_secs(days * DAY)
    }

    fn held(names: &[&str]) -> Certificate {
        Certificate {
            names: names.iter().map(|&name| name.to_owned()).collect(),
            not_before: at(100),
            not_after: at(190),
            is_self_signed: false,
        }
    }

    fn names(texts: &[&str]) -> Vec<Name> {
        texts.iter().map(|text| Name::parse(text).unwrap()).collect()
    }

    #[test]
    fn a_name_that_is_refused_does_not_cost_the_others_their_certificate() {
        let asked = names(&["a.example.com", "b.example.com", "c.example.com"]);
        let (own, refused) = (&asked[..1], &asked[2..]);
        let mut left_out = LeftOut::default();
        assert_eq!((left_out.of(&asked, at(1)), left_out.ends(at(1))), (asked.clone(), None));
        assert!(!left_out.add(&[], &asked, None, at(1)), "nothing was refused");
        assert!(!left_out.add(own, &asked, None, at(1)), "without the server's own name it is worth nothing");
        assert!(!left_out.add(&names(&["z.example.com"]), &asked, None, at(1)), "nobody asked for that");
        assert!(left_out.add(refused, &asked, None, at(1)));
        assert_eq!(left_out.of(&asked, at(1)), asked[..2]);
        assert_eq!(left_out.ends(at(1)), Some(at(2)));
        assert!(left_out.add(&asked[1..2], &asked[..2], None, at(1)));
        assert_eq!(left_out.of(&asked, at(1)), own);
        assert_eq!((left_out.of(&asked, at(2)), left_out.ends(at(2))), (asked.clone(), None), "a day later");
        assert!(left_out.add(refused, &asked, None, at(2)));
        assert_eq!(left_out.of(&asked, at(2)), asked[..2], "what was left out before is asked for again");
    }

    #[test]
    fn a_good_certificate_is_not_replaced_by_one_for_fewer_names() {
        let asked = names(&["a.example.com", "b.example.com"]);
        let held = held(&["a.example.com", "b.example.com"]);
        let mut left_out = LeftOut::default();
        assert!(!left_out.add(&asked[1..], &asked, Some(&held), at(160)));
        assert!(left_out.add(&asked[1..], &asked, Some(&held), at(188)), "it ends soon");
    }

    #[test]
    fn a_certificate_is_renewed_after_two_thirds_of_its_life() {
        let (held, wanted) = (held(&["a.example.com"]), names(&["a.example.com"]));
        assert_eq!(due(Some(&held), &wanted, at(101), 0.0), NextOrder::At(at(160)));
        assert_eq!(due(Some(&held), &wanted, at(160), 0.0), NextOrder::Now(OrderReason::Age));
        assert_eq!(due(Some(&held), &wanted, at(500), 0.0), NextOrder::Now(OrderReason::Age));
        let NextOrder::At(early) = due(Some(&held), &wanted, at(101), 1.0) else { panic!("not due yet") };
        assert_eq!(at(160).duration_since(early).unwrap(), Duration::from_secs(90 * DAY / 20));
    }

    #[test]
    fn what_is_missing_is_asked_for_at_once_and_what_is_too_much_is_not() {
        let wanted = names(&["a.example.com", "b.example.com"]);
        assert_eq!(due(None, &wanted, at(101), 0.0), NextOrder::Now(OrderReason::Missing));
        assert_eq!(
            due(Some(&held(&["a.example.com"])), &wanted, at(101), 0.0),
            NextOrder::Now(OrderReason::Names)
        );
        let more = held(&["c.example.com", "b.example.com", "a.example.com"]);
        assert_eq!(due(Some(&more), &wanted, at(101), 0.0), NextOrder::At(at(160)));
        let own = Certificate { is_self_signed: true, ..more };
        assert_eq!(due(Some(&own), &wanted, at(101), 0.0), NextOrder::Now(OrderReason::Missing));
    }

    #[test]
    fn failures_are_followed_by_longer_and_longer_pauses() {
        let minutes = |failures| pause(failures, None, None).as_secs() / 60;
        assert_eq!([1, 2, 3, 4, 7, 8, 99].map(minutes), [5, 10, 20, 40, 320, 360, 360]);
        // No more than five in the first hour.
        assert!((1..=5).map(minutes).sum::<u64>() > 60);
    }

    #[test]
    fn the_authority_sets_the_time_and_the_end_hurries() {
        let (hour, minute) = (Duration::from_secs(3600), Duration::from_secs(60));
        assert_eq!(pause(1, Some(hour), None), hour);
        assert_eq!(pause(8, Some(hour), None), LONGEST_PAUSE);
        assert_eq!(pause(8, None, Some(10 * hour)), hour);
        assert_eq!(pause(8, Some(2 * hour), Some(hour)), 2 * hour);
        assert_eq!(pause(1, None, Some(minute)), Duration::from_secs(6));
        assert_eq!(pause(1, None, Some(Duration::ZERO)), FIRST_PAUSE);
    }
}
