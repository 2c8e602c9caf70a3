//! `web`: passwords of the pages. The pages themselves are a part of `run`.

use super::{Failure, Settings, secret};
use crate::web::{Passwords, Role};

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
    /// It is never an argument. Whoever is signed in stays so until the door is started again.
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
    let password = secret::read(&format!("Password for {role}: "))?;
    Passwords::set(&config.web.passwords, role, &password)?;
    println!("the password of {role} is in {}", config.web.passwords.display());
    Ok(())
}
