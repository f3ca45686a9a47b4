//! What all pages have around their main part: head, navigation, language switch, footer.

use std::sync::LazyLock;

use entrepot_oci::Digest;

use super::{
    home_words::HomeWords,
    html::{self, inline},
    login_words::LoginWords,
    request_words::RequestWords,
    status_words::StatusWords,
    words::Language,
};

pub(super) const STYLE: &str = include_str!("../../assets/entrepot.css");
pub(super) const SCRIPT: &str = include_str!("../../assets/entrepot.js");

/// Part of asset addresses, so that a browser does not use a cached style of another version.
static VERSION: LazyLock<String> =
    LazyLock::new(|| Digest::of(format!("{STYLE}{SCRIPT}").as_bytes()).hex()[..12].to_owned());

/// The page to show.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum PageKind {
    Home,
    Guide,
    Sync {
        /// True if the reader may start and stop runs there.
        steered: bool,
    },
    Requests,
    Status,
    Login,
    Account,
    /// An error, whatever the address.
    Error,
}

/// Who reads a page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Visitor<'a> {
    /// The holder of an account.
    Account {
        name: &'a str,
        /// True if it is a session that can be ended.
        has_session: bool,
    },
    /// Somebody who has not logged in.
    Guest {
        /// True if there is anything to log in with.
        may_log_in: bool,
    },
}

/// The frame of a page.
#[derive(Clone, Copy, Debug)]
pub(super) struct Frame<'a> {
    pub(super) page: PageKind,
    pub(super) language: Language,
    /// The query that the page was asked for with; the language switch keeps it.
    pub(super) query: &'a str,
    pub(super) visitor: Visitor<'a>,
}

impl Frame<'_> {
    /// The whole page around `main`.
    pub(super) fn around(&self, main: &str) -> String {
        let words = self.language.words();
        let (code, version) = (self.language.code(), VERSION.as_str());
        let other = self.language.other();
        let link = |page: PageKind, text: &str| {
            let is_here = std::mem::discriminant(&page) == std::mem::discriminant(&self.page);
            let here = if is_here { r#" aria-current="page""# } else { "" };
            format!(r#"<a href="{}?lang={code}"{here}>{text}</a>"#, page.path())
        };
        let mark = html::MARK;
        format!(
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
<a class="mark" href="/?lang={code}">{mark}<span>entrepot</span></a>
<nav aria-label="entrepot">{home}{guide}{sync}{requests}{status}</nav>
<div class="tools">{visitor}<a href="{switch}" hreflang="{other_code}" lang="{other_code}">{other_language}</a><button id="theme" class="plain js-only">{theme}</button></div>
</div></div>
{main}
<footer><div><a href="/guide.md?lang={code}">{words_guide} · {markdown}</a><a href="/logs/sync.log">{log}</a><a href="/badge/sync.svg">{badge}</a><a href="/api/v1/openapi.json">{api}</a></div></footer>
{dialog}</body>
</html>
"#,
            title = self.title(),
            visitor = self.visitor(),
            data = self.data(),
            home = link(PageKind::Home, words.home),
            guide = link(PageKind::Guide, words.guide),
            sync = link(PageKind::Sync { steered: false }, words.syncs),
            // Not all servers take them: the first page leads there.
            requests = match self.page {
                PageKind::Requests => link(PageKind::Requests, RequestWords::of(self.language).title),
                _ => String::new(),
            },
            status = link(PageKind::Status, StatusWords::of(self.language).title),
            switch = self.switch(other),
            other_code = other.code(),
            other_language = words.other_language,
            theme = words.theme,
            words_guide = words.guide,
            markdown = words.markdown,
            log = words.log,
            badge = words.badge,
            api = words.api,
            dialog = if self.page == (PageKind::Sync { steered: true }) {
                token_dialog(self.language)
            } else {
                String::new()
            },
        )
    }

    fn title(&self) -> &'static str {
        let words = self.language.words();
        match self.page {
            PageKind::Home => words.home,
            PageKind::Guide => words.guide,
            PageKind::Sync { .. } => words.syncs,
            PageKind::Requests => RequestWords::of(self.language).title,
            PageKind::Status => StatusWords::of(self.language).title,
            PageKind::Login => LoginWords::of(self.language).log_in,
            PageKind::Account => LoginWords::of(self.language).account,
            PageKind::Error => HomeWords::of(self.language).no_page,
        }
    }

    // Who reads this, and the way in or out.
    fn visitor(&self) -> String {
        let (words, code) = (LoginWords::of(self.language), self.language.code());
        match self.visitor {
            Visitor::Account { name, has_session } => {
                let out = format!(
                    r#"<form action="/logout?lang={code}" method="post"><button class="plain">{}</button></form>"#,
                    words.log_out
                );
                let name = html::escape(name);
                format!(r#"<a href="/account?lang={code}">{name}</a>{}"#, if has_session { &out } else { "" })
            }
            Visitor::Guest { may_log_in: true } if self.page != PageKind::Login => {
                let here = match self.query {
                    "" => self.page.path().to_owned(),
                    query => format!("{}?{query}", self.page.path()),
                };
                let mut query = form_urlencoded::Serializer::new(String::new());
                query.append_pair("next", &here).append_pair("lang", code);
                let address = html::escape(&format!("/login?{}", query.finish()));
                format!(r#"<a href="{address}">{}</a>"#, words.log_in)
            }
            Visitor::Guest { .. } => String::new(),
        }
    }

    // The same page in the other language.
    fn switch(&self, other: Language) -> String {
        let mut query = form_urlencoded::Serializer::new(String::new());
        let kept = form_urlencoded::parse(self.query.as_bytes()).filter(|(name, _)| name != "lang");
        query.extend_pairs(kept).append_pair("lang", other.code());
        html::escape(&format!("{}?{}", self.page.path(), query.finish()))
    }

    // What the script needs to know.
    fn data(&self) -> String {
        let words = self.language.words();
        let live = match self.page {
            PageKind::Home
            | PageKind::Guide
            | PageKind::Requests
            | PageKind::Status
            | PageKind::Login
            | PageKind::Account
            | PageKind::Error => "",
            PageKind::Sync { steered: false } => r#" data-live="""#,
            PageKind::Sync { steered: true } => r#" data-live="" data-steered="""#,
        };
        format!(
            r#" data-copied="{}" data-not-copied="{}" data-waiting="{}" data-looking="{}" data-copying="{}" data-failed="{}" data-stop="{}"{live}"#,
            words.copied,
            words.not_copied,
            words.waiting,
            words.looking,
            words.copying,
            words.failed,
            words.stop,
        )
    }
}

impl PageKind {
    fn path(self) -> &'static str {
        match self {
            Self::Home | Self::Error => "/",
            Self::Guide => "/guide",
            Self::Sync { .. } => "/sync",
            Self::Requests => "/requests",
            Self::Status => "/status",
            Self::Login => "/login",
            Self::Account => "/account",
        }
    }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_switch_keeps_what_was_asked_for() {
        let visitor = Visitor::Guest { may_log_in: false };
        let frame = |query| Frame { page: PageKind::Home, language: Language::Chinese, query, visitor };
        let page = frame("image=a%2Fb%3A1&lang=zh&tool=k3s&x=%22%3E%3Cb%3E").around("");
        let switch = r#"<a href="/?image=a%2Fb%3A1&amp;tool=k3s&amp;x=%22%3E%3Cb%3E&amp;lang=en" hreflang="en" lang="en">English</a>"#;
        assert!(page.contains(switch), "{page}");
        assert!(page.contains(r#"<a href="/?lang=zh" aria-current="page">"#));
        assert!(!frame("").around("").contains("data-live"));
    }
    #[test]
    fn it_says_who_reads_and_how_to_come_in_and_out() {
        let page = |page, visitor| {
            Frame { page, language: Language::English, query: "image=a%2Fb", visitor }.around("")
        };
        let html = page(PageKind::Home, Visitor::Guest { may_log_in: true });
        assert!(
            html.contains(r#"<a href="/login?next=%2F%3Fimage%3Da%252Fb&amp;lang=en">Log in</a>"#),
            "{html}"
        );
        assert!(!page(PageKind::Login, Visitor::Guest { may_log_in: true }).contains(r#"href="/login?next"#));
        assert!(!page(PageKind::Home, Visitor::Guest { may_log_in: false }).contains("/login?next"));
        let html = page(PageKind::Home, Visitor::Account { name: "alice", has_session: true });
        assert!(html.contains(
            r#"<a href="/account?lang=en">alice</a><form action="/logout?lang=en" method="post">"#
        ));
        let html = page(PageKind::Home, Visitor::Account { name: "alice", has_session: false });
        assert!(html.contains(">alice</a>") && !html.contains("/logout"), "there is nothing to end");
    }
}
