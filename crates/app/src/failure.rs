//! What a command ends with when it does not end well: said to a person, and to the shell.

use std::{error::Error, fmt, process::ExitCode};

use clap::builder::styling::AnsiColor;

use crate::{
    config::{self, Warning},
    terminal::{self, Label},
};

/// Whose fault it is, which decides the exit code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fault {
    /// Something failed: 1.
    Failed,
    /// The call or the configuration is wrong: 2.
    Wrong,
}

/// The end of a command that did not do what it was asked to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Failure {
    fault: Fault,
    what: String,
    hint: Option<String>,
}

impl Failure {
    /// Something failed.
    pub(crate) fn new(what: impl Into<String>) -> Self {
        Self { fault: Fault::Failed, what: what.into(), hint: None }
    }

    /// The call or the configuration is wrong.
    pub(crate) fn wrong(what: impl Into<String>) -> Self {
        Self { fault: Fault::Wrong, ..Self::new(what) }
    }

    /// Something failed, for the reasons that `error` has.
    pub(crate) fn because(what: impl Into<String>, error: &dyn Error) -> Self {
        let mut what = what.into();
        let mut cause = Some(error);
        while let Some(error) = cause {
            what = format!("{what}: {error}");
            cause = error.source();
        }
        Self::new(what)
    }

    /// Something failed, as `error` says in its own words and those of its causes.
    pub(crate) fn because_of(error: &dyn Error) -> Self {
        match error.source() {
            Some(cause) => Self::because(error.to_string(), cause),
            None => Self::new(error.to_string()),
        }
    }

    /// With a way out.
    #[must_use]
    pub(crate) fn with_hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// Says which file it is about.
    #[must_use]
    pub(crate) fn in_file(mut self, name: &str) -> Self {
        self.what = format!("{name}: {}", self.what);
        self
    }

    /// Says it on standard error.
    pub(crate) fn report(&self) {
        say(AnsiColor::Red, "error", &self.what);
        if let Some(hint) = &self.hint {
            say(AnsiColor::Cyan, "hint", hint);
        }
    }

    /// What the shell is told.
    pub(crate) fn code(&self) -> ExitCode {
        match self.fault {
            Fault::Failed => ExitCode::from(1),
            Fault::Wrong => ExitCode::from(2),
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

impl From<entrepot_sync::Failure> for Failure {
    fn from(failure: entrepot_sync::Failure) -> Self {
        Self { fault: Fault::Failed, what: failure.what, hint: failure.hint }
    }
}

/// Says on standard error what is worth knowing.
pub(crate) fn remark(text: &str) {
    say(AnsiColor::Blue, "note", text);
}

/// Says on standard error what should not stay so.
pub(crate) fn warn(warnings: &[Warning]) {
    for Warning { what, hint } in warnings {
        say(AnsiColor::Yellow, "warning", what);
        say(AnsiColor::Cyan, "hint", hint);
    }
}

/// Says several things that have one way out.
pub(crate) fn note(facts: &[String], hint: &str) {
    facts.iter().for_each(|fact| say(AnsiColor::Yellow, "warning", fact));
    if !facts.is_empty() {
        say(AnsiColor::Cyan, "hint", hint);
    }
}

fn say(color: AnsiColor, label: &'static str, text: &str) {
    terminal::say(Some(Label(color, label)), text);
}
