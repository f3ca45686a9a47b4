//! Limits for every glob pattern of names: `library/*`, `v{1,2}.*`.

/// Maximum length of a pattern in bytes, and maximum nesting depth of its braces.
const LONGEST: usize = 4096;
const DEEPEST: usize = 16;

/// True if a text is short and shallow enough to be parsed as a pattern. Libraries parse braces recursively, and
/// thousands of them would overflow the stack.
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
