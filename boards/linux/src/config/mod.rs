//! The settings: one TOML file over the defaults, `--set` over both.
//!
//! `door.toml` beside the sources holds every setting with its default and says what it means; it is compiled in, and what has no
//! place in it is refused by its name. Ranges are the door's own ([`Policy::check`]). Settings are named by their path, as
//! `frames.good`.

mod key;
mod policy;

use crate::camera::SourceConfig;
use crate::inputs::{InputsConfig, ReaderConfig};
use crate::lock::RelayConfig;
use crate::mqtt::MqttConfig;
use crate::vision::Paths;
use crate::web::WebConfig;
use crate::webhook::WebhookConfig;
use edge_infer::door::{Liveness, Policy, PolicyError};
use model_format::PublicKey;
use policy::Known;
use serde::Deserialize;
use std::path::{Path, PathBuf};
use toml::{Table, Value};

/// Every setting with its default, as a commented file.
pub const DEFAULTS: &str = include_str!("../../door.toml");

/// Where the file is looked for if none is named.
pub const DEFAULT_PATH: &str = "/etc/door/door.toml";

/// All settings.
#[derive(Clone, Debug, PartialEq)]
pub struct Config {
    /// When the door opens.
    pub policy: Policy,
    /// The networks.
    pub models: ModelsConfig,
    /// The enrolled people.
    pub people: PeopleConfig,
    /// The camera.
    pub source: SourceConfig,
    /// What holds the door.
    pub relay: RelayConfig,
    /// Buttons and contacts.
    pub inputs: InputsConfig,
    /// The keypad or card reader.
    pub reader: ReaderConfig,
    /// What the door did.
    pub log: LogConfig,
    /// The pages.
    pub web: WebConfig,
    /// The broker.
    pub mqtt: MqttConfig,
    /// The server that events are sent to.
    pub webhook: WebhookConfig,
}

/// Where the log is.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LogConfig {
    /// Its folder.
    pub folder: PathBuf,
}

/// Where the networks are.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ModelsConfig {
    /// The folder of the files below.
    pub folder: PathBuf,
    /// File of the detector.
    pub detector: PathBuf,
    /// File of the embedding network.
    pub embedding: PathBuf,
    /// File of the liveness network for 2.7 times the box.
    pub liveness_near: PathBuf,
    /// File of the one for 4.0 times the box.
    pub liveness_far: PathBuf,
    /// File of the public key, in PEM; empty for models that nobody signed.
    pub key: PathBuf,
}

/// Where the people are.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PeopleConfig {
    /// Their folder.
    pub folder: PathBuf,
    /// A key file, or `credential:` and a systemd credential's name.
    pub key: String,
}

/// Settings that cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ConfigError {
    /// The file can't be read.
    #[error("{}: {error}", path.display())]
    Io {
        /// Which.
        path: PathBuf,
        /// Why.
        error: std::io::Error,
    },
    /// It is no TOML.
    #[error("{}, line {line}: {message}", path.display())]
    Syntax {
        /// Which file.
        path: PathBuf,
        /// Counted from 1.
        line: usize,
        /// What the parser says.
        message: String,
    },
    /// An argument without a value.
    #[error("`{argument}` sets nothing: write KEY=VALUE, as frames.good=4")]
    Argument {
        /// As given.
        argument: String,
    },
    /// A name that no setting has.
    #[error("there is no setting `{key}`; there are {}", known.join(", "))]
    Unknown {
        /// Its path.
        key: String,
        /// Those beside it.
        known: Vec<String>,
    },
    /// A value of another kind.
    #[error("{message}")]
    Value {
        /// Which setting, and what is wrong.
        message: String,
    },
    /// A setting that no door should have.
    #[error(transparent)]
    Policy(#[from] PolicyError),
    /// The file of the key that models must be signed with.
    #[error("models.key: {} is no public key of Ed25519 in PEM, as `host-train keygen` writes KEY.pub", path.display())]
    Key {
        /// Which.
        path: PathBuf,
    },
}

impl Config {
    /// The defaults, `file` over them, each KEY=VALUE of `set` over both. Without a `file`, that of [`DEFAULT_PATH`] if there is
    /// one.
    ///
    /// # Errors
    /// [`ConfigError`].
    pub fn load(file: Option<&Path>, set: &[String]) -> Result<Self, ConfigError> {
        let default = Path::new(DEFAULT_PATH);
        let file = file.or_else(|| default.exists().then_some(default));
        let mut table = parse(DEFAULTS, Path::new("door.toml"))?;
        if let Some(path) = file {
            let text = std::fs::read_to_string(path)
                .map_err(|error| ConfigError::Io { path: path.to_owned(), error })?;
            overlay(&mut table, parse(&text, path)?, "")?;
        }
        for argument in set {
            overlay(&mut table, one_setting(argument)?, "")?;
        }
        Self::from_table(table)
    }

    fn from_table(mut table: Table) -> Result<Self, ConfigError> {
        let value =
            |error: toml::de::Error| ConfigError::Value { message: one_line(&error.to_string()) };
        let mut section = |name: &str| {
            Value::Table(match table.remove(name) {
                Some(Value::Table(section)) => section,
                _ => Table::new(),
            })
        };
        let models = section("models").try_into().map_err(value)?;
        let people = section("people").try_into().map_err(value)?;
        let source = section("source").try_into().map_err(value)?;
        let relay = section("relay").try_into().map_err(value)?;
        let inputs = section("inputs").try_into().map_err(value)?;
        let reader = section("reader").try_into().map_err(value)?;
        let log = section("log").try_into().map_err(value)?;
        let web = section("web").try_into().map_err(value)?;
        let mqtt = section("mqtt").try_into().map_err(value)?;
        let webhook = section("webhook").try_into().map_err(value)?;
        let Known(policy) = table.try_into().map_err(value)?;
        policy.check()?;
        Ok(Self { policy, models, people, source, relay, inputs, reader, log, web, mqtt, webhook })
    }
}

impl ModelsConfig {
    /// The files, those for liveness only where the policy has a gate.
    pub fn paths(&self, liveness: Liveness) -> Paths {
        let file = |name: &PathBuf| self.folder.join(name);
        Paths {
            detector: file(&self.detector),
            embedding: file(&self.embedding),
            liveness: (liveness != Liveness::Off)
                .then(|| [file(&self.liveness_near), file(&self.liveness_far)]),
        }
    }

    /// The key that models must be signed with.
    ///
    /// # Errors
    /// There is one, and its file can't be read or holds something else.
    pub fn public_key(&self) -> Result<Option<PublicKey>, ConfigError> {
        if self.key.as_os_str().is_empty() {
            return Ok(None);
        }
        let path = self.key.clone();
        let text = std::fs::read_to_string(&path)
            .map_err(|error| ConfigError::Io { path: path.clone(), error })?;
        key::public(&text).map(Some).ok_or(ConfigError::Key { path })
    }
}

fn parse(text: &str, path: &Path) -> Result<Table, ConfigError> {
    text.parse::<Table>().map_err(|error| {
        let before = error.span().and_then(|span| text.get(..span.start)).unwrap_or_default();
        let line = before.matches('\n').count() + 1;
        ConfigError::Syntax { path: path.to_owned(), line, message: one_line(error.message()) }
    })
}

/// `a.b=VALUE` as a table of one setting. A value that is no TOML is a text without quotes.
fn one_setting(argument: &str) -> Result<Table, ConfigError> {
    let none = || ConfigError::Argument { argument: argument.to_owned() };
    let (key, value) = argument.split_once('=').ok_or_else(none)?;
    let parsed = format!("value = {value}").parse::<Table>();
    let value =
        parsed.ok().filter(|table| table.len() == 1).and_then(|mut table| table.remove("value"));
    let value = value.unwrap_or_else(|| Value::String(text_of(argument)));
    let mut parts = key.trim().rsplit('.');
    let last = parts.next().filter(|part| !part.is_empty()).ok_or_else(none)?;
    let single = |name: &str, value| Table::from_iter([(name.to_owned(), value)]);
    let innermost = single(last, value);
    Ok(parts.fold(innermost, |inner, name| single(name, Value::Table(inner))))
}

fn text_of(argument: &str) -> String {
    argument.split_once('=').map(|(_, value)| value.to_owned()).unwrap_or_default()
}

/// Puts the settings of `over` in the place of those of `table`, which has every setting that there is.
fn overlay(table: &mut Table, over: Table, path: &str) -> Result<(), ConfigError> {
    for (name, value) in over {
        let key = if path.is_empty() { name.clone() } else { format!("{path}.{name}") };
        match (table.get_mut(&name), value) {
            (None, _) => {
                let known = table.keys().cloned().collect();
                return Err(ConfigError::Unknown { key, known });
            }
            (Some(Value::Table(inner)), Value::Table(value)) => overlay(inner, value, &key)?,
            (Some(Value::Table(_)), _) => {
                return Err(ConfigError::Value {
                    message: format!("`{key}` is a table of settings, not one"),
                });
            }
            (Some(place), value) => *place = value,
        }
    }
    Ok(())
}

fn one_line(text: &str) -> String {
    text.trim().replace('\n', " ")
}

#[cfg(test)]
mod tests;
