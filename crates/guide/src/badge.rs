//! A badge: how much of what should be equal is.

use std::fmt::Write as _;

/// The width of a character, in tenths of a pixel at 11 pixels: near enough for the fonts that browsers have.
const NARROW: u32 = 66;
const WIDE: u32 = 110;

/// An SVG that says `label` and `IN/OF`, green where all is in sync, red where nothing is.
pub fn badge(label: &str, in_sync: usize, of: usize) -> String {
    let value = format!("{in_sync}/{of}");
    let (left, right) = (width(label), width(&value));
    let (total, label, color) = (left + right, escaped(label), color(in_sync, of));
    let (at_label, at_value) = (left / 2, left + right / 2);
    let mut svg = String::new();
    // Writing to a text does not fail.
    let _ = write!(
        svg,
        r##"<svg xmlns="http://www.w3.org/2000/svg" width="{total}" height="20" role="img" aria-label="{label}: {value}"><title>{label}: {value}</title><clipPath id="r"><rect width="{total}" height="20" rx="3"/></clipPath><g clip-path="url(#r)"><rect width="{left}" height="20" fill="#4a4a4a"/><rect x="{left}" width="{right}" height="20" fill="{color}"/></g><g fill="#fff" text-anchor="middle" font-family="Verdana,DejaVu Sans,sans-serif" font-size="11"><text x="{at_label}" y="14">{label}</text><text x="{at_value}" y="14">{value}</text></g></svg>"##
    );
    svg
}

fn width(text: &str) -> u32 {
    let tenths: u32 = text.chars().map(|c| if c.is_ascii() { NARROW } else { WIDE }).sum();
    tenths.div_ceil(10) + 12
}

fn color(in_sync: usize, of: usize) -> &'static str {
    match (in_sync, of) {
        (0, 0) => "#8a8a8a",
        (done, all) if done >= all => "#2e8b57",
        (done, all) if done * 10 >= all * 9 => "#7a9a1f",
        (done, all) if done * 2 >= all => "#c97b0a",
        _ => "#c0392b",
    }
}

fn escaped(text: &str) -> String {
    let mut safe = String::new();
    for c in text.chars() {
        match c {
            '&' => safe.push_str("&amp;"),
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '"' => safe.push_str("&quot;"),
            c if c.is_control() => {}
            c => safe.push(c),
        }
    }
    safe
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn says_how_much_is_in_sync() {
        let svg = badge("sync", 9, 10);
        assert!(svg.starts_with("<svg ") && svg.ends_with("</svg>"));
        assert!(svg.contains(">sync</text>") && svg.contains(">9/10</text>") && svg.contains("#7a9a1f"));
        for (in_sync, of, shade) in
            [(0, 0, "#8a8a8a"), (3, 3, "#2e8b57"), (5, 10, "#c97b0a"), (0, 3, "#c0392b")]
        {
            assert!(badge("x", in_sync, of).contains(shade), "{in_sync}/{of}");
        }
    }

    #[test]
    fn a_label_stays_text() {
        let svg = badge("<script>\"&同步\n", 1, 1);
        assert!(svg.contains("&lt;script&gt;&quot;&amp;同步:") && !svg.contains("<script"));
    }
}
