//! The two ways out: standard output and standard error. Nothing else in the program writes there, which `clippy.toml`
//! holds, so that no text of a stranger comes to a terminal as anything but text.
//!
//! - for people, wherever it goes: [`text`] and [`say`], with what a terminal would obey written out
//! - for programs: [`exact`] and [`json`], to the byte, unless it is a terminal that they are written to
//! - while something goes on: [`Status`], and the texts of bars

#![expect(clippy::disallowed_methods, reason = "this is where they are allowed")]

use std::io::{self, IsTerminal, Write};

use clap::builder::styling::{AnsiColor, Color, Style};
use entrepot_oci::{printable, printable_json, printable_lines};
use indicatif::{MultiProgress, ProgressBar};

/// Whether somebody reads standard output.
pub(crate) fn is_read() -> bool {
    io::stdout().is_terminal()
}

/// Whether somebody reads standard error.
pub(crate) fn is_heard() -> bool {
    io::stderr().is_terminal()
}

/// Whether somebody can be asked.
pub(crate) fn is_person() -> bool {
    io::stdin().is_terminal() && is_heard()
}

/// Writes lines for people to standard output.
pub(crate) fn text(text: &str) -> io::Result<()> {
    write(printable_lines(text).as_bytes())
}

/// Writes a document to standard output.
pub(crate) fn exact(document: &[u8]) -> io::Result<()> {
    if is_read() { text(&String::from_utf8_lossy(document)) } else { write(document) }
}

/// Writes JSON to standard output; on a terminal what it would obey is escaped, which leaves its value the same.
pub(crate) fn json(text: &str) -> io::Result<()> {
    if is_read() { write(printable_json(text).as_bytes()) } else { write(text.as_bytes()) }
}

// A reader that has gone away has read enough.
fn write(bytes: &[u8]) -> io::Result<()> {
    let mut out = io::stdout().lock();
    match out.write_all(bytes).and_then(|()| out.flush()) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => Err(error),
        _ => Ok(()),
    }
}

/// What is said on standard error, and in which colour its label stands.
#[derive(Clone, Copy)]
pub(crate) struct Label(pub(crate) AnsiColor, pub(crate) &'static str);

/// Says something in one line on standard error.
pub(crate) fn say(label: Option<Label>, text: &str) {
    let mut err = anstream::stderr().lock();
    let text = printable(text);
    // Nobody is left to be told that it cannot be said.
    let _ = match label {
        Some(Label(color, label)) => {
            let style = Style::new().bold().fg_color(Some(Color::Ansi(color)));
            writeln!(err, "{style}{label}{style:#}: {text}")
        }
        None => writeln!(err, "{text}"),
    };
}

/// Asks for something to be typed behind it.
pub(crate) fn ask(prompt: &str) -> io::Result<()> {
    let mut err = io::stderr().lock();
    write!(err, "{}", printable(prompt))?;
    err.flush()
}

/// One line on standard error that is written over, where somebody reads it.
#[derive(Default)]
pub(crate) struct Status {
    is_shown: bool,
}

impl Status {
    /// Shows another text.
    pub(crate) fn show(&mut self, text: &str) {
        if is_heard() {
            self.clear();
            self.is_shown = true;
            // Nobody is the worse for a line that cannot be shown.
            let _ = ask(text);
        }
    }

    /// Takes it away: back to the start of the line, and everything behind it is gone.
    pub(crate) fn clear(&mut self) {
        if std::mem::take(&mut self.is_shown) {
            let _ = write!(io::stderr(), "\r\x1b[2K");
        }
    }
}

/// The log's way out; its lines are made printable field by field.
pub(crate) fn log() -> io::Stderr {
    io::stderr()
}

/// Whether lines of the log have colours.
pub(crate) fn has_colours() -> bool {
    !matches!(anstream::AutoStream::choice(&io::stderr()), anstream::ColorChoice::Never)
}

/// Puts a text in front of a bar.
pub(crate) fn name_bar(bar: &ProgressBar, text: &str) {
    bar.set_prefix(printable(text).into_owned());
}

/// Puts a text behind a bar.
pub(crate) fn describe_bar(bar: &ProgressBar, text: &str) {
    bar.set_message(printable(text).into_owned());
}

/// Puts a line above bars.
pub(crate) fn say_above(bars: &MultiProgress, text: &str) {
    // Nobody reads a terminal that is gone.
    let _ = bars.println(printable(text));
}
