//! What is said to a video device of the kernel: the structures and numbers of `linux/videodev2.h` that a camera needs, for 64-bit machines.
//!
//! All `unsafe` of the camera is here. The structures have the kernel's layout, which the tests hold against its sizes and numbers.
#![allow(unsafe_code, reason = "hardware access: ioctl and mmap")]

use rustix::ioctl::{Opcode, Updater, ioctl, opcode};
use rustix::mm::{MapFlags, ProtFlags, mmap, munmap};
use std::fs::File;
use std::io;
use std::ptr::NonNull;

/// `V4L2_BUF_TYPE_VIDEO_CAPTURE`.
const CAPTURE: u32 = 1;
/// `V4L2_MEMORY_MMAP`.
const MMAP: u32 = 1;

/// `struct v4l2_capability`.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Capability {
    driver: [u8; 16],
    card: [u8; 32],
    bus_info: [u8; 32],
    version: u32,
    pub(super) capabilities: u32,
    pub(super) device_caps: u32,
    reserved: [u32; 3],
}

/// `struct v4l2_format` with its `v4l2_pix_format`.
#[repr(C, align(8))]
#[derive(Clone, Copy, Debug)]
pub(super) struct Format {
    kind: u32,
    /// The union holds pointers elsewhere, so it is aligned to eight bytes.
    gap: u32,
    pub(super) width: u32,
    pub(super) height: u32,
    pub(super) pixels: [u8; 4],
    field: u32,
    pub(super) stride: u32,
    size: u32,
    colorspace: u32,
    private: u32,
    flags: u32,
    encoding: u32,
    pub(super) quantization: u32,
    transfer: u32,
    rest: [u8; 152],
}

/// `struct v4l2_streamparm` with its `v4l2_captureparm`.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
struct Rate {
    kind: u32,
    capability: u32,
    mode: u32,
    numerator: u32,
    denominator: u32,
    rest: [u8; 184],
}

/// `struct v4l2_requestbuffers`.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default)]
struct Request {
    count: u32,
    kind: u32,
    memory: u32,
    capabilities: u32,
    flags: [u8; 4],
}

/// `struct v4l2_buffer`.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Buffer {
    pub(super) index: u32,
    kind: u32,
    pub(super) used: u32,
    pub(super) flags: u32,
    field: u32,
    gap: u32,
    /// Seconds, microseconds.
    pub(super) time: [i64; 2],
    timecode: [u32; 4],
    pub(super) sequence: u32,
    memory: u32,
    offset: u64,
    length: u32,
    reserved: u32,
    request: u64,
}

const fn both<T>(number: u8) -> Opcode {
    opcode::read_write::<T>(b'V', number)
}

const QUERYCAP: Opcode = opcode::read::<Capability>(b'V', 0);
const S_FMT: Opcode = both::<Format>(5);
const REQBUFS: Opcode = both::<Request>(8);
const QUERYBUF: Opcode = both::<Buffer>(9);
const QBUF: Opcode = both::<Buffer>(15);
const DQBUF: Opcode = both::<Buffer>(17);
const STREAMON: Opcode = opcode::write::<i32>(b'V', 18);
const S_PARM: Opcode = both::<Rate>(22);

fn call<const OPCODE: Opcode, T>(device: &File, value: &mut T) -> io::Result<()> {
    // SAFETY: each opcode is used by one function of this file alone, with the structure whose size is in it; all are of plain
    // numbers without references, so that the kernel reads and writes within `value` and leaves a valid one.
    unsafe { ioctl(device, Updater::<OPCODE, T>::new(value)) }?;
    Ok(())
}

pub(super) fn capability(device: &File) -> io::Result<Capability> {
    let mut value = Capability::default();
    call::<QUERYCAP, _>(device, &mut value)?;
    Ok(value)
}

/// Asks for a format; what the device has instead.
pub(super) fn set_format(
    device: &File,
    width: u32,
    height: u32,
    pixels: [u8; 4],
) -> io::Result<Format> {
    // V4L2_FIELD_NONE: whole frames.
    let mut value = Format {
        kind: CAPTURE,
        gap: 0,
        width,
        height,
        pixels,
        field: 1,
        stride: 0,
        size: 0,
        colorspace: 0,
        private: 0,
        flags: 0,
        encoding: 0,
        quantization: 0,
        transfer: 0,
        rest: [0; 152],
    };
    call::<S_FMT, _>(device, &mut value)?;
    Ok(value)
}

/// Asks for frames a second.
pub(super) fn set_rate(device: &File, fps: u32) -> io::Result<()> {
    let mut value = Rate {
        kind: CAPTURE,
        capability: 0,
        mode: 0,
        numerator: 1,
        denominator: fps,
        rest: [0; 184],
    };
    call::<S_PARM, _>(device, &mut value)
}

/// Asks for buffers; how many there are.
pub(super) fn request(device: &File, count: u32) -> io::Result<u32> {
    let mut value = Request { count, kind: CAPTURE, memory: MMAP, ..Request::default() };
    call::<REQBUFS, _>(device, &mut value)?;
    Ok(value.count)
}

/// Gives a buffer to the device.
pub(super) fn queue(device: &File, index: u32) -> io::Result<()> {
    let mut value = Buffer { index, kind: CAPTURE, memory: MMAP, ..Buffer::default() };
    call::<QBUF, _>(device, &mut value)
}

/// Takes a filled buffer from the device.
pub(super) fn dequeue(device: &File) -> io::Result<Buffer> {
    let mut value = Buffer { kind: CAPTURE, memory: MMAP, ..Buffer::default() };
    call::<DQBUF, _>(device, &mut value)?;
    Ok(value)
}

/// Starts the device.
pub(super) fn start(device: &File) -> io::Result<()> {
    call::<STREAMON, _>(device, &mut CAPTURE.cast_signed())
}

/// A buffer that the device writes to.
#[derive(Debug)]
pub(super) struct Mapped {
    bytes: NonNull<u8>,
    len: usize,
}

// SAFETY: the mapping belongs to this value alone and any thread may read it.
unsafe impl Send for Mapped {}

impl Mapped {
    /// The buffer `index` of those that were requested.
    pub(super) fn new(device: &File, index: u32) -> io::Result<Self> {
        let mut buffer = Buffer { index, kind: CAPTURE, memory: MMAP, ..Buffer::default() };
        call::<QUERYBUF, _>(device, &mut buffer)?;
        let len = buffer.length as usize;
        // The union's first half is the offset.
        let offset = buffer.offset & u64::from(u32::MAX);
        // SAFETY: a new mapping at a place that the kernel chooses touches no memory of this program.
        let bytes = unsafe {
            mmap(core::ptr::null_mut(), len, ProtFlags::READ, MapFlags::SHARED, device, offset)
        }?;
        let bytes = NonNull::new(bytes.cast()).ok_or(io::ErrorKind::OutOfMemory)?;
        Ok(Self { bytes, len })
    }

    /// Copies its first `used` bytes, which nobody writes to between [`dequeue`] and [`queue`].
    pub(super) fn copy(&self, used: usize, into: &mut Vec<u8>) {
        into.clear();
        into.resize(used.min(self.len), 0);
        // SAFETY: the mapping has `len` bytes, of which `into` has no more, and a fresh allocation does not overlap it; a raw copy
        // makes no reference to memory that a broken driver may still write.
        unsafe {
            core::ptr::copy_nonoverlapping(self.bytes.as_ptr(), into.as_mut_ptr(), into.len());
        }
    }
}

impl Drop for Mapped {
    fn drop(&mut self) {
        // SAFETY: `bytes` and `len` are those of the mapping that `new` made, and nothing borrows from it.
        let _ = unsafe { munmap(self.bytes.as_ptr().cast(), self.len) };
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use core::mem::{offset_of, size_of};

    /// The numbers that the kernel's header gives on x86-64 and arm64, sizes included.
    #[test]
    fn structures_and_numbers_are_the_kernel_s() {
        let numbers = [
            (QUERYCAP, 0x8068_5600),
            (S_FMT, 0xc0d0_5605),
            (REQBUFS, 0xc014_5608),
            (QUERYBUF, 0xc058_5609),
            (QBUF, 0xc058_560f),
            (DQBUF, 0xc058_5611),
            (STREAMON, 0x4004_5612),
            (S_PARM, 0xc0cc_5616),
        ];
        for (ours, kernel) in numbers {
            assert_eq!(ours, kernel, "{ours:#x}");
        }
        assert_eq!(size_of::<Rate>(), 204);
        assert_eq!([offset_of!(Format, width), offset_of!(Format, quantization)], [8, 8 + 40]);
        assert_eq!([offset_of!(Buffer, time), offset_of!(Buffer, sequence)], [24, 56]);
        assert_eq!([offset_of!(Buffer, offset), offset_of!(Buffer, length)], [64, 72]);
    }

    #[test]
    fn rejects_what_is_no_video_device() {
        let device = File::open("/dev/null").unwrap();
        assert!(capability(&device).is_err());
        assert!(Mapped::new(&device, 0).is_err());
    }
}
