//! What no sound program does, for drills: each faults before it has an effect, if the map is as it should be.

use core::arch::asm;

/// Reads address 0, which is not mapped.
pub(crate) fn read_nothing() -> u32 {
    let value: u64;
    // SAFETY: the read faults; where it does not it changes nothing.
    unsafe { asm!("ldr {}, [{}]", out(reg) value, in(reg) 0_u64, options(readonly, nostack)) };
    value as u32
}

/// Writes to this function's own code.
pub(crate) fn write_code() -> u32 {
    // SAFETY: the write faults, as code is not writable; where it does not, it stores what was there.
    unsafe {
        asm!("adr {to}, .", "ldr {value:w}, [{to}]", "str {value:w}, [{to}]", to = out(reg) _, value = out(reg) _, options(nostack))
    };
    0
}

/// Executes a word of the stack, which says `ret`.
pub(crate) fn jump_to_data() -> u32 {
    // SAFETY: the jump faults, as the stack is not executable; where it does not, it comes straight back.
    unsafe {
        asm!(
            "sub sp, sp, #16", "mov {word:w}, #0x03c0", "movk {word:w}, #0xd65f, lsl #16", "str {word:w}, [sp]",
            "mov {word}, sp", "blr {word}", "add sp, sp, #16",
            word = out(reg) _, out("x30") _,
        );
    }
    0
}
