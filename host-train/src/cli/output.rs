//! Results on stdout.

use super::failure::Failure;
use serde::Serialize;
use std::io::{ErrorKind, Write};

/// Writes text and a line end. A reader that has gone away, as `head`, is no failure.
pub(crate) fn line(text: &str) -> Result<(), Failure> {
    match writeln!(std::io::stdout().lock(), "{text}") {
        Err(error) if error.kind() != ErrorKind::BrokenPipe => {
            Err(Failure::Input(format!("cannot write to stdout: {error}")))
        }
        _ => Ok(()),
    }
}

/// Writes a value as indented JSON.
pub(crate) fn json(value: &impl Serialize) -> Result<(), Failure> {
    line(&serde_json::to_string_pretty(value)?)
}

/// A name cut to `most` characters, its end kept: names of a network's layers begin alike.
pub(crate) fn short(name: &str, most: usize) -> String {
    let count = name.chars().count();
    match count <= most {
        true => name.to_owned(),
        false => core::iter::once('…').chain(name.chars().skip(count - most + 1)).collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::short;

    #[test]
    fn long_names_keep_their_end() {
        assert_eq!(short("stage.1.conv", 12), "stage.1.conv");
        assert_eq!(short("stage.1.convé", 6), "…convé");
    }
}
