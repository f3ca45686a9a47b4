//! `entrepot exec`, from a node that is added to the exit code of a program; and what is said of instances on the way.

#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, reason = "a test that cannot go on ends")]

mod support;

use entrepot_testkit::{
    TestImage, TestRegistry,
    engine::{Dialect, ExecAnswer, PullableImage, TestEngine},
    until,
};
use support::{Lab, Ran, Serving, pty::Pty, typed};

/// A server with a node and an instance `a` that runs there.
struct Yard {
    lab: Lab,
    engine: TestEngine,
    _serving: Serving,
    _upstream: TestRegistry,
}

impl Yard {
    async fn new() -> Self {
        let upstream = TestRegistry::start().await;
        let image = TestImage::random(1, 1, 1000);
        upstream.put_image("library/tool", "1", &image);
        let lab = Lab::with(&format!("registries: {{docker.io: {{endpoints: [\"{}\"]}}}}\n", upstream.url()));
        let serving = tokio::task::block_in_place(|| lab.serve(&[]));
        let engine = TestEngine::start(Dialect::Docker28).await;
        let name = format!("{}/docker.io/library/tool@{}", serving.authority(), image.digest());
        engine.offer(&name, PullableImage::of_layers(&[10]));
        let yard = Self { lab, engine, _serving: serving, _upstream: upstream };
        let address = yard.engine.address();
        for arguments in [
            &["node", "add", "n1", &address, "--mirror-url", &yard._serving.url][..],
            &["spec", "add", "small", "--cpus", "1", "--memory", "64MiB"],
            &["library", "add", "docker.io/library/tool:1", "--name", "tool"],
            &["library", "check", "tool"],
        ] {
            yard.run(arguments);
        }
        let ran = yard.run(&["run", "tool", "--spec", "small", "--name", "a"]);
        assert_eq!(ran.code, 0, "{}{}", ran.stdout, ran.stderr);
        assert!(ran.stdout.contains("a stop keeps its disk, its data volume"), "{}", ran.stdout);
        yard
    }

    fn run(&self, arguments: &[&str]) -> Ran {
        tokio::task::block_in_place(|| self.lab.run(arguments))
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_program_runs_in_an_instance() {
    let yard = Yard::new().await;
    let answer = ExecAnswer { output: b"out\n".to_vec(), errors: b"err\n".to_vec(), exit_code: 7 };
    yard.engine.answer_exec("make", answer);
    let ran = yard.run(&["exec", "a", "--", "make", "-k"]);
    assert_eq!((ran.code, &*ran.stdout, &*ran.stderr), (7, "out\n", "err\n"));
    assert_eq!(yard.run(&["exec", "a", "make", "-k"]).code, 7, "`--` may be left out");

    let text = "中文🚀\n".repeat(20_000);
    let command = yard.lab.command(&["exec", "a", "-i", "cat"]);
    let ran = tokio::task::block_in_place(|| typed(command, &text));
    assert_eq!((ran.code, ran.stdout == text, &*ran.stderr), (0, true, ""));

    let refused = yard.run(&["exec", "a", "-it", "top"]);
    assert_eq!(refused.code, 2);
    assert!(refused.stderr.contains("the input is no terminal"), "{}", refused.stderr);
    let refused = yard.run(&["exec", "b", "ls"]);
    assert!(refused.code == 1 && refused.stderr.contains("there is no instance `b`"), "{}", refused.stderr);
    until("the end of all programs", || (yard.engine.programs() == 0).then_some(())).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_shell_has_this_terminal() {
    let yard = Yard::new().await;
    let command = yard.lab.command(&["exec", "a"]);
    let mut pty = Pty::typed(command);
    until("the shell", || (yard.engine.programs() == 1).then_some(())).await;
    let create = yard.engine.calls_of("POST", "containers/*/exec").pop().unwrap().body;
    assert_eq!((&create["Tty"], &create["ConsoleSize"]), (&true.into(), &[50, 400].as_slice().into()));
    // The program repeats what it hears; the terminal itself does not.
    pty.write("中文🚀\u{1b}[31m");
    tokio::task::block_in_place(|| pty.until("中文🚀\u{1b}[31m"));
    pty.resize(60, 300);
    until("the new size", || {
        let calls = yard.engine.calls_of("POST", "exec/*/resize");
        calls.iter().any(|call| (call.value("h"), call.value("w")) == ("60", "300")).then_some(())
    })
    .await;
    pty.child.kill().unwrap();
    pty.child.wait().unwrap();
    until("the end of the shell", || (yard.engine.programs() == 0).then_some(())).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn pulls_are_listed_and_what_has_ended_is_not_stopped() {
    let yard = Yard::new().await;
    let listed = yard.run(&["pulls", "ls", "--node", "n1", "--status", "succeeded"]);
    assert!(listed.stdout.contains("docker.io/library/tool@sha256:"), "{}", listed.stdout);
    let refused = yard.run(&["pulls", "cancel", "1"]);
    assert!(refused.code == 1 && refused.stderr.contains("has ended"), "{}", refused.stderr);
    let wrong = yard.run(&["pulls", "ls", "--status", "gone"]);
    assert_eq!(wrong.code, 2);
    let ours = format!("{}/docker.io/library/tool:1", yard._serving.authority());
    let added = yard.run(&["library", "add", &ours, "--name", "again"]);
    assert_eq!(added.code, 0, "our own address is no registry: {}", added.stderr);
    let lost = yard.run(&["library", "add", "quay.io/a/b:1", "--password-stdin"]);
    assert!(lost.code == 2 && lost.stderr.contains("--username"), "{}", lost.stderr);
}
