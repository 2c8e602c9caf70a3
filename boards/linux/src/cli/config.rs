//! `config`: what can be set, and whether a file of settings can be used.

use super::{Failure, Settings, setup};
use crate::config::DEFAULTS;
use crate::mqtt::Mqtt;
use crate::webhook::Webhook;

/// Checks the settings, or prints all of them with their defaults
#[derive(clap::Args)]
pub(super) struct ConfigArgs {
    #[command(subcommand)]
    command: ConfigCommand,
}

#[derive(clap::Subcommand)]
enum ConfigCommand {
    /// Says whether the settings can be used: exit code 0 or 2
    Check,
    /// Prints a file with every setting, its default and what it means
    Default,
}

pub(super) fn run(settings: &Settings, args: &ConfigArgs) -> Result<(), Failure> {
    match args.command {
        ConfigCommand::Check => {
            let config = settings.load()?;
            config.models.public_key()?;
            if let setup::KeySource::File(path) = setup::key_source(&config.people)
                && path.as_os_str().is_empty()
            {
                return Err(Failure::Input("people.key is empty: name the key's file".to_owned()));
            }
            Mqtt::new(config.mqtt)?;
            Webhook::new(&config.webhook)?;
            println!("the settings can be used");
        }
        ConfigCommand::Default => print!("{DEFAULTS}"),
    }
    Ok(())
}
