//! What an answer means. Pure.
//!
//! Chat robots answer with status 200 also if they refuse: their verdict is a number in the document.

use std::time::Duration;

use entrepot_oci::printable;
use serde::Deserialize;

use crate::format::Format;

/// The longest wait that the other side may ask for.
const LONGEST_WAIT: Duration = Duration::from_secs(60 * 60);
/// The most letters of the other side's words.
const MOST_LETTERS: usize = 200;

/// An answer, as far as it matters.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct WebhookResponse {
    /// The HTTP status.
    pub(crate) status: u16,
    /// The header `Retry-After`, in seconds.
    pub(crate) retry_after: Option<u64>,
    /// The beginning of the body.
    pub(crate) body: Vec<u8>,
}

/// What an attempt came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum DeliveryVerdict {
    /// The other side has taken it: there is nothing more to do.
    Taken,
    /// It was not taken: try again later.
    Refused {
        /// Why, in words.
        why: String,
        /// How long the other side wants to be left alone.
        wait: Option<Duration>,
    },
    /// The other side says that nobody is there any more: do not try again.
    Gone,
}

/// What robots answer: `errcode` those of DingTalk and WeCom, `code` or formerly `StatusCode` that of Feishu.
#[derive(Deserialize)]
struct RobotAnswer {
    #[serde(alias = "code", alias = "StatusCode")]
    errcode: i64,
    #[serde(default, alias = "msg", alias = "StatusMessage")]
    errmsg: String,
}

/// What the answer to a request in this format means.
pub(crate) fn judge(format: Format, answer: &WebhookResponse) -> DeliveryVerdict {
    let wait = answer.retry_after.map(|seconds| Duration::from_secs(seconds).min(LONGEST_WAIT));
    match answer.status {
        410 => DeliveryVerdict::Gone,
        200..=299 => match format {
            Format::Json | Format::Slack => DeliveryVerdict::Taken,
            Format::Dingtalk | Format::Feishu | Format::Wecom => judge_robot(&answer.body),
        },
        status @ 300..=399 => DeliveryVerdict::Refused {
            why: format!("status {status}, and redirects are not followed"),
            wait: None,
        },
        status => DeliveryVerdict::Refused { why: format!("status {status}"), wait },
    }
}

fn judge_robot(body: &[u8]) -> DeliveryVerdict {
    match serde_json::from_slice::<RobotAnswer>(body) {
        Ok(RobotAnswer { errcode: 0, .. }) => DeliveryVerdict::Taken,
        Ok(RobotAnswer { errcode, errmsg }) => {
            let said: String = printable(&errmsg).chars().take(MOST_LETTERS).collect();
            DeliveryVerdict::Refused { why: format!("the robot says {errcode}: {said}"), wait: None }
        }
        Err(_) => DeliveryVerdict::Refused { why: "what answers is no robot".to_owned(), wait: None },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn judged(format: Format, status: u16, body: &str) -> DeliveryVerdict {
        judge(format, &WebhookResponse { status, retry_after: None, body: body.into() })
    }

    fn why(verdict: DeliveryVerdict) -> String {
        match verdict {
            DeliveryVerdict::Refused { why, .. } => why,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_status_says_it_for_programs() {
        for status in [200, 202, 204] {
            assert_eq!(judged(Format::Json, status, "no JSON"), DeliveryVerdict::Taken);
        }
        assert_eq!(judged(Format::Json, 410, ""), DeliveryVerdict::Gone);
        assert_eq!(why(judged(Format::Json, 302, "")), "status 302, and redirects are not followed");
        assert_eq!(why(judged(Format::Slack, 403, "invalid_token")), "status 403");
        let busy = WebhookResponse { status: 429, retry_after: Some(7), body: Vec::new() };
        let wait = |answer: &WebhookResponse| match judge(Format::Json, answer) {
            DeliveryVerdict::Refused { wait, .. } => wait,
            other => panic!("{other:?}"),
        };
        assert_eq!(wait(&busy), Some(Duration::from_secs(7)));
        assert_eq!(wait(&WebhookResponse { retry_after: Some(u64::MAX), ..busy }), Some(LONGEST_WAIT));
    }

    #[test]
    fn robots_refuse_with_status_200() {
        let ok = r#"{"errcode":0,"errmsg":"ok"}"#;
        assert_eq!(judged(Format::Dingtalk, 200, ok), DeliveryVerdict::Taken);
        assert_eq!(judged(Format::Wecom, 200, ok), DeliveryVerdict::Taken);
        assert_eq!(
            judged(Format::Feishu, 200, r#"{"code":0,"msg":"success","data":{}}"#),
            DeliveryVerdict::Taken
        );
        let former = r#"{"StatusCode":0,"StatusMessage":"success"}"#;
        assert_eq!(judged(Format::Feishu, 200, former), DeliveryVerdict::Taken);
        let refused = r#"{"errcode":310000,"errmsg":"sign not match\u001b[31m"}"#;
        assert_eq!(
            why(judged(Format::Dingtalk, 200, refused)),
            r"the robot says 310000: sign not match\u{1b}[31m"
        );
        let refused = r#"{"code":19021,"msg":"sign match fail"}"#;
        assert_eq!(why(judged(Format::Feishu, 200, refused)), "the robot says 19021: sign match fail");
        assert_eq!(why(judged(Format::Wecom, 200, "<html>")), "what answers is no robot");
        let long = format!(r#"{{"errcode":1,"errmsg":"{}"}}"#, "x".repeat(5000));
        assert!(why(judged(Format::Wecom, 200, &long)).len() < 300);
    }
}
