//! What a larger disk would have saved, by the evicted images that were pulled again.

/// What a disk would have saved that is larger by some bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Saving {
    /// By how much it is larger.
    pub larger_by: u64,
    /// The images that it would have kept until they were pulled again.
    pub images: u64,
    /// Their bytes, which would not have been fetched again.
    pub bytes: u64,
}

/// The curve, in steps that double, for images given as what would have kept each and its bytes. It ends where nothing more
/// would be saved.
pub fn savings(returned: &[(u64, u64)]) -> Vec<Saving> {
    let largest = returned.iter().map(|(larger_by, _)| *larger_by).max();
    let Some(largest) = largest else { return Vec::new() };
    let mut step = 1_u64 << 30;
    while step / 2 >= largest && step > 1 {
        step /= 2;
    }
    let mut curve = Vec::new();
    loop {
        let saved = returned.iter().filter(|(larger_by, _)| *larger_by <= step);
        let saving = saved.fold(Saving { larger_by: step, ..Saving::default() }, |sum, (_, bytes)| Saving {
            images: sum.images + 1,
            bytes: sum.bytes + bytes,
            ..sum
        });
        curve.push(saving);
        if step >= largest {
            return curve;
        }
        step = step.saturating_mul(2);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_step_saves_what_it_would_have_kept() {
        let gib = 1 << 30;
        let curve = savings(&[(gib / 2, 10), (3 * gib, 20), (4 * gib, 30)]);
        let steps: Vec<_> = curve.iter().map(|at| (at.larger_by / gib, at.images, at.bytes)).collect();
        assert_eq!(steps, [(1, 1, 10), (2, 1, 10), (4, 3, 60)]);
        assert_eq!(savings(&[]), []);
        assert_eq!(savings(&[(5, 7)]), [Saving { larger_by: 8, images: 1, bytes: 7 }]);
        assert_eq!(savings(&[(u64::MAX, 1)]).last().unwrap().images, 1);
    }
}
