//! What a client asks to run. Pure.

use entrepot_engine::{ExecRequest, TerminalSize};

/// What a client asks to run in its channel.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum ChannelRequest {
    /// A shell.
    Shell,
    /// A command for a shell, as with `ssh HOST COMMAND`.
    Command(Vec<u8>),
    /// Something that this server has not, such as `sftp`.
    Subsystem(String),
}

/// Why nothing runs.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum NotRun {
    /// The command is no text.
    #[error("the command is not UTF-8")]
    NotText,
    /// There is no such subsystem.
    #[error("there is no `{0}` here; copy files with `scp -O`, `rsync` or `tar`, if the image has them")]
    Subsystem(String),
}

impl ChannelRequest {
    /// The program that is to be run.
    ///
    /// # Errors
    /// There is none.
    pub(crate) fn program(self, terminal: Option<TerminalSize>) -> Result<ExecRequest, NotRun> {
        let command = match self {
            Self::Shell => Vec::new(),
            Self::Command(bytes) => {
                let text = String::from_utf8(bytes).map_err(|_| NotRun::NotText)?;
                vec!["sh".to_owned(), "-c".to_owned(), text]
            }
            Self::Subsystem(name) => {
                let shown: String = name.chars().filter(|letter| !letter.is_control()).take(64).collect();
                return Err(NotRun::Subsystem(shown));
            }
        };
        Ok(ExecRequest { command, terminal, reads_input: true, user: None })
    }
}

/// A terminal's size as clients send it. Some programs do not survive one without a character.
pub(crate) fn size(columns: u32, rows: u32) -> TerminalSize {
    let bounded = |number: u32| u16::try_from(number).unwrap_or(u16::MAX).max(1);
    TerminalSize { rows: bounded(rows), columns: bounded(columns) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_is_for_a_shell_and_a_shell_is_the_librarys() {
        let terminal = Some(size(80, 24));
        let shell = ChannelRequest::Shell.program(terminal).unwrap();
        assert_eq!((shell.command.len(), shell.terminal, shell.reads_input), (0, terminal, true));
        let command = ChannelRequest::Command(b"echo $HOME 'a b'".to_vec()).program(None).unwrap();
        assert_eq!(command.command, ["sh", "-c", "echo $HOME 'a b'"], "it is one word, as sshd gives it");
        assert_eq!((command.terminal, command.user), (None, None));
    }

    #[test]
    fn what_there_is_not_is_said_without_repeating_control_characters() {
        assert_eq!(ChannelRequest::Command(vec![0xff]).program(None), Err(NotRun::NotText));
        let text =
            ChannelRequest::Subsystem("sftp\u{1b}[2J".to_owned()).program(None).unwrap_err().to_string();
        assert!(text.starts_with("there is no `sftp[2J` here; copy files with `scp -O`"), "{text}");
    }

    #[test]
    fn a_terminal_has_a_character() {
        assert_eq!(size(0, 0), TerminalSize { rows: 1, columns: 1 });
        assert_eq!(size(u32::MAX, 70_000), TerminalSize { rows: u16::MAX, columns: u16::MAX });
    }
}
