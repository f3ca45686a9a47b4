//! Programs in containers.

use entrepot_engine::{
    ContainerId, Engine, Error, Exec, ExecOutput, ExecRequest, ExecState, Stream, TerminalSize,
};
use entrepot_testkit::{
    engine::{Dialect, EngineFault, ExecAnswer, Misbehaviour, TestEngine},
    patiently, until, until_answer,
};

use crate::common::{plain, started};

const SIZE: TerminalSize = TerminalSize { rows: 40, columns: 120 };

async fn running(dialect: Dialect) -> (TestEngine, Engine, ContainerId) {
    let (fake, engine) = started(dialect).await;
    let id = engine.create(&plain("train-1")).await.unwrap().id;
    engine.start(&id).await.unwrap();
    (fake, engine, id)
}

fn program(command: &[&str]) -> ExecRequest {
    ExecRequest {
        command: command.iter().map(|word| (*word).to_owned()).collect(),
        terminal: None,
        reads_input: false,
        user: None,
    }
}

async fn printed(output: &mut ExecOutput) -> (Vec<u8>, Vec<u8>) {
    let (mut texts, mut errors) = (Vec::new(), Vec::new());
    while let Some(chunk) = output.next().await.unwrap() {
        let into = if chunk.stream == Stream::Output { &mut texts } else { &mut errors };
        into.extend_from_slice(&chunk.bytes);
    }
    (texts, errors)
}

#[tokio::test]
async fn a_program_runs_and_says_how_it_ended() {
    for dialect in Dialect::ALL {
        let (fake, engine, container) = running(dialect).await;
        let answer = ExecAnswer { output: b"81920\n".to_vec(), errors: b"warning\n".to_vec(), exit_code: 3 };
        fake.answer_exec("nvidia-smi", answer);
        let Exec { id, input, mut output } =
            engine.exec(&container, &program(&["nvidia-smi", "-L"])).await.unwrap();
        let (texts, errors) = printed(&mut output).await;
        assert_eq!((texts.as_slice(), errors.as_slice()), (&b"81920\n"[..], &b"warning\n"[..]));
        assert_eq!(output.next().await, Ok(None));
        drop(input);
        let state = until_answer("the end", async || match engine.exec_state(&id).await.unwrap() {
            ExecState::Running => None,
            ended => Some(ended),
        });
        assert_eq!(state.await, ExecState::Ended(Some(3)), "{dialect:?}");
        // Its streams are always wanted: Podman starts nothing else.
        let asked = &fake.calls_of("POST", "containers/*/exec")[0].body;
        assert_eq!((&asked["AttachStdout"], &asked["AttachStderr"]), (&true.into(), &true.into()));
    }
}

#[tokio::test]
async fn a_terminal_has_its_size_from_the_beginning() {
    for dialect in Dialect::ALL {
        let (fake, engine, container) = running(dialect).await;
        let request = ExecRequest { terminal: Some(SIZE), reads_input: true, ..program(&["bash"]) };
        let mut exec = engine.exec(&container, &request).await.unwrap();
        exec.input.write("中文🚀".as_bytes()).await.unwrap();
        let mut read = Vec::new();
        while read.len() < "中文🚀".len() {
            read.extend_from_slice(&exec.output.next().await.unwrap().unwrap().bytes);
        }
        assert_eq!(read, "中文🚀".as_bytes());
        let start = &fake.calls_of("POST", "exec/*/start")[0].body;
        assert_eq!((&start["Tty"], &start["ConsoleSize"]), (&true.into(), &[40, 120].as_slice().into()));
        // Engines that do not know the size of a start are told again.
        let resize = &fake.calls_of("POST", "exec/*/resize")[0];
        assert_eq!((resize.value("h"), resize.value("w")), ("40", "120"));
        let larger = TerminalSize { rows: 50, columns: 200 };
        engine.resize(&exec.id, larger).await.unwrap();
    }
}

// Row 46: nobody is left behind. A program with a terminal does not notice by itself.
#[tokio::test]
async fn a_session_ends_with_whoever_uses_it() {
    for dialect in Dialect::ALL {
        for terminal in [Some(SIZE), None] {
            let (fake, engine, container) = running(dialect).await;
            let request = ExecRequest { terminal, reads_input: true, ..program(&["bash"]) };
            let mut session = engine.session(&container, &request).await.unwrap();
            session.exec.input.write(b"hello").await.unwrap();
            // The number of the process is not among what it prints.
            assert_eq!(&*session.exec.output.next().await.unwrap().unwrap().bytes, b"hello");
            until("the program", || (fake.programs() == 1).then_some(())).await;
            drop(session);
            until("its end", || (fake.programs() == 0).then_some(())).await;
            until("the end of all connections", || (fake.connections() == 0).then_some(())).await;
        }
    }
}

#[tokio::test]
async fn a_session_is_ended_or_ends_by_itself() {
    let (fake, engine, container) = running(Dialect::Docker28).await;
    let request = ExecRequest { terminal: Some(SIZE), reads_input: true, ..program(&["bash"]) };
    let session = engine.session(&container, &request).await.unwrap();
    session.leader.end().await.unwrap();
    until("its end", || (fake.programs() == 0).then_some(())).await;
    // One that has ended is left alone: its number may be another's by now.
    fake.answer_exec("bash", ExecAnswer::of("done\r\n"));
    let mut session = engine.session(&container, &request).await.unwrap();
    assert_eq!(printed(&mut session.exec.output).await.0, b"done\r\n");
    let asked = fake.calls_of("POST", "containers/*/exec").len();
    session.leader.end().await.unwrap();
    assert_eq!(fake.calls_of("POST", "containers/*/exec").len(), asked);
    // Where there is no shell there is no session.
    fake.answer_exec("fish", ExecAnswer::default());
    fake.fault(EngineFault::on(
        "POST",
        "exec/*/start",
        Misbehaviour::Status(400, "exec: \"sh\": not found".to_owned()),
    ));
    let refused = engine.session(&container, &program(&["fish"])).await;
    assert!(matches!(refused, Err(Error::Refused { status: 400, .. })), "{refused:?}");
    // Some engines say so in what the program would print.
    fake.lose_shell();
    let refused = engine.session(&container, &program(&["fish"])).await;
    assert!(
        matches!(&refused, Err(Error::NotStarted(said)) if said.as_str().contains("executable file not found")),
        "{refused:?}"
    );
}

#[tokio::test]
async fn nothing_runs_where_nothing_is() {
    for dialect in Dialect::ALL {
        let (fake, engine, container) = running(dialect).await;
        fake.end("train-1", 0);
        let refused = engine.exec(&container, &program(&["true"])).await;
        assert!(matches!(refused, Err(Error::Conflict(_))), "{dialect:?}: {refused:?}");
        fake.remove("train-1");
        let refused = engine.exec(&container, &program(&["true"])).await;
        assert!(matches!(refused, Err(Error::NotFound(_))), "{dialect:?}: {refused:?}");
    }
}

#[tokio::test]
async fn an_engine_that_does_not_hand_over_the_stream_is_no_engine() {
    let (fake, engine, container) = running(Dialect::Docker28).await;
    fake.fault(EngineFault::on("POST", "exec/*/start", Misbehaviour::Body("{}".into())));
    let refused = engine.exec(&container, &program(&["true"])).await;
    assert!(matches!(refused, Err(Error::Answer(_))), "{refused:?}");
    let failed = Misbehaviour::Status(500, "no such runtime".to_owned());
    fake.fault(EngineFault::on("POST", "exec/*/start", failed));
    let refused = patiently("an error", engine.exec(&container, &program(&["true"]))).await;
    assert!(matches!(refused, Err(Error::Refused { status: 500, .. })), "{refused:?}");
}
