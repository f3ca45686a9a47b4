//! Requests in the forms that other sides want. Pure.
//!
//! `json` is ours; the others are those of chat robots, whose texts are made such that nothing in them mentions people or
//! becomes a link of its own.

use std::time::{SystemTime, UNIX_EPOCH};

use serde_json::{Value, json};
use url::Url;

use crate::{
    format::Format,
    message::{Message, seconds},
    settings::Webhook,
    signature::SigningKey,
};

/// The most bytes of a text: WeCom takes 2,048.
const LONGEST: usize = 2000;

/// A request that is ready to be sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Outgoing {
    /// Where to.
    pub(crate) url: Url,
    /// Headers besides the content type, which is JSON.
    pub(crate) headers: Vec<(&'static str, String)>,
    /// The body.
    pub(crate) body: String,
}

/// The request that tells a message at `now`.
pub(crate) fn outgoing(webhook: &Webhook, message: &Message<'_>, now: SystemTime) -> Outgoing {
    let (url, key) = (webhook.url.clone(), webhook.key.as_ref());
    let text = || shortened(&message.sentence(webhook.language));
    let told = |url, body: Value| Outgoing { url, headers: Vec::new(), body: body.to_string() };
    match webhook.format {
        Format::Json => {
            let body = message.document(webhook.language);
            Outgoing { url, headers: headers(message, key, &body, now), body }
        }
        Format::Dingtalk => told(dingtalk(url, key, now), said("msgtype", "content", &text())),
        Format::Wecom => told(url, said("msgtype", "content", &text())),
        Format::Feishu => told(url, feishu(&text(), key, now)),
        Format::Slack => told(url, json!({"text": for_slack(&text())})),
    }
}

fn headers(
    message: &Message<'_>,
    key: Option<&SigningKey>,
    body: &str,
    now: SystemTime,
) -> Vec<(&'static str, String)> {
    let mut headers =
        vec![("webhook-id", message.id.to_owned()), ("webhook-timestamp", seconds(now).to_string())];
    headers.extend(key.map(|key| ("webhook-signature", key.standard(message.id, now, body))));
    headers
}

fn said(kind: &str, content: &str, text: &str) -> Value {
    json!({kind: "text", "text": {content: text}})
}

fn dingtalk(mut url: Url, key: Option<&SigningKey>, now: SystemTime) -> Url {
    if let Some(key) = key {
        let milliseconds = now.duration_since(UNIX_EPOCH).unwrap_or_default().as_millis();
        let signature = key.dingtalk(milliseconds);
        url.query_pairs_mut()
            .append_pair("timestamp", &milliseconds.to_string())
            .append_pair("sign", &signature);
    }
    url
}

// `<at user_id="all">` would mention everybody.
fn feishu(text: &str, key: Option<&SigningKey>, now: SystemTime) -> Value {
    let mut body = said("msg_type", "text", &text.replace('<', "＜"));
    if let (Some(key), Some(fields)) = (key, body.as_object_mut()) {
        fields.insert("timestamp".to_owned(), seconds(now).to_string().into());
        fields.insert("sign".to_owned(), key.feishu(now).into());
    }
    body
}

// `<!channel>` would mention everybody (api.slack.com, "escaping text").
fn for_slack(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

fn shortened(text: &str) -> String {
    if text.len() <= LONGEST {
        return text.to_owned();
    }
    let end = (0..=LONGEST - '…'.len_utf8()).rev().find(|end| text.is_char_boundary(*end));
    format!("{}…", &text[..end.unwrap_or_default()])
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use entrepot_events::{Event, SyncRun, SyncRunState};

    use super::*;
    use crate::section::WebhookSection;

    const URL: &str = "https://hooks.example/send?access_token=x";

    fn webhook(format: &str, secret: Option<&str>) -> Webhook {
        let mut section = json!({"url": URL, "format": format});
        if let Some(secret) = secret {
            section["secret"] = secret.into();
        }
        let section: WebhookSection = serde_json::from_value(section).unwrap();
        Webhook::read(&[section]).unwrap().remove(0)
    }

    fn sent(webhook: &Webhook, problem: &str) -> Outgoing {
        let event = Event::SyncFailed(SyncRun {
            rule: "base".to_owned(),
            run: "7".to_owned(),
            state: SyncRunState::Failed,
            failed: 1,
            postponed: 0,
            problem: Some(problem.to_owned()),
        });
        let message = Message { id: "018f", at: UNIX_EPOCH, server: None, event };
        outgoing(webhook, &message, UNIX_EPOCH + Duration::from_millis(1_599_360_473_500))
    }

    fn body(outgoing: &Outgoing) -> Value {
        serde_json::from_str(&outgoing.body).unwrap()
    }

    #[test]
    fn our_own_form_has_its_facts_in_headers() {
        let plain = sent(&webhook("json", None), "x");
        assert_eq!(plain.url.as_str(), URL);
        assert_eq!(
            plain.headers,
            [("webhook-id", "018f".to_owned()), ("webhook-timestamp", "1599360473".to_owned())]
        );
        assert_eq!(body(&plain)["data"]["rule"], "base");
        let signed = sent(&webhook("json", Some("a long enough secret")), "x");
        let (name, value) = &signed.headers[2];
        assert_eq!(*name, "webhook-signature");
        let key = SigningKey::read("a long enough secret", true).unwrap();
        let at = UNIX_EPOCH + Duration::from_secs(1_599_360_473);
        assert_eq!(*value, key.standard("018f", at, &signed.body));
    }

    #[test]
    fn robots_are_told_in_their_own_form() {
        let told = "[entrepot] 同步规则 `base` 失败：x";
        let dingtalk = sent(&webhook("dingtalk", Some("SECtest")), "x");
        let query: Vec<_> = dingtalk.url.query_pairs().map(|(name, _)| name.into_owned()).collect();
        assert_eq!(query, ["access_token", "timestamp", "sign"]);
        assert!(!dingtalk.url.query().unwrap().contains(['+', '/']), "{}", dingtalk.url);
        assert_eq!(body(&dingtalk), json!({"msgtype": "text", "text": {"content": told}}));
        let wecom = sent(&webhook("wecom", None), "x");
        assert_eq!(body(&wecom), json!({"msgtype": "text", "text": {"content": told}}));
        assert_eq!(wecom.url.as_str(), URL);
        let feishu = sent(&webhook("feishu", Some("SECtest")), "x");
        assert_eq!(
            body(&feishu),
            json!({
                "msg_type": "text",
                "text": {"text": told},
                "timestamp": "1599360473",
                "sign": "bMjxHlJJlXMW0yjKHZsmMvrFnAOfMlmWpRUsH3qMAek=",
            })
        );
        let slack = sent(&webhook("slack", None), "x");
        assert_eq!(body(&slack), json!({"text": "[entrepot] the sync `base` failed: x"}));
    }

    #[test]
    fn nobody_is_mentioned_by_what_others_say() {
        let feishu = body(&sent(&webhook("feishu", None), "<at user_id=\"all\"></at>"));
        assert!(!feishu["text"]["text"].as_str().unwrap().contains('<'), "{feishu}");
        let slack = body(&sent(&webhook("slack", None), "<!channel> & <https://evil.example|click>"));
        let text = slack["text"].as_str().unwrap();
        assert!(text.ends_with("&lt;!channel&gt; &amp; &lt;https://evil.example|click&gt;"), "{text}");
    }

    #[test]
    fn long_texts_are_cut_between_letters() {
        for padding in ["", "x", "xx"] {
            let told = body(&sent(&webhook("wecom", None), &format!("{padding}{}", "镜".repeat(900))));
            let text = told["text"]["content"].as_str().unwrap();
            assert!(text.len() <= LONGEST && text.len() > LONGEST - 6 && text.ends_with('…'));
        }
    }
}
