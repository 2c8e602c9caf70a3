//! The lock's relay at PD4, high to release it. A resistor at the pin holds it low while nothing drives it.

use core::arch::global_asm;

use door_firmware::pin::{PinError, PinLock};
use embedded_hal::digital::PinState;
use processor::pin::{SetClear, Write};

/// RCC_AHB4ENR: clocks of the ports, that of port D among them.
const AHB4ENR: usize = 0x5802_44E0;
const PORT_D_CLOCK: u32 = 1 << 3;
/// GPIOD_MODER: a pin's two bits of mode. GPIOD_BSRR: sets pins (lower half) and clears them (upper half).
const MODER: usize = 0x5802_0C00;
const BSRR: usize = 0x5802_0C18;
const PIN: u32 = 4;

// Runs before the first variable has its value: the pin is driven low, and becomes an output only then. The clock needs two cycles until
// the port listens, for which its register is read back.
global_asm!(
    ".global __pre_init",
    ".type __pre_init,%function",
    ".thumb_func",
    "__pre_init: ldr r0, ={clocks}",
    "ldr r1, [r0]",
    "orr r1, r1, #{clock}",
    "str r1, [r0]",
    "ldr r1, [r0]",
    "ldr r0, ={port}",
    "mov r1, #{low}",
    "str r1, [r0, #{bsrr}]",
    "ldr r1, [r0]",
    "bic r1, r1, #{mode}",
    "orr r1, r1, #{output}",
    "str r1, [r0]",
    "bx lr",
    clocks = const AHB4ENR,
    clock = const PORT_D_CLOCK,
    port = const MODER,
    bsrr = const BSRR - MODER,
    low = const 1 << (PIN + 16),
    mode = const 3 << (2 * PIN),
    output = const 1 << (2 * PIN),
);

/// A handle to the lock, which is engaged by that.
pub(crate) fn lock() -> PinLock<SetClear> {
    let set = Write { address: BSRR, value: 1 << PIN };
    let clear = Write { address: BSRR, value: 1 << (PIN + 16) };
    // SAFETY: the register changes those pins alone whose bits are set, and may be written at any time. Start-up made the pin
    // an output, and nothing else is given it.
    let pin = unsafe { SetClear::new(set, clear) };
    match PinLock::new(pin, PinState::High) {
        Ok(lock) => lock,
        Err(PinError(never)) => match never {},
    }
}
