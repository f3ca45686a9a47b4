//! A card, who has which part of it, and what is left. Pure.

/// Whose card it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Vendor {
    /// NVIDIA: whole cards, and parts of them by HAMi-core.
    Nvidia,
    /// Ascend: one instance has a card alone, whole or as much of it as a template says.
    Ascend,
}

/// What of a card somebody wants or has.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Share {
    /// All of it.
    Whole,
    /// A part, beside others.
    Slice {
        /// The memory that the instance sees, in MiB.
        memory_mib: u64,
        /// The part of the computing units, in percent; `None` is no limit.
        core_percent: Option<u8>,
    },
}

/// A share that an instance has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CardShare {
    /// What it has.
    pub share: Share,
    /// True if it ran when the card was measured last, so that what was in use then has its part in it.
    pub is_measured: bool,
}

/// How a card is, as far as placement is concerned.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CardState {
    /// It may be given away.
    Healthy,
    /// It is a card of another kind just now: lost, quarantined, cut by MIG.
    Unusable,
}

/// A card of a node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Card {
    /// The vendor's name for it. Positions change, this does not.
    pub uuid: String,
    /// Whose it is.
    pub vendor: Vendor,
    /// The model.
    pub model: String,
    /// Its memory in MiB; `None` where the card does not say.
    pub memory_mib: Option<u64>,
    /// What was in use on the machine at the last look, by anybody; `None` where nobody can say.
    pub used_mib: Option<u64>,
    /// How it is.
    pub state: CardState,
    /// Who has which part of it.
    pub taken: Vec<CardShare>,
}

/// Memory in MiB that a slice costs beyond what its instance sees: contexts of CUDA and NCCL, which HAMi-core does not
/// count. The one figure that placement, counts of free cards and everything else go by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Overhead(pub u64);

/// Why a card cannot take a share.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CardRefusal {
    /// It is lost, quarantined or cut by MIG.
    Unusable,
    /// An instance has it, or too much of it.
    Taken,
    /// Somebody else uses its memory, who is no instance of ours.
    InUse {
        /// How much is in use, in MiB.
        used_mib: u64,
    },
    /// It does not say how much memory it has, so it cannot be split.
    UnknownMemory,
}

impl Card {
    /// What is left of the card after it has taken this share, in MiB. The least is the best fit.
    ///
    /// # Errors
    /// It cannot take the share.
    pub fn fit(&self, share: Share, overhead: Overhead) -> Result<u64, CardRefusal> {
        if self.state == CardState::Unusable {
            return Err(CardRefusal::Unusable);
        }
        if self.taken.iter().any(|taken| taken.share == Share::Whole) {
            return Err(CardRefusal::Taken);
        }
        match share {
            Share::Whole => self.fit_whole(overhead),
            Share::Slice { memory_mib, core_percent } => {
                self.fit_core(core_percent)?;
                self.fit_memory(memory_mib.saturating_add(overhead.0), overhead)
            }
        }
    }

    /// How many such shares the card can take, one after the other.
    pub fn fits(&self, share: Share, overhead: Overhead) -> u64 {
        let Ok(left) = self.fit(share, overhead) else { return 0 };
        let Share::Slice { memory_mib, core_percent } = share else { return 1 };
        let by_memory = (left / memory_mib.saturating_add(overhead.0).max(1)).saturating_add(1);
        let by_core = core_percent.map(|percent| self.core_left() / u64::from(percent).max(1));
        by_core.map_or(by_memory, |by_core| by_memory.min(by_core))
    }

    fn fit_whole(&self, overhead: Overhead) -> Result<u64, CardRefusal> {
        if !self.taken.is_empty() {
            return Err(CardRefusal::Taken);
        }
        match self.used_mib {
            // An idle card has a little in use: the driver's own.
            Some(used_mib) if used_mib > overhead.0 => Err(CardRefusal::InUse { used_mib }),
            _ => Ok(0),
        }
    }

    fn fit_core(&self, wanted: Option<u8>) -> Result<(), CardRefusal> {
        match wanted {
            Some(percent) if u64::from(percent) > self.core_left() => Err(CardRefusal::Taken),
            _ => Ok(()),
        }
    }

    fn fit_memory(&self, wanted: u64, overhead: Overhead) -> Result<u64, CardRefusal> {
        let total = self.memory_mib.ok_or(CardRefusal::UnknownMemory)?;
        let promised = self.promised(overhead, |_| true);
        let by_promise = total.saturating_sub(promised).checked_sub(wanted).ok_or(CardRefusal::Taken)?;
        let Some(used_mib) = self.used_mib else { return Ok(by_promise) };
        // Who did not run yet at the last look will use its share on top of what was in use.
        let to_come = self.promised(overhead, |taken| !taken.is_measured);
        let by_use = total.saturating_sub(used_mib.saturating_add(to_come));
        let by_use = by_use.checked_sub(wanted).ok_or(CardRefusal::InUse { used_mib })?;
        Ok(by_promise.min(by_use))
    }

    fn promised(&self, overhead: Overhead, counts: impl Fn(&CardShare) -> bool) -> u64 {
        let each = self.taken.iter().filter(|taken| counts(taken)).map(|taken| match taken.share {
            Share::Whole => u64::MAX,
            Share::Slice { memory_mib, .. } => memory_mib.saturating_add(overhead.0),
        });
        each.fold(0, u64::saturating_add)
    }

    fn core_left(&self) -> u64 {
        let given = self.taken.iter().map(|taken| match taken.share {
            Share::Whole => 100,
            Share::Slice { core_percent, .. } => u64::from(core_percent.unwrap_or(0)),
        });
        100_u64.saturating_sub(given.sum())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const OVERHEAD: Overhead = Overhead(400);

    fn card(used_mib: Option<u64>, taken: &[CardShare]) -> Card {
        Card {
            uuid: "GPU-1".to_owned(),
            vendor: Vendor::Nvidia,
            model: "A".to_owned(),
            memory_mib: Some(24_000),
            used_mib,
            state: CardState::Healthy,
            taken: taken.to_vec(),
        }
    }

    fn slice(memory_mib: u64) -> Share {
        Share::Slice { memory_mib, core_percent: None }
    }

    fn has(memory_mib: u64, is_measured: bool) -> CardShare {
        CardShare { share: slice(memory_mib), is_measured }
    }

    #[test]
    fn a_slice_costs_its_overhead_too() {
        assert_eq!(card(None, &[]).fit(slice(23_600), OVERHEAD), Ok(0));
        assert_eq!(card(None, &[]).fit(slice(23_601), OVERHEAD), Err(CardRefusal::Taken));
        assert_eq!(card(None, &[has(11_600, true)]).fit(slice(11_600), OVERHEAD), Ok(0));
        assert_eq!(card(None, &[]).fits(slice(5_600), OVERHEAD), 4);
        assert_eq!(card(None, &[]).fits(slice(6_000), OVERHEAD), 3);
    }

    #[test]
    fn memory_that_others_use_is_not_given_away() {
        let busy = card(Some(20_000), &[]);
        assert_eq!(busy.fit(slice(4_000), OVERHEAD), Err(CardRefusal::InUse { used_mib: 20_000 }));
        assert_eq!(busy.fit(slice(3_600), OVERHEAD), Ok(0));
        assert_eq!(busy.fit(Share::Whole, OVERHEAD), Err(CardRefusal::InUse { used_mib: 20_000 }));
        assert_eq!(card(Some(400), &[]).fit(Share::Whole, OVERHEAD), Ok(0), "the driver's own");
    }

    #[test]
    fn what_an_instance_has_begun_to_use_is_not_counted_twice() {
        let running = card(Some(12_000), &[has(11_600, true)]);
        assert_eq!(running.fit(slice(11_600), OVERHEAD), Ok(0));
        let to_come = card(Some(12_000), &[has(11_600, false)]);
        let refused = Err(CardRefusal::InUse { used_mib: 12_000 });
        assert_eq!(to_come.fit(slice(1), OVERHEAD), refused, "it starts in a moment");
    }

    #[test]
    fn more_in_use_than_there_is_leaves_nothing() {
        let nonsense = card(Some(17_000_000), &[]);
        assert_eq!(nonsense.fit(slice(1), OVERHEAD), Err(CardRefusal::InUse { used_mib: 17_000_000 }));
    }

    #[test]
    fn a_whole_card_is_alone() {
        let whole = CardShare { share: Share::Whole, is_measured: true };
        assert_eq!(card(None, &[whole]).fit(slice(1), OVERHEAD), Err(CardRefusal::Taken));
        assert_eq!(card(None, &[whole]).fit(Share::Whole, OVERHEAD), Err(CardRefusal::Taken));
        assert_eq!(card(None, &[has(1, true)]).fit(Share::Whole, OVERHEAD), Err(CardRefusal::Taken));
        assert_eq!(card(None, &[]).fits(Share::Whole, OVERHEAD), 1);
    }

    #[test]
    fn percents_add_up_to_a_hundred() {
        let half = |percent| Share::Slice { memory_mib: 100, core_percent: Some(percent) };
        let taken = [CardShare { share: half(60), is_measured: true }];
        assert!(card(None, &taken).fit(half(40), OVERHEAD).is_ok());
        assert_eq!(card(None, &taken).fit(half(41), OVERHEAD), Err(CardRefusal::Taken));
        assert!(card(None, &taken).fit(slice(100), OVERHEAD).is_ok(), "no limit asks for no part");
        assert_eq!(card(None, &[]).fits(half(30), OVERHEAD), 3);
    }

    #[test]
    fn a_card_that_does_not_say_its_memory_is_only_given_whole() {
        let silent = Card { memory_mib: None, ..card(None, &[]) };
        assert_eq!(silent.fit(slice(1), OVERHEAD), Err(CardRefusal::UnknownMemory));
        assert_eq!(silent.fit(Share::Whole, OVERHEAD), Ok(0));
    }

    #[test]
    fn a_card_that_is_lost_or_cut_takes_nothing() {
        let cut = Card { state: CardState::Unusable, ..card(None, &[]) };
        assert_eq!(cut.fit(Share::Whole, OVERHEAD), Err(CardRefusal::Unusable));
        assert_eq!(
            (cut.fit(slice(1), OVERHEAD), cut.fits(slice(1), OVERHEAD)),
            (Err(CardRefusal::Unusable), 0)
        );
    }
}
