//! The camera interface, DCMI: eight lines of data by the pixel clock, one picture at a time by DMA, chapter DCMI of the manual.

use core::fmt::{self, Display};
use core::mem::MaybeUninit;

use cortex_m::peripheral::SCB;
use door_firmware::camera::{PICTURE_MS, Sensor, words};
use door_firmware::wait;
use embassy_stm32::dcmi::{Dcmi, Error};
use embassy_stm32::pac;
use embassy_stm32::peripherals::DCMI;
use processor::tick::Ticks;

/// Of a frame.
pub(crate) const WIDTH: u16 = 320;
pub(crate) const HEIGHT: u16 = 240;
const WORDS: usize = words(WIDTH as usize, HEIGHT as usize);

/// The frame's memory, which start-up leaves alone: it has no clock yet.
#[unsafe(link_section = ".frame")]
static mut FRAME: MaybeUninit<[u32; WORDS]> = MaybeUninit::uninit();

/// The frame, all black. To be called once.
pub(crate) fn take_frame() -> &'static mut [u32] {
    // RCC_AHB2ENR: the clocks of the three memories of domain 2.
    pac::RCC.ahb2enr().modify(|clocks| {
        clocks.set_sram1en(true);
        clocks.set_sram2en(true);
        clocks.set_sram3en(true);
    });
    cortex_m::asm::dsb();
    // SAFETY: `main` calls this once and never ends, so there is one reference. The memory has its clock, and every word its value:
    // before it is written the first time, its error correction has nothing that is right (manual, chapter 2).
    unsafe {
        let frame = (&raw mut FRAME).cast::<u32>();
        core::ptr::write_bytes(frame, 0, WORDS);
        core::slice::from_raw_parts_mut(frame, WORDS)
    }
}

/// The sensor at the camera interface.
pub(crate) struct Parallel {
    dcmi: Dcmi<'static, DCMI>,
    clock: Ticks,
}

/// Why there is no picture.
#[derive(Clone, Copy, Debug)]
pub(crate) enum NoPicture {
    /// None ended in time.
    Silent,
    /// Pixels came faster than the memory took them.
    Overrun,
    /// Lines or the frame were cut off.
    Torn,
}

impl Display for NoPicture {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Silent => write!(f, "no picture within {PICTURE_MS} ms; look at its cable"),
            Self::Overrun => f.write_str("pixels were lost"),
            Self::Torn => f.write_str("a picture was cut off"),
        }
    }
}

impl Parallel {
    pub(crate) fn new(dcmi: Dcmi<'static, DCMI>, clock: Ticks) -> Self {
        Self { dcmi, clock }
    }
}

impl Sensor for Parallel {
    type Error = NoPicture;

    fn capture(&mut self, pixels: &mut [u32]) -> Result<(), NoPicture> {
        // No line of the cache may be written back over what the DMA brings, nor be read in its place afterwards.
        forget(pixels);
        let result = wait::within(PICTURE_MS, &self.clock, self.dcmi.capture(pixels));
        forget(pixels);
        match result {
            Some(Ok(())) => Ok(()),
            Some(Err(Error::Overrun)) => Err(NoPicture::Overrun),
            Some(Err(_)) => Err(NoPicture::Torn),
            None => Err(NoPicture::Silent),
        }
    }
}

/// Writes back what the cache holds of `pixels`, and forgets it.
fn forget(pixels: &[u32]) {
    // SAFETY: the loop alone uses the cache's registers once `main` has enabled it, and interrupts none of them.
    let mut scb = unsafe { cortex_m::Peripherals::steal() }.SCB;
    SCB::clean_invalidate_dcache_by_address(&mut scb, pixels.as_ptr().addr(), size_of_val(pixels));
}
