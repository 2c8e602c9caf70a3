//! What differs between the drawings: the names of a board's pins.

use serde::Deserialize;
use std::collections::BTreeMap;

/// The boards that are drawn.
const BOARDS: &str = include_str!("../boards.toml");

/// One board's pins, each as an installer finds it on the board.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Board {
    /// Which boards these are.
    pub title: String,
    /// The board's file of settings, or its firmware's source with the relay's pin, below `boards`.
    pub settings: String,
    /// The relay's pin in that file.
    pub line: u32,
    /// What feeds the relay board's coil.
    pub power: String,
    /// What moves the relay: high releases the lock.
    pub relay: String,
    /// Ground beside it.
    pub ground: String,
    /// What is inside, where the board's program reads it.
    pub inputs: Option<Inputs>,
}

/// The button and the contact on the inside.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Inputs {
    /// The button on the inside, to ground.
    pub exit: String,
    /// The contact in the door frame, to ground while the door is shut.
    pub contact: String,
    /// Ground of both.
    pub ground: String,
}

/// All boards by the name of their drawing.
///
/// # Errors
/// `boards.toml` has other keys than [`Board`].
pub fn boards() -> Result<BTreeMap<String, Board>, toml::de::Error> {
    toml::from_str(BOARDS)
}
