//! Feature reports of a USB device through `/dev/hidraw*`: the structures and numbers of `linux/hidraw.h`.
//!
//! All `unsafe` of the USB relay is here. What the bytes of a report mean is left to [`hid`](super::hid).
#![allow(unsafe_code, reason = "hardware access: ioctl")]

use rustix::ioctl::{Opcode, Updater, ioctl, opcode};
use std::fs::{File, OpenOptions};
use std::io;
use std::path::Path;

/// A report's number, 0 where a device has only one, and its eight bytes.
pub(super) type Report = [u8; 9];

/// `struct hidraw_devinfo`.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default)]
struct Info {
    bus: u32,
    vendor: u16,
    product: u16,
}

const RAWINFO: Opcode = opcode::read::<Info>(b'H', 3);
const SET_FEATURE: Opcode = opcode::read_write::<Report>(b'H', 6);
const GET_FEATURE: Opcode = opcode::read_write::<Report>(b'H', 7);

fn call<const OPCODE: Opcode, T>(device: &File, value: &mut T) -> io::Result<()> {
    // SAFETY: each opcode is used by one function of this file alone, with the type whose size is in it; both are plain numbers
    // without references, so that the kernel reads and writes within `value` and leaves a valid one.
    unsafe { ioctl(device, Updater::<OPCODE, T>::new(value)) }?;
    Ok(())
}

/// A device of this process alone.
#[derive(Debug)]
pub(super) struct Hidraw(File);

impl Hidraw {
    /// Opens the device at `path`, for this process and those that open it with this function alone.
    ///
    /// # Errors
    /// It is not there, or another process has it ([`io::ErrorKind::ResourceBusy`]).
    pub(super) fn open(path: &Path) -> io::Result<Self> {
        let device = OpenOptions::new().read(true).write(true).open(path)?;
        device.try_lock().map_err(|_| io::Error::from(io::ErrorKind::ResourceBusy))?;
        Ok(Self(device))
    }

    /// The same device once more.
    pub(super) fn another(&self) -> io::Result<Self> {
        self.0.try_clone().map(Self)
    }

    /// Who made it, and what it is: the two halves of `lsusb`'s number.
    pub(super) fn ids(&self) -> io::Result<[u16; 2]> {
        let mut info = Info::default();
        call::<RAWINFO, _>(&self.0, &mut info)?;
        Ok([info.vendor, info.product])
    }

    pub(super) fn set_feature(&mut self, report: &Report) -> io::Result<()> {
        call::<SET_FEATURE, _>(&self.0, &mut { *report })
    }

    pub(super) fn feature(&mut self) -> io::Result<Report> {
        let mut report = [0; 9];
        call::<GET_FEATURE, _>(&self.0, &mut report)?;
        Ok(report)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The numbers that the kernel's header gives on x86-64 and arm64, sizes included.
    #[test]
    fn numbers_are_the_kernel_s() {
        for (ours, kernel) in
            [(RAWINFO, 0x8008_4803), (SET_FEATURE, 0xc009_4806), (GET_FEATURE, 0xc009_4807)]
        {
            assert_eq!(ours, kernel, "{ours:#x}");
        }
    }

    #[test]
    fn rejects_what_is_no_hid_device() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let mut device = Hidraw::open(file.path()).unwrap();
        assert!(device.ids().is_err() && device.feature().is_err());
        assert!(device.set_feature(&[0; 9]).is_err());
        let busy = Hidraw::open(file.path()).unwrap_err();
        assert_eq!(busy.kind(), io::ErrorKind::ResourceBusy);
    }
}
