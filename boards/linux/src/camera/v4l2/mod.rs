//! A video device of the kernel (V4L2): USB cameras, and others with a driver of one plane.
//!
//! Four buffers of the driver are filled in turn. A frame is copied out and its buffer given back at once, so that the driver never
//! waits and the newest frame is at most four old, of which all but the last are skipped.

mod abi;

use super::{Camera, CameraError, Captured, FrameFormat, Layout, Range, SourceConfig};
use crate::run::clock;
use abi::Mapped;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::retry_on_intr;
use rustix::time::{ClockId, clock_gettime};
use std::fs::File;
use std::io;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::PathBuf;
use std::time::Duration;

const BUFFERS: u32 = 4;
/// How long a device may send nothing.
const SILENCE: Duration = Duration::from_secs(3);

/// `V4L2_CAP_VIDEO_CAPTURE` and `V4L2_CAP_STREAMING`.
const NEEDED: u32 = 0x0400_0001;
/// `V4L2_CAP_DEVICE_CAPS`: what this node can do is told apart from what the whole device can.
const OWN_CAPS: u32 = 0x8000_0000;
/// `V4L2_BUF_FLAG_ERROR`: the bytes are torn.
const TORN: u32 = 0x40;
/// `V4L2_BUF_FLAG_TIMESTAMP_MASK`, and in it `V4L2_BUF_FLAG_TIMESTAMP_MONOTONIC`.
const TIME_KIND: u32 = 0xe000;
const MONOTONIC: u32 = 0x2000;
/// `V4L2_QUANTIZATION_FULL_RANGE`.
const FULL: u32 = 1;

/// A device that sends frames.
#[derive(Debug)]
pub struct V4l2 {
    // Before the device: they are unmapped first.
    buffers: Vec<Mapped>,
    device: File,
    path: PathBuf,
    layout: Layout,
}

impl V4l2 {
    /// Opens and starts the device. Of size and format it gives what is next to what is asked for.
    ///
    /// # Errors
    /// It is not there, is no camera, has none of the formats, or is in use.
    pub fn open(config: &SourceConfig) -> Result<Self, CameraError> {
        let path = &config.device;
        let failed = |error| CameraError::Io { what: path.display().to_string(), error };
        let unusable = |needed: &str| CameraError::Unusable {
            device: path.clone(),
            needed: needed.to_owned(),
        };
        let flags = rustix::fs::OFlags::NONBLOCK.bits().cast_signed();
        let device = File::options().read(true).write(true).custom_flags(flags).open(path);
        let device = device.map_err(failed)?;
        let capability = abi::capability(&device).map_err(failed)?;
        let can = match capability.capabilities & OWN_CAPS {
            0 => capability.capabilities,
            _ => capability.device_caps,
        };
        if can & NEEDED != NEEDED {
            return Err(unusable("it sends no frames; is it another node of the same camera?"));
        }
        let side = |pixels: usize| u32::try_from(pixels).unwrap_or(u32::MAX);
        let (width, height) = (side(config.width), side(config.height));
        let format =
            abi::set_format(&device, width, height, code(config.format)).map_err(failed)?;
        let layout = layout(&format)
            .ok_or_else(|| unusable("it has none of mjpeg, yuyv, nv12, yuv420 and grey"))?;
        // Not every driver has a choice.
        let _ = abi::set_rate(&device, config.fps.max(1));
        let count = abi::request(&device, BUFFERS).map_err(failed)?;
        let buffers: Vec<Mapped> = (0..count)
            .map(|index| Mapped::new(&device, index))
            .collect::<io::Result<_>>()
            .map_err(failed)?;
        (0..count).try_for_each(|index| abi::queue(&device, index)).map_err(failed)?;
        abi::start(&device).map_err(failed)?;
        Ok(Self { buffers, device, path: path.clone(), layout })
    }

    fn failed(&self, error: io::Error) -> CameraError {
        CameraError::Io { what: self.path.display().to_string(), error }
    }

    /// A filled buffer, waited for.
    fn wait(&self) -> Result<abi::Buffer, CameraError> {
        let wait = Timespec::try_from(SILENCE)
            .map_err(|_| self.failed(io::ErrorKind::InvalidInput.into()))?;
        let mut ready = [PollFd::new(&self.device, PollFlags::IN)];
        if retry_on_intr(|| poll(&mut ready, Some(&wait)))
            .map_err(|error| self.failed(error.into()))?
            == 0
        {
            return Err(CameraError::Silent { waited: SILENCE });
        }
        abi::dequeue(&self.device).map_err(|error| self.failed(error))
    }
}

impl Camera for V4l2 {
    fn frame(&mut self, mut buffer: Vec<u8>) -> Result<Captured, CameraError> {
        loop {
            let mut filled = self.wait()?;
            // Of several that wait, the newest.
            while let Ok(newer) = abi::dequeue(&self.device) {
                abi::queue(&self.device, filled.index).map_err(|error| self.failed(error))?;
                filled = newer;
            }
            if let Some(mapped) = self.buffers.get(filled.index as usize) {
                mapped.copy(filled.used as usize, &mut buffer);
            }
            abi::queue(&self.device, filled.index).map_err(|error| self.failed(error))?;
            if filled.flags & TORN == 0 {
                let captured_ms = captured_ms(&filled);
                return Ok(Captured {
                    captured_ms,
                    sequence: 0,
                    layout: self.layout,
                    bytes: buffer,
                });
            }
        }
    }
}

/// When the frame was captured, by the door's clock. Drivers count without the time that the board slept.
fn captured_ms(buffer: &abi::Buffer) -> u64 {
    let now_ms = clock::now_ms();
    if buffer.flags & TIME_KIND != MONOTONIC {
        return now_ms;
    }
    let now = clock_gettime(ClockId::Monotonic);
    let [seconds, micros] = buffer.time;
    let age_ms = (now.tv_sec - seconds) * 1_000 + now.tv_nsec / 1_000_000 - micros / 1_000;
    now_ms.saturating_sub(u64::try_from(age_ms).unwrap_or(0))
}

/// The four letters of a format.
fn code(format: FrameFormat) -> [u8; 4] {
    *match format {
        FrameFormat::Mjpeg => b"MJPG",
        FrameFormat::Yuyv => b"YUYV",
        FrameFormat::Nv12 => b"NV12",
        FrameFormat::Yuv420 => b"YU12",
        FrameFormat::Grey => b"GREY",
    }
}

/// What the device will send; `None` for what nothing here reads.
fn layout(format: &abi::Format) -> Option<Layout> {
    let [width, height, stride] = [format.width, format.height, format.stride].map(|n| n as usize);
    let range = if format.quantization == FULL { Range::Full } else { Range::Limited };
    Some(match &format.pixels {
        b"MJPG" | b"JPEG" => Layout::Jpeg,
        b"YUYV" => Layout::Yuyv { width, height, stride, range },
        b"NV12" => Layout::Nv12 { width, height, stride, range },
        b"YU12" if stride == width => Layout::I420 { width, height, range },
        b"GREY" => Layout::Grey { width, height, stride },
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::camera::SourceKind;

    #[test]
    fn rejects_devices_that_are_none() {
        for device in ["/dev/no-video", "/dev/null"] {
            let config = SourceConfig {
                kind: SourceKind::V4l2,
                device: device.into(),
                command: Vec::new(),
                path: PathBuf::new(),
                format: FrameFormat::Mjpeg,
                range: Range::Limited,
                width: 640,
                height: 480,
                fps: 15,
            };
            let error = V4l2::open(&config).unwrap_err();
            assert!(error.to_string().starts_with(device), "{error}");
        }
    }
}
