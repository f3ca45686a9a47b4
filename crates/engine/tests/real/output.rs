//! What containers print and use, and programs in them.

use std::time::Duration;

use entrepot_engine::{
    Container, Decoders, Engine, Error, Exec, ExecOutput, ExecRequest, ExecState, LogRequest, Stream,
    TerminalSize,
};
use entrepot_testkit::{patiently, until_answer};

use crate::setting::Real;

const ALL: LogRequest = LogRequest { tail: None, since_ms: None, follow: false, timestamps: false };

/// Both streams of a log, as soon as it has this text.
pub(crate) async fn log_with(engine: &Engine, container: &Container, wanted: &str) -> String {
    until_answer(wanted, async || {
        let (output, error) = log(engine, container, ALL).await;
        Some(output + &error).filter(|text| text.contains(wanted))
    })
    .await
}

async fn log(engine: &Engine, container: &Container, request: LogRequest) -> (String, String) {
    let mut logs = engine.logs(container, request).await.unwrap();
    let (mut decoders, mut output, mut error) = (Decoders::default(), String::new(), String::new());
    while let Some(chunk) = logs.next().await.unwrap() {
        let text = decoders.push(&chunk);
        match chunk.stream {
            Stream::Output => output += &text,
            Stream::Error => error += &text,
        }
    }
    assert_eq!(logs.next().await, Ok(None));
    (output, error)
}

async fn printed(output: &mut ExecOutput) -> String {
    let mut text = Vec::new();
    while let Some(chunk) = patiently("output", output.next()).await.unwrap() {
        text.extend_from_slice(&chunk.bytes);
    }
    String::from_utf8(text).unwrap()
}

fn program(script: &str) -> ExecRequest {
    ExecRequest {
        command: ["sh", "-c", script].map(str::to_owned).into(),
        terminal: None,
        reads_input: false,
        user: None,
    }
}

#[tokio::test]
async fn logs_are_read_and_followed() {
    let Some(real) = Real::find().await else { return };
    for terminal in [false, true] {
        let script = "echo 中文; echo 错误 >&2; sleep 1; echo end";
        let mut request = real.request(if terminal { "log-tty" } else { "log" }, script);
        request.command.terminal = terminal;
        let container = real.started(&request).await;
        let (output, error) =
            patiently("the end", log(&real.engine, &container, LogRequest { follow: true, ..ALL })).await;
        if terminal {
            assert_eq!((output.as_str(), error.as_str()), ("中文\r\n错误\r\nend\r\n", ""));
        } else {
            assert_eq!((output.as_str(), error.as_str()), ("中文\nend\n", "错误\n"));
        }
        let last = log(&real.engine, &container, LogRequest { tail: Some(1), ..ALL }).await.0;
        assert_eq!(last.trim_end(), "end");
        let times = log(&real.engine, &container, LogRequest { timestamps: true, ..ALL }).await.0;
        assert!(times.lines().all(|line| line.starts_with("20") && line.contains('T')), "{times}");
        real.gone(&request).await;
    }
}

// Row 50: 5 MB without the end of a line.
#[tokio::test]
async fn a_long_line_arrives_whole() {
    let Some(real) = Real::find().await else { return };
    let request = real.request("long", "busybox yes 0123456789abcde | busybox tr -d '\\n' | head -c 5000000");
    let container = real.started(&request).await;
    let following = LogRequest { follow: true, ..ALL };
    let (followed, _) = patiently("the end", log(&real.engine, &container, following)).await;
    // An engine may end it before it has told all.
    assert!(!followed.is_empty() && followed.len() <= 5_000_001, "{}", followed.len());
    let whole = until_answer("all of it", async || {
        let (output, _) = log(&real.engine, &container, ALL).await;
        (output.trim_end().len() >= 5_000_000).then_some(output)
    });
    assert_eq!(whole.await.trim_end().len(), 5_000_000);
    real.gone(&request).await;
}

#[tokio::test]
async fn programs_run_in_a_container() {
    let Some(real) = Real::find().await else { return };
    let engine = &real.engine;
    let request = real.request("exec", "sleep 1000");
    let container = real.started(&request).await.id;
    let Exec { id, input: _input, mut output } =
        engine.exec(&container, &program("echo $ASKED; exit 3")).await.unwrap();
    assert_eq!(printed(&mut output).await, "a=b c\n");
    let state = until_answer("the end", async || match engine.exec_state(&id).await.unwrap() {
        ExecState::Running => None,
        ended => Some(ended),
    });
    assert_eq!(state.await, ExecState::Ended(Some(3)));
    // What is written is read, to its end.
    let reading = ExecRequest { reads_input: true, ..program("cat; echo end") };
    let mut exec = engine.exec(&container, &reading).await.unwrap();
    exec.input.write("中文🚀\n".as_bytes()).await.unwrap();
    exec.input.close().await.unwrap();
    assert_eq!(printed(&mut exec.output).await, "中文🚀\nend\n");
    real.gone(&request).await;
    let refused = engine.exec(&container, &program("true")).await;
    assert!(matches!(refused, Err(Error::NotFound(_))), "{refused:?}");
    let stopped = real.made(&request).await;
    let refused = engine.exec(&stopped, &program("true")).await;
    assert!(matches!(refused, Err(Error::Conflict(_))), "{refused:?}");
    real.gone(&request).await;
}

// Row 47.
#[tokio::test]
async fn a_terminal_has_its_size() {
    let Some(real) = Real::find().await else { return };
    let engine = &real.engine;
    let request = real.request("terminal", "sleep 1000");
    let container = real.started(&request).await.id;
    let size = TerminalSize { rows: 41, columns: 123 };
    let script =
        "s='busybox stty size'; until [ \"$($s)\" = '41 123' ]; do sleep 0.05; done; $s; read line; $s";
    let asked = ExecRequest { terminal: Some(size), reads_input: true, ..program(script) };
    let mut exec = engine.exec(&container, &asked).await.unwrap();
    let mut text = String::new();
    while !text.contains("41 123") {
        let chunk = patiently("the size", exec.output.next()).await.unwrap().unwrap();
        text += &String::from_utf8_lossy(&chunk.bytes);
    }
    engine.resize(&exec.id, TerminalSize { rows: 50, columns: 200 }).await.unwrap();
    exec.input.write(b"\n").await.unwrap();
    assert!(printed(&mut exec.output).await.contains("50 200"));
    real.gone(&request).await;
}

// Row 46: engines leave a program with a terminal running when nobody uses it any more.
#[tokio::test]
async fn a_session_ends_with_whoever_uses_it() {
    let Some(real) = Real::find().await else { return };
    let engine = &real.engine;
    let request = real.request("session", "sleep 1000");
    let container = real.started(&request).await.id;
    for script in
        ["exec sh", "while :; do echo x; sleep 0.2; done", "trap '' HUP; while :; do sleep 0.2; done"]
    {
        let size = TerminalSize { rows: 24, columns: 80 };
        let asked = ExecRequest { terminal: Some(size), reads_input: true, ..program(script) };
        let session = patiently("a session", engine.session(&container, &asked)).await.unwrap();
        let id = session.exec.id.clone();
        assert_eq!(engine.exec_state(&id).await.unwrap(), ExecState::Running);
        drop(session);
        until_answer("its end", async || {
            // Podman forgets a program that has ended.
            let state = engine.exec_state(&id).await;
            (!matches!(state, Ok(ExecState::Running))).then_some(())
        })
        .await;
    }
    real.gone(&request).await;
}

// Row 57.
#[tokio::test]
async fn use_is_told() {
    let Some(real) = Real::find().await else { return };
    let engine = &real.engine;
    let request = real.request("use", "while :; do :; done");
    let container = real.started(&request).await.id;
    let first = until_answer("a sample", async || engine.stats(&container).await.unwrap()).await;
    let cores = until_answer("another", async || {
        let second = engine.stats(&container).await.unwrap().unwrap();
        second.cores_since(&first).filter(|_| second.read_ns - first.read_ns > 2_000_000_000)
    })
    .await;
    println!("{first:?} {cores}");
    // It is limited to half a processor, and the machine may be busy.
    assert!(cores > 0.01 && cores < 0.75, "{cores}");
    assert_eq!(first.memory.limit, Some(256 << 20));
    assert!(first.memory.bytes > 0);
    engine.stop(&container, Duration::ZERO).await.unwrap();
    assert_eq!(engine.stats(&container).await.unwrap(), None);
    real.gone(&request).await;
}
