//! What an instance keeps when something is done with it. Pure.

/// A part of an instance.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Part {
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
pub enum Deed {
    /// It is stopped.
    Stop,
    /// It gets another image.
    Reimage,
    /// It is removed by a clock. By hand, whoever removes it says what becomes of its data.
    Release,
}

/// What an instance keeps of what it has.
pub fn kept(deed: Deed, has: &[Part]) -> Vec<Part> {
    let keeps = |part: &Part| match deed {
        Deed::Stop => *part != Part::Cards,
        Deed::Reimage => *part != Part::Disk,
        Deed::Release => *part == Part::Data,
    };
    has.iter().copied().filter(keeps).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn data_survives_everything_that_is_done_by_itself() {
        let all = [Part::Disk, Part::Data, Part::Ports, Part::Cards];
        for (deed, expected) in [
            (Deed::Stop, &[Part::Disk, Part::Data, Part::Ports][..]),
            (Deed::Reimage, &[Part::Data, Part::Ports, Part::Cards]),
            (Deed::Release, &[Part::Data]),
        ] {
            assert_eq!(kept(deed, &all), expected, "{deed:?}");
            assert_eq!(kept(deed, &[Part::Disk]).contains(&Part::Disk), deed == Deed::Stop, "{deed:?}");
        }
    }
}
