//! A bucket that refills continuously, as one number: the time at which it is full again (the generic cell rate algorithm,
//! ITU-T I.371). Pure: all times are since the same start.

use std::time::Duration;

/// How fast a bucket refills, and how much it holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bucket {
    amount: u64,
    per: Duration,
    burst: u64,
}

/// What came of asking for something.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TakeOutcome {
    /// It may be had. The bucket is full again at this time.
    Yes(Duration),
    /// Not before that has passed.
    After(Duration),
    /// Never.
    Never,
}

impl Bucket {
    /// A bucket of `burst` into which `amount` flows in each `per`.
    pub const fn new(amount: u64, per: Duration, burst: u64) -> Self {
        Self { amount, per, burst }
    }

    /// The same as many times as large, which refills as many times as fast.
    pub fn times(self, times: u32) -> Self {
        let times = u64::from(times);
        let (amount, burst) = (self.amount.saturating_mul(times), self.burst.saturating_mul(times));
        Self { amount, burst, ..self }
    }

    /// The same for those who have to leave half of it to others.
    pub fn upper_half(self) -> Self {
        Self { burst: self.burst.div_ceil(2), ..self }
    }

    /// True if there is never anything in it.
    pub const fn is_none(self) -> bool {
        self.amount == 0 || self.burst == 0
    }

    /// Takes so many at `now` from a bucket that is full at `full`, if they are there. Whoever wants more than it holds gets
    /// it when it is full.
    pub fn take(self, many: u64, full: Duration, now: Duration) -> TakeOutcome {
        if self.is_none() {
            return TakeOutcome::Never;
        }
        let then = full.max(now).as_nanos() + self.cost(many.min(self.burst));
        let (ahead, most) = (then - now.as_nanos(), self.cost(self.burst));
        if ahead <= most { TakeOutcome::Yes(nanos(then)) } else { TakeOutcome::After(nanos(ahead - most)) }
    }

    /// Takes so many in any case; the bucket may owe something then. Returns when it is full again.
    pub fn charge(self, many: u64, full: Duration, now: Duration) -> Duration {
        if self.is_none() {
            return full;
        }
        nanos(full.max(now).as_nanos() + self.cost(many))
    }

    /// Gives back what was taken and not used.
    pub fn give_back(self, many: u64, full: Duration) -> Duration {
        if self.is_none() { full } else { full.saturating_sub(nanos(self.cost(many))) }
    }

    /// How long until it owes nothing.
    pub fn debt(self, full: Duration, now: Duration) -> Duration {
        if self.is_none() {
            return Duration::ZERO;
        }
        nanos(full.max(now).as_nanos() - now.as_nanos()).saturating_sub(nanos(self.cost(self.burst)))
    }

    /// How many are in it.
    pub fn left(self, full: Duration, now: Duration) -> u64 {
        if self.is_none() {
            return 0;
        }
        let spent = full.saturating_sub(now).as_nanos() * u128::from(self.amount);
        let spent = spent.div_ceil(self.per.as_nanos().max(1));
        self.burst.saturating_sub(u64::try_from(spent).unwrap_or(u64::MAX))
    }

    /// How many flow in each second.
    pub fn each_second(self) -> u64 {
        let each = u128::from(self.amount) * 1_000_000_000 / self.per.as_nanos().max(1);
        u64::try_from(each).unwrap_or(u64::MAX)
    }

    // The time in which so many flow.
    fn cost(self, many: u64) -> u128 {
        u128::from(many) * self.per.as_nanos() / u128::from(self.amount)
    }
}

fn nanos(number: u128) -> Duration {
    Duration::from_nanos(u64::try_from(number).unwrap_or(u64::MAX))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const MINUTE: Duration = Duration::from_secs(60);

    fn at(millis: u64) -> Duration {
        Duration::from_millis(millis)
    }

    // operate.md rows 11, 26
    #[test]
    fn none_is_none_and_the_rest_comes_back_by_and_by() {
        for none in [Bucket::new(0, MINUTE, 0), Bucket::new(5, MINUTE, 0)] {
            assert_eq!(none.take(1, Duration::ZERO, at(0)), TakeOutcome::Never);
            assert_eq!(
                (none.charge(9, at(3), at(0)), none.left(at(0), at(9)), none.debt(at(9), at(0))),
                (at(3), 0, at(0))
            );
        }
        let (of, mut full) = (Bucket::new(60, MINUTE, 2), Duration::ZERO);
        for _ in 0..2 {
            let TakeOutcome::Yes(then) = of.take(1, full, at(5000)) else { panic!("there are two") };
            full = then;
        }
        let again = of.take(1, full, at(5000));
        assert_eq!(again, TakeOutcome::After(at(1000)), "one comes back in a second, not in a minute");
        assert_eq!(of.take(1, full, at(5400)), TakeOutcome::After(at(600)));
        assert_eq!(of.take(1, full, at(6000)), TakeOutcome::Yes(at(8000)));
        assert_eq!(of.take(1, of.give_back(1, full), at(5000)), TakeOutcome::Yes(full), "it was not used");
        let wide = of.times(16).take(1, at(6000), at(5000));
        assert_eq!(wide, TakeOutcome::Yes(at(6000) + Duration::from_micros(62_500)), "sixteen times as fast");
        assert_eq!(of.take(9, Duration::ZERO, at(5000)), TakeOutcome::Yes(at(7000)), "all that it holds");
    }

    #[test]
    fn what_is_owed_is_paid_in_time() {
        let of = Bucket::new(1000, Duration::from_secs(1), 500);
        let full = of.charge(2500, Duration::ZERO, at(100));
        assert_eq!((of.debt(full, at(100)), of.left(full, at(100))), (at(2000), 0));
        assert_eq!((of.debt(full, at(2100)), of.left(full, at(2100))), (at(0), 0));
        assert_eq!(
            (of.debt(full, at(2300)), of.left(full, at(2300)), of.left(full, at(9999))),
            (at(0), 200, 500)
        );
        assert_eq!((of.each_second(), Bucket::new(60, MINUTE, 1).each_second()), (1000, 1));
    }

    proptest! {
        // operate.md row 19: asking again in vain costs nothing, and the wait that was told is true.
        #[test]
        fn the_wait_that_is_told_is_true(
            amount in 1u64..500, burst in 1u64..500, steps in prop::collection::vec((0u64..3000, 1u64..3), 1..200)
        ) {
            let of = Bucket::new(amount, MINUTE, burst);
            let (mut full, mut now, mut given) = (Duration::ZERO, Duration::ZERO, 0u128);
            for (step, many) in steps {
                now += at(step);
                match of.take(many, full, now) {
                    TakeOutcome::Yes(then) => { given += u128::from(many.min(burst)); full = then; }
                    TakeOutcome::After(wait) => {
                        prop_assert!(matches!(of.take(many, full, now + wait), TakeOutcome::Yes(_)));
                        let early = wait.saturating_sub(Duration::from_nanos(1));
                        prop_assert!(matches!(of.take(many, full, now + early), TakeOutcome::After(_)));
                    }
                    TakeOutcome::Never => prop_assert!(false),
                }
                let most = u128::from(burst) + now.as_nanos() * u128::from(amount) / MINUTE.as_nanos() + 1;
                prop_assert!(given <= most, "{} of {}", given, most);
            }
        }

        // Whoever waits for what it owes never has more than rate × time, what it holds, and the last piece.
        #[test]
        fn bytes_that_wait_for_their_debt_keep_the_rate(
            rate in 1_000u64..1_000_000_000, burst in 1u64..2_000_000_000,
            steps in prop::collection::vec((0u64..2000, 1u64..1_048_576), 1..300)
        ) {
            let of = Bucket::new(rate, Duration::from_secs(1), burst);
            let (mut full, mut now, mut sent) = (Duration::ZERO, Duration::ZERO, 0u128);
            for (pause, piece) in steps {
                now += at(pause) + of.debt(full, now + at(pause));
                prop_assert_eq!(of.debt(full, now), Duration::ZERO);
                full = of.charge(piece, full, now);
                sent += u128::from(piece);
                let flowed = now.as_nanos() * u128::from(rate) / 1_000_000_000;
                // Each piece is rounded by less than a nanosecond.
                let rounding = 300 * u128::from(rate) / 1_000_000_000 + 1;
                prop_assert!(sent <= flowed + u128::from(burst) + u128::from(piece) + rounding);
            }
        }
    }
}
