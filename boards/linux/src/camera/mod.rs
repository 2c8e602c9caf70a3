//! Cameras: what gives frames, one at a time, each with when it was captured.
//!
//! ```text
//! Camera (v4l2, child, folder) ── Captured: bytes as they came ──> Inbox, one place ── picture() ──> Picture
//!   └── capture: a thread of its own, which opens it again when it fails
//! ```
//!
//! Bytes are unpacked by the loop, so that a frame that nobody looks at costs no decoding.

mod capture;
mod child;
mod folder;
mod mjpeg;
mod unpack;
mod v4l2;
mod yuv;

pub use capture::capture;
pub use child::Child;
pub use folder::Folder;
pub use unpack::UnpackError;
pub use v4l2::V4l2;

use crate::run::Inbox;
use edge_infer::door::Stamp;
use serde::Deserialize;
use std::io;
use std::path::PathBuf;
use std::time::Duration;

/// Most pixels of a side.
pub const MAX_SIDE: usize = 8_192;

/// A frame as it came.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Captured {
    /// When, by [`clock`](crate::run::clock).
    pub captured_ms: u64,
    /// Which, counted over restarts of the camera.
    pub sequence: u64,
    /// What the bytes are.
    pub layout: Layout,
    /// The bytes.
    pub bytes: Vec<u8>,
}

impl Captured {
    /// What makes it this frame. The digest is of its bytes: a camera that is alive repeats none of them.
    #[must_use]
    pub fn stamp(&self) -> Stamp {
        let (upper, lower) = self.bytes.split_at(self.bytes.len() / 2);
        let digest = u64::from(crc32fast::hash(upper)) << 32 | u64::from(crc32fast::hash(lower));
        Stamp { captured_ms: self.captured_ms, sequence: self.sequence, digest }
    }
}

/// What a frame's bytes are. Widths and heights are in pixels, strides in bytes from row to row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Layout {
    /// A file: JPEG, as cameras compress, or PNG.
    Jpeg,
    /// Y0 U Y1 V for every two pixels.
    Yuyv {
        /// Even.
        width: usize,
        /// Rows.
        height: usize,
        /// At least twice the width.
        stride: usize,
        /// Of the numbers.
        range: Range,
    },
    /// A plane of Y, then one of U V for every two by two pixels.
    Nv12 {
        /// Even.
        width: usize,
        /// Even.
        height: usize,
        /// Of both planes.
        stride: usize,
        /// Of the numbers.
        range: Range,
    },
    /// Planes of Y, U and V, the latter with half the width and height, without gaps.
    I420 {
        /// Even.
        width: usize,
        /// Even.
        height: usize,
        /// Of the numbers.
        range: Range,
    },
    /// A plane of Y: infrared cameras.
    Grey {
        /// Pixels in a row.
        width: usize,
        /// Rows.
        height: usize,
        /// At least the width.
        stride: usize,
    },
}

/// Which numbers are black and white.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Range {
    /// Y from 16 to 235, U and V from 16 to 240, as video has it.
    #[default]
    Limited,
    /// 0 to 255, as JPEG has it.
    Full,
}

/// Gives frames.
pub trait Camera {
    /// The next frame, waited for. `buffer` is there to be filled, whatever is in it.
    ///
    /// # Errors
    /// No frame within a time that a working camera keeps, or never again: it must be opened anew.
    fn frame(&mut self, buffer: Vec<u8>) -> Result<Captured, CameraError>;
}

/// Why there are no frames.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CameraError {
    /// The device, program or folder can't be opened or read.
    #[error("{what}: {error}")]
    Io {
        /// Which.
        what: String,
        /// Why.
        error: io::Error,
    },
    /// Nothing came.
    #[error("no frame for {} ms", waited.as_millis())]
    Silent {
        /// For how long.
        waited: Duration,
    },
    /// The program ended.
    #[error("the camera's program ended ({status}); see what it printed")]
    Ended {
        /// How.
        status: String,
    },
    /// What comes is no stream of frames.
    #[error("{bytes} bytes came without a whole frame; is the format right?")]
    NoFrame {
        /// So many.
        bytes: usize,
    },
    /// A device that can't do what is asked.
    #[error("{}: {needed}", device.display())]
    Unusable {
        /// Which.
        device: PathBuf,
        /// What is missing.
        needed: String,
    },
    /// A folder without pictures.
    #[error("{}: no JPEG or PNG file", path.display())]
    Empty {
        /// Which.
        path: PathBuf,
    },
    /// A size that no frame has.
    #[error("frames of {width}x{height} pixels: both must be even and from 16 to {MAX_SIDE}")]
    Size {
        /// As set.
        width: usize,
        /// As set.
        height: usize,
    },
}

/// The camera's settings.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SourceConfig {
    /// Which driver.
    pub kind: SourceKind,
    /// The device of `v4l2`.
    pub device: PathBuf,
    /// The program of `command`, and its arguments.
    pub command: Vec<String>,
    /// The folder or tar of `folder`.
    pub path: PathBuf,
    /// What is asked of the device, or comes out of the program.
    pub format: FrameFormat,
    /// Of the numbers, where a program writes them: a device says itself.
    pub range: Range,
    /// Pixels in a row.
    pub width: usize,
    /// Rows.
    pub height: usize,
    /// Frames a second.
    pub fps: u32,
}

/// Which driver.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum SourceKind {
    /// A device of the kernel: USB cameras.
    V4l2,
    /// A program that writes frames: cameras on a ribbon cable.
    Command,
    /// Pictures, over and over.
    Folder,
}

/// How pixels are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum FrameFormat {
    /// JPEG files, one after the other.
    Mjpeg,
    /// See [`Layout::Yuyv`].
    Yuyv,
    /// See [`Layout::Nv12`].
    Nv12,
    /// See [`Layout::I420`].
    Yuv420,
    /// See [`Layout::Grey`].
    Grey,
}

impl FrameFormat {
    /// Frames without gaps between rows.
    fn layout(self, width: usize, height: usize, range: Range) -> Layout {
        match self {
            Self::Mjpeg => Layout::Jpeg,
            Self::Yuyv => Layout::Yuyv { width, height, stride: 2 * width, range },
            Self::Nv12 => Layout::Nv12 { width, height, stride: width, range },
            Self::Yuv420 => Layout::I420 { width, height, range },
            Self::Grey => Layout::Grey { width, height, stride: width },
        }
    }
}

impl SourceConfig {
    /// Opens the camera.
    ///
    /// # Errors
    /// [`CameraError`].
    pub fn open(&self) -> Result<Box<dyn Camera>, CameraError> {
        let (width, height) = (self.width, self.height);
        let even = |side: usize| side.is_multiple_of(2) && (16..=MAX_SIDE).contains(&side);
        if !(even(width) && even(height)) {
            return Err(CameraError::Size { width, height });
        }
        Ok(match self.kind {
            SourceKind::V4l2 => Box::new(V4l2::open(self)?),
            SourceKind::Command => {
                let layout = self.format.layout(width, height, self.range);
                Box::new(Child::start(&self.command, layout)?)
            }
            SourceKind::Folder => Box::new(Folder::open(&self.path, self.fps)?),
        })
    }

    /// Starts a thread that puts frames into `inbox` until the inbox is stopped.
    ///
    /// # Errors
    /// There is no thread to be had.
    pub fn start(&self, inbox: Inbox) -> io::Result<std::thread::JoinHandle<()>> {
        let config = self.clone();
        let run = move || capture(|| config.open(), &inbox);
        std::thread::Builder::new().name("camera".to_owned()).spawn(run)
    }

    /// What it is, in words for a log.
    #[must_use]
    pub fn describe(&self) -> String {
        match self.kind {
            SourceKind::V4l2 => self.device.display().to_string(),
            SourceKind::Command => self.command.join(" "),
            SourceKind::Folder => self.path.display().to_string(),
        }
    }
}
