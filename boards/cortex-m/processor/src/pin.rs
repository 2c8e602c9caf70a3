//! A pin that chips set by a write to one place and clear by a write to another, so that nothing comes in between: whoever writes needs no
//! lock, no handle and no memory, which suits a handler of faults.

use core::convert::Infallible;

use embedded_hal::digital::{ErrorType, OutputPin};

/// A register, and what is written to it.
#[derive(Clone, Copy, Debug)]
pub struct Write {
    /// Where.
    pub address: usize,
    /// What.
    pub value: u32,
}

/// Such a pin, which is an output already.
#[derive(Clone, Copy, Debug)]
pub struct SetClear {
    set: Write,
    clear: Write,
}

impl SetClear {
    /// A handle; there may be many of one pin.
    ///
    /// # Safety
    /// Both writes may be made at any time, and change the level of one pin and nothing else.
    #[must_use]
    pub const unsafe fn new(set: Write, clear: Write) -> Self {
        Self { set, clear }
    }
}

impl Write {
    fn make(self) {
        let register = core::ptr::with_exposed_provenance_mut::<u32>(self.address);
        // SAFETY: a register that may be written so at any time, as whoever made the pin has promised.
        unsafe { register.write_volatile(self.value) };
    }
}

impl ErrorType for SetClear {
    type Error = Infallible;
}

impl OutputPin for SetClear {
    fn set_low(&mut self) -> Result<(), Infallible> {
        self.clear.make();
        Ok(())
    }

    fn set_high(&mut self) -> Result<(), Infallible> {
        self.set.make();
        Ok(())
    }
}
