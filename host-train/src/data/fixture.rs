//! Small sources for this module's tests.
#![allow(clippy::unwrap_used)]

use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use image::{ExtendedColorType, ImageEncoder};

/// Writes files below `root`, each holding its own name.
pub(super) fn write_folder(root: &Path, names: &[&str]) {
    for name in names {
        let path = root.join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, name).unwrap();
    }
}

/// Writes an archive into `folder` whose files hold their own names.
pub(super) fn tar_of(folder: &Path, file_name: &str, names: &[&str]) -> PathBuf {
    let path = folder.join(file_name);
    let mut archive = tar::Builder::new(fs::File::create(&path).unwrap());
    for name in names {
        let mut header = tar::Header::new_gnu();
        header.set_size(name.len() as u64);
        archive.append_data(&mut header, name, name.as_bytes()).unwrap();
    }
    archive.finish().unwrap();
    path
}

/// A PNG file of one colour.
pub(super) fn png(width: u32, height: u32, colour: [u8; 3]) -> Vec<u8> {
    let mut file = Vec::new();
    image::codecs::png::PngEncoder::new(&mut file)
        .write_image(
            &colour.repeat((width * height) as usize),
            width,
            height,
            ExtendedColorType::Rgb8,
        )
        .unwrap();
    file
}

/// A JPEG file, `side` pixels square: a ramp in a colour.
pub(super) fn jpeg(side: u32, colour: [u8; 3]) -> Vec<u8> {
    let mut file = Vec::new();
    let level = |x: u32, value: u8| (u32::from(value) * (x + 1) / side) as u8;
    let rgb: Vec<u8> =
        (0..side * side).flat_map(|at| colour.map(|value| level(at % side, value))).collect();
    image::codecs::jpeg::JpegEncoder::new_with_quality(&mut file, 95)
        .encode(&rgb, side, side, ExtendedColorType::Rgb8)
        .unwrap();
    file
}

/// Writes a folder source of JPEG files, `images` of them for each person; they all differ.
pub(super) fn write_jpegs(root: &Path, images: &[u8]) {
    for (person, &count) in images.iter().enumerate() {
        let folder = root.join(["Ann", "Bo", "Cy-Lee", "Dee", "Eve"][person]);
        fs::create_dir_all(&folder).unwrap();
        for image in 0..count {
            let file = jpeg(16, [200, 20 * image + 10, 40 * person as u8]);
            fs::write(folder.join(format!("{image:03}.jpg")), file).unwrap();
        }
    }
}

/// Writes a folder source of `images` images for each person, `side` pixels square.
///
/// Person p's image i has the colour (p, i, 0), so a test can tell which image reached it.
pub(super) fn write_people(root: &Path, images: &[u8], side: u32) {
    for (person, &count) in images.iter().enumerate() {
        let folder = root.join(format!("person{person:02}"));
        fs::create_dir_all(&folder).unwrap();
        for image in 0..count {
            let file = png(side, side, [person as u8, image, 0]);
            fs::write(folder.join(format!("{image:03}.png")), file).unwrap();
        }
    }
}

/// The folder of real faces, when this machine has it: `FACES_DIR`, by default beside the workspace.
///
/// Says so when there is none, so that a skipped check is seen.
pub(super) fn real_faces(check: &str) -> Option<PathBuf> {
    let folder = std::env::var_os("FACES_DIR").map_or_else(
        || Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/faces"),
        PathBuf::from,
    );
    if folder.join("train_manifest.csv").is_file() {
        return Some(folder);
    }
    say(&format!("SKIPPED {check}: no real faces in {}", folder.display()));
    None
}

/// Prints a line that the test harness does not swallow.
pub(super) fn say(line: &str) {
    let line = format!("{line}\n");
    std::io::stderr().write_all(line.as_bytes()).unwrap();
}
