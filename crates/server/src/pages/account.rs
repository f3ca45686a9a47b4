//! The page of one's own account: its password and its sessions.

use std::{fmt::Write, time::SystemTime};

use entrepot_access::{Account, PasswordError, Role};
use entrepot_api::Session;

use super::{
    html::{escape, inline, moment},
    login::notice,
    login_words::LoginWords,
    words::Language,
};

/// What the page is about.
pub(super) struct AccountPage<'a> {
    pub(super) language: Language,
    pub(super) account: &'a Account,
    /// True if the account has a password that can be changed here.
    pub(super) has_password: bool,
    pub(super) sessions: &'a [Session],
    /// What came of the last thing that was done here.
    pub(super) outcome: Option<AccountOutcome>,
}

/// What came of something that was done on the page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum AccountOutcome {
    Changed,
    Ended,
    NotCurrent,
    Wait(u64),
    NotEqual,
    Refused(PasswordError),
    NoPassword,
    Failed,
    BrokenForm,
}

impl AccountOutcome {
    /// The word for it in the address, for what worked.
    pub(super) fn word(self) -> &'static str {
        match self {
            Self::Changed => "changed",
            Self::Ended => "ended",
            _ => "",
        }
    }

    /// Reads the word.
    pub(super) fn read(word: &str) -> Option<Self> {
        [Self::Changed, Self::Ended].into_iter().find(|outcome| outcome.word() == word)
    }

    fn is_good(self) -> bool {
        matches!(self, Self::Changed | Self::Ended)
    }

    fn told(self, words: &LoginWords) -> String {
        let text = match self {
            Self::Changed => words.changed,
            Self::Ended => words.ended,
            Self::NotCurrent => words.not_current,
            Self::Wait(seconds) => return format!("{} {seconds} {}", words.wait, words.seconds),
            Self::NotEqual => words.not_equal,
            Self::Refused(PasswordError::Short) => words.too_short,
            Self::Refused(PasswordError::Long) => words.too_long,
            Self::Refused(PasswordError::Name) => words.is_name,
            Self::Refused(PasswordError::Token) => words.is_token,
            Self::NoPassword => words.no_password,
            Self::Failed => words.not_changed,
            Self::BrokenForm => words.broken_form,
        };
        text.to_owned()
    }
}

impl AccountPage<'_> {
    /// The main part of the page.
    pub(super) fn main(&self) -> String {
        let words = LoginWords::of(self.language);
        let role = match self.account.role {
            Role::Viewer => words.roles[0],
            Role::User => words.roles[1],
            Role::Operator => words.roles[2],
            Role::Admin => words.roles[3],
        };
        let outcome = self.outcome.map(|outcome| {
            notice(if outcome.is_good() { "notice good" } else { "notice" }, &outcome.told(words))
        });
        format!(
            "<main class=\"page narrow\"><h1>{}</h1><p class=\"lead\">{} {role}</p>{}{}{}</main>",
            escape(self.account.name.as_str()),
            words.role,
            outcome.unwrap_or_default(),
            self.password(words),
            self.session_table(words),
        )
    }

    fn password(&self, words: &LoginWords) -> String {
        if !self.has_password {
            return notice("notice calm", words.no_password);
        }
        let field = |(id, label, purpose): (&str, &str, &str)| {
            format!(
                "<label for=\"{id}\">{label}</label><input id=\"{id}\" name=\"{id}\" type=\"password\" \
                 autocomplete=\"{purpose}\" required>"
            )
        };
        let fields = [
            ("current", words.current, "current-password"),
            ("new", words.new, "new-password"),
            ("again", words.again, "new-password"),
        ];
        format!(
            "<section class=\"card\"><h2>{}</h2><p class=\"quiet small\">{}</p>\
             <form class=\"stack\" action=\"/account?lang={}\" method=\"post\">\
             <input type=\"hidden\" name=\"user\" value=\"{}\" autocomplete=\"username\">{}\
             <button class=\"main\">{}</button></form></section>",
            words.change,
            inline(words.change_lead),
            self.language.code(),
            escape(self.account.name.as_str()),
            fields.into_iter().map(field).collect::<String>(),
            words.set,
        )
    }

    fn session_table(&self, words: &LoginWords) -> String {
        let heads = [words.began, words.last_used, words.from, words.program];
        let heads: String = heads.iter().map(|head| format!("<th scope=\"col\">{head}</th>")).collect();
        let rows: String = self.sessions.iter().map(|session| self.row(session, words)).collect();
        let others = if self.sessions.iter().any(|session| !session.current) {
            format!(
                "<form action=\"/account/end?lang={}\" method=\"post\"><button name=\"id\" value=\"others\">{}</button></form>",
                self.language.code(),
                words.end_others
            )
        } else {
            String::new()
        };
        format!(
            "<section class=\"card\"><h2>{}</h2><p class=\"quiet small\">{}</p>\
             <div class=\"scroll\"><table><thead><tr>{heads}<td></td></tr></thead><tbody>{rows}</tbody></table></div>{others}</section>",
            words.sessions,
            inline(words.sessions_lead),
        )
    }

    fn row(&self, session: &Session, words: &LoginWords) -> String {
        let time = |time: entrepot_api::Timestamp| moment(SystemTime::from(time), None);
        let text = |text: &Option<String>| escape(text.as_deref().unwrap_or("–"));
        let mut row = format!(
            "<tr><td>{}</td><td>{}</td><td>{}</td><td>{}</td><td>",
            time(session.created),
            time(session.last_used),
            text(&session.address),
            text(&session.agent)
        );
        // Writing to a `String` does not fail.
        let _ = if session.current {
            write!(row, "<span class=\"pill good\">{}</span>", words.this_one)
        } else {
            write!(
                row,
                "<form action=\"/account/end?lang={}\" method=\"post\"><button name=\"id\" value=\"{}\">{}</button></form>",
                self.language.code(),
                escape(&session.id),
                words.end
            )
        };
        row.push_str("</td></tr>");
        row
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn session(id: &str, current: bool, agent: &str) -> Session {
        let time = SystemTime::UNIX_EPOCH.into();
        Session {
            id: id.to_owned(),
            account: "alice".to_owned(),
            created: time,
            last_used: time,
            ends: time,
            address: None,
            agent: Some(agent.to_owned()),
            current,
        }
    }

    fn page(sessions: &[Session], has_password: bool, outcome: Option<AccountOutcome>) -> String {
        let (name, groups) = ("alice".parse().unwrap(), Vec::new());
        let account = Account { id: 1, name, role: Role::Operator, groups };
        AccountPage { language: Language::English, account: &account, has_password, sessions, outcome }.main()
    }

    #[test]
    fn every_session_but_this_one_can_be_ended() {
        let html = page(&[session("one", true, "a"), session("two", false, "<script>")], true, None);
        assert!(html.contains(r#"name="id" value="two""#) && !html.contains(r#"value="one""#), "{html}");
        assert!(html.contains(r#"value="others""#) && html.contains("&lt;script&gt;"), "{html}");
        assert!(!page(&[session("one", true, "a")], true, None).contains(r#"value="others""#));
    }

    #[test]
    fn it_says_what_came_of_it() {
        for (outcome, told) in [
            (AccountOutcome::Changed, "notice good\" role=\"alert\">The password was changed"),
            (AccountOutcome::NotCurrent, "notice\" role=\"alert\">The current password is wrong"),
            (AccountOutcome::Refused(PasswordError::Token), "does not begin with <code>ep_</code>"),
            (AccountOutcome::Wait(7), "Try again in 7 seconds"),
        ] {
            let html = page(&[], true, Some(outcome));
            assert!(html.contains(told), "{outcome:?} {html}");
        }
        assert_eq!(AccountOutcome::read("changed"), Some(AccountOutcome::Changed));
        assert_eq!((AccountOutcome::read(""), AccountOutcome::read("x")), (None, None));
        let html = page(&[], false, None);
        assert!(html.contains("comes from a directory") && !html.contains("new-password"), "{html}");
    }
}
