//! What an instance keeps when something is done with it. Pure.

/// A part of an instance.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum InstancePart {
    /// What its programs wrote outside of the data volume.
    Disk,
    /// Its data volume.
    Data,
    /// The ports of its node that lead to it.
    Ports,
    /// Its cards.
    Cards,
}

/// What is done with an instance.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum InstanceAction {
    /// It is stopped.
    Stop,
    /// It gets another image.
    Reimage,
    /// It is removed by a clock. By hand, whoever removes it says what becomes of its data.
    Release,
}

/// What an instance keeps of what it has.
pub fn kept(action: InstanceAction, has: &[InstancePart]) -> Vec<InstancePart> {
    let keeps = |part: &InstancePart| match action {
        InstanceAction::Stop => *part != InstancePart::Cards,
        InstanceAction::Reimage => *part != InstancePart::Disk,
        InstanceAction::Release => *part == InstancePart::Data,
    };
    has.iter().copied().filter(keeps).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn data_survives_everything_that_is_done_by_itself() {
        let all = [InstancePart::Disk, InstancePart::Data, InstancePart::Ports, InstancePart::Cards];
        for (deed, expected) in [
            (InstanceAction::Stop, &[InstancePart::Disk, InstancePart::Data, InstancePart::Ports][..]),
            (InstanceAction::Reimage, &[InstancePart::Data, InstancePart::Ports, InstancePart::Cards]),
            (InstanceAction::Release, &[InstancePart::Data]),
        ] {
            assert_eq!(kept(deed, &all), expected, "{deed:?}");
            assert_eq!(
                kept(deed, &[InstancePart::Disk]).contains(&InstancePart::Disk),
                deed == InstanceAction::Stop,
                "{deed:?}"
            );
        }
    }
}
