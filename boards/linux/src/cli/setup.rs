//! What commands begin with: the settings, the networks, the people.

use super::Failure;
use crate::config::{Config, PeopleConfig};
use crate::disk::Folder;
use crate::store::{People, Store, StoreError, StoreKey, read};
use crate::vision::Models;
use edge_infer::door::{Calibration, CalibrationError};
use std::path::{Path, PathBuf};

pub(super) use crate::clock::utc_ms;

/// Options of every command.
#[derive(clap::Args)]
pub(super) struct Settings {
    /// The file of settings [default: /etc/door/door.toml, if it is there]
    #[arg(long, global = true, value_name = "FILE")]
    config: Option<PathBuf>,
    /// One setting, over those of the file; may be given several times
    #[arg(long, global = true, value_name = "KEY=VALUE")]
    set: Vec<String>,
    /// The folder of the networks; the same as --set models.folder=DIR
    #[arg(long, global = true, value_name = "DIR", env = "DOOR_MODELS")]
    models: Option<PathBuf>,
}

impl Settings {
    /// Takes every `--set` of the command line, in its order: of an option that stands before the command and behind it, clap keeps
    /// the last place's alone, and a setting that is dropped without a word is a door other than the one asked for.
    pub(super) fn join(&mut self, words: impl Iterator<Item = String>) {
        let mut words = words.take_while(|word| word != "--");
        self.set.clear();
        while let Some(word) = words.next() {
            match word.strip_prefix("--set") {
                Some("") => self.set.extend(words.next()),
                Some(rest) => self.set.extend(rest.strip_prefix('=').map(str::to_owned)),
                None => {}
            }
        }
    }

    pub(super) fn load(&self) -> Result<Config, Failure> {
        let mut config = Config::load(self.config.as_deref(), &self.set)?;
        if let Some(folder) = &self.models {
            config.models.folder.clone_from(folder);
        }
        Ok(config)
    }
}

/// The networks that the settings name.
pub(super) fn models(config: &Config) -> Result<Models, Failure> {
    let key = config.models.public_key()?;
    Ok(Models::open(&config.models.paths(config.policy.liveness), key.as_ref())?)
}

/// The cosine for a gallery of so many templates.
pub(super) fn calibrate(
    config: &Config,
    models: &Models,
    templates: u32,
) -> Result<Calibration, CalibrationError> {
    Calibration::new(config.policy.target_fpir, templates.max(1), models.embedding().thresholds())
}

/// Where the people's key comes from.
pub(super) enum KeySource<'a> {
    File(PathBuf),
    Credential(&'a str),
}

pub(super) fn key_source(people: &PeopleConfig) -> KeySource<'_> {
    match people.key.strip_prefix("credential:") {
        Some(name) => KeySource::Credential(name),
        None => KeySource::File(PathBuf::from(&people.key)),
    }
}

pub(super) fn key(people: &PeopleConfig) -> Result<StoreKey, Failure> {
    Ok(match key_source(people) {
        KeySource::File(path) => StoreKey::from_file(&path)?,
        KeySource::Credential(name) => StoreKey::from_credential(name)?,
    })
}

/// The people, to be changed.
pub(super) fn store(people: &PeopleConfig) -> Result<Store, Failure> {
    let key = key(people)?;
    let store = Store::open(Folder::lock(&people.folder)?, key);
    store.map_err(|error| match error {
        StoreError::Missing => Failure::Input(format!(
            "nobody was ever enrolled in {}: make the store with `door people init`, or mount its disk",
            people.folder.display()
        )),
        error => error.into(),
    })
}

/// The people, to be looked at beside a running door.
pub(super) fn everybody(people: &PeopleConfig) -> Result<People, Failure> {
    Ok(read(&Folder::read_only(&people.folder)?, &key(people)?)?)
}

/// Writes a file that is not there yet, for its owner alone.
pub(super) fn write_new(path: &Path, bytes: &[u8]) -> Result<(), Failure> {
    crate::disk::place(path)
        .and_then(|(folder, name)| crate::disk::write_new(&folder, name, bytes))
        .map_err(|error| Failure::Input(format!("{}: {error}", path.display())))
}
