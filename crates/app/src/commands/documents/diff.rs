//! Changes in the format of `diff -u`.

use similar::TextDiff;

/// Lines of context around a change.
const CONTEXT: usize = 3;

/// The difference between two texts; empty if they are equal.
pub(in crate::commands) fn diff(name: &str, old: &str, new: &str) -> String {
    TextDiff::from_lines(old, new).unified_diff().context_radius(CONTEXT).header(name, name).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_texts_have_none() {
        assert_eq!(diff("a", "x\n", "x\n"), "");
    }

    #[test]
    fn changes_and_new_lines_are_shown_with_what_is_around() {
        let old = "1\n2\n3\n4\n5\n6\n7\n8\n9\n10\n11\n12\n13\nend";
        let new = "1\n2\n3\n4\nfive\n6\n7\n8\n9\n10\n11\n12\n13\nput in\nlast";
        let expected = "--- a\n+++ a\n@@ -2,7 +2,7 @@\n 2\n 3\n 4\n-5\n+five\n 6\n 7\n 8\n@@ -11,4 +11,5 @@\n 11\n 12\n 13\n\
                        -end\n\\ No newline at end of file\n+put in\n+last\n\\ No newline at end of file\n";
        assert_eq!(diff("a", old, new), expected);
    }
}
