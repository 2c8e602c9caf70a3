//! Why a command ends with another exit code than 0.

use std::process::ExitCode;

/// The end of a command that did not do what was asked.
pub(super) enum Failure {
    /// Exit 1: everything could be looked at, and the answer is no.
    Check(String),
    /// Exit 2: what was given can't be used, or a place can't be written.
    Input(String),
}

impl Failure {
    /// Tells the user, in one line on stderr, and gives the exit code.
    pub(super) fn report(self) -> ExitCode {
        let (code, text) = match self {
            Self::Check(text) => (1, text),
            Self::Input(text) => (2, text),
        };
        eprintln!("error: {}", text.replace('\n', " "));
        ExitCode::from(code)
    }
}

impl<E: std::error::Error> From<E> for Failure {
    fn from(error: E) -> Self {
        Self::Input(error.to_string())
    }
}

impl core::fmt::Display for Failure {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        match self {
            Self::Check(text) | Self::Input(text) => f.write_str(text),
        }
    }
}
