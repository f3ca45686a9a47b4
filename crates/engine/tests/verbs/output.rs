//! What containers print, use and do.

use std::time::Duration;

use entrepot_engine::{
    Container, ContainerAction, Decoders, Engine, Error, LinkFault, LogRequest, Logs, OwnerFilter, Stream,
};
use entrepot_testkit::{
    engine::{Dialect, EngineFault, Misbehaviour, TestEngine, TestUsage},
    patiently, until,
};

use crate::common::{installation, plain, started};

const ALL: LogRequest = LogRequest { tail: None, since_ms: None, follow: false, timestamps: false };

/// A container that runs, with a terminal or without.
async fn running(dialect: Dialect, terminal: bool) -> (TestEngine, Engine, Container) {
    let (fake, engine) = started(dialect).await;
    let mut request = plain("train-1");
    request.command.terminal = terminal;
    let id = engine.create(&request).await.unwrap().id;
    engine.start(&id).await.unwrap();
    let container = engine.inspect(&id).await.unwrap();
    (fake, engine, container)
}

async fn texts(logs: &mut Logs) -> (String, String) {
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

#[tokio::test]
async fn logs_are_read_on_every_engine() {
    for dialect in Dialect::ALL {
        let (fake, engine, container) = running(dialect, false).await;
        // Streams alternate within a character.
        let (output, error) = ("中文\n".as_bytes(), "错误\n".as_bytes());
        for (one, other) in output.iter().zip(error) {
            fake.print("train-1", 1, [*one]);
            fake.print("train-1", 2, [*other]);
        }
        let mut logs = engine.logs(&container, ALL).await.unwrap();
        assert_eq!(texts(&mut logs).await, ("中文\n".to_owned(), "错误\n".to_owned()), "{dialect:?}");
        let mut last = engine.logs(&container, LogRequest { tail: Some(1), ..ALL }).await.unwrap();
        assert_eq!(texts(&mut last).await, (String::new(), "\n".to_owned()));
    }
}

#[tokio::test]
async fn what_part_is_wanted_is_asked_for() {
    let (fake, engine, container) = running(Dialect::Docker28, false).await;
    let request =
        LogRequest { tail: Some(100), since_ms: Some(1_796_058_000_007), follow: true, timestamps: true };
    fake.end("train-1", 0);
    engine.logs(&container, request).await.unwrap();
    let call = fake.calls().pop().unwrap();
    let asked =
        ["tail", "since", "follow", "timestamps", "stdout", "stderr"].map(|name| call.value(name).to_owned());
    assert_eq!(asked, ["100", "1796058000.007", "true", "true", "true", "true"]);
}

// Row 52: what looks like the head of a frame is output there.
#[tokio::test]
async fn a_terminal_prints_what_it_likes() {
    for dialect in Dialect::ALL {
        let (fake, engine, container) = running(dialect, true).await;
        fake.print("train-1", 1, b"\x01\0\0\0\xff\xff\xff\xffabc");
        let mut logs = engine.logs(&container, ALL).await.unwrap();
        let chunk = logs.next().await.unwrap().unwrap();
        assert_eq!(&*chunk.bytes, b"\x01\0\0\0\xff\xff\xff\xffabc");
    }
}

// Row 50: output without the end of a line is not held back.
#[tokio::test]
async fn a_line_without_an_end_arrives_at_once() {
    for terminal in [false, true] {
        let (fake, engine, container) = running(Dialect::Docker28, terminal).await;
        let mut logs = engine.logs(&container, LogRequest { follow: true, ..ALL }).await.unwrap();
        fake.print("train-1", 1, vec![b'x'; 5 << 20]);
        let first = patiently("the first bytes", logs.next()).await.unwrap().unwrap();
        assert!(!first.bytes.is_empty() && first.bytes.len() < 1 << 20);
    }
}

// Row 55: Podman sends no head before there is something to say.
#[tokio::test]
async fn a_log_is_followed_to_its_end() {
    for dialect in Dialect::ALL {
        let (fake, engine, container) = running(dialect, false).await;
        let following = tokio::spawn({
            let engine = engine.clone();
            async move {
                let mut logs = engine.logs(&container, LogRequest { follow: true, ..ALL }).await.unwrap();
                texts(&mut logs).await
            }
        });
        fake.asked("GET", "containers/*/logs", 1).await;
        fake.print("train-1", 1, "one\n");
        fake.print("train-1", 2, "two\n");
        fake.end("train-1", 0);
        let texts = patiently("the end", following).await.unwrap();
        assert_eq!(texts, ("one\n".to_owned(), "two\n".to_owned()), "{dialect:?}");
    }
}

// Nobody reads: the engine is held back, and nothing piles up here.
#[tokio::test]
async fn a_log_that_nobody_reads_holds_the_engine_back() {
    for terminal in [false, true] {
        let (fake, engine, container) = running(Dialect::Docker28, terminal).await;
        fake.print_forever("train-1");
        let mut logs = engine.logs(&container, LogRequest { follow: true, ..ALL }).await.unwrap();
        assert!(logs.next().await.unwrap().is_some());
        // It stops sending: two looks see the same.
        let mut before = 0;
        until("the engine to be held back", || {
            let sent = fake.sent();
            (std::mem::replace(&mut before, sent) == sent).then_some(())
        })
        .await;
        assert!(fake.sent() < 32 << 20, "{}", fake.sent());
        // Whoever leaves closes the stream.
        drop(logs);
        until("the end of the connection", || (fake.connections() == 0).then_some(())).await;
    }
}

#[tokio::test]
async fn a_log_that_lies_about_its_length_is_refused() {
    let (fake, engine, container) = running(Dialect::Docker20, false).await;
    let lie = Misbehaviour::Body(b"\x01\0\0\0\xff\xff\xff\xffabc".to_vec().into());
    fake.fault(EngineFault::on("GET", "containers/*/logs", lie));
    let mut logs = engine.logs(&container, ALL).await.unwrap();
    assert_eq!(logs.next().await, Err(Error::Answer("a frame of the output is too long")));
    assert_eq!(logs.next().await, Ok(None));
    fake.print("train-1", 1, "0123456789");
    fake.fault(EngineFault::on("GET", "containers/*/logs", Misbehaviour::CutAfter(12)));
    let mut logs = engine.logs(&container, ALL).await.unwrap();
    assert_eq!(&*logs.next().await.unwrap().unwrap().bytes, b"0123");
    assert_eq!(logs.next().await, Err(Error::Unreachable(LinkFault::Cut)));
    assert_eq!(logs.next().await, Ok(None));
}

// Row 57.
#[tokio::test]
async fn use_is_told_between_two_looks_on_every_engine() {
    for dialect in Dialect::ALL {
        let (fake, engine, container) = running(dialect, false).await;
        let usage = TestUsage { cpu_ns: 5_000_000_000, memory: 100 << 20, inactive_file: 30 << 20 };
        fake.set_usage("train-1", usage);
        let first = engine.stats(&container.id).await.unwrap().unwrap();
        fake.advance(Duration::from_secs(10));
        fake.set_usage("train-1", TestUsage { cpu_ns: 20_000_000_000, ..usage });
        let second = engine.stats(&container.id).await.unwrap().unwrap();
        let cores = second.cores_since(&first).unwrap();
        assert!((0.5..=1.5).contains(&cores), "{dialect:?}: {cores}");
        let (bytes, has_cache) = (second.memory.bytes >> 20, second.memory.has_cache);
        assert_eq!((bytes, has_cache), if dialect.is_podman() { (100, true) } else { (70, false) });
        assert_eq!((second.memory.limit, second.pids), (Some(2 << 30), Some(3)));
        fake.end("train-1", 0);
        assert_eq!(engine.stats(&container.id).await, Ok(None), "{dialect:?}");
        fake.remove("train-1");
        assert!(matches!(engine.stats(&container.id).await, Err(Error::NotFound(_))));
    }
}

// Row 56: events are hints about what is ours.
#[tokio::test]
async fn events_are_told_on_every_engine() {
    for dialect in Dialect::ALL {
        let (fake, engine) = started(dialect).await;
        let id = engine.create(&plain("train-1")).await.unwrap().id;
        let mut other = plain("other-1");
        other.owner.installation = "other".parse().unwrap();
        let other = engine.create(&other).await.unwrap().id;
        let listening = tokio::spawn({
            let engine = engine.clone();
            async move {
                let mut events = engine.events(&installation()).await.unwrap();
                let mut told = Vec::new();
                while told.len() < 5 {
                    told.push(events.next().await.unwrap().unwrap());
                }
                told
            }
        });
        fake.asked("GET", "events", 1).await;
        engine.start(&other).await.unwrap();
        engine.start(&id).await.unwrap();
        fake.end_by_memory("train-1");
        engine.start(&id).await.unwrap();
        fake.remove("train-1");
        let told = patiently("events", listening).await.unwrap();
        let actions: Vec<ContainerAction> = told.iter().map(|event| event.action).collect();
        let expected = [
            ContainerAction::Started,
            ContainerAction::OutOfMemory,
            ContainerAction::Ended,
            ContainerAction::Started,
            ContainerAction::Removed,
        ];
        assert_eq!(actions, expected, "{dialect:?}");
        assert!(told.iter().all(|event| event.container == id && event.time_ms.is_some()));
        // A look says how things are.
        assert!(engine.containers(OwnerFilter::Of(&installation())).await.unwrap().is_empty());
    }
}

// Row 54: whoever leaves closes the engine's stream too, also while nothing is said.
#[tokio::test]
async fn a_stream_that_nobody_wants_is_closed() {
    for dialect in Dialect::ALL {
        let (fake, engine, container) = running(dialect, false).await;
        fake.print("train-1", 1, "one\n");
        let mut logs = engine.logs(&container, LogRequest { follow: true, ..ALL }).await.unwrap();
        assert!(logs.next().await.unwrap().is_some());
        let listening = tokio::spawn({
            let engine = engine.clone();
            async move { engine.events(&installation()).await }
        });
        fake.asked("GET", "events", 1).await;
        assert_eq!(fake.connections(), 2, "{dialect:?}");
        listening.abort();
        drop((logs, listening.await));
        until("the end of both", || (fake.connections() == 0).then_some(())).await;
    }
}

#[tokio::test]
async fn events_end_with_the_engine() {
    let (fake, engine) = started(Dialect::Docker28).await;
    let mut events = engine.events(&installation()).await.unwrap();
    fake.stop().await;
    assert!(patiently("the end", events.next()).await.is_err());
    assert_eq!(events.next().await, Ok(None));
}
