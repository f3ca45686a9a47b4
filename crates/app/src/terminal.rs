//! Access to standard output and standard error. No other module writes there, which `clippy.toml` enforces, so that
//! untrusted text cannot control a terminal.
//!
//! - for people: [`text`] and [`say`], which always escape control characters
//! - for programs: [`exact`] and [`json`], byte for byte, except on a terminal
//! - during work: [`StatusLine`], and the texts of bars
//! - for a program elsewhere that somebody asked for by its terminal: [`RawTerminal`]

#![expect(clippy::disallowed_methods, reason = "this is where they are allowed")]

use std::io::{self, IsTerminal, Write};

use clap::builder::styling::{AnsiColor, Color, Style};
use entrepot_oci::{printable, printable_json, printable_lines, without_passwords};
use indicatif::{MultiProgress, ProgressBar};
use rustix::termios::{OptionalActions, Termios, tcgetattr, tcgetwinsize, tcsetattr};

/// True if standard output is a terminal.
pub(crate) fn is_read() -> bool {
    io::stdout().is_terminal()
}

/// True if standard error is a terminal.
pub(crate) fn is_heard() -> bool {
    io::stderr().is_terminal()
}

/// True if the user can be prompted.
pub(crate) fn is_person() -> bool {
    is_typed() && is_heard()
}

/// Writes text for people to standard output.
pub(crate) fn text(text: &str) -> io::Result<()> {
    write(printable_lines(text).as_bytes())
}

/// Writes a document to standard output.
pub(crate) fn exact(document: &[u8]) -> io::Result<()> {
    if is_read() { text(&String::from_utf8_lossy(document)) } else { write(document) }
}

/// Writes JSON to standard output. On a terminal, control characters are escaped, which does not change the value.
pub(crate) fn json(text: &str) -> io::Result<()> {
    if is_read() { write(printable_json(text).as_bytes()) } else { write(text.as_bytes()) }
}

/// Writes a document to standard error.
pub(crate) fn exact_error(document: &[u8]) -> io::Result<()> {
    if is_heard() {
        return write_to(
            &mut io::stderr().lock(),
            printable_lines(&String::from_utf8_lossy(document)).as_bytes(),
        );
    }
    write_to(&mut io::stderr().lock(), document)
}

fn write(bytes: &[u8]) -> io::Result<()> {
    write_to(&mut io::stdout().lock(), bytes)
}

// A reader that closed the pipe has read enough.
fn write_to(out: &mut impl Write, bytes: &[u8]) -> io::Result<()> {
    match out.write_all(bytes).and_then(|()| out.flush()) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => Err(error),
        _ => Ok(()),
    }
}

/// The terminal of this process, lent to a program elsewhere: keys go there as they are pressed, and what it prints is shown as
/// it is. It is as before when this is dropped.
pub(crate) struct RawTerminal(Termios);

impl RawTerminal {
    /// Lends the terminal.
    pub(crate) fn begin() -> io::Result<Self> {
        let before = tcgetattr(io::stdin())?;
        let mut raw = before.clone();
        raw.make_raw();
        tcsetattr(io::stdin(), OptionalActions::Now, &raw)?;
        Ok(Self(before))
    }

    /// Shows what the program prints.
    pub(crate) fn show(&self, bytes: &[u8]) -> io::Result<()> {
        write(bytes)
    }
}

impl Drop for RawTerminal {
    fn drop(&mut self) {
        // A terminal that is gone needs nothing.
        let _ = tcsetattr(io::stdin(), OptionalActions::Now, &self.0);
    }
}

/// The lines of the terminal, and the characters of a line.
pub(crate) fn size() -> Option<(u16, u16)> {
    let size = tcgetwinsize(io::stdin()).or_else(|_| tcgetwinsize(io::stdout())).ok()?;
    (size.ws_row > 0 && size.ws_col > 0).then_some((size.ws_row, size.ws_col))
}

/// True if what is typed comes from a terminal.
pub(crate) fn is_typed() -> bool {
    io::stdin().is_terminal()
}

/// The label of a message on standard error, and its colour.
#[derive(Clone, Copy)]
pub(crate) struct Label(pub(crate) AnsiColor, pub(crate) &'static str);

/// Writes a one-line message to standard error. It may repeat what somebody wrote: passwords in front of hosts are left out.
pub(crate) fn say(label: Option<Label>, text: &str) {
    let mut err = anstream::stderr().lock();
    let text = printable(text);
    let text = without_passwords(&text);
    // There is no place left to report an error.
    let _ = match label {
        Some(Label(color, label)) => {
            let style = Style::new().bold().fg_color(Some(Color::Ansi(color)));
            writeln!(err, "{style}{label}{style:#}: {text}")
        }
        None => writeln!(err, "{text}"),
    };
}

/// Prints a prompt, without a newline.
pub(crate) fn ask(prompt: &str) -> io::Result<()> {
    let mut err = io::stderr().lock();
    write!(err, "{}", printable(prompt))?;
    err.flush()
}

/// A status line on standard error that is overwritten, if it is a terminal.
#[derive(Default)]
pub(crate) struct StatusLine {
    is_shown: bool,
}

impl StatusLine {
    /// Replaces the text.
    pub(crate) fn show(&mut self, text: &str) {
        if is_heard() {
            self.clear();
            self.is_shown = true;
            // A status line that cannot be shown is no loss.
            let _ = ask(text);
        }
    }

    /// Clears the line.
    pub(crate) fn clear(&mut self) {
        if std::mem::take(&mut self.is_shown) {
            let _ = write!(io::stderr(), "\r\x1b[2K");
        }
    }
}

/// The output of the log; its lines are escaped field by field.
pub(crate) fn log() -> io::Stderr {
    io::stderr()
}

/// True if log lines are coloured.
pub(crate) fn has_colours() -> bool {
    !matches!(anstream::AutoStream::choice(&io::stderr()), anstream::ColorChoice::Never)
}

/// Sets the text before a bar.
pub(crate) fn name_bar(bar: &ProgressBar, text: &str) {
    bar.set_prefix(printable(text).into_owned());
}

/// Sets the text after a bar.
pub(crate) fn describe_bar(bar: &ProgressBar, text: &str) {
    bar.set_message(printable(text).into_owned());
}

/// Prints a line above the bars.
pub(crate) fn say_above(bars: &MultiProgress, text: &str) {
    // Nobody reads a terminal that is gone.
    let _ = bars.println(printable(text));
}
