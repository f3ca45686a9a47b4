//! What the section `webhooks` means. Pure.

use std::{collections::BTreeSet, fmt};

use entrepot_egress::{Error as GateError, Exemptions, Gate};
use entrepot_events::{EventKind, EventKindError};
use secrecy::{ExposeSecret, SecretString};
use url::Url;

use crate::{
    format::Format,
    name::{WebhookName, WebhookNameError},
    section::WebhookSection,
    signature::SigningKey,
    words::MessageLanguage,
};

/// A webhook. Neither its URL nor its secret is ever shown.
#[derive(Clone)]
pub struct Webhook {
    pub(crate) name: WebhookName,
    pub(crate) url: Url,
    pub(crate) key: Option<SigningKey>,
    pub(crate) format: Format,
    pub(crate) on: BTreeSet<EventKind>,
    pub(crate) language: MessageLanguage,
    pub(crate) private_network: bool,
}

/// What is wrong with the section, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SettingsFault {
    /// The number of the webhook, and its key.
    pub path: Vec<String>,
    /// What is wrong.
    pub what: String,
    /// What to do about it.
    pub hint: String,
}

impl fmt::Debug for Webhook {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (name, origin) = (&self.name, self.origin());
        f.debug_struct("Webhook").field("name", name).field("origin", &origin).finish_non_exhaustive()
    }
}

/// The events that at least one of these wants to hear of.
pub fn wanted(webhooks: &[Webhook]) -> BTreeSet<EventKind> {
    webhooks.iter().flat_map(|webhook| webhook.on.iter().copied()).collect()
}

impl Webhook {
    /// What a section means.
    ///
    /// # Errors
    /// The first fault.
    pub fn read(sections: &[WebhookSection]) -> Result<Vec<Self>, SettingsFault> {
        let mut names = BTreeSet::new();
        let mut webhooks = Vec::new();
        for (index, section) in sections.iter().enumerate() {
            let fault = |SettingsProblem { key, what, hint }: SettingsProblem| {
                let path = std::iter::once(index.to_string()).chain(key.into_iter().map(str::to_owned));
                SettingsFault { path: path.collect(), what, hint: hint.to_owned() }
            };
            let webhook = Self::of(section).map_err(fault)?;
            if !names.insert(webhook.name.clone()) {
                let what = format!("`{}` is already the name of another webhook", webhook.name);
                let hint = "give each of them a `name` of its own";
                return Err(fault(SettingsProblem {
                    key: section.name.as_ref().map(|_| "name"),
                    what,
                    hint,
                }));
            }
            webhooks.push(webhook);
        }
        Ok(webhooks)
    }

    fn of(section: &WebhookSection) -> Result<Self, SettingsProblem> {
        let url = address(section)?;
        let host = url.host_str().unwrap_or_default();
        let name = section.name.as_deref().unwrap_or_else(|| host.trim_matches(['[', ']']));
        let name = name.replace(':', "-").parse().map_err(|error: WebhookNameError| {
            SettingsProblem::new("name", error, "choose another one: it is how people call it")
        })?;
        Ok(Self {
            name,
            key: key(section)?,
            format: section.format,
            on: events(section)?,
            language: section.language.unwrap_or(section.format.language()),
            private_network: section.private_network,
            url,
        })
    }

    /// Whether its requests are signed.
    pub fn is_signed(&self) -> bool {
        self.key.is_some()
    }

    /// Where it leads, as far as that may be shown: without path and query, which hold the keys of chat robots.
    pub fn origin(&self) -> String {
        self.url.origin().ascii_serialization()
    }
}

struct SettingsProblem {
    key: Option<&'static str>,
    what: String,
    hint: &'static str,
}

impl SettingsProblem {
    fn new(key: &'static str, what: impl ToString, hint: &'static str) -> Self {
        Self { key: Some(key), what: what.to_string(), hint }
    }
}

fn address(section: &WebhookSection) -> Result<Url, SettingsProblem> {
    let gate = Gate::new(Exemptions::default().with_private_network(section.private_network));
    let parsed = section.url.expose_secret().parse::<Url>().map_err(|_| GateError::Malformed);
    let checked = parsed.and_then(|url| gate.absolute(&url, url.as_str()));
    checked.map_err(|error| {
        let hint = match &error {
            GateError::PrivateAddress { .. } => {
                "if that is what you want, add `private_network: true` to this webhook"
            }
            _ => "write the address that the other side gave you: `https://…`, or `env:NAME` to keep it out of this file",
        };
        SettingsProblem::new("url", error, hint)
    })
}

fn events(section: &WebhookSection) -> Result<BTreeSet<EventKind>, SettingsProblem> {
    let hint = "the names are in the reference of the configuration: `sync.failed`, `disk.low` and so on; leave `on` out for \
                all of them";
    let Some(names) = &section.on else { return Ok(EventKind::ALL.into()) };
    if names.is_empty() {
        return Err(SettingsProblem::new("on", "this names no event", hint));
    }
    let read = |name: &String| {
        let wrong = |EventKindError| {
            SettingsProblem::new("on", format!("`{name}` is not the name of an event"), hint)
        };
        name.parse().map_err(wrong)
    };
    names.iter().map(read).collect()
}

fn key(section: &WebhookSection) -> Result<Option<SigningKey>, SettingsProblem> {
    let Some(secret) = &section.secret else { return Ok(None) };
    if !section.format.is_signed() {
        let what = format!("requests in the format `{}` are not signed", section.format);
        return Err(SettingsProblem::new("secret", what, "leave it out: the key is in the URL"));
    }
    let secret: &SecretString = secret;
    let hint = "make one with `openssl rand -base64 32`, and give it to the other side too";
    let key = SigningKey::read(secret.expose_secret(), section.format == Format::Json);
    key.map(Some).map_err(|error| SettingsProblem::new("secret", error, hint))
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn read(sections: Value) -> Result<Vec<Webhook>, (String, String)> {
        let sections: Vec<WebhookSection> = serde_json::from_value(sections).unwrap();
        Webhook::read(&sections).map_err(|fault| (fault.path.join("."), fault.what))
    }

    #[test]
    fn what_is_left_out_has_a_meaning() {
        let all = read(
            json!([{"url": "https://oapi.dingtalk.com/robot/send?access_token=x", "format": "dingtalk"}]),
        );
        let [robot] = all.unwrap().try_into().unwrap();
        assert_eq!(robot.name.as_str(), "oapi.dingtalk.com");
        assert_eq!((robot.language, robot.on.len()), (MessageLanguage::Chinese, EventKind::ALL.len()));
        let shown = format!("{robot:?}");
        assert!(shown.contains("https://oapi.dingtalk.com\"") && !shown.contains("token"), "{shown}");
    }

    #[test]
    fn only_what_somebody_wants_is_wanted() {
        let all = read(json!([
            {"url": "https://a.example", "on": ["disk.low"]},
            {"url": "https://b.example", "on": ["disk.low", "sync.failed"], "language": "zh"},
        ]));
        let all = all.unwrap();
        assert_eq!(wanted(&all), BTreeSet::from([EventKind::DiskLow, EventKind::SyncFailed]));
        assert_eq!(
            all.iter().map(|one| one.language).collect::<Vec<_>>(),
            [MessageLanguage::English, MessageLanguage::Chinese]
        );
    }

    #[test]
    fn faults_say_where_they_are_and_show_no_secret() {
        for (section, path, what) in [
            (json!({"url": "nonsense-KEY"}), "0.url", "not a URL with a host"),
            (json!({"url": "ftp://a.example"}), "0.url", "`ftp:` URLs are not allowed"),
            (
                json!({"url": "https://u:KEY@a.example"}),
                "0.url",
                "URLs with a user name or password are not allowed",
            ),
            (json!({"url": "http://127.0.0.1:9/KEY"}), "0.url", "`127.0.0.1` is at a private address"),
            (json!({"url": "http://alerts/KEY"}), "0.url", "`alerts` is at a private address"),
            (json!({"url": "https://a.example", "name": "a b"}), "0.name", "names of webhooks have"),
            (
                json!({"url": "https://a.example", "on": ["disk"]}),
                "0.on",
                "`disk` is not the name of an event",
            ),
            (json!({"url": "https://a.example", "on": []}), "0.on", "this names no event"),
            (json!({"url": "https://a.example", "secret": "KEY"}), "0.secret", "the secret is too short"),
            (
                json!({"url": "https://a.example", "secret": "KEY", "format": "wecom"}),
                "0.secret",
                "requests in the format `wecom` are not signed",
            ),
        ] {
            let (at, told) = read(json!([section])).unwrap_err();
            assert_eq!(at, path, "{section}");
            assert!(told.starts_with(what) && !told.contains("KEY"), "{section}: {told}");
        }
        let twice = json!([{"url": "https://a.example/1"}, {"url": "https://a.example/2"}]);
        assert_eq!(
            read(twice).unwrap_err(),
            ("1".to_owned(), "`a.example` is already the name of another webhook".to_owned())
        );
        let private = json!([{"url": "http://127.0.0.1:9/", "private_network": true}]);
        assert_eq!(read(private).unwrap()[0].name.as_str(), "127.0.0.1");
        let six = json!([{"url": "http://[::1]:9/", "private_network": true}]);
        assert_eq!(read(six).unwrap()[0].name.as_str(), "--1");
    }
}
