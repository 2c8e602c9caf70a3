//! Pictures of a folder or a tar as a live camera, over and over: for demonstrations and tests.
//!
//! The same picture twice is a frozen camera to a door, and rightly so. A picture that comes again is therefore given a comment
//! that says which round it is, where its file has room for one; what the door sees in it stays what it was.

use super::{Camera, CameraError, Captured, Layout};
use crate::run::clock;
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// Pictures of a folder or tar, one after the other, at a camera's pace.
#[derive(Debug)]
pub struct Folder {
    files: Vec<Vec<u8>>,
    next: usize,
    round: u64,
    every: Duration,
    due: Instant,
}

impl Folder {
    /// The JPEG and PNG files of the folder or tar at `path`, in the order of their names, `fps` of them a second.
    ///
    /// # Errors
    /// It can't be read, or there is none.
    pub fn open(path: &Path, fps: u32) -> Result<Self, CameraError> {
        let failed = |error| CameraError::Io { what: path.display().to_string(), error };
        let mut named = match path.is_dir() {
            true => of_folder(path),
            false => of_tar(path),
        }
        .map_err(failed)?;
        named.sort();
        let files: Vec<Vec<u8>> = named.into_iter().map(|(_, bytes)| bytes).collect();
        if files.is_empty() {
            return Err(CameraError::Empty { path: path.to_owned() });
        }
        let every = Duration::from_secs(1) / fps.clamp(1, 1_000);
        Ok(Self { files, next: 0, round: 0, every, due: Instant::now() })
    }
}

type Named = Vec<(PathBuf, Vec<u8>)>;

fn is_picture(path: &Path) -> bool {
    let extension = path.extension().and_then(|extension| extension.to_str());
    extension.is_some_and(|extension| {
        ["jpg", "jpeg", "png"].iter().any(|known| extension.eq_ignore_ascii_case(known))
    })
}

fn of_folder(path: &Path) -> std::io::Result<Named> {
    let mut named = Named::new();
    for entry in std::fs::read_dir(path)? {
        let path = entry?.path();
        if is_picture(&path) {
            let bytes = std::fs::read(&path)?;
            named.push((path, bytes));
        }
    }
    Ok(named)
}

fn of_tar(path: &Path) -> std::io::Result<Named> {
    let mut named = Named::new();
    for entry in tar::Archive::new(std::fs::File::open(path)?).entries()? {
        let mut entry = entry?;
        let path = entry.path()?.into_owned();
        if is_picture(&path) {
            let mut bytes = Vec::new();
            entry.read_to_end(&mut bytes)?;
            named.push((path, bytes));
        }
    }
    Ok(named)
}

impl Camera for Folder {
    fn frame(&mut self, mut buffer: Vec<u8>) -> Result<Captured, CameraError> {
        std::thread::sleep(self.due.saturating_duration_since(Instant::now()));
        // A camera that was not asked for a while has no frames of that time.
        self.due = (self.due + self.every).max(Instant::now());
        let file = &self.files[self.next];
        buffer.clear();
        match file.strip_prefix(&[0xff, 0xd8]) {
            Some(rest) if self.round > 0 => {
                buffer.extend([0xff, 0xd8, 0xff, 0xfe, 0, 10]);
                buffer.extend(self.round.to_be_bytes());
                buffer.extend_from_slice(rest);
            }
            _ => buffer.extend_from_slice(file),
        }
        self.next += 1;
        if self.next == self.files.len() {
            (self.next, self.round) = (0, self.round + 1);
        }
        Ok(Captured {
            captured_ms: clock::now_ms(),
            sequence: 0,
            layout: Layout::Jpeg,
            bytes: buffer,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use image::ImageEncoder as _;

    fn jpeg(value: u8) -> Vec<u8> {
        let mut file = Vec::new();
        let encoder = image::codecs::jpeg::JpegEncoder::new(&mut file);
        encoder.write_image(&[value; 16 * 16 * 3], 16, 16, image::ExtendedColorType::Rgb8).unwrap();
        file
    }

    #[test]
    fn pictures_come_in_order_at_their_pace_and_never_with_the_same_digest() {
        let folder = tempfile::tempdir().unwrap();
        for (name, value) in [("b.jpg", 90), ("a.JPEG", 30), ("notes.txt", 0)] {
            std::fs::write(folder.path().join(name), jpeg(value)).unwrap();
        }
        let start = Instant::now();
        let mut camera = Folder::open(folder.path(), 50).unwrap();
        let frames: Vec<Captured> = (0..6).map(|_| camera.frame(Vec::new()).unwrap()).collect();
        assert!(start.elapsed() >= Duration::from_millis(100), "{:?}", start.elapsed());
        let light = |frame: &Captured| frame.picture().unwrap().rgb()[0];
        assert_eq!(frames.iter().map(light).collect::<Vec<_>>(), [30, 90, 30, 90, 30, 90]);
        let mut digests: Vec<u64> = frames.iter().map(|frame| frame.stamp().digest).collect();
        digests.sort_unstable();
        digests.dedup();
        assert_eq!(digests.len(), 6);
    }

    #[test]
    fn a_tar_is_a_folder() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let mut tar = tar::Builder::new(file.reopen().unwrap());
        let bytes = jpeg(7);
        let mut header = tar::Header::new_gnu();
        header.set_size(bytes.len() as u64);
        tar.append_data(&mut header, "x/0.jpg", &bytes[..]).unwrap();
        tar.finish().unwrap();
        let mut camera = Folder::open(file.path(), 100).unwrap();
        assert_eq!(camera.frame(Vec::new()).unwrap().bytes, bytes);
    }

    #[test]
    fn rejects_folders_without_pictures() {
        let folder = tempfile::tempdir().unwrap();
        assert!(matches!(Folder::open(folder.path(), 10), Err(CameraError::Empty { .. })));
        let missing = folder.path().join("none");
        assert!(matches!(Folder::open(&missing, 10), Err(CameraError::Io { .. })));
    }
}
