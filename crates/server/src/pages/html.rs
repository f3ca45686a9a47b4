//! Common parts of all pages: the frame, escaping, and the small subset of Markdown allowed in rules.

use std::{fmt::Write, sync::LazyLock, time::SystemTime};

use entrepot_api::Timestamp;
use entrepot_oci::Digest;

use super::words::Language;

pub(crate) const STYLE: &str = include_str!("../../assets/entrepot.css");
pub(crate) const SCRIPT: &str = include_str!("../../assets/entrepot.js");

/// The logo: a crate on a quay, in one stroke.
const MARK: &str = concat!(
    r#"<svg viewBox="0 0 24 24" fill="none" stroke="currentColor" stroke-width="1.7" stroke-linejoin="round" "#,
    r#"aria-hidden="true"><path d="M4 9.5 12 5.5l8 4v8l-8 4-8-4z"/><path d="m4 9.5 8 4 8-4M12 13.5v8"/>"#,
    r#"<path d="m8 7.5 8 4v3.5"/></svg>"#
);

/// Part of asset addresses, so that a browser does not use a cached style of another version.
static VERSION: LazyLock<String> =
    LazyLock::new(|| Digest::of(format!("{STYLE}{SCRIPT}").as_bytes()).hex()[..12].to_owned());

/// The page to show.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Page {
    Guide,
    Sync {
        /// True if the reader may start and stop runs there.
        steered: bool,
    },
}

/// The whole page around `main`.
pub(crate) fn frame(page: Page, language: Language, main: &str) -> String {
    let words = language.words();
    let title = if page == Page::Guide { words.guide } else { words.syncs };
    let code = language.code();
    let (other, version) = (if language == Language::English { "zh" } else { "en" }, VERSION.as_str());
    let link = |to: &str, text: &str, is_here: bool| {
        let here = if is_here { r#" aria-current="page""# } else { "" };
        format!(r#"<a href="{to}?lang={code}"{here}>{text}</a>"#)
    };
    let path = if page == Page::Guide { "/guide" } else { "/sync" };
    let data = script_words(language, page);
    let mut out = String::with_capacity(main.len() + 4096);
    // Writing to a `String` does not fail.
    let _ = write!(
        out,
        r#"<!doctype html>
<html lang="{code}">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title} · entrepot</title>
<link rel="stylesheet" href="/assets/entrepot.css?v={version}">
<link rel="icon" href="/assets/mark.svg?v={version}" type="image/svg+xml">
<script src="/assets/entrepot.js?v={version}" defer></script>
</head>
<body{data}>
<div class="top"><div>
<a class="mark" href="/">{MARK}<span>entrepot</span></a>
<nav aria-label="entrepot">{guide}{sync}</nav>
<div class="tools"><a href="{path}?lang={other}" hreflang="{other}" lang="{other}">{other_language}</a><button id="theme" class="plain js-only">{theme}</button></div>
</div></div>
{main}
<footer><div><a href="/guide.md?lang={code}">{words_guide} · {markdown}</a><a href="/logs/sync.log">{log}</a><a href="/badge/sync.svg">badge</a><a href="/api/v1/sync/rules">API</a></div></footer>
{dialog}</body>
</html>
"#,
        guide = link("/guide", words.guide, page == Page::Guide),
        sync = link("/sync", words.syncs, page != Page::Guide),
        other_language = words.other_language,
        theme = words.theme,
        words_guide = words.guide,
        markdown = words.markdown,
        log = words.log,
        dialog = if page == (Page::Sync { steered: true }) { token_dialog(language) } else { String::new() },
    );
    out
}

/// The logo as a file.
pub(crate) fn mark() -> String {
    MARK.replace("<svg ", r#"<svg xmlns="http://www.w3.org/2000/svg" "#).replace("currentColor", "#0d6e63")
}

fn script_words(language: Language, page: Page) -> String {
    let words = language.words();
    let live = match page {
        Page::Guide => "",
        Page::Sync { steered: false } => r#" data-live="""#,
        Page::Sync { steered: true } => r#" data-live="" data-steered="""#,
    };
    format!(
        r#" data-copied="{}" data-not-copied="{}" data-waiting="{}" data-looking="{}" data-copying="{}" data-failed="{}" data-stop="{}"{live}"#,
        words.copied, words.not_copied, words.waiting, words.looking, words.copying, words.failed, words.stop,
    )
}

fn token_dialog(language: Language) -> String {
    let words = language.words();
    format!(
        r#"<dialog id="token"><form method="dialog"><label>{}<br><input type="password" autocomplete="off"></label>
<p class="quiet small">{}</p><div class="row"><button value="">{}</button><button class="main" value="ok">{}</button></div></form></dialog>
"#,
        words.token,
        inline(words.token_hint),
        words.cancel,
        words.ok,
    )
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

/// A time in readable form, with a machine-readable attribute.
pub(crate) fn moment(time: SystemTime) -> String {
    let time = Timestamp::from(time).to_string();
    let shown = time.trim_end_matches('Z').replacen('T', " ", 1);
    let shown = shown.get(..16).unwrap_or(&shown);
    format!(r#"<time datetime="{time}">{shown} UTC</time>"#)
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
        assert_eq!(
            moment("2026-05-01T12:34:56Z".parse::<Timestamp>().unwrap().into()),
            r#"<time datetime="2026-05-01T12:34:56Z">2026-05-01 12:34 UTC</time>"#
        );
    }
}
