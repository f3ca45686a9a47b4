//! Errors of commands, for the user and for the shell.

use std::{borrow::Cow, error::Error, fmt, process::ExitCode, sync::LazyLock};

use clap::builder::styling::AnsiColor;

use crate::{
    config::{self, Environment, Warning},
    terminal::{self, Label},
};

/// The kind of failure, which decides the exit code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum FailureKind {
    /// Something failed: exit code 1.
    Failed,
    /// The arguments or the configuration are wrong: exit code 2.
    Wrong,
}

/// The error of a command that did not do what was asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Failure {
    kind: FailureKind,
    what: String,
    hint: Option<String>,
}

impl Failure {
    /// A failure with this message.
    pub(crate) fn new(what: impl Into<String>) -> Self {
        Self { kind: FailureKind::Failed, what: what.into(), hint: None }
    }

    /// Wrong arguments or configuration.
    pub(crate) fn wrong(what: impl Into<String>) -> Self {
        Self { kind: FailureKind::Wrong, ..Self::new(what) }
    }

    /// A failure caused by `error`, with its chain of causes.
    pub(crate) fn because(what: impl Into<String>, error: &dyn Error) -> Self {
        let mut what = what.into();
        let mut cause = Some(error);
        while let Some(error) = cause {
            what = format!("{what}: {error}");
            cause = error.source();
        }
        Self::new(what)
    }

    /// A failure with the message of `error` and its chain of causes.
    pub(crate) fn because_of(error: &dyn Error) -> Self {
        match error.source() {
            Some(cause) => Self::because(error.to_string(), cause),
            None => Self::new(error.to_string()),
        }
    }

    /// Adds a hint.
    #[must_use]
    pub(crate) fn with_hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// The same, but the arguments are to blame.
    #[must_use]
    pub(crate) fn of_arguments(self) -> Self {
        Self { kind: FailureKind::Wrong, ..self }
    }

    /// Adds the name of the file in question.
    #[must_use]
    pub(crate) fn in_file(mut self, name: &str) -> Self {
        self.what = format!("{name}: {}", self.what);
        self
    }

    /// The fact.
    pub(crate) fn what(&self) -> &str {
        &self.what
    }

    /// A way out, if one is known.
    pub(crate) fn hint(&self) -> Option<&str> {
        self.hint.as_deref()
    }

    /// Prints it to standard error.
    pub(crate) fn report(&self) {
        say(AnsiColor::Red, "error", &self.what);
        if let Some(hint) = &self.hint {
            say(AnsiColor::Cyan, "hint", hint);
        }
    }

    /// The exit code.
    pub(crate) fn code(&self) -> ExitCode {
        match self.kind {
            FailureKind::Failed => ExitCode::from(1),
            FailureKind::Wrong => ExitCode::from(2),
        }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.what)?;
        self.hint.iter().try_for_each(|hint| write!(f, "\nhint: {hint}"))
    }
}

impl From<entrepot_credentials::Error> for Failure {
    fn from(error: entrepot_credentials::Error) -> Self {
        let Warning { what, hint } = (&error).into();
        let is_wrong = matches!(error, entrepot_credentials::Error::NoPath);
        let failure = if is_wrong { Self::wrong(what) } else { Self::new(what) };
        failure.with_hint(hint)
    }
}

impl From<&entrepot_credentials::Error> for Warning {
    fn from(error: &entrepot_credentials::Error) -> Self {
        Self { what: Failure::because_of(error).what, hint: error.hint() }
    }
}

impl From<config::Error> for Failure {
    fn from(error: config::Error) -> Self {
        let failure = Self::wrong(error.to_string());
        match error.hint() {
            Some(hint) => failure.with_hint(hint),
            None => failure,
        }
    }
}

impl From<entrepot_sync::CopyFailure> for Failure {
    fn from(failure: entrepot_sync::CopyFailure) -> Self {
        Self { kind: FailureKind::Failed, what: failure.what, hint: failure.hint }
    }
}

/// Prints a note to standard error.
pub(crate) fn remark(text: &str) {
    say(AnsiColor::Blue, "note", text);
}

/// Prints warnings to standard error.
pub(crate) fn warn(warnings: &[Warning]) {
    for Warning { what, hint } in warnings {
        say(AnsiColor::Yellow, "warning", what);
        say(AnsiColor::Cyan, "hint", hint);
    }
}

/// Prints several warnings that share a hint.
pub(crate) fn note(facts: &[String], hint: &str) {
    facts.iter().for_each(|fact| say(AnsiColor::Yellow, "warning", fact));
    if !facts.is_empty() {
        say(AnsiColor::Cyan, "hint", hint);
    }
}

fn say(color: AnsiColor, label: &'static str, text: &str) {
    terminal::say(Some(Label(color, called(label))), &told(text));
}

/// An error's text in the terminal's language, as far as it is known there.
pub(crate) fn told(text: &str) -> Cow<'_, str> {
    if is_chinese() { entrepot_chinese::said(text) } else { Cow::Borrowed(text) }
}

/// A note in the terminal's language, with the word for it in front.
pub(crate) fn told_note(note: &str) -> String {
    format!("{}: {}", called("note"), told(note))
}

/// A hint in the terminal's language, with the word for it in front.
pub(crate) fn told_hint(hint: &str) -> String {
    format!("{}: {}", called("hint"), told(hint))
}

/// True if the terminal speaks 中文.
pub(crate) fn is_chinese() -> bool {
    static IS_CHINESE: LazyLock<bool> = LazyLock::new(|| Environment::of_process().is_chinese());
    *IS_CHINESE
}

fn called(label: &'static str) -> &'static str {
    match label {
        _ if !is_chinese() => label,
        "error" => "错误",
        "hint" => "提示",
        "warning" => "警告",
        "note" => "说明",
        other => other,
    }
}
