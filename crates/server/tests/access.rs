//! The access log: one line per request, with nothing secret and nothing that a terminal would obey.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on ends")]

mod support;

use entrepot_testkit::CapturedOutput;
use support::Rig;

// Alone in its file: what the server's threads say is heard by one subscriber for the whole process.
#[tokio::test]
async fn the_access_log_has_no_secrets() {
    let log = CapturedOutput::default();
    let writer = log.clone();
    let subscriber = tracing_subscriber::fmt().json().with_writer(move || writer.clone()).finish();
    tracing::subscriber::set_global_default(subscriber).unwrap();
    let rig = Rig::start().await;
    let request = "GET /v2/local/a/tags/list?n=5&token=canary&last=x HTTP/1.1\r\nhost: x\r\n\
                   authorization: Basic canary\r\ncookie: canary\r\nuser-agent: docker/20.10 \u{202e}x\r\n\
                   x-request-id: one\r\nconnection: close\r\n\r\n";
    let answer = rig.raw(request.as_bytes()).await;
    assert!(answer.starts_with("HTTP/1.1 404"), "{answer}");
    nasty(&rig).await;
    let text = log.text();
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
    lines_are_whole(&text);
}

const NASTY: [(&str, &str); 6] = [
    ("/v2/a%0d%0a%7b%22target%22:%22access%22%7d/manifests/x", "curl"),
    ("/v2/a%1b%5b31mred/manifests/x?last=%0a%1b", "curl"),
    ("/v2/a/manifests/\u{202e}x", "curl"),
    ("/v2/a/tags/list", "\u{202e}\u{2066}\u{200b}"),
    ("/v2/a/tags/list?n=1", "a\",\"target\":\"forged\\"),
    ("/v2/\"}{\"/manifests/x", "{}"),
];

// H19: what could end a line, colour a terminal or turn its text around.
async fn nasty(rig: &Rig) {
    for (path, agent) in NASTY {
        let request = format!(
            "GET {path} HTTP/1.1\r\nhost: x\r\nuser-agent: {agent}\r\nx-forwarded-for: 6.6.6.6\r\n\
             authorization: Basic Zm9yZ2VkCnVzZXI6cHc=\r\nconnection: close\r\n\r\n"
        );
        rig.raw(request.as_bytes()).await;
    }
    // Raw control characters do not get past the parser.
    for control in ["\u{1b}[31m", "\u{0}", "a\rb"] {
        let answer = rig
            .raw(format!("GET /v2/ HTTP/1.1\r\nhost: x\r\nuser-agent: {control}\r\n\r\n").as_bytes())
            .await;
        assert!(answer.starts_with("HTTP/1.1 400"), "{answer}");
    }
}

fn lines_are_whole(text: &str) {
    assert!(!text.contains('\u{1b}') && !text.contains("forged user"));
    let turning =
        |c: char| matches!(c, '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    assert!(!text.contains(turning), "{text}");
    let events = text.lines().map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap());
    let access: Vec<_> = events.filter(|event| event["target"] == "access").collect();
    // The parser may refuse an address before there is a request to log.
    assert!((4..=1 + NASTY.len()).contains(&access.len()), "{text}");
    for (index, event) in access.iter().enumerate() {
        // The first one came straight, the others through a proxy on this machine.
        assert_eq!(event["fields"]["client"], if index == 0 { "127.0.0.1" } else { "6.6.6.6" });
        let shown = [&event["fields"]["path"], &event["fields"]["agent"]];
        assert!(shown.iter().all(|text| !text.as_str().unwrap().contains(char::is_control)), "{event}");
    }
}
