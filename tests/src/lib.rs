//! What the tests that cross crates share: small data sets of drawn faces, and the program under test.
#![allow(
    clippy::std_instead_of_core,
    clippy::unwrap_used,
    reason = "test support on a host: what can't be made ends the test"
)]

use host_train::data::synthetic::{Difficulty, DrawnFaces};
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

/// Side of the faces in [`faces`], pixels.
pub const SIDE: usize = 32;

/// Writes `people` folders of `shots` PNG faces each, `p00/s0.png` and on, and returns the folder that holds them.
#[must_use]
pub fn faces(folder: &Path, people: u64, shots: usize) -> PathBuf {
    faces_of(folder.join("faces"), 0..people, shots)
}

/// The same of any people of the population, as `top`.
#[must_use]
pub fn faces_of(top: PathBuf, people: Range<u64>, shots: usize) -> PathBuf {
    let drawn = DrawnFaces::new(5, people, shots, SIDE, Difficulty::default()).unwrap();
    for index in 0..drawn.len() {
        let (face, person) = drawn.image(index);
        let path = top.join(format!("p{person:02}")).join(format!("s{}.png", index % shots));
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        let image = image::RgbImage::from_raw(SIDE as u32, SIDE as u32, face.rgb).unwrap();
        image.save(path).unwrap();
    }
    top
}

/// Flags of a network small enough for a test.
pub const SMALL: &[&str] =
    &["--input", "32", "--base-channels", "16", "--batch", "8", "--scale", "16"];

/// Runs the program under test; `arguments` are split at spaces after `{}` is replaced, in order, by `paths`.
#[must_use]
pub fn run(program: &str, arguments: &str, paths: &[&Path]) -> Output {
    let mut paths = paths.iter();
    let arguments = arguments.split_whitespace().map(|word| {
        if word == "{}" { paths.next().unwrap().as_os_str().to_owned() } else { word.into() }
    });
    Command::new(program).args(arguments).output().unwrap()
}

/// Standard output of a run; ends the test when it has failed.
pub fn stdout(output: &Output) -> String {
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "exit {:?}: {stderr}", output.status.code());
    String::from_utf8(output.stdout.clone()).unwrap()
}
