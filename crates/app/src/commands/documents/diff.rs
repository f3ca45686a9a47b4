//! What changed, as `diff -u` shows it.

use std::fmt::Write as _;

/// How many lines are shown around a change.
const AROUND: usize = 3;
/// How far a line is looked for that both texts have. Names change lines one by one, and put in one at most.
const REACH: usize = 64;

/// A stretch of lines that differs: how many lines there are in the old text, and in the new one.
struct Change {
    old: (usize, usize),
    new: (usize, usize),
}

/// The difference of two texts; nothing where there is none.
pub(in crate::commands) fn diff(name: &str, old: &str, new: &str) -> String {
    let (old, new): (Vec<&str>, Vec<&str>) =
        (old.split_inclusive('\n').collect(), new.split_inclusive('\n').collect());
    let changes = changes(&old, &new);
    if changes.is_empty() {
        return String::new();
    }
    let mut text = format!("--- {name}\n+++ {name}\n");
    let mut rest = changes.as_slice();
    while !rest.is_empty() {
        let close = |pair: &[Change]| pair[1].old.0 - (pair[0].old.0 + pair[0].old.1) <= 2 * AROUND;
        let length = 1 + rest.windows(2).take_while(|pair| close(pair)).count();
        let (hunk, behind) = rest.split_at(length);
        add_hunk(&mut text, hunk, &old, &new);
        rest = behind;
    }
    text
}

fn changes(old: &[&str], new: &[&str]) -> Vec<Change> {
    let mut changes = Vec::new();
    let (mut at, mut there) = (0, 0);
    while at < old.len() || there < new.len() {
        if at < old.len() && old.get(at) == new.get(there) {
            (at, there) = (at + 1, there + 1);
            continue;
        }
        let (gone, come) = meeting(&old[at..], &new[there..]);
        changes.push(Change { old: (at, gone), new: (there, come) });
        (at, there) = (at + gone, there + come);
    }
    changes
}

// The nearest place where both go on with the same line.
fn meeting(old: &[&str], new: &[&str]) -> (usize, usize) {
    for total in 1..=REACH {
        for gone in (0..=total).rev() {
            let come = total - gone;
            if gone < old.len() && come < new.len() && old[gone] == new[come] {
                return (gone, come);
            }
        }
    }
    (old.len(), new.len())
}

fn add_hunk(text: &mut String, hunk: &[Change], old: &[&str], new: &[&str]) {
    let (Some(first), Some(last)) = (hunk.first(), hunk.last()) else { return };
    let before = first.old.0.min(AROUND);
    let after = (old.len() - (last.old.0 + last.old.1)).min(AROUND);
    let (start, end) = (first.old.0 - before, last.old.0 + last.old.1 + after);
    let (there, then) = (first.new.0 - before, last.new.0 + last.new.1 + after);
    let _ = writeln!(text, "@@ -{},{} +{},{} @@", start + 1, end - start, there + 1, then - there);
    let mut at = start;
    for change in hunk {
        add(text, ' ', &old[at..change.old.0]);
        add(text, '-', &old[change.old.0..change.old.0 + change.old.1]);
        add(text, '+', &new[change.new.0..change.new.0 + change.new.1]);
        at = change.old.0 + change.old.1;
    }
    add(text, ' ', &old[at..end]);
}

fn add(text: &mut String, mark: char, lines: &[&str]) {
    for line in lines {
        text.push(mark);
        text.push_str(line);
        if !line.ends_with('\n') {
            text.push_str("\n\\ No newline at end of file\n");
        }
    }
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
