//! `entrepot exec`: a program in an instance, with this terminal or these pipes.

mod talk;

use std::process::ExitCode;

use entrepot_api::{EXEC_PROTOCOL, ExecStart, ExecTerminal};

use super::{asker::ApiSession, instances};
use crate::{client::ServerTarget, failure::Failure, runtime, terminal};

/// The size of a terminal that does not say.
const USUAL: (u16, u16) = (24, 80);

/// The arguments.
#[derive(Debug)]
pub(crate) struct Exec {
    /// The server.
    pub(crate) to: ServerTarget,
    /// The name or id of the instance.
    pub(crate) instance: String,
    /// What to run.
    pub(crate) options: ExecOptions,
}

/// What to run, and how.
#[derive(Clone, Debug, Default)]
pub(crate) struct ExecOptions {
    /// The program and its arguments; a shell, if there is none.
    pub(crate) command: Vec<String>,
    /// Whether it reads this process's input.
    pub(crate) interactive: bool,
    /// Whether it has a terminal.
    pub(crate) terminal: bool,
    /// As whom.
    pub(crate) user: Option<String>,
}

/// Runs the command. The exit code is the program's.
pub(crate) fn run(Exec { to, instance, options: asked }: Exec) -> Result<ExitCode, Failure> {
    let start = start(asked, terminal::is_typed(), terminal::is_read())?;
    let asker = ApiSession::new(to)?;
    runtime::build()?.block_on(async {
        let id = instances::find(&asker, &instance).await?.to_string();
        let path = ["library", "instances", id.as_str(), "exec"];
        let socket = asker.told(asker.client.web_socket(&path, EXEC_PROTOCOL).await)?;
        let code = talk::talk(socket, start).await?;
        Ok(ExitCode::from(u8::try_from(code).unwrap_or(1)))
    })
}

/// What the server is asked to start. A shell for somebody at a terminal has that terminal.
fn start(options: ExecOptions, is_typed: bool, is_read: bool) -> Result<ExecStart, Failure> {
    let ExecOptions { command, interactive, terminal: wanted, user } = options;
    if wanted && !is_typed {
        return Err(Failure::wrong("the input is no terminal").with_hint("leave out `--tty`"));
    }
    let is_shell = command.is_empty();
    let has_terminal = wanted || (is_shell && !interactive && is_typed && is_read);
    let terminal = has_terminal.then(|| {
        let (rows, columns) = terminal::size().unwrap_or(USUAL);
        ExecTerminal { rows, columns }
    });
    Ok(ExecStart { command, terminal, input: interactive || is_shell, user })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shape(words: &[&str], flags: &str, person: (bool, bool)) -> Option<(bool, bool)> {
        let asked = ExecOptions {
            command: words.iter().map(|word| (*word).to_owned()).collect(),
            interactive: flags.contains('i'),
            terminal: flags.contains('t'),
            user: None,
        };
        let start = start(asked, person.0, person.1).ok()?;
        Some((start.terminal.is_some(), start.input))
    }

    // Rows: the command, flags, whether input and output are terminals; whether there is a terminal, and input.
    #[test]
    fn a_shell_for_a_person_has_a_terminal() {
        let (person, script) = ((true, true), (false, false));
        for (words, flags, who, expected) in [
            (&[][..], "", person, Some((true, true))),
            (&[], "", script, Some((false, true))),
            (&[], "", (true, false), Some((false, true))),
            (&[], "i", person, Some((false, true))),
            (&["ls"], "", person, Some((false, false))),
            (&["cat"], "i", script, Some((false, true))),
            (&["top"], "it", person, Some((true, true))),
            (&["top"], "t", person, Some((true, false))),
            (&["top"], "it", script, None),
        ] {
            assert_eq!(shape(words, flags, who), expected, "{words:?} -{flags} {who:?}");
        }
        let refused =
            start(ExecOptions { terminal: true, ..ExecOptions::default() }, false, true).unwrap_err();
        assert_eq!(refused.to_string(), "the input is no terminal\nhint: leave out `--tty`");
    }
}
