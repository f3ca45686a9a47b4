//! Request ids: the client's own if it is well-formed, otherwise a new one.

use std::sync::{
    LazyLock,
    atomic::{AtomicU64, Ordering},
};

use http::{HeaderMap, HeaderValue};

use crate::headers::{self, X_REQUEST_ID};

const HEX: &[u8; 16] = b"0123456789abcdef";

/// The id of a request in the log, in the response and in error messages. Cheap to clone.
#[derive(Clone, Debug)]
pub(crate) struct RequestId(HeaderValue);

impl RequestId {
    /// Takes the client's id if it is 1 to 64 characters of `[A-Za-z0-9._-]`; otherwise makes a new one.
    pub(crate) fn of(headers: &HeaderMap) -> Self {
        match headers.get(X_REQUEST_ID) {
            Some(value) if is_decent(value.as_bytes()) => Self(value.clone()),
            _ => Self::new(),
        }
    }

    /// Unique across restarts of the server; no system call per request.
    fn new() -> Self {
        static START: LazyLock<String> =
            LazyLock::new(|| format!("{:016x}-", uuid::Uuid::new_v4().as_u64_pair().0));
        static NEXT: AtomicU64 = AtomicU64::new(0);
        let mut number = NEXT.fetch_add(1, Ordering::Relaxed);
        // Without the formatter, which costs more than all the rest: each request has one.
        let (mut digits, mut first) = ([b'0'; 16], 16);
        while number > 0 || first == 16 {
            first -= 1;
            digits[first] = HEX[(number % 16) as usize];
            number /= 16;
        }
        let text = [START.as_bytes(), &digits[first..]].concat();
        Self(headers::value(text))
    }

    pub(crate) fn as_str(&self) -> &str {
        self.0.to_str().unwrap_or_default()
    }

    pub(crate) fn header(&self) -> HeaderValue {
        self.0.clone()
    }
}

fn is_decent(bytes: &[u8]) -> bool {
    (1..=64).contains(&bytes.len())
        && bytes.iter().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-'))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(value: &[u8]) -> String {
        let mut headers = HeaderMap::new();
        headers.insert(X_REQUEST_ID, HeaderValue::from_bytes(value).unwrap());
        RequestId::of(&headers).as_str().to_owned()
    }

    #[test]
    fn keeps_a_decent_one() {
        assert_eq!(of(b"Abc-1.2_3"), "Abc-1.2_3");
        assert_eq!(of(&[b'a'; 64]), "a".repeat(64));
    }

    #[test]
    fn replaces_any_other() {
        for bad in [&b""[..], b"a b", b"<script>", b"a\tb", b"\xff", &[b'a'; 65]] {
            let id = of(bad);
            assert!(id.len() > 16 && id.bytes().all(|byte| byte.is_ascii_hexdigit() || byte == b'-'), "{id}");
        }
        assert_ne!(of(b""), of(b""));
    }
}
