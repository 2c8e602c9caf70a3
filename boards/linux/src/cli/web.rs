//! `web`: passwords of the pages. The pages themselves are a part of `run`.

use super::{Failure, Settings};
use crate::web::{Passwords, Role};
use std::io::{BufRead as _, IsTerminal as _, Write as _};
use zeroize::Zeroizing;

/// Sets passwords of the pages, which the running door shows
#[derive(clap::Args)]
pub(super) struct WebArgs {
    #[command(subcommand)]
    command: WebCommand,
}

#[derive(clap::Subcommand)]
enum WebCommand {
    /// Sets the password of a role, read from standard input or typed twice
    ///
    /// It is never an argument, which everybody on the machine could read. Whoever is signed in stays so until the door is started again.
    Password {
        /// admin may do everything, operator may not remove people
        #[arg(long, default_value = "admin", value_parser = role)]
        role: Role,
    },
}

fn role(name: &str) -> Result<Role, String> {
    Role::named(name).ok_or_else(|| "there are admin and operator".to_owned())
}

pub(super) fn run(settings: &Settings, args: &WebArgs) -> Result<(), Failure> {
    let config = settings.load()?;
    let WebCommand::Password { role } = args.command;
    let password = if std::io::stdin().is_terminal() {
        let first = hidden(&format!("Password for {role}: "))?;
        if *hidden("Once more: ")? != *first {
            return Err(Failure::Input("the two are not the same".to_owned()));
        }
        first
    } else {
        line()?
    };
    Passwords::set(&config.web.passwords, role, &password)?;
    println!("the password of {role} is in {}", config.web.passwords.display());
    Ok(())
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
