//! Which node and which cards an instance gets. Pure.
//!
//! - `card`: a card, who has which part of it, and what is left
//! - `node`: whether a demand fits on a node, and how well
//! - [`place`]: the best of all nodes; [`room`]: how often a demand fits
//!
//! It is asked within the transaction that records its answer, so nothing is given away twice.

mod card;
#[cfg(test)]
mod laws;
mod node;

pub use card::{Card, CardRefusal, CardShare, CardState, Overhead, Share, Vendor};
pub use node::{CandidateNode, CardDemand, Demand, Misfit, NodeCapability};

use crate::ids::NodeId;

/// Where something is placed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Placement {
    /// The node.
    pub node: NodeId,
    /// The cards, in the order that the container sees them.
    pub cards: Vec<String>,
}

/// Nothing has room, and why not, node by node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NoRoom {
    /// The nodes that were looked at.
    pub nodes: Vec<(NodeId, Misfit)>,
}

/// The node and the cards with the best fit: those with the least left afterwards, so that large demands find room later.
///
/// # Errors
/// No node has room.
pub fn place(nodes: &[CandidateNode], demand: &Demand, overhead: Overhead) -> Result<Placement, NoRoom> {
    let mut best = None;
    let mut misfits = Vec::new();
    for node in nodes {
        match node.fit(demand, overhead) {
            Ok((cards, left)) => {
                if best.as_ref().is_none_or(|(least, id, _)| (left, node.id) < (*least, *id)) {
                    best = Some((left, node.id, cards));
                }
            }
            Err(misfit) => misfits.push((node.id, misfit)),
        }
    }
    let Some((_, node, cards)) = best else { return Err(NoRoom { nodes: misfits }) };
    Ok(Placement { node, cards: cards.into_iter().map(|card| card.uuid.clone()).collect() })
}

/// How often the demand fits on these nodes, one after the other.
pub fn room(nodes: &[CandidateNode], demand: &Demand, overhead: Overhead) -> u64 {
    nodes.iter().map(|node| node.room(demand, overhead)).fold(0, u64::saturating_add)
}
