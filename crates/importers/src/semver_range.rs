//! Ranges of versions as Go's libraries read them, for regsync and skopeo.

/// A range as Go's libraries read it, where a version alone means that version.
pub(crate) fn exact(range: &str) -> String {
    let word = |word: &str| {
        if word.starts_with(|c: char| c.is_ascii_digit() || c == 'v') {
            format!("={}", word.trim_start_matches('v'))
        } else {
            word.to_owned()
        }
    };
    let words: Vec<&str> = range.split([',', ' ']).filter(|word| !word.is_empty()).collect();
    let mut out: Vec<String> = Vec::new();
    for (index, text) in words.iter().enumerate() {
        // Behind an operator that stands alone, it is what that is about.
        let is_about = index > 0 && words[index - 1].ends_with(['<', '>', '=', '~', '^']);
        out.push(if is_about { (*text).to_owned() } else { word(text) });
    }
    out.join(" ")
}
