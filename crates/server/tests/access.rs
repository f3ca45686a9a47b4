//! The access log: one line per request, with nothing secret and nothing that a terminal would obey.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on ends")]

mod support;

use std::{
    io,
    sync::{Arc, Mutex},
};

use support::Rig;

#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl io::Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

// One thread, so that the subscriber of this test sees the server's events; alone in its file, since tracing
// remembers for all threads whether anybody listens.
#[tokio::test]
async fn the_access_log_has_no_secrets() {
    let log = Log::default();
    let writer = log.clone();
    let subscriber = tracing_subscriber::fmt().json().with_writer(move || writer.clone()).finish();
    let _guard = tracing::subscriber::set_default(subscriber);
    let rig = Rig::start().await;
    let request = "GET /v2/local/a/tags/list?n=5&token=canary&last=x HTTP/1.1\r\nhost: x\r\n\
                   authorization: Basic canary\r\ncookie: canary\r\nuser-agent: docker/20.10 \u{202e}x\r\n\
                   x-request-id: one\r\nconnection: close\r\n\r\n";
    let answer = rig.raw(request.as_bytes()).await;
    assert!(answer.starts_with("HTTP/1.1 404"), "{answer}");
    let text = String::from_utf8(log.0.lock().unwrap().clone()).unwrap();
    assert!(!text.contains("canary") && !text.contains('\u{202e}'), "{text}");
    let line = text.lines().find(|line| line.contains(r#""target":"access""#)).unwrap();
    let event: serde_json::Value = serde_json::from_str(line).unwrap();
    let fields = &event["fields"];
    assert_eq!(fields["path"], "/v2/local/a/tags/list?n=5&last=x");
    assert_eq!(fields["agent"], r"docker/20.10 \u{202e}x");
    assert_eq!(
        (&fields["request"], &fields["method"], &fields["status"]),
        (&"one".into(), &"GET".into(), &404.into())
    );
    assert_eq!((&fields["client"], fields["bytes"].as_u64() > Some(0)), (&"127.0.0.1".into(), true));
}
