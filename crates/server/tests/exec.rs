//! Programs in instances, over WebSockets.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on ends")]

mod support;

use std::time::Duration;

use bytes::Bytes;
use entrepot_testkit::engine::{ExecAnswer, TestEngine};
use futures_util::{SinkExt as _, StreamExt as _};
use http::{HeaderName, HeaderValue};
use serde_json::{Value, json};
use support::{
    account::{AWAY, basic},
    library::Yard,
    stock::{INSTANCES, new, reaches, stocked},
};
use tokio::net::TcpStream;
use tokio_tungstenite::{
    WebSocketStream, client_async,
    tungstenite::{Error, Message, client::IntoClientRequest as _, protocol::frame::coding::CloseCode},
};

const PATIENCE: Duration = Duration::from_secs(30);

/// A client of a program.
struct Client(WebSocketStream<TcpStream>);

impl Client {
    /// Begins a conversation as an account; the status, if that is refused.
    async fn open(yard: &Yard, user: &str) -> Result<Self, u16> {
        Self::with(yard, 1, &[AWAY, ("authorization", &basic(user))]).await
    }

    async fn with(yard: &Yard, instance: u32, headers: &[(&'static str, &str)]) -> Result<Self, u16> {
        let address = yard.rig.address;
        let url = format!("ws://{address}/api/v1/library/instances/{instance}/exec");
        let mut request = url.into_client_request().unwrap();
        for (name, value) in headers {
            request
                .headers_mut()
                .insert(HeaderName::from_static(name), HeaderValue::from_str(value).unwrap());
        }
        let protocol = HeaderValue::from_static("entrepot.exec.v1");
        request.headers_mut().insert("sec-websocket-protocol", protocol.clone());
        let stream = TcpStream::connect(address).await.unwrap();
        match client_async(request, stream).await {
            Ok((socket, answer)) => {
                assert_eq!(answer.headers()["sec-websocket-protocol"], protocol);
                Ok(Self(socket))
            }
            Err(Error::Http(answer)) => Err(answer.status().as_u16()),
            Err(error) => panic!("{error}"),
        }
    }

    async fn say(&mut self, message: Value) {
        self.0.send(Message::text(message.to_string())).await.unwrap();
    }

    async fn write(&mut self, bytes: &[u8]) {
        self.0.send(Message::binary(Bytes::copy_from_slice(bytes))).await.unwrap();
    }

    /// What comes next, but pings.
    async fn next(&mut self) -> Option<Message> {
        loop {
            match tokio::time::timeout(PATIENCE, self.0.next()).await.unwrap()? {
                Ok(Message::Ping(_)) => {}
                message => return message.ok(),
            }
        }
    }

    async fn report(&mut self) -> Value {
        let Some(Message::Text(text)) = self.next().await else { panic!("no report") };
        serde_json::from_str(&text).unwrap()
    }

    /// What is printed until the next report: output, errors, the report.
    async fn printed(&mut self) -> (Vec<u8>, Vec<u8>, Value) {
        let (mut output, mut errors) = (Vec::new(), Vec::new());
        loop {
            match self.next().await {
                Some(Message::Binary(frame)) if frame[0] == 1 => output.extend_from_slice(&frame[1..]),
                Some(Message::Binary(frame)) if frame[0] == 2 => errors.extend_from_slice(&frame[1..]),
                Some(Message::Text(text)) => return (output, errors, serde_json::from_str(&text).unwrap()),
                other => panic!("{other:?}"),
            }
        }
    }

    async fn closed(&mut self) -> CloseCode {
        match self.next().await {
            Some(Message::Close(Some(frame))) => frame.code,
            other => panic!("{other:?}"),
        }
    }
}

async fn running() -> (Yard, TestEngine) {
    let (yard, engine) = stocked().await;
    assert_eq!(yard.ask("user", "POST", INSTANCES, new("a")).await.status, 201);
    reaches(&yard, "/library/instances/1", "running").await;
    (yard, engine)
}

/// Waits until something is so.
async fn until(what: &str, is_so: impl Fn() -> bool) {
    entrepot_testkit::until(what, || is_so().then_some(())).await;
}

// Row 48: characters are cut anywhere.
#[tokio::test(flavor = "multi_thread")]
async fn a_program_reads_and_prints_every_byte() {
    let (yard, engine) = running().await;
    let mut client = Client::open(&yard, "user").await.unwrap();
    client.say(json!({"type": "start", "command": ["cat"], "input": true})).await;
    assert_eq!(client.report().await, json!({"type": "started"}));
    let text = "中文🚀".as_bytes();
    for cut in 0..=text.len() {
        client.write(&text[..cut]).await;
        client.write(&text[cut..]).await;
    }
    client.say(json!({"type": "end-of-input"})).await;
    let (output, errors, report) = client.printed().await;
    assert_eq!(String::from_utf8(output).unwrap(), "中文🚀".repeat(text.len() + 1));
    assert_eq!((errors, report), (Vec::new(), json!({"type": "exited", "code": 0})));
    assert_eq!(client.closed().await, CloseCode::Normal);
    until("the end", || engine.programs() == 0).await;
    assert_eq!(yard.actions().await[0], "instance.exec done");
}

#[tokio::test(flavor = "multi_thread")]
async fn streams_and_exit_code_are_told() {
    let (yard, engine) = running().await;
    let answer = ExecAnswer { output: b"out".to_vec(), errors: b"err".to_vec(), exit_code: 7 };
    engine.answer_exec("make", answer);
    let mut client = Client::open(&yard, "user").await.unwrap();
    client.say(json!({"type": "start", "command": ["make"], "user": "1000"})).await;
    assert_eq!(client.report().await["type"], "started");
    let (output, errors, report) = client.printed().await;
    assert_eq!((&*output, &*errors, &report["code"]), (&b"out"[..], &b"err"[..], &json!(7)));
    let create = &engine.calls_of("POST", "containers/*/exec")[0].body;
    assert_eq!((&create["User"], &create["AttachStdin"]), (&json!("1000"), &json!(false)));
}

// Row 47: `stty size` is right from the first moment.
#[tokio::test(flavor = "multi_thread")]
async fn a_shell_has_a_terminal_of_the_right_size() {
    let (yard, engine) = running().await;
    let mut client = Client::open(&yard, "user").await.unwrap();
    client.say(json!({"type": "start", "input": true, "terminal": {"rows": 40, "columns": 120}})).await;
    assert_eq!(client.report().await["type"], "started");
    let create = &engine.calls_of("POST", "containers/*/exec")[0].body;
    assert_eq!(create["ConsoleSize"], json!([40, 120]));
    assert!(create["Cmd"].to_string().contains("command -v bash"), "{create}");
    client.say(json!({"type": "resize", "rows": 50, "columns": 200})).await;
    until("the new size", || {
        engine.calls_of("POST", "exec/*/resize").iter().any(|call| call.value("w") == "200")
    })
    .await;
    client.write(b"hello").await;
    assert_eq!(client.next().await.unwrap().into_data(), &b"\x01hello"[..]);
}

// Row 46: a tab that is closed leaves nothing behind.
#[tokio::test(flavor = "multi_thread")]
async fn whoever_leaves_ends_the_program() {
    for terminal in [json!({"rows": 24, "columns": 80}), Value::Null] {
        let (yard, engine) = running().await;
        let mut client = Client::open(&yard, "user").await.unwrap();
        client.say(json!({"type": "start", "input": true, "terminal": terminal})).await;
        assert_eq!(client.report().await["type"], "started");
        assert_eq!(engine.programs(), 1);
        drop(client);
        until("its end", || engine.programs() == 0).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_stops_says_so_and_ends_the_program() {
    let (yard, engine) = running().await;
    let mut client = Client::open(&yard, "user").await.unwrap();
    client.say(json!({"type": "start", "input": true, "terminal": {"rows": 24, "columns": 80}})).await;
    assert_eq!(client.report().await["type"], "started");
    yard.rig.stop.cancel();
    let report = client.report().await;
    assert_eq!(report["detail"], "the server shuts down; try again later");
    assert_eq!(client.closed().await, CloseCode::Away);
    until("its end", || engine.programs() == 0).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_may_not_gets_no_conversation() {
    let (yard, engine) = running().await;
    assert_eq!(Client::open(&yard, "viewer").await.err(), Some(403));
    assert_eq!(Client::with(&yard, 1, &[AWAY]).await.err(), Some(401));
    assert_eq!(Client::with(&yard, 9, &[AWAY, ("authorization", &basic("user"))]).await.err(), Some(404));
    assert!(Client::open(&yard, "operator").await.is_ok(), "who manages all");
    yard.ask("admin", "POST", INSTANCES, new("theirs")).await;
    reaches_as(&yard, "admin", "/library/instances/2", "running").await;
    assert_eq!(Client::with(&yard, 2, &[AWAY, ("authorization", &basic("user"))]).await.err(), Some(404));
    let plain = yard.ask("user", "GET", "/library/instances/1/exec", Value::Null).await;
    assert_eq!(plain.status, 400, "{}", plain.body);
    let plain = yard.ask("user", "GET", "/library/instances/2/exec", Value::Null).await;
    assert_eq!(plain.status, 404, "first of all it is somebody else's");
    yard.ask("user", "POST", "/library/instances/1/stop", Value::Null).await;
    reaches(&yard, "/library/instances/1", "stopped").await;
    assert_eq!(Client::open(&yard, "user").await.err(), Some(409));
    assert!(engine.calls_of("POST", "containers/*/exec").is_empty());
}

async fn reaches_as(yard: &Yard, user: &str, path: &str, phase: &str) {
    while yard.ask(user, "GET", path, Value::Null).await.body["phase"] != phase {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

// W02: a page of another site, with the login of whoever looks at it.
#[tokio::test(flavor = "multi_thread")]
async fn pages_of_other_sites_begin_nothing() {
    let (yard, _engine) = running().await;
    let login = basic("user");
    for origin in ["https://evil.example", "null", "http://m.test:81"] {
        let headers = [AWAY, ("authorization", &login), ("origin", origin)];
        assert_eq!(Client::with(&yard, 1, &headers).await.err(), Some(403), "{origin}");
    }
    let elsewhere = [AWAY, ("authorization", &login), ("sec-fetch-site", "same-site")];
    assert_eq!(Client::with(&yard, 1, &elsewhere).await.err(), Some(403));
    let ours = [AWAY, ("authorization", &login), ("origin", "http://m.test")];
    assert!(Client::with(&yard, 1, &ours).await.is_ok());
    let in_address =
        yard.rig.send("GET", "/api/v1/library/instances/1/exec?access_token=x", &[AWAY], "").await;
    assert_eq!(in_address.status, 401, "an address has no login");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_means_nothing_ends_the_conversation() {
    let (yard, engine) = running().await;
    for first in [
        Message::text("{}"),
        Message::text(r#"{"type":"start","privileged":true}"#),
        Message::text(r#"{"type":"resize","rows":1,"columns":1}"#),
        Message::binary(&b"ls"[..]),
    ] {
        let mut client = Client::open(&yard, "user").await.unwrap();
        client.0.send(first.clone()).await.unwrap();
        let report = client.report().await;
        assert!(report["detail"].as_str().unwrap().starts_with("the frame is none"), "{first}: {report}");
        assert_eq!(client.closed().await, CloseCode::Policy);
    }
    let mut client = Client::open(&yard, "user").await.unwrap();
    client.write(&vec![b'x'; (64 << 10) + 1]).await;
    assert!(client.next().await.is_none(), "a frame that is too long is not kept");
    assert!(engine.calls_of("POST", "containers/*/exec").is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_container_without_a_shell_is_told_in_the_clients_language() {
    let (yard, engine) = running().await;
    engine.lose_shell();
    let headers = [AWAY, ("authorization", &*basic("user")), ("accept-language", "zh-CN")];
    let mut client = Client::with(&yard, 1, &headers).await.unwrap();
    client.say(json!({"type": "start", "command": ["ls"]})).await;
    let told = client.report().await["detail"].as_str().unwrap().to_owned();
    assert!(told.starts_with("程序无法在容器中启动") && told.contains("executable file not found"), "{told}");
    assert_eq!(yard.actions().await[0], "instance.exec refused");
}

#[tokio::test(flavor = "multi_thread")]
async fn programs_of_an_instance_are_bounded() {
    let (yard, _engine) = running().await;
    let mut clients = Vec::new();
    for _ in 0..32 {
        clients.push(Client::open(&yard, "user").await.unwrap());
    }
    assert_eq!(Client::open(&yard, "user").await.err(), Some(409));
    clients.pop();
    while Client::open(&yard, "user").await.is_err() {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

// What somebody may not do any more ends by the event of the change, not by a look at a clock: the tests never wait for one.
#[tokio::test(flavor = "multi_thread")]
async fn a_terminal_ends_when_its_account_is_disabled() {
    let (yard, engine) = running().await;
    let mut client = Client::open(&yard, "user").await.unwrap();
    client.say(json!({"type": "start", "input": true, "terminal": {"rows": 24, "columns": 80}})).await;
    assert_eq!(client.report().await["type"], "started");
    // A change of something else lets it go on.
    let other = yard.ask("admin", "PATCH", "/accounts/viewer", json!({"disabled": true})).await;
    assert_eq!(other.status, 204, "{}", other.body);
    client.write(b"on").await;
    assert_eq!(client.next().await.unwrap().into_data(), &b"\x01on"[..]);
    assert_eq!(yard.ask("admin", "PATCH", "/accounts/user", json!({"disabled": true})).await.status, 204);
    let report = client.report().await;
    let told = "you may not go on here: the account, or what you logged in with, has changed; log in again";
    assert_eq!(report, json!({"type": "failed", "detail": told}));
    assert_eq!(client.closed().await, CloseCode::Policy);
    until("its end", || engine.programs() == 0).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_terminal_ends_when_its_account_may_run_nothing_or_is_gone() {
    for (method, change) in [("PATCH", json!({"role": "viewer"})), ("DELETE", Value::Null)] {
        let (yard, engine) = running().await;
        let mut client = Client::open(&yard, "user").await.unwrap();
        client.say(json!({"type": "start", "input": true, "terminal": {"rows": 24, "columns": 80}})).await;
        assert_eq!(client.report().await["type"], "started");
        assert_eq!(yard.ask("admin", method, "/accounts/user", change).await.status, 204);
        assert_eq!(client.report().await["type"], "failed", "{method}");
        until("its end", || engine.programs() == 0).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_terminal_ends_with_the_token_that_it_began_with() {
    let (yard, engine) = running().await;
    let token = json!({"name": "t", "scopes": ["library"]});
    let token = yard.ask("user", "POST", "/tokens", token).await.body;
    let bearer = format!("Bearer {}", token["token"].as_str().unwrap());
    let mut by_token = Client::with(&yard, 1, &[AWAY, ("authorization", &bearer)]).await.unwrap();
    let mut by_password = Client::open(&yard, "user").await.unwrap();
    for client in [&mut by_token, &mut by_password] {
        client.say(json!({"type": "start", "input": true, "terminal": {"rows": 24, "columns": 80}})).await;
        assert_eq!(client.report().await["type"], "started");
    }
    let path = format!("/tokens/{}", token["id"].as_str().unwrap());
    assert_eq!(yard.ask("user", "DELETE", &path, Value::Null).await.status, 204);
    assert_eq!(by_token.report().await["type"], "failed");
    until("its end", || engine.programs() == 1).await;
    by_password.write(b"on").await;
    assert_eq!(by_password.next().await.unwrap().into_data(), &b"\x01on"[..], "the others go on");
}
