//! The only place that writes to the terminal.

use std::io::{self, Write};

use serde_json::Value;

use crate::report::clean;

/// What a command answers.
#[derive(Debug, Clone, PartialEq)]
pub struct Answer {
    /// For people; ends without a line end.
    pub text: String,
    /// For programs.
    pub json: Value,
    /// False when the command was answered but did not do what was asked.
    pub done: bool,
}

impl Answer {
    /// The answer of a command that was done.
    pub fn new(text: impl Into<String>, json: Value) -> Self {
        Self {
            text: text.into().trim_end().to_owned(),
            json,
            done: true,
        }
    }
}

/// Prints an answer and returns the exit code.
pub fn print(answer: &Answer, json: bool) -> u8 {
    let text = if json {
        serde_json::to_string_pretty(&answer.json).unwrap_or_default()
    } else {
        answer.text.clone()
    };
    // A reader that has gone away (`krog … | head`) is no failure of the command.
    let written = writeln!(io::stdout().lock(), "{text}");
    let lost = written.is_err_and(|error| error.kind() != io::ErrorKind::BrokenPipe);
    u8::from(!answer.done || lost)
}

/// Prints an error.
pub fn print_error(error: &dyn std::error::Error) {
    let _ = writeln!(io::stderr().lock(), "krog: {}", clean(&error.to_string()));
}
