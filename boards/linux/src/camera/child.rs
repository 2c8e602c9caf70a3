//! A program that writes frames to its standard output: `rpicam-vid` for cameras on a Raspberry Pi's ribbon cable, `gst-launch-1.0` with
//! `nvarguscamerasrc` on a Jetson, `ffmpeg` for anything else.
//!
//! The program is killed and waited for when it is dropped, so that none is left and none is a zombie. A frame's time is when its first
//! byte came, which is later than its capture by what the program needs: tens of milliseconds.

use super::mjpeg::Splitter;
use super::{Camera, CameraError, Captured, Layout};
use crate::run::clock;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::retry_on_intr;
use std::io::{self, Read as _};
use std::process::{ChildStdout, Command, Stdio};
use std::time::Duration;

/// How long a program may write nothing. It needs seconds to start.
const SILENCE: Duration = Duration::from_secs(8);

/// The running program.
#[derive(Debug)]
pub struct Child {
    child: std::process::Child,
    pipe: ChildStdout,
    layout: Layout,
    splitter: Splitter,
    chunk: Vec<u8>,
    /// Of raw frames: bytes of one.
    frame: usize,
    name: String,
}

impl Child {
    /// Starts `command`, which writes frames of `layout`.
    ///
    /// # Errors
    /// There is none, or it can't be started.
    pub fn start(command: &[String], layout: Layout) -> Result<Self, CameraError> {
        let failed = |what: &str, error| CameraError::Io { what: what.to_owned(), error };
        let Some((program, arguments)) = command.split_first() else {
            let error = io::Error::new(io::ErrorKind::InvalidInput, "it is empty");
            return Err(failed("source.command", error));
        };
        let mut child = Command::new(program)
            .args(arguments)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .map_err(|error| failed(program, error))?;
        let pipe =
            child.stdout.take().ok_or_else(|| failed(program, io::ErrorKind::BrokenPipe.into()))?;
        let frame = match layout {
            Layout::Jpeg => 0,
            Layout::Yuyv { height, stride, .. } | Layout::Grey { height, stride, .. } => {
                height * stride
            }
            Layout::Nv12 { height, stride, .. } => height * stride * 3 / 2,
            Layout::I420 { width, height, .. } => height * width * 3 / 2,
        };
        let chunk = vec![0; 1 << 16];
        let (splitter, name) = (Splitter::default(), program.clone());
        Ok(Self { child, pipe, layout, splitter, chunk, frame, name })
    }

    /// Some bytes, waited for.
    fn read(&mut self, into: &mut [u8]) -> Result<usize, CameraError> {
        let failed = |error| CameraError::Io { what: self.name.clone(), error };
        let wait =
            Timespec::try_from(SILENCE).map_err(|_| failed(io::ErrorKind::InvalidInput.into()))?;
        let mut ready = [PollFd::new(&self.pipe, PollFlags::IN)];
        if retry_on_intr(|| poll(&mut ready, Some(&wait))).map_err(|error| failed(error.into()))?
            == 0
        {
            return Err(CameraError::Silent { waited: SILENCE });
        }
        match self.pipe.read(into).map_err(failed)? {
            0 => {
                let status = self.child.wait().map_err(failed)?.to_string();
                Err(CameraError::Ended { status })
            }
            count => Ok(count),
        }
    }

    fn file(&mut self, bytes: &mut Vec<u8>) -> Result<(), CameraError> {
        let mut chunk = core::mem::take(&mut self.chunk);
        let found = loop {
            match self.read(&mut chunk) {
                Ok(count) => self.splitter.push(&chunk[..count]),
                Err(error) => break Err(error),
            }
            match self.splitter.newest(bytes) {
                Ok(true) => break Ok(()),
                Ok(false) => {}
                Err(_) => break Err(CameraError::NoFrame { bytes: chunk.len() }),
            }
        };
        self.chunk = chunk;
        found
    }

    fn raw(&mut self, bytes: &mut Vec<u8>) -> Result<(), CameraError> {
        bytes.resize(self.frame, 0);
        let mut filled = 0;
        while filled < self.frame {
            filled += self.read(&mut bytes[filled..])?;
        }
        Ok(())
    }
}

impl Camera for Child {
    fn frame(&mut self, mut buffer: Vec<u8>) -> Result<Captured, CameraError> {
        match self.layout {
            Layout::Jpeg => self.file(&mut buffer)?,
            _ => self.raw(&mut buffer)?,
        }
        Ok(Captured {
            captured_ms: clock::now_ms(),
            sequence: 0,
            layout: self.layout,
            bytes: buffer,
        })
    }
}

impl Drop for Child {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shell(script: &str) -> Vec<String> {
        ["sh", "-c", script].map(str::to_owned).to_vec()
    }

    const GREY: Layout = Layout::Grey { width: 4, height: 2, stride: 4 };

    #[test]
    fn raw_frames_come_whole_and_the_end_is_told() {
        let mut child = Child::start(&shell("printf abcdefgh12345678xyz; exit 3"), GREY).unwrap();
        assert_eq!(child.frame(Vec::new()).unwrap().bytes, b"abcdefgh");
        assert_eq!(child.frame(vec![0; 99]).unwrap().bytes, b"12345678");
        let error = child.frame(Vec::new()).unwrap_err();
        assert!(matches!(&error, CameraError::Ended { status } if status.contains('3')), "{error}");
    }

    #[test]
    fn a_dropped_program_is_killed_and_no_zombie() {
        let child = Child::start(&shell("exec sleep 600"), GREY).unwrap();
        let proc = format!("/proc/{}", child.child.id());
        assert!(std::path::Path::new(&proc).exists());
        drop(child);
        assert!(!std::path::Path::new(&proc).exists());
    }

    #[test]
    fn rejects_programs_that_are_not_there() {
        for command in [&[][..], &["no-such-camera-program".to_owned()]] {
            assert!(matches!(Child::start(command, GREY), Err(CameraError::Io { .. })));
        }
    }
}
