//! The door's policy as it is written in TOML. The types are the door's own, which know nothing of files.

use edge_infer::door::{
    CameraPolicy, ContactPolicy, Exit, FacePolicy, FramePolicy, Liveness, LockoutPolicy, Policy,
    SecondFactor,
};
use serde::de::Error as _;
use serde::{Deserialize, Deserializer};

/// A policy, of which every setting must be given.
#[derive(Deserialize)]
pub(super) struct Known(#[serde(with = "PolicyForm")] pub(super) Policy);

#[derive(Deserialize)]
#[serde(remote = "Policy", deny_unknown_fields)]
struct PolicyForm {
    target_fpir: f32,
    margin: f32,
    #[serde(with = "FrameForm")]
    frames: FramePolicy,
    #[serde(with = "FaceForm")]
    face: FacePolicy,
    #[serde(deserialize_with = "liveness")]
    liveness: Liveness,
    still_cosine: f32,
    #[serde(deserialize_with = "second_factor")]
    second_factor: SecondFactor,
    #[serde(with = "CameraForm")]
    camera: CameraPolicy,
    pulse_ms: u32,
    cooldown_ms: u32,
    retry_ms: u32,
    hold_ms: u32,
    #[serde(with = "LockoutForm")]
    lockout: LockoutPolicy,
    #[serde(with = "ContactForm")]
    contact: ContactPolicy,
    #[serde(deserialize_with = "exit")]
    exit: Exit,
    step_ms: u32,
}

#[derive(Deserialize)]
#[serde(remote = "FramePolicy", deny_unknown_fields)]
struct FrameForm {
    good: u8,
    of: u8,
    window_ms: u32,
}

#[derive(Deserialize)]
#[serde(remote = "FacePolicy", deny_unknown_fields)]
struct FaceForm {
    eye_distance: f32,
    sharpness: f32,
    darkest: f32,
    brightest: f32,
    clipped: f32,
    yaw: f32,
    pitch: f32,
    roll: f32,
    other_eye_distance: f32,
    other_share: f32,
}

#[derive(Deserialize)]
#[serde(remote = "CameraPolicy", deny_unknown_fields)]
struct CameraForm {
    age_ms: u32,
    frozen_frames: u8,
    stall_ms: u32,
}

#[derive(Deserialize)]
#[serde(remote = "LockoutPolicy", deny_unknown_fields)]
struct LockoutForm {
    free: u8,
    first_ms: u32,
    longest_ms: u32,
    forget_ms: u32,
    strangers: bool,
}

#[derive(Deserialize)]
#[serde(remote = "ContactPolicy", deny_unknown_fields)]
struct ContactForm {
    relock_on_open: bool,
    grace_ms: u32,
    left_open_ms: u32,
}

/// A number or a word.
#[derive(Deserialize)]
#[serde(untagged, expecting = "a number or a word is needed")]
enum Either {
    Number(f64),
    Word(String),
}

fn liveness<'de, D: Deserializer<'de>>(from: D) -> Result<Liveness, D::Error> {
    match Either::deserialize(from)? {
        Either::Number(score) => Ok(Liveness::AtLeast(score as f32)),
        Either::Word(word) if word == "off" => Ok(Liveness::Off),
        Either::Word(word) => Err(D::Error::custom(format!(
            "liveness is `{word}`, it must be a number above 0 to 1, or \"off\""
        ))),
    }
}

fn second_factor<'de, D: Deserializer<'de>>(from: D) -> Result<SecondFactor, D::Error> {
    match Either::deserialize(from)? {
        // Casts saturate, and the policy refuses the ends.
        Either::Number(ms) => Ok(SecondFactor::Within(ms as u32)),
        Either::Word(word) if word == "off" => Ok(SecondFactor::Off),
        Either::Word(word) => Err(D::Error::custom(format!(
            "second_factor is `{word}`, it must be milliseconds, or \"off\""
        ))),
    }
}

fn exit<'de, D: Deserializer<'de>>(from: D) -> Result<Exit, D::Error> {
    match String::deserialize(from)?.as_str() {
        "off" => Ok(Exit::Off),
        "free" => Ok(Exit::Free),
        word => Err(D::Error::custom(format!("exit is `{word}`, it must be \"off\" or \"free\""))),
    }
}
