//! Passwords and PINs: typed where no terminal shows them, or read from standard input. Never an argument, which everybody on the machine
//! could read.

use super::Failure;
use std::io::{BufRead as _, IsTerminal as _, Write as _};
use zeroize::Zeroizing;

/// One line of standard input, or what is typed twice after `prompt`.
pub(super) fn read(prompt: &str) -> Result<Zeroizing<String>, Failure> {
    if !std::io::stdin().is_terminal() {
        return line();
    }
    let first = hidden(prompt)?;
    if *hidden("Once more: ")? != *first {
        return Err(Failure::Input("the two are not the same".to_owned()));
    }
    Ok(first)
}

/// Reads a line that the terminal does not show.
fn hidden(prompt: &str) -> Result<Zeroizing<String>, Failure> {
    use rustix::termios::{LocalModes, OptionalActions, tcgetattr, tcsetattr};
    let stdin = std::io::stdin();
    eprint!("{prompt}");
    let _ = std::io::stderr().flush();
    let before = tcgetattr(&stdin)?;
    let mut silent = before.clone();
    silent.local_modes -= LocalModes::ECHO;
    tcsetattr(&stdin, OptionalActions::Flush, &silent)?;
    let line = line();
    tcsetattr(&stdin, OptionalActions::Flush, &before)?;
    eprintln!();
    line
}

fn line() -> Result<Zeroizing<String>, Failure> {
    let mut text = Zeroizing::new(String::new());
    std::io::stdin().lock().read_line(&mut text)?;
    Ok(Zeroizing::new(text.trim_end_matches(['\r', '\n']).to_owned()))
}
