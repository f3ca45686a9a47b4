//! Which link takes the next request. Pure.

use super::status::LinkState;

/// What is known of a link when a request is to be sent.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Facts {
    /// How it is, for the registry that is asked.
    pub(crate) state: LinkState,
    /// Requests under way.
    pub(crate) active: usize,
    /// Bytes a second that it carries, if that is known.
    pub(crate) speed: Option<u64>,
    /// When it was used last, as a number that rises.
    pub(crate) turn: u64,
}

/// What a request is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum RequestPurpose {
    /// Somebody waits for the answer.
    Answer,
    /// One of the parts of a blob; others come over other links meanwhile. So it may try out a link that failed before.
    Part,
    /// It changes what the registry holds, and is never sent twice at a time.
    Change,
}

impl Facts {
    /// Whether it may be given a request of any kind while others could take it.
    pub(crate) fn is_usable(&self) -> bool {
        self.rank(RequestPurpose::Part) == 0
    }

    fn rank(&self, purpose: RequestPurpose) -> u8 {
        match self.state {
            LinkState::Ready => 0,
            LinkState::OnTrial if self.active == 0 => u8::from(purpose != RequestPurpose::Part),
            LinkState::OnTrial => 2,
            LinkState::Silent => 3,
            LinkState::Resting => 4,
            LinkState::Absent => 5,
        }
    }
}

/// The order in which links are tried: usable ones first, idle ones before busy ones, then the one that has least to do for
/// what it carries, then the one that was not used for longest.
pub(crate) fn order(links: &[Facts], purpose: RequestPurpose) -> Vec<usize> {
    let known: Vec<u64> = links.iter().filter_map(|link| link.speed).collect();
    let usual = known.iter().sum::<u64>().checked_div(known.len() as u64).unwrap_or(1).max(1);
    let key = |link: &Facts| {
        let speed = u128::from(link.speed.unwrap_or(usual).max(1));
        let load = (link.active as u128 * u128::from(u64::MAX)) / speed;
        (link.rank(purpose), link.active > 0, load, link.turn)
    };
    let mut order: Vec<usize> = (0..links.len()).collect();
    order.sort_by_key(|index| key(&links[*index]));
    order
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn ready(active: usize, speed: Option<u64>, turn: u64) -> Facts {
        Facts { state: LinkState::Ready, active, speed, turn }
    }

    // Row 45 of research/operate.md: links are not equal, and an idle one takes the next segment.
    #[test]
    fn an_idle_link_takes_the_next_request() {
        assert_eq!(
            order(&[ready(1, Some(100), 1), ready(0, Some(1), 2), ready(3, None, 0)], RequestPurpose::Answer)
                [0],
            1
        );
        // Equal ones take turns.
        assert_eq!(
            order(&[ready(0, None, 5), ready(0, None, 3), ready(0, None, 4)], RequestPurpose::Answer),
            [1, 2, 0]
        );
    }

    #[test]
    fn busy_links_are_used_by_what_they_carry() {
        let links =
            [ready(4, Some(40_000_000), 1), ready(1, Some(4_000_000), 2), ready(1, Some(1_000_000), 0)];
        assert_eq!(order(&links, RequestPurpose::Part), [0, 1, 2]);
        // One that was not measured yet counts as one like the others.
        assert_eq!(order(&[ready(2, Some(10), 0), ready(1, None, 9)], RequestPurpose::Part), [1, 0]);
    }

    #[test]
    fn the_worse_come_later_and_none_is_left_out() {
        let of = |state, active| Facts { state, active, speed: None, turn: 0 };
        let links = [
            of(LinkState::Absent, 0),
            of(LinkState::Resting, 0),
            of(LinkState::Silent, 1),
            of(LinkState::OnTrial, 1),
            of(LinkState::OnTrial, 0),
            of(LinkState::Ready, 7),
        ];
        assert_eq!(order(&links, RequestPurpose::Answer), [5, 4, 3, 2, 1, 0]);
        // Parts of a blob try a link out, and it is idle.
        assert_eq!(order(&links, RequestPurpose::Part), [4, 5, 3, 2, 1, 0]);
    }

    proptest! {
        #[test]
        fn the_order_has_every_link_once(
            links in prop::collection::vec((0usize..4, any::<Option<u64>>(), any::<u64>(), 0usize..5), 0..12),
        ) {
            use LinkState::{Absent, OnTrial, Ready, Resting, Silent};
            let states = [Ready, OnTrial, Silent, Resting, Absent];
            let of = |&(active, speed, turn, state): &(usize, Option<u64>, u64, usize)| Facts {
                state: states[state], active, speed: speed.map(|speed| speed >> 8), turn,
            };
            let links: Vec<Facts> = links.iter().map(of).collect();
            let mut found = order(&links, RequestPurpose::Part);
            prop_assert!(found.is_sorted_by_key(|index| !links[*index].is_usable()));
            found.sort_unstable();
            prop_assert_eq!(found, (0..links.len()).collect::<Vec<_>>());
        }
    }
}
