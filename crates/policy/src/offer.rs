//! What is on offer now, and what somebody is told who wants more.

use std::{fmt::Write as _, time::SystemTime};

use bytesize::ByteSize;

use crate::{condition::Condition, mode::Mode};

/// What is on offer now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Offer {
    /// The mode in force.
    pub mode: Mode,
    /// Why it is in force.
    pub cause: Cause,
    /// What whoever set it by hand says about it.
    pub reason: Option<String>,
    /// When what was set by hand ends.
    pub until: Option<SystemTime>,
    /// The largest blob that is fetched in [`Mode::SmallOnly`], in bytes.
    pub small: u64,
    /// Whether images can be asked for, to be fetched whatever the mode is.
    pub takes_requests: bool,
    /// Whether the tags of mirrored repositories are listed.
    pub lists_tags: bool,
    /// Whether the names that were pushed here are listed, as far as the configuration allows it.
    pub lists_names: bool,
}

/// Why a mode is in force.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Cause {
    /// The configuration says so, or nothing.
    Configured,
    /// Somebody set it.
    ByHand,
    /// A condition holds.
    Condition(Condition),
}

/// What is not on offer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Withheld<'a> {
    /// Anything at all.
    Anything(&'a str),
    /// Something that is not held.
    NotHeld(&'a str),
    /// A blob that is not held and has so many bytes.
    Large(&'a str, u64),
    /// The tags of a mirrored repository.
    Tags(&'a str),
    /// The names that were pushed here.
    Names,
}

impl Default for Offer {
    fn default() -> Self {
        Self {
            mode: Mode::Normal,
            cause: Cause::Configured,
            reason: None,
            until: None,
            small: u64::MAX,
            takes_requests: false,
            lists_tags: true,
            lists_names: true,
        }
    }
}

impl Cause {
    /// As a word for metrics and logs.
    pub fn as_str(&self) -> &'static str {
        match self {
            Self::Configured => "configuration",
            Self::ByHand => "hand",
            Self::Condition(_) => "condition",
        }
    }
}

impl Offer {
    /// Why the mode is in force, in words; `None` if nobody says.
    pub fn why(&self) -> Option<String> {
        match (&self.cause, &self.reason) {
            (Cause::Condition(condition), _) => Some(condition.to_string()),
            (Cause::ByHand | Cause::Configured, reason) => reason.clone(),
        }
    }

    /// The fact, and `hint:` with a way out.
    pub fn refusal(&self, what: Withheld<'_>) -> String {
        let mut text = match what {
            Withheld::Anything(name) => format!("this registry is closed now, also for `{name}`"),
            Withheld::NotHeld(name) => {
                format!("`{name}` is not held here, and nothing is fetched from upstreams now")
            }
            Withheld::Large(name, size) => format!(
                "`{name}` has {} and is not held here, and nothing larger than {} is fetched from upstreams now",
                ByteSize::b(size),
                ByteSize::b(self.small),
            ),
            Withheld::Tags(name) => format!("the tags of `{name}` are not listed now"),
            Withheld::Names => "the names of this registry are not listed now".to_owned(),
        };
        // Lists are switched by hand alone, whatever the mode is.
        let is_list = matches!(what, Withheld::Tags(_) | Withheld::Names);
        let why = if is_list { self.reason.clone() } else { self.why() };
        // Writing to a `String` does not fail.
        let _ = match (is_list, why) {
            (true, None) => Ok(()),
            (true, Some(why)) => write!(text, " ({why})"),
            (false, None) => write!(text, " (mode {})", self.mode),
            (false, Some(why)) => write!(text, " (mode {}: {why})", self.mode),
        };
        if let Some(end) = self.until {
            let end = humantime::format_rfc3339_seconds(end.max(SystemTime::UNIX_EPOCH));
            let _ = write!(text, " until {end}");
        }
        text.push_str("; hint: ");
        text.push_str(match what {
            Withheld::Anything(_) => "`/status` on this server says how it stands; the upstream may have the image",
            Withheld::NotHeld(_) | Withheld::Large(..) if self.takes_requests => {
                "ask for the image: on the page `/requests` of this server, or with `entrepot request`"
            }
            Withheld::NotHeld(_) => {
                "pull what is held here, or from the upstream itself; `/status` on this server says how it stands"
            }
            Withheld::Large(..) => {
                "ask the operator to fetch the image, or pull it from the upstream itself; \
                 `/status` on this server says how it stands"
            }
            Withheld::Tags(_) | Withheld::Names => "name the tag: pulls work as before",
        });
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_leads_to_requests_where_they_are_taken() {
        let offer = Offer { mode: Mode::SmallOnly, takes_requests: true, ..Offer::default() };
        for what in [Withheld::NotHeld("a"), Withheld::Large("a", 1)] {
            let told = offer.refusal(what);
            assert!(
                told.ends_with("on the page `/requests` of this server, or with `entrepot request`"),
                "{told}"
            );
        }
        assert!(!offer.refusal(Withheld::Anything("a")).contains("/requests"), "it is closed");
    }

    #[test]
    fn a_refusal_says_which_mode_why_until_when_and_what_else() {
        let offer = Offer {
            mode: Mode::SmallOnly,
            cause: Cause::ByHand,
            reason: Some("the link is slow".to_owned()),
            until: Some(SystemTime::UNIX_EPOCH + std::time::Duration::from_secs(1_777_672_800)),
            small: 20 << 20,
            ..Offer::default()
        };
        assert_eq!(
            offer.refusal(Withheld::Large("docker.io/a/b@sha256:1", 3 << 30)),
            "`docker.io/a/b@sha256:1` has 3.0 GiB and is not held here, and nothing larger than 20.0 MiB is fetched from \
             upstreams now (mode small-only: the link is slow) until 2026-05-01T22:00:00Z; hint: ask the operator to fetch \
             the image, or pull it from the upstream itself; `/status` on this server says how it stands"
        );
        let closed = Offer { mode: Mode::Closed, ..Offer::default() };
        assert_eq!(
            closed.refusal(Withheld::Anything("local/a")),
            "this registry is closed now, also for `local/a` (mode closed); hint: `/status` on this server says how it \
             stands; the upstream may have the image"
        );
        assert_eq!(
            closed.refusal(Withheld::Tags("docker.io/a/b")),
            "the tags of `docker.io/a/b` are not listed now; hint: name the tag: pulls work as before"
        );
    }
}
