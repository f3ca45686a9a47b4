//! The binary on a terminal.

use std::{
    fs::{File, OpenOptions},
    io::{Read, Write},
    os::unix::{ffi::OsStrExt, fs::OpenOptionsExt},
    process::{Child, Command, Stdio},
};

use rustix::{
    fs::OFlags,
    pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt},
    termios::{Winsize, tcsetwinsize},
};

/// A terminal on which something runs.
pub(crate) struct Pty {
    ours: File,
    pub(crate) child: Child,
}

impl Pty {
    /// Runs a command whose standard output and standard error are a terminal, and whose standard input is nothing.
    pub(crate) fn run(command: Command) -> Self {
        Self::with(command, false)
    }

    /// Runs a command whose standard input is a terminal too.
    pub(crate) fn typed(command: Command) -> Self {
        Self::with(command, true)
    }

    fn with(mut command: Command, is_typed: bool) -> Self {
        let ours = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC).unwrap();
        grantpt(&ours).unwrap();
        unlockpt(&ours).unwrap();
        let name = ptsname(&ours, Vec::new()).unwrap();
        let no_control = OFlags::NOCTTY.bits().cast_signed();
        let path = std::ffi::OsStr::from_bytes(name.as_bytes());
        let theirs = OpenOptions::new().read(true).write(true).custom_flags(no_control).open(path).unwrap();
        tcsetwinsize(&theirs, Winsize { ws_row: 50, ws_col: 400, ws_xpixel: 0, ws_ypixel: 0 }).unwrap();
        let input = if is_typed { Stdio::from(theirs.try_clone().unwrap()) } else { Stdio::null() };
        command.env("TERM", "xterm-256color").stdin(input);
        command.stdout(theirs.try_clone().unwrap()).stderr(theirs);
        let child = command.spawn().unwrap();
        // The command holds the terminal open as long as it lives.
        drop(command);
        Self { ours: ours.into(), child }
    }

    /// Types a text.
    pub(crate) fn write(&mut self, text: &str) {
        self.ours.write_all(text.as_bytes()).unwrap();
    }

    /// Gives the terminal another size, and says so to the command, as the session of a terminal would.
    pub(crate) fn resize(&self, rows: u16, columns: u16) {
        let size = Winsize { ws_row: rows, ws_col: columns, ws_xpixel: 0, ws_ypixel: 0 };
        tcsetwinsize(&self.ours, size).unwrap();
        let pid = rustix::process::Pid::from_child(&self.child);
        rustix::process::kill_process(pid, rustix::process::Signal::WINCH).unwrap();
    }

    /// Reads until a text has come.
    pub(crate) fn until(&mut self, text: &str) -> String {
        let (mut seen, mut bytes) = (Vec::new(), [0; 4096]);
        while !String::from_utf8_lossy(&seen).contains(text) {
            let read = self.ours.read(&mut bytes).unwrap();
            seen.extend_from_slice(&bytes[..read]);
        }
        String::from_utf8(seen).unwrap()
    }

    /// All that was shown, once nobody has the terminal open any more.
    pub(crate) fn shown(mut self) -> String {
        let (mut seen, mut bytes) = (Vec::new(), [0; 4096]);
        // The end is an error here (EIO).
        while let Ok(read @ 1..) = self.ours.read(&mut bytes) {
            seen.extend_from_slice(&bytes[..read]);
        }
        self.child.wait().unwrap();
        String::from_utf8(seen).unwrap()
    }
}

/// A text without what the program itself may tell a terminal: colours, and how bars and status lines are drawn.
pub(crate) fn without_our_own(shown: &str) -> String {
    const OURS: [&str; 19] = [
        "[0m", "[1m", "[2m", "[31m", "[32m", "[33m", "[34m", "[36m", "[39m", "[1;31m", "[2K", "[1A", "[1B",
        "[K", "[J", "[?25l", "[?25h", "[0J", "[49m",
    ];
    let mut text = String::new();
    let mut parts = shown.split('\u{1b}');
    text.push_str(parts.next().unwrap_or_default());
    for part in parts {
        match OURS.iter().find_map(|own| part.strip_prefix(own)) {
            Some(rest) => text.push_str(rest),
            None => text.extend(["\u{1b}", part]),
        }
    }
    text.replace("\r\n", "\n").replace('\r', "")
}
