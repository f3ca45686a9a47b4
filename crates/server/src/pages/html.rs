//! Pieces of all pages: escaping, the small subset of Markdown allowed in rules, times, sizes, copy buttons.

use std::time::SystemTime;

use entrepot_api::Timestamp;
use jiff::tz::TimeZone;

/// The logo: a crate on a quay, in one stroke.
pub(crate) const MARK: &str = concat!(
    r#"<svg viewBox="0 0 24 24" fill="none" stroke="currentColor" stroke-width="1.7" stroke-linejoin="round" "#,
    r#"aria-hidden="true"><path d="M4 9.5 12 5.5l8 4v8l-8 4-8-4z"/><path d="m4 9.5 8 4 8-4M12 13.5v8"/>"#,
    r#"<path d="m8 7.5 8 4v3.5"/></svg>"#
);

/// The logo as a file.
pub(crate) fn mark() -> String {
    MARK.replace("<svg ", r#"<svg xmlns="http://www.w3.org/2000/svg" "#).replace("currentColor", "#0d6e63")
}

/// Escapes text for HTML.
pub(crate) fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            other => out.push(other),
        }
    }
    out
}

/// Renders inline Markdown: `` `code` ``, `**strong**` and `[text](https://…)`. Anything else stays as it is.
pub(crate) fn inline(text: &str) -> String {
    let mut out = String::new();
    let mut rest = text;
    while let Some(at) = rest.find(['`', '*', '[']) {
        out.push_str(&escape(&rest[..at]));
        let (html, taken) = span(&rest[at..]);
        out.push_str(&html);
        rest = &rest[at + taken..];
    }
    out.push_str(&escape(rest));
    out
}

// Renders the element at the start of `text`, and returns its length.
fn span(text: &str) -> (String, usize) {
    if let Some(inner) = text.strip_prefix('`').and_then(|rest| rest.split_once('`')).map(|(inner, _)| inner)
    {
        return (format!("<code>{}</code>", escape(inner)), inner.len() + 2);
    }
    if let Some(inner) =
        text.strip_prefix("**").and_then(|rest| rest.split_once("**")).map(|(inner, _)| inner)
        && !inner.is_empty()
    {
        return (format!("<strong>{}</strong>", escape(inner)), inner.len() + 4);
    }
    if let Some((label, after)) = text.strip_prefix('[').and_then(|rest| rest.split_once("]("))
        && let Some((target, _)) = after.split_once(')')
        && (target.starts_with("https://") || target.starts_with("http://"))
    {
        let html = format!(r#"<a href="{}" rel="noreferrer">{}</a>"#, escape(target), escape(label));
        return (html, label.len() + target.len() + 4);
    }
    let first = text.chars().next().map_or(1, char::len_utf8);
    (escape(&text[..first]), first)
}

/// A bulleted list, or nothing if it is empty.
pub(crate) fn points(heading: &str, points: &[String]) -> String {
    if points.is_empty() {
        return String::new();
    }
    let items: String = points.iter().map(|point| format!("<li>{}</li>", inline(point))).collect();
    format!("<h3>{heading}</h3><ul class=\"points\">{items}</ul>")
}

/// A time in readable form, in the time zone of that name (UTC if there is none). The script adds the reader's own time.
pub(crate) fn moment(time: SystemTime, zone: Option<&str>) -> String {
    let exact = Timestamp::from(time).to_string();
    let zone = zone.and_then(|zone| TimeZone::get(zone).ok()).unwrap_or(TimeZone::UTC);
    let name = zone.iana_name().unwrap_or("UTC").to_owned();
    let shown = jiff::Timestamp::try_from(time)
        .map(|time| time.to_zoned(zone).strftime("%Y-%m-%d %H:%M").to_string());
    let shown = shown.unwrap_or_else(|_| exact.clone());
    format!(r#"<time datetime="{exact}" title="{exact}">{shown} {}</time>"#, escape(&name))
}

/// A button that copies the text of the element `id`.
pub(crate) fn copy_button(id: &str, label: &str) -> String {
    format!(r#"<button type="button" class="js-only" data-copy="{id}">{label}</button>"#)
}

/// A size in readable form.
pub(crate) fn size(bytes: u64) -> String {
    const UNITS: [&str; 5] = ["B", "KiB", "MiB", "GiB", "TiB"];
    let mut unit = 0;
    let mut scale = 1_u64;
    while bytes / scale >= 1024 && unit + 1 < UNITS.len() {
        scale <<= 10;
        unit += 1;
    }
    let whole = bytes / scale;
    if unit == 0 || whole >= 100 {
        return format!("{whole} {}", UNITS[unit]);
    }
    format!("{whole}.{} {}", (bytes % scale) * 10 / scale, UNITS[unit])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_people_write_is_no_markup() {
        assert_eq!(inline("<b>&\"'"), "&lt;b&gt;&amp;&quot;&#39;");
        assert_eq!(inline("a `x<y` b"), "a <code>x&lt;y</code> b");
        assert_eq!(inline("仅 **CANN 相关标签**（自动）"), "仅 <strong>CANN 相关标签</strong>（自动）");
        assert_eq!(
            inline("[here](https://a.b/?x=1&y=2)."),
            r#"<a href="https://a.b/?x=1&amp;y=2" rel="noreferrer">here</a>."#
        );
        for plain in ["[x](javascript:alert(1))", "**", "****", "*a*", "`", "[", "[x]", "a * b"] {
            assert_eq!(inline(plain), escape(plain), "{plain}");
        }
    }

    #[test]
    fn sizes_and_times() {
        assert_eq!(
            [0, 1023, 1024, 1536, 200 << 20].map(size),
            ["0 B", "1023 B", "1.0 KiB", "1.5 KiB", "200 MiB"]
        );
        let time = "2026-05-01T22:34:56Z".parse::<Timestamp>().unwrap().into();
        let shown = |zone, text: &str| {
            let attributes = r#"datetime="2026-05-01T22:34:56Z" title="2026-05-01T22:34:56Z""#;
            assert_eq!(moment(time, zone), format!("<time {attributes}>{text}</time>"));
        };
        shown(None, "2026-05-01 22:34 UTC");
        shown(Some("Asia/Shanghai"), "2026-05-02 06:34 Asia/Shanghai");
        shown(Some("<nowhere>"), "2026-05-01 22:34 UTC");
    }
}
