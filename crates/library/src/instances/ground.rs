//! What the catalog knows of nodes, as placement sees it, and what placement decides, as the catalog keeps it. Pure.

use std::time::SystemTime;

use entrepot_catalog::{
    AllocationRecord, ChosenPlace, DeviceState, DeviceVendor, GroundCard, GroundNode, GroundShare, NodeOffer,
    PlacementFacts,
};

use super::{
    quota::{self, QuotaFault, QuotaRequest},
    settings::InstanceSettings,
};
use crate::{
    ids::NodeId,
    placement::{
        self, CandidateNode, Card, CardShare, CardState, Demand, Misfit, NodeCapability, Overhead, Share,
        Vendor,
    },
};

/// Which nodes come into question.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct NodeChoice {
    /// Only this one.
    pub(crate) node: Option<NodeId>,
    /// Only those of this region.
    pub(crate) region: Option<String>,
    /// As if this instance had nothing.
    pub(crate) without: Option<i64>,
    /// These cards first, if they have room.
    pub(crate) rather: Vec<String>,
}

/// Why something has no place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NoPlace {
    /// No node comes into question: there is none, or those that there are take nothing new.
    NoNode,
    /// The nodes have no room, and why not.
    NoRoom(Vec<(NodeId, Misfit)>),
    /// The account may not have more.
    Quota(QuotaFault),
}

/// What is to be placed.
#[derive(Clone, Copy, Debug)]
pub(crate) struct PlacementRequest<'a> {
    /// What it needs.
    pub(crate) demand: &'a Demand,
    /// Where.
    pub(crate) place: &'a NodeChoice,
    /// True if it is a new instance.
    pub(crate) is_new: bool,
}

/// Finds a place, if the account may have one.
///
/// # Errors
/// There is none, or it may not.
pub(crate) fn choose(
    facts: &PlacementFacts,
    request: PlacementRequest<'_>,
    settings: &InstanceSettings,
    now: SystemTime,
) -> Result<ChosenPlace, NoPlace> {
    let cards = request.demand.cards.as_ref();
    let wanted =
        QuotaRequest { is_new: request.is_new, cards: cards.map_or(0, |cards| u64::from(cards.count)) };
    quota::check(wanted, &facts.holdings, settings.quota, now).map_err(NoPlace::Quota)?;
    let nodes = nodes(&facts.nodes, request.place);
    if nodes.is_empty() {
        return Err(NoPlace::NoNode);
    }
    let overhead = Overhead(settings.slice_overhead_mib);
    let place = placement::place(&rather(&nodes, &request.place.rather), request.demand, overhead)
        .or_else(|_| placement::place(&nodes, request.demand, overhead))
        .map_err(|no| NoPlace::NoRoom(no.nodes))?;
    let share = cards.map(placement::CardDemand::taken);
    let allocation = |uuid| match share {
        Some(Share::Slice { memory_mib, core_percent }) => {
            AllocationRecord { uuid, memory_mib: Some(memory_mib), core_percent }
        }
        _ => AllocationRecord { uuid, memory_mib: None, core_percent: None },
    };
    Ok(ChosenPlace { node_id: place.node.into(), cards: place.cards.into_iter().map(allocation).collect() })
}

/// How often a demand fits now.
pub(crate) fn room(ground: &[GroundNode], demand: &Demand, region: Option<&str>, overhead_mib: u64) -> u64 {
    let place = NodeChoice { region: region.map(str::to_owned), ..NodeChoice::default() };
    placement::room(&nodes(ground, &place), demand, Overhead(overhead_mib))
}

fn rather(nodes: &[CandidateNode], cards: &[String]) -> Vec<CandidateNode> {
    let only = |node: &CandidateNode| {
        let cards = node.cards.iter().filter(|card| cards.contains(&card.uuid)).cloned().collect();
        CandidateNode { cards, ..node.clone() }
    };
    nodes.iter().map(only).collect()
}

fn nodes(ground: &[GroundNode], choice: &NodeChoice) -> Vec<CandidateNode> {
    ground.iter().filter_map(|node| read_node(node, choice)).collect()
}

fn read_node(node: &GroundNode, choice: &NodeChoice) -> Option<CandidateNode> {
    let offer = match node.offers {
        NodeOffer::Nothing => return None,
        NodeOffer::Containers => NodeCapability::Containers,
        NodeOffer::Cards => NodeCapability::Cards,
        NodeOffer::Parts => NodeCapability::Parts,
    };
    let id = NodeId::try_from(node.id).ok()?;
    let is_elsewhere = choice.region.as_ref().is_some_and(|region| *region != node.region);
    if is_elsewhere || choice.node.is_some_and(|wanted| wanted != id) {
        return None;
    }
    Some(CandidateNode {
        id,
        capability: offer,
        cpu_milli: node.cpu_milli.map(|all| all.saturating_sub(node.cpu_taken)),
        memory_mib: node.memory_mib.map(|all| all.saturating_sub(node.memory_taken)),
        cards: node.cards.iter().map(|card| read_card(card, choice.without)).collect(),
    })
}

fn read_card(card: &GroundCard, without: Option<i64>) -> Card {
    let taken = card.taken.iter().filter(|share| Some(share.instance_id) != without);
    Card {
        uuid: card.uuid.clone(),
        vendor: match card.vendor {
            DeviceVendor::Nvidia => Vendor::Nvidia,
            DeviceVendor::Ascend => Vendor::Ascend,
        },
        model: card.model.clone(),
        memory_mib: card.memory_mib,
        used_mib: card.used_mib,
        state: if card.state == DeviceState::Healthy { CardState::Healthy } else { CardState::Unusable },
        taken: taken.map(read_share).collect(),
    }
}

fn read_share(share: &GroundShare) -> CardShare {
    let is_measured = share.is_measured;
    match share.memory_mib {
        Some(memory_mib) => {
            CardShare { share: Share::Slice { memory_mib, core_percent: share.core_percent }, is_measured }
        }
        None => CardShare { share: Share::Whole, is_measured },
    }
}

#[cfg(test)]
mod tests {
    use entrepot_catalog::Holdings;

    use super::*;
    use crate::instances::sample;

    fn card(uuid: &str, taken: &[(i64, u64)]) -> GroundCard {
        let share = |(instance_id, memory_mib): &(i64, u64)| GroundShare {
            instance_id: *instance_id,
            memory_mib: Some(*memory_mib),
            core_percent: None,
            is_measured: true,
        };
        GroundCard {
            uuid: uuid.to_owned(),
            position: 0,
            vendor: DeviceVendor::Nvidia,
            model: "A100".to_owned(),
            memory_mib: Some(24_000),
            used_mib: None,
            state: DeviceState::Healthy,
            taken: taken.iter().map(share).collect(),
        }
    }

    fn node(id: i64, region: &str, cards: Vec<GroundCard>) -> GroundNode {
        GroundNode {
            id,
            offers: NodeOffer::Parts,
            region: region.to_owned(),
            cpu_milli: Some(8_000),
            memory_mib: Some(64_000),
            cpu_taken: 4_000,
            memory_taken: 32_000,
            cards,
        }
    }

    fn ground(nodes: Vec<GroundNode>) -> PlacementFacts {
        PlacementFacts {
            nodes,
            holdings: Holdings { instances: 0, cards: 0, periods: Vec::new(), quota: None },
        }
    }

    fn chosen(facts: &PlacementFacts, choice: &NodeChoice) -> Result<ChosenPlace, NoPlace> {
        let demand = sample::snapshot(Some(8192)).spec.demand(true);
        let asked = PlacementRequest { demand: &demand, place: choice, is_new: true };
        choose(facts, asked, &InstanceSettings::default(), SystemTime::UNIX_EPOCH)
    }

    fn cards(chosen: Result<ChosenPlace, NoPlace>) -> String {
        let cards: Vec<_> = chosen.unwrap().cards.into_iter().map(|card| card.uuid).collect();
        cards.join(" ")
    }

    #[test]
    fn the_place_is_kept_as_it_was_decided() {
        let found =
            chosen(&ground(vec![node(3, "", vec![card("GPU-a", &[])])]), &NodeChoice::default()).unwrap();
        let card = AllocationRecord { uuid: "GPU-a".to_owned(), memory_mib: Some(8192), core_percent: None };
        assert_eq!(found, ChosenPlace { node_id: 3, cards: vec![card] });
    }

    #[test]
    fn a_node_or_region_may_be_wished_for() {
        let all = ground(vec![
            node(1, "east", vec![card("GPU-a", &[])]),
            node(2, "west", vec![card("GPU-b", &[])]),
        ]);
        let west = NodeChoice { region: Some("west".to_owned()), ..NodeChoice::default() };
        assert_eq!(cards(chosen(&all, &west)), "GPU-b");
        let second = NodeChoice { node: Some(2.try_into().unwrap()), ..NodeChoice::default() };
        assert_eq!(cards(chosen(&all, &second)), "GPU-b");
        let nowhere = NodeChoice { region: Some("north".to_owned()), ..NodeChoice::default() };
        assert_eq!(chosen(&all, &nowhere), Err(NoPlace::NoNode));
    }

    #[test]
    fn a_start_finds_its_own_cards_first_and_does_not_count_itself() {
        let all =
            ground(vec![node(1, "", vec![card("GPU-a", &[(9, 14_000)]), card("GPU-b", &[(7, 20_000)])])]);
        assert_eq!(cards(chosen(&all, &NodeChoice::default())), "GPU-a");
        let again =
            NodeChoice { without: Some(7), rather: vec!["GPU-b".to_owned()], ..NodeChoice::default() };
        assert_eq!(cards(chosen(&all, &again)), "GPU-b");
        let full = NodeChoice { rather: vec!["GPU-b".to_owned()], ..NodeChoice::default() };
        assert_eq!(cards(chosen(&all, &full)), "GPU-a", "its own are taken");
    }

    #[test]
    fn what_a_node_does_not_offer_is_not_given() {
        let mut drained = node(1, "", vec![card("GPU-a", &[])]);
        drained.offers = NodeOffer::Nothing;
        assert_eq!(chosen(&ground(vec![drained.clone()]), &NodeChoice::default()), Err(NoPlace::NoNode));
        drained.offers = NodeOffer::Cards;
        let refused = chosen(&ground(vec![drained]), &NodeChoice::default());
        assert_eq!(refused, Err(NoPlace::NoRoom(vec![(1.try_into().unwrap(), Misfit::NotOffered)])));
    }

    #[test]
    fn a_card_that_is_not_healthy_is_not_given() {
        for state in [DeviceState::Gone, DeviceState::Quarantined, DeviceState::Busy, DeviceState::Mig] {
            let lost = GroundCard { state, ..card("GPU-a", &[]) };
            assert!(chosen(&ground(vec![node(1, "", vec![lost])]), &NodeChoice::default()).is_err());
        }
    }

    #[test]
    fn what_is_free_goes_by_the_same_figures() {
        let nodes = [node(1, "", vec![card("GPU-a", &[(9, 14_000)]), card("GPU-b", &[])])];
        let demand = sample::snapshot(Some(8192)).spec.demand(true);
        assert_eq!(room(&nodes, &demand, None, 512), 1, "by processors and memory");
        let small = Demand { cpu_milli: 1, memory_mib: 1, ..demand };
        assert_eq!(room(&nodes, &small, None, 512), 3);
        assert_eq!(room(&nodes, &small, Some("west"), 512), 0);
    }
}
