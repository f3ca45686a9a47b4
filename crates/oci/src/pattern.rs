//! What every pattern of names must be, wherever it is written: `library/*`, `v{1,2}.*`.

/// The most bytes of a pattern, and how deep its braces may nest.
const LONGEST: usize = 4096;
const DEEPEST: usize = 16;

/// Whether a text is short and shallow enough to be read as a pattern. Libraries follow the braces of one with their stack,
/// which ends the process where there are thousands.
pub fn is_shallow(pattern: &str) -> bool {
    let mut depth = 0_usize;
    let stays = |c: char| {
        match c {
            '{' => depth += 1,
            '}' => depth = depth.saturating_sub(1),
            _ => {}
        }
        depth <= DEEPEST
    };
    pattern.len() <= LONGEST && pattern.chars().all(stays)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_are_short_and_shallow() {
        let nested = |depth: usize| "{a,".repeat(depth) + "b" + &"}".repeat(depth);
        for (pattern, is_one) in [
            ("library/**".to_owned(), true),
            ("{a,b}".repeat(100), true),
            (nested(16), true),
            (nested(17), false),
            ("{".repeat(17), false),
            ("a".repeat(4096), true),
            ("a".repeat(4097), false),
        ] {
            assert_eq!(is_shallow(&pattern), is_one, "{pattern}");
        }
    }
}
