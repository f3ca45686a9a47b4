//! The binary in a directory of its own, with an environment of its own.

#![allow(dead_code, reason = "each test file uses its part")]

pub(crate) mod pty;

use std::{
    io::{BufRead, BufReader, Read, Write},
    path::{Path, PathBuf},
    process::{Child, ChildStdout, Command, ExitStatus, Output, Stdio},
};

use assert_cmd::cargo::CommandCargoExt;
use tempfile::TempDir;

/// A directory with a configuration, in which the binary is run.
pub(crate) struct Lab {
    dir: TempDir,
}

/// What a run of the binary left behind.
pub(crate) struct Ran {
    pub(crate) code: i32,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Lab {
    /// An empty one.
    pub(crate) fn new() -> Self {
        Self { dir: TempDir::new().unwrap() }
    }

    /// One with `entrepot.yaml` in it.
    pub(crate) fn with(config: &str) -> Self {
        let lab = Self::new();
        lab.write("entrepot.yaml", config);
        lab
    }

    pub(crate) fn path(&self) -> &Path {
        self.dir.path()
    }

    pub(crate) fn write(&self, name: &str, text: &str) -> PathBuf {
        let path = self.dir.path().join(name);
        std::fs::write(&path, text).unwrap();
        path
    }

    /// The command, with nothing in its environment.
    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::cargo_bin("entrepot").unwrap();
        command.current_dir(self.dir.path()).env_clear().args(arguments);
        command
    }

    /// Runs it to its end.
    pub(crate) fn run(&self, arguments: &[&str]) -> Ran {
        ran(self.command(arguments))
    }

    /// Starts a server on a free port and waits until it has said where.
    pub(crate) fn serve(&self, arguments: &[&str]) -> Serving {
        self.serve_with(arguments, &[])
    }

    /// The same, with variables in its environment.
    pub(crate) fn serve_with(&self, arguments: &[&str], variables: &[(&str, &str)]) -> Serving {
        let mut command = self.command(&SERVE);
        command.envs(variables.iter().copied()).args(arguments);
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        Serving::of(command)
    }

    /// The same, by a shell's script that has it as its arguments.
    pub(crate) fn serve_under(&self, script: &str) -> Serving {
        let serve = self.command(&SERVE);
        let mut command = Command::new("sh");
        command.current_dir(self.dir.path()).env_clear().args(["-c", script]);
        command.arg(serve.get_program()).args(serve.get_args());
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        Serving::of(command)
    }
}

const SERVE: [&str; 4] = ["-q", "serve", "--listen", "127.0.0.1:0"];

/// Runs a command to its end.
pub(crate) fn ran(mut command: Command) -> Ran {
    left(command.stdin(Stdio::null()).output().unwrap())
}

/// Runs a command to its end, and kills it where it takes more memory than that. Linux only.
pub(crate) fn within(command: Command, memory: u64) -> Ran {
    let (ran, peak) = watched(command, memory);
    assert!(peak <= memory, "it took {} MiB, and {} MiB are enough", peak >> 20, memory >> 20);
    ran
}

/// The most memory that a command was seen to take, in bytes. Linux only.
pub(crate) fn peak(command: Command) -> u64 {
    watched(command, u64::MAX).1
}

// What is left of a process that has ended does not say what it took, so it is looked at while it runs.
fn watched(mut command: Command, memory: u64) -> (Ran, u64) {
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let child = command.spawn().unwrap();
    let pid = rustix::process::Pid::from_child(&child);
    let (end, ended) = std::sync::mpsc::channel();
    let waiting = std::thread::spawn(move || {
        let output = child.wait_with_output().unwrap();
        end.send(()).unwrap();
        output
    });
    let mut peak = 0;
    while ended.recv_timeout(std::time::Duration::from_millis(1)).is_err() {
        peak = peak.max(peak_of(pid).unwrap_or(0));
        if peak > memory {
            let _ = rustix::process::kill_process(pid, rustix::process::Signal::KILL);
        }
    }
    (left(waiting.join().unwrap()), peak)
}

fn peak_of(pid: rustix::process::Pid) -> Option<u64> {
    let status = std::fs::read_to_string(format!("/proc/{}/status", pid.as_raw_nonzero())).ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    Some(line.trim().strip_suffix(" kB")?.parse::<u64>().ok()? << 10)
}

/// Runs a command to its end, with `input` typed into it.
pub(crate) fn typed(mut command: Command, input: &str) -> Ran {
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    let (mut stdin, input) = (child.stdin.take().unwrap(), input.to_owned());
    // Beside its output, which would be full at some time; and a command that refuses does not read to the end.
    let typing = std::thread::spawn(move || stdin.write_all(input.as_bytes()));
    let ran = left(child.wait_with_output().unwrap());
    let _ = typing.join().unwrap();
    ran
}

fn left(output: Output) -> Ran {
    Ran {
        code: output.status.code().unwrap_or(-1),
        stdout: String::from_utf8(output.stdout).unwrap(),
        stderr: String::from_utf8(output.stderr).unwrap(),
    }
}

/// A server that runs; it is killed if the test ends without stopping it.
pub(crate) struct Serving {
    pub(crate) url: String,
    child: Child,
    _stdout: BufReader<ChildStdout>,
}

impl Serving {
    /// What serves by such a command, whose standard output is a pipe.
    pub(crate) fn of(mut command: Command) -> Self {
        let mut child = command.spawn().unwrap();
        let mut stdout = BufReader::new(child.stdout.take().unwrap());
        let mut line = String::new();
        stdout.read_line(&mut line).unwrap();
        let Some(url) = line.trim().strip_prefix("entrepot listens on ") else {
            let mut stderr = String::new();
            child.stderr.take().map(|mut pipe| pipe.read_to_string(&mut stderr).unwrap());
            panic!("{line}{stderr}");
        };
        Self { url: url.to_owned(), child, _stdout: stdout }
    }

    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// `host:port`.
    pub(crate) fn authority(&self) -> &str {
        self.url.split_once("://").unwrap().1
    }

    /// The most memory it has ever taken, in bytes. Linux only.
    pub(crate) fn peak_memory(&self) -> u64 {
        peak_of(rustix::process::Pid::from_child(&self.child)).unwrap()
    }

    pub(crate) fn signal(&self, signal: rustix::process::Signal) {
        let pid = rustix::process::Pid::from_child(&self.child);
        rustix::process::kill_process(pid, signal).unwrap();
    }

    pub(crate) fn wait(&mut self) -> ExitStatus {
        self.child.wait().unwrap()
    }

    /// SIGTERM, and waits until it is gone; gives what it said on standard error.
    pub(crate) fn stop(mut self) -> String {
        self.signal(rustix::process::Signal::TERM);
        let status = self.wait();
        let mut stderr = String::new();
        self.child.stderr.take().map(|mut pipe| pipe.read_to_string(&mut stderr).unwrap());
        assert!(status.success(), "{status}: {stderr}");
        stderr
    }
}

impl Drop for Serving {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
