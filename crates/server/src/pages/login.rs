//! The page that logs in. It works without the script.

use std::time::Duration;

use entrepot_access::LoginError;

use super::{
    html::{escape, inline},
    login_words::LoginWords,
    own_path::OwnPath,
    words::Language,
};
use crate::login_provider::LoginProvider;

/// What the page is about.
pub(super) struct LoginView<'a> {
    pub(super) language: Language,
    /// Where to go afterwards.
    pub(super) next: &'a OwnPath,
    /// The name that was typed before.
    pub(super) name: &'a str,
    /// Why that did not work.
    pub(super) fault: Option<&'a LoginFault>,
    /// Other ways to log in.
    pub(super) providers: &'a [LoginProvider],
    /// True if others on the network can read the password.
    pub(super) is_readable: bool,
    /// True if anybody can log in.
    pub(super) is_in_use: bool,
}

/// Why a login did not work, as the page tells it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum LoginFault {
    Wrong,
    NoRole,
    Away,
    Token,
    Wait(Duration),
    Busy,
    Unavailable,
    BrokenForm,
}

impl From<&LoginError> for LoginFault {
    fn from(error: &LoginError) -> Self {
        match error {
            LoginError::Wrong => Self::Wrong,
            LoginError::NoRole => Self::NoRole,
            LoginError::TokenForSession
            | LoginError::Token(_)
            | LoginError::Unconfirmed { .. }
            | LoginError::Workload(_)
            | LoginError::Expired { .. } => Self::Token,
            LoginError::Throttled(wait) => Self::Wait(*wait),
            LoginError::Busy(_) => Self::Busy,
            LoginError::Unavailable(_) => Self::Away,
            LoginError::Catalog(_) => Self::Unavailable,
        }
    }
}

impl LoginFault {
    fn told(self, words: &LoginWords) -> String {
        match self {
            Self::Wrong => words.wrong.to_owned(),
            Self::NoRole => words.no_role.to_owned(),
            Self::Away => words.away.to_owned(),
            Self::Token => words.token.to_owned(),
            Self::Wait(wait) => format!("{} {} {}", words.wait, wait.as_secs().max(1), words.seconds),
            Self::Busy => words.busy.to_owned(),
            Self::Unavailable => words.unavailable.to_owned(),
            Self::BrokenForm => words.broken_form.to_owned(),
        }
    }
}

impl LoginView<'_> {
    /// The main part of the page.
    pub(super) fn main(&self) -> String {
        let words = LoginWords::of(self.language);
        let fault = self.fault.map(|fault| notice("notice", &fault.told(words))).unwrap_or_default();
        let unused = if self.is_in_use { String::new() } else { notice("notice calm", words.not_in_use) };
        let no_tls = if self.is_readable { notice("notice calm", words.no_tls) } else { String::new() };
        format!(
            "<main class=\"page slim\"><h1>{}</h1><p class=\"lead\">{}</p>{fault}{unused}{}{}{no_tls}</main>",
            words.log_in,
            inline(words.log_in_lead),
            self.form(words),
            self.others(words),
        )
    }

    fn form(&self, words: &LoginWords) -> String {
        // What is there already need not be typed again.
        let (at_name, at_password) =
            if self.name.is_empty() { (" autofocus", "") } else { ("", " autofocus") };
        let described = if self.fault.is_some() { " aria-invalid=\"true\"" } else { "" };
        format!(
            r#"<form class="card stack" action="/login?lang={}" method="post"><input type="hidden" name="next" value="{}">
<label for="name">{}</label><input id="name" name="name" value="{}" autocomplete="username" autocapitalize="none" spellcheck="false" required{at_name}{described}>
<label for="password">{}</label><input id="password" name="password" type="password" autocomplete="current-password" required{at_password}{described}>
<button class="main">{}</button></form>"#,
            self.language.code(),
            escape(self.next.as_str()),
            words.name,
            escape(self.name),
            words.password,
            words.log_in,
        )
    }

    fn others(&self, words: &LoginWords) -> String {
        if self.providers.is_empty() {
            return String::new();
        }
        let button = |provider: &LoginProvider| {
            let mut query = form_urlencoded::Serializer::new(String::new());
            query.append_pair("next", self.next.as_str());
            let address = format!("{}?{}", provider.path, query.finish());
            format!(
                "<li><a class=\"button\" href=\"{}\">{}</a></li>",
                escape(&address),
                escape(&provider.name)
            )
        };
        let buttons: String = self.providers.iter().map(button).collect();
        format!("<p>{}</p><ul class=\"ways\">{buttons}</ul>", words.log_in_with)
    }
}

/// A box with a message.
pub(super) fn notice(class: &str, text: &str) -> String {
    format!("<p class=\"{class}\" role=\"alert\">{}</p>", inline(text))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn page(fault: Option<LoginFault>, name: &str, providers: &[LoginProvider]) -> String {
        let next = OwnPath::read("/sync?rule=a&lang=zh").unwrap();
        let (language, fault) = (Language::English, fault.as_ref());
        LoginView { language, next: &next, name, fault, providers, is_readable: false, is_in_use: true }
            .main()
    }

    #[test]
    fn it_keeps_the_name_and_where_to_go() {
        let html = page(Some(LoginFault::Wrong), "a\"><b>", &[]);
        assert!(html.contains("The user name or the password is wrong."));
        assert!(html.contains(r#"value="a&quot;&gt;&lt;b&gt;""#), "{html}");
        assert!(html.contains(r#"name="next" value="/sync?rule=a&amp;lang=zh""#), "{html}");
        assert!(!html.contains("password\" value"), "{html}");
        let html = page(Some(LoginFault::Wait(Duration::from_millis(1500))), "alice", &[]);
        assert!(html.contains("Try again in 1 seconds"), "{html}");
    }

    #[test]
    fn other_ways_to_log_in_are_links_that_know_where_to_go() {
        assert!(!page(None, "", &[]).contains("Log in with<"), "nothing where there is none");
        let provider = LoginProvider { name: "Dex & Co".to_owned(), path: "/login/oidc".to_owned() };
        let html = page(None, "", &[provider]);
        let link =
            r#"<a class="button" href="/login/oidc?next=%2Fsync%3Frule%3Da%26lang%3Dzh">Dex &amp; Co</a>"#;
        assert!(html.contains(link), "{html}");
    }

    #[test]
    fn it_says_what_is_missing() {
        let next = OwnPath::first();
        let page = |is_readable, is_in_use| {
            let language = Language::Chinese;
            let (fault, providers) = (None, [].as_slice());
            LoginView { language, next: &next, name: "", fault, providers, is_readable, is_in_use }.main()
        };
        assert!(page(true, true).contains("未使用 TLS"));
        assert!(page(false, false).contains("<code>entrepot account password admin</code>"));
        assert!(!page(false, true).contains("notice"));
    }
}
