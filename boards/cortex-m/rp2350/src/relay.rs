//! The lock's relay at GPIO 18, high to release it. A resistor at the pin holds it low while nothing drives it.

use core::arch::global_asm;

use door_firmware::pin::{PinError, PinLock};
use embedded_hal::digital::PinState;
use processor::pin::{SetClear, Write};

/// Data sheet 7.5: what keeps blocks in reset, written by the alias that clears bits, and the state of it.
const RESET_CLEAR: usize = 0x4002_3000;
const RESET_DONE: usize = 0x4002_0008;
/// The pins' functions and their pads.
const IO_BANK0: u32 = 1 << 6;
const PADS_BANK0: u32 = 1 << 9;
/// Data sheet 3.1.11: levels are set and cleared, and pins made outputs, by a write of their bits.
const SIO: usize = 0xD000_0000;
const OUT_SET: usize = 0x018;
const OUT_CLEAR: usize = 0x020;
const OUTPUT_SET: usize = 0x038;
/// Data sheet 9.11: a pin's function and its pad, of which bit 8 isolates it after a reset.
const FUNCTION: usize = 0x4002_8004 + 8 * PIN;
const PAD: usize = 0x4003_8004 + 4 * PIN;
const SIO_FUNCTION: u32 = 5;
/// Drive of 4 mA, pulled down, not isolated.
const PAD_BITS: u32 = 1 << 4 | 1 << 2;
const PIN: usize = 18;

// Runs before the first variable has its value: the level is low before the pin is an output.
global_asm!(
    ".global __pre_init",
    ".type __pre_init,%function",
    ".thumb_func",
    "__pre_init: ldr r0, ={reset}",
    "ldr r1, ={blocks}",
    "str r1, [r0]",
    "ldr r0, ={done}",
    "0: ldr r2, [r0]",
    "ands r2, r2, r1",
    "cmp r2, r1",
    "bne 0b",
    "ldr r0, ={sio}",
    "ldr r1, ={pin}",
    "str r1, [r0, #{clear}]",
    "str r1, [r0, #{output}]",
    "ldr r0, ={function}",
    "movs r1, #{to_sio}",
    "str r1, [r0]",
    "ldr r0, ={pad}",
    "movs r1, #{pad_bits}",
    "str r1, [r0]",
    "bx lr",
    reset = const RESET_CLEAR,
    blocks = const IO_BANK0 | PADS_BANK0,
    done = const RESET_DONE,
    sio = const SIO,
    pin = const 1_u32 << PIN,
    clear = const OUT_CLEAR,
    output = const OUTPUT_SET,
    function = const FUNCTION,
    to_sio = const SIO_FUNCTION,
    pad = const PAD,
    pad_bits = const PAD_BITS,
);

/// A handle to the lock, which is engaged by that.
pub(crate) fn lock() -> PinLock<SetClear> {
    let set = Write { address: SIO + OUT_SET, value: 1 << PIN };
    let clear = Write { address: SIO + OUT_CLEAR, value: 1 << PIN };
    // SAFETY: these registers change those pins alone whose bits are set, and may be written at any time. `main` makes the pin an output
    // of SIO once more after the HAL has reset the pads, and gives it to nothing else.
    let pin = unsafe { SetClear::new(set, clear) };
    match PinLock::new(pin, PinState::High) {
        Ok(lock) => lock,
        Err(PinError(never)) => match never {},
    }
}
