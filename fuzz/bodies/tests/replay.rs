//! Every target's function on its corpus and on pseudo-random inputs, with the stable compiler.
#![allow(missing_docs, clippy::std_instead_of_core, reason = "tests")]

use std::fs;
use std::path::Path;

use fuzz_bodies::{Outcome, device, engine, host, model_view};

/// Pseudo-random inputs a target.
const INPUTS: usize = 20_000;

type Body = fn(&[u8]) -> Outcome;

/// Outcomes counted.
#[derive(Debug, Default)]
struct Counts {
    starved: usize,
    refused: usize,
    accepted: usize,
}

impl Counts {
    fn of(outcomes: impl Iterator<Item = Outcome>) -> Self {
        let mut counts = Self::default();
        for outcome in outcomes {
            match outcome {
                Outcome::Starved => counts.starved += 1,
                Outcome::Refused => counts.refused += 1,
                Outcome::Accepted => counts.accepted += 1,
            }
        }
        counts
    }
}

fn replay_corpus(target: &str, body: Body) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../corpus").join(target);
    let inputs = fs::read_dir(&folder).expect("each target has a corpus");
    let counts = Counts::of(inputs.map(|input| {
        let path = input.expect("the folder can be read").path();
        body(&fs::read(path).expect("the file can be read"))
    }));
    assert!(counts.refused > 0 && counts.accepted > 0, "{target}: {counts:?}");
}

/// Inputs of 64 to 575 bytes from a fixed seed; most of them must make a case, and cases must go both ways.
fn replay_random(target: &str, body: Body) {
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let mut next = || {
        // xorshift64, Marsaglia 2003.
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state
    };
    let counts = Counts::of((0..INPUTS).map(|_| {
        let words = 8 + next() % 64;
        let input: Vec<u8> = (0..words).flat_map(|_| next().to_le_bytes()).collect();
        body(&input)
    }));
    let least = INPUTS / 20;
    assert!(counts.refused > least && counts.accepted > least, "{target}: {counts:?}");
}

#[test]
fn model_view_corpus() {
    replay_corpus("model_view", model_view);
}

#[test]
fn model_view_random() {
    replay_random("model_view", model_view);
}

#[test]
fn engine_corpus() {
    replay_corpus("engine", engine);
}

#[test]
fn engine_random() {
    replay_random("engine", engine);
}

#[test]
fn device_corpus() {
    replay_corpus("device", device);
}

#[test]
fn device_random() {
    replay_random("device", device);
}

#[test]
fn host_corpus() {
    replay_corpus("host", host);
}

#[test]
fn host_random() {
    replay_random("host", host);
}
