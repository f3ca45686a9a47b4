//! Signatures. Pure.
//!
//! Our own form is that of Standard Webhooks (standardwebhooks.com), for which there are libraries in most languages:
//! `webhook-signature: v1,BASE64(HMAC-SHA256(key, "ID.TIMESTAMP.BODY"))`. The robots of DingTalk and Feishu have forms of
//! their own.

use std::{fmt, time::SystemTime};

use aws_lc_rs::hmac;
use base64::{Engine as _, engine::general_purpose::STANDARD};
use secrecy::{ExposeSecret as _, SecretString};

use crate::message::seconds;

/// What marks a secret that is written in base64, as Standard Webhooks has it.
const PREFIX: &str = "whsec_";
/// The fewest bytes of a secret of ours.
const FEWEST: usize = 16;

/// What requests are signed with.
#[derive(Clone)]
pub(crate) struct SigningKey {
    /// The secret as it was given.
    text: SecretString,
    /// What it stands for.
    key: hmac::Key,
}

/// The text cannot be a secret.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum KeyError {
    /// It can be guessed.
    #[error("the secret is too short: 16 characters are the least")]
    Short,
    /// It is not base64.
    #[error("behind `whsec_` there is base64, and this is not")]
    NotBase64,
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SigningKey")
    }
}

impl SigningKey {
    /// Reads a secret: one of `ours`, or one that the other side gave out.
    pub(crate) fn read(secret: &str, ours: bool) -> Result<Self, KeyError> {
        let bytes = match secret.strip_prefix(PREFIX).filter(|_| ours) {
            Some(text) => STANDARD.decode(text).map_err(|_| KeyError::NotBase64)?,
            None => secret.as_bytes().to_owned(),
        };
        if ours && bytes.len() < FEWEST {
            return Err(KeyError::Short);
        }
        Ok(Self { text: secret.into(), key: hmac::Key::new(hmac::HMAC_SHA256, &bytes) })
    }

    /// The value of `webhook-signature`.
    pub(crate) fn standard(&self, id: &str, at: SystemTime, body: &str) -> String {
        let signed = format!("{id}.{}.{body}", seconds(at));
        format!("v1,{}", encoded(&self.key, signed.as_bytes()))
    }

    /// The signature of DingTalk's robots: of the time in milliseconds and the secret, signed with the secret
    /// (open.dingtalk.com, "custom robot security settings").
    pub(crate) fn dingtalk(&self, milliseconds: u128) -> String {
        let signed = format!("{milliseconds}\n{}", self.text.expose_secret());
        encoded(&self.key, signed.as_bytes())
    }

    /// The signature of Feishu's robots: of nothing, signed with the time in seconds and the secret (open.feishu.cn,
    /// "custom bot usage guide").
    pub(crate) fn feishu(&self, at: SystemTime) -> String {
        let key = format!("{}\n{}", seconds(at), self.text.expose_secret());
        encoded(&hmac::Key::new(hmac::HMAC_SHA256, key.as_bytes()), b"")
    }
}

fn encoded(key: &hmac::Key, bytes: &[u8]) -> String {
    STANDARD.encode(hmac::sign(key, bytes))
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, UNIX_EPOCH};

    use super::*;

    #[test]
    fn signs_as_the_libraries_for_standard_webhooks_verify() {
        // The example of the specification.
        let key = SigningKey::read("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", true).unwrap();
        let at = UNIX_EPOCH + Duration::from_secs(1_614_265_330);
        let signature = key.standard("msg_p5jXN8AQM9LWM0D4loKWxJek", at, r#"{"test": 2432232314}"#);
        assert_eq!(signature, "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
    }

    #[test]
    fn robots_have_forms_of_their_own() {
        // Computed with `openssl dgst -sha256 -hmac`.
        let key = SigningKey::read("SECtest", false).unwrap();
        assert_eq!(key.dingtalk(1_577_262_236_757), "Za/ne6w2koB8B4ROVlgTNd/X+/FbyDpZrXLz57xNZSA=");
        assert_eq!(
            key.feishu(UNIX_EPOCH + Duration::from_secs(1_599_360_473)),
            "bMjxHlJJlXMW0yjKHZsmMvrFnAOfMlmWpRUsH3qMAek="
        );
    }

    #[test]
    fn weak_and_broken_secrets_are_refused() {
        let read = |text: &str| SigningKey::read(text, true).map(drop);
        assert_eq!(read("short"), Err(KeyError::Short));
        assert_eq!(read("whsec_c2hvcnQ="), Err(KeyError::Short));
        assert_eq!(read("whsec_%%%"), Err(KeyError::NotBase64));
        assert_eq!(read("a long enough secret"), Ok(()));
        let shown = format!("{:?}", SigningKey::read("a long enough secret", true).unwrap());
        assert_eq!(shown, "SigningKey");
    }
}
