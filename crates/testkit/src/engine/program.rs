//! Programs in containers, as the engine keeps them.

/// What a program prints, and how it ends.
#[derive(Clone, Debug, Default)]
pub struct ExecAnswer {
    /// What it prints.
    pub output: Vec<u8>,
    /// What it prints as errors.
    pub errors: Vec<u8>,
    /// How it ends.
    pub exit_code: i64,
}

impl ExecAnswer {
    /// It prints this, and ends well.
    pub fn of(output: &str) -> Self {
        Self { output: output.as_bytes().to_vec(), ..Self::default() }
    }
}

/// A program as the engine keeps it.
#[derive(Clone, Debug)]
pub(crate) struct Exec {
    pub(crate) id: String,
    /// The number of its process in the container.
    pub(crate) number: u32,
    /// It was told to hang up.
    pub(crate) is_told: bool,
    pub(crate) command: Vec<String>,
    pub(crate) has_terminal: bool,
    pub(crate) is_started: bool,
    pub(crate) is_running: bool,
    pub(crate) exit_code: Option<i64>,
}
