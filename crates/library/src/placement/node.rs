//! A node, and whether a demand fits on it. Pure.

use super::card::{Card, CardRefusal, Overhead, Share, Vendor};
use crate::ids::NodeId;

/// What somebody wants to run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Demand {
    /// The cards, if there are any.
    pub cards: Option<CardDemand>,
    /// Thousandths of a core.
    pub cpu_milli: u64,
    /// Memory in MiB.
    pub memory_mib: u64,
}

/// The cards that somebody wants.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CardDemand {
    /// Whose.
    pub vendor: Vendor,
    /// Which model; `None` is any.
    pub model: Option<String>,
    /// How many different ones; at least 1.
    pub count: u32,
    /// What of each.
    pub share: Share,
}

/// What a node offers. Each includes those before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum NodeCapability {
    /// Containers without cards.
    Containers,
    /// Whole cards.
    Cards,
    /// Parts of cards.
    Parts,
}

/// A node that takes something new.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CandidateNode {
    /// Its id.
    pub id: NodeId,
    /// What it offers.
    pub capability: NodeCapability,
    /// Thousandths of cores that nobody has; `None` where nobody knows how many there are.
    pub cpu_milli: Option<u64>,
    /// Memory that nobody has, in MiB; `None` where nobody knows how much there is.
    pub memory_mib: Option<u64>,
    /// Its cards, by their position.
    pub cards: Vec<Card>,
}

/// Why a demand does not fit on a node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Misfit {
    /// It offers no cards, or no parts of cards: something is missing there.
    NotOffered,
    /// Too few cores are left.
    Cpu {
        /// How much is left, in thousandths of a core.
        left_milli: u64,
    },
    /// Too little memory is left.
    Memory {
        /// How much is left, in MiB.
        left_mib: u64,
    },
    /// It has no such card.
    NoSuchCard,
    /// It has too few cards with room.
    Cards {
        /// How many have room.
        fitting: u32,
        /// How many are wanted.
        wanted: u32,
        /// The first card without room, and why; `None` if all have room.
        first: Option<(String, CardRefusal)>,
    },
}

/// How well a demand fits: what would be left. The smallest is the best.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct LeftOver {
    /// Card memory left on the chosen cards, in MiB.
    pub(super) cards_mib: u64,
    /// Cards that nobody has any part of, after this one.
    pub(super) untouched: usize,
    /// Memory left, in MiB.
    pub(super) memory_mib: u64,
}

impl CardDemand {
    /// What of a card is taken away from others: an Ascend card serves one instance, whatever part of it that uses.
    pub fn taken(&self) -> Share {
        if self.vendor == Vendor::Ascend { Share::Whole } else { self.share }
    }

    fn needs(&self) -> NodeCapability {
        if self.vendor == Vendor::Nvidia && self.share != Share::Whole {
            NodeCapability::Parts
        } else {
            NodeCapability::Cards
        }
    }

    fn is_met_by(&self, card: &Card) -> bool {
        card.vendor == self.vendor && self.model.as_ref().is_none_or(|model| *model == card.model)
    }
}

impl CandidateNode {
    /// The cards that the demand would get, and what would be left.
    pub(super) fn fit(&self, demand: &Demand, overhead: Overhead) -> Result<(Vec<&Card>, LeftOver), Misfit> {
        if !self.offers(demand) {
            return Err(Misfit::NotOffered);
        }
        left_of(self.cpu_milli, demand.cpu_milli).map_err(|left_milli| Misfit::Cpu { left_milli })?;
        let memory_mib =
            left_of(self.memory_mib, demand.memory_mib).map_err(|left_mib| Misfit::Memory { left_mib })?;
        let (cards, cards_mib) = match &demand.cards {
            Some(wanted) => self.best_cards(wanted, overhead)?,
            None => (Vec::new(), 0),
        };
        let untouched =
            self.cards.iter().filter(|card| card.taken.is_empty() && !cards.contains(card)).count();
        Ok((cards, LeftOver { cards_mib, untouched, memory_mib }))
    }

    fn offers(&self, demand: &Demand) -> bool {
        demand.cards.as_ref().is_none_or(|wanted| self.capability >= wanted.needs())
    }

    // Cards that would have the least left come first, so that large shares find room later.
    fn best_cards(&self, wanted: &CardDemand, overhead: Overhead) -> Result<(Vec<&Card>, u64), Misfit> {
        let mut fitting = Vec::new();
        let mut first = None;
        for card in self.cards.iter().filter(|card| wanted.is_met_by(card)) {
            match card.fit(wanted.taken(), overhead) {
                Ok(left) => fitting.push((left, card)),
                Err(why) => first = first.or_else(|| Some((card.uuid.clone(), why))),
            }
        }
        let count = usize::try_from(wanted.count).unwrap_or(usize::MAX);
        if fitting.len() < count {
            if fitting.is_empty() && first.is_none() {
                return Err(Misfit::NoSuchCard);
            }
            let fitting = u32::try_from(fitting.len()).unwrap_or(u32::MAX);
            return Err(Misfit::Cards { fitting, wanted: wanted.count, first });
        }
        fitting.sort_by_key(|(left, _)| *left);
        fitting.truncate(count);
        let left = fitting.iter().map(|(left, _)| *left).fold(0, u64::saturating_add);
        Ok((fitting.into_iter().map(|(_, card)| card).collect(), left))
    }

    /// How often the demand fits, one after the other.
    pub(super) fn room(&self, demand: &Demand, overhead: Overhead) -> u64 {
        if !self.offers(demand) {
            return 0;
        }
        let times = |left: Option<u64>, each: u64| {
            left.map_or(u64::MAX, |left| left.checked_div(each).unwrap_or(u64::MAX))
        };
        let by_machine =
            times(self.cpu_milli, demand.cpu_milli).min(times(self.memory_mib, demand.memory_mib));
        let by_cards = demand.cards.as_ref().map_or(u64::MAX, |wanted| self.room_on_cards(wanted, overhead));
        by_machine.min(by_cards)
    }

    // The most k so that k instances, each on `count` different cards, fit: a card helps each of them at most once.
    fn room_on_cards(&self, wanted: &CardDemand, overhead: Overhead) -> u64 {
        let cards = self.cards.iter().filter(|card| wanted.is_met_by(card));
        let each: Vec<u64> = cards.map(|card| card.fits(wanted.taken(), overhead)).collect();
        let count = u64::from(wanted.count.max(1));
        let all = each.iter().copied().fold(0, u64::saturating_add);
        let fits = |times: u64| {
            each.iter().map(|fits| times.min(*fits)).fold(0, u64::saturating_add)
                >= times.saturating_mul(count)
        };
        let (mut yes, mut no) = (0, all / count + 1);
        while no - yes > 1 {
            let middle = yes + (no - yes) / 2;
            *(if fits(middle) { &mut yes } else { &mut no }) = middle;
        }
        yes
    }
}

// What is left after `wanted`; where nobody knows, nothing is refused.
fn left_of(have: Option<u64>, wanted: u64) -> Result<u64, u64> {
    have.map_or(Ok(0), |have| have.checked_sub(wanted).ok_or(have))
}
