//! Texts with `*` in them, as patterns of names and tags have.

/// True if `text` is what `pattern` says, where `*` stands for any characters, also for none.
///
/// ```
/// assert!(entrepot_oci::matches_wildcard("1.*-alpine", "1.27-alpine"));
/// assert!(!entrepot_oci::matches_wildcard("1.*", "2.1"));
/// ```
pub fn matches_wildcard(pattern: &str, text: &str) -> bool {
    matches_bytes(pattern.as_bytes(), text.as_bytes())
}

// Greedy with one step back, so it is linear for one `*` and never exponential.
fn matches_bytes(pattern: &[u8], text: &[u8]) -> bool {
    let (mut at_pattern, mut at_text) = (0, 0);
    let mut star: Option<(usize, usize)> = None;
    while at_text < text.len() {
        match pattern.get(at_pattern) {
            Some(b'*') => {
                star = Some((at_pattern, at_text));
                at_pattern += 1;
            }
            Some(byte) if *byte == text[at_text] => {
                at_pattern += 1;
                at_text += 1;
            }
            _ => {
                let Some((pattern_star, text_star)) = star else { return false };
                star = Some((pattern_star, text_star + 1));
                at_pattern = pattern_star + 1;
                at_text = text_star + 1;
            }
        }
    }
    pattern[at_pattern..].iter().all(|byte| *byte == b'*')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stars_stand_for_anything() {
        for (pattern, text, matches) in [
            ("", "", true),
            ("", "a", false),
            ("*", "", true),
            ("*", "abc", true),
            ("a*", "abc", true),
            ("*c", "abc", true),
            ("a*c", "ac", true),
            ("a*c*e", "abcde", true),
            ("a*c*e", "abcd", false),
            ("abc", "ab", false),
            ("*a*a*a", "aa", false),
        ] {
            assert_eq!(matches_wildcard(pattern, text), matches, "{pattern} {text}");
        }
    }

    #[test]
    fn many_stars_end_soon() {
        let pattern = format!("{}b", "*a".repeat(100));
        assert!(!matches_wildcard(&pattern, &"a".repeat(200)));
    }
}
