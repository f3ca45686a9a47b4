//! Prints a result in the form that was asked for.

use serde::Serialize;

use crate::{
    failure::Failure,
    output::{self, Output},
};

/// Prints `value` as JSON, or `text` for people.
pub(super) fn print(
    output: Output,
    value: &impl Serialize,
    text: impl FnOnce() -> String,
) -> Result<(), Failure> {
    match output {
        Output::Json => output::print_json(value),
        Output::Text => output::print(&text()),
    }
}
