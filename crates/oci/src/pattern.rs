//! Patterns for names, before they are read: what reads globs does so on the stack, and says nothing when it ends.

/// How deep alternatives may be nested.
const MAX_NESTING: usize = 64;

/// Whether the alternatives of a pattern (`{a,{b,c}}`) are nested deeper than anybody means them to be.
pub fn is_nested_deeply(pattern: &str) -> bool {
    let mut depth = 0_usize;
    pattern.bytes().any(|byte| {
        match byte {
            b'{' => depth += 1,
            b'}' => depth = depth.saturating_sub(1),
            _ => {}
        }
        depth > MAX_NESTING
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn alternatives_side_by_side_are_not_deep() {
        assert!(!is_nested_deeply(&"{a,b}".repeat(1000)));
        assert!(!is_nested_deeply(&("{a,".repeat(64) + &"}".repeat(64))));
        assert!(is_nested_deeply(&"{a,".repeat(65)));
    }
}
