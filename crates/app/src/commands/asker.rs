//! What the commands share that ask a server: its refusals in its own words, and one way of printing what it answers.

use serde::Serialize;

use crate::{
    client::{ApiError, Client, ServerTarget},
    failure::Failure,
    output::{self, Output},
};

/// Asks a server, and prints what it answers.
pub(crate) struct ApiSession {
    pub(crate) client: Client,
    pub(crate) output: Output,
}

#[derive(Serialize)]
struct DoneReport<'a> {
    name: &'a str,
}

impl ApiSession {
    /// Asks the server that the arguments name.
    ///
    /// # Errors
    /// The address is not one, or the configuration cannot be read.
    pub(crate) fn new(to: ServerTarget) -> Result<Self, Failure> {
        Ok(Self { output: to.output, client: to.client()? })
    }

    /// Explains a refusal in the server's words.
    pub(crate) fn told<T>(&self, answer: Result<T, ApiError>) -> Result<T, Failure> {
        answer.map_err(|fault| fault.explained(self.client.server()))
    }

    /// Prints a value, or a text for people.
    pub(crate) fn print(&self, value: &impl Serialize, text: impl FnOnce() -> String) -> Result<(), Failure> {
        match self.output {
            Output::Json => output::print_json(value),
            Output::Text => output::print(&text()),
        }
    }

    /// Says what became of something, in the terminal's language.
    pub(crate) fn done(&self, name: &str, what: &str) -> Result<(), Failure> {
        self.print(&DoneReport { name }, || format!("`{name}` {what}\n"))
    }
}
