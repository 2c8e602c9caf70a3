//! From reset to Rust: the relay locked first, then one core at EL1 with floating point, two stacks and cleared variables.
//!
//! ```text
//! core 1, 2, 3 ─> wait for ever
//! core 0 ─ relay low, then an output ─ EL3 ─> EL2 ─> EL1 ─ FP and NEON ─ stacks, vectors, zeros ─> start()
//! ```
//!
//! The firmware of the Pi enters kernel8.img at EL2 with the timer's frequency set, and keeps the other cores in a loop of its own, from
//! which they are called into this one. Emulators that load the ELF file enter at EL3, all cores at once.

use core::arch::global_asm;

use door_pi::board::{Board, PI_3, PI_4, RELAY_PIN};

use super::{memory, processor};
use crate::gpio;

// The cores' manual of the Armv8-A architecture (DDI 0487) has the system registers, the data sheets of BCM2837 and BCM2711 the pins.
// SAFETY of the whole: this runs before any Rust; it writes registers of the board that the core's identity proves, the firmware's words for
// the other cores and the memory that the linker script reserves, and enters Rust with what its ABI asks: an aligned stack and cleared `.bss`.
global_asm!(
    ".pushsection .text.start, \"ax\"",
    ".global _start",
    "_start:",
    "mrs x1, mpidr_el1",
    "and x1, x1, #3",
    "cbnz x1, park",
    // The board by its core; one that is neither is left alone, its pin an input, which the resistor holds at locked.
    "mrs x1, midr_el1",
    "ubfx x1, x1, #4, #12",
    "ldr w2, ={pins_3}",
    "cmp x1, #{part_3}",
    "b.eq 1f",
    "ldr w2, ={pins_4}",
    "cmp x1, #{part_4}",
    "b.ne park",
    // Low before it is an output, so that it is never a high one.
    "1: mov w3, #1",
    "lsl w4, w3, #{pin}",
    "str w4, [x2, #{clear}]",
    "ldr w4, [x2, #{select}]",
    "bfi w4, w3, #{select_shift}, #3",
    "str w4, [x2, #{select}]",
    // The other cores leave the firmware's loop for this one. Their words of its table are at 0xe0, 0xe8 and 0xf0.
    "adr x3, park",
    "mov x4, #0xe0",
    "stp x3, x3, [x4]",
    "str x3, [x4, #16]",
    "dsb sy",
    "sev",
    "mrs x0, CurrentEL",
    "lsr x0, x0, #2",
    "cmp x0, #3",
    "b.ne 2f",
    // EL3: the world that is not secure, 64 bits below, `hvc`; and this core is one that shares memory (CPUECTLR_EL1.SMPEN).
    "mrs x1, s3_1_c15_c2_1",
    "orr x1, x1, #0x40",
    "msr s3_1_c15_c2_1, x1",
    "mov x1, #0x5b1",
    "msr scr_el3, x1",
    "msr cptr_el3, xzr",
    "mov x1, #0x3c9",
    "msr spsr_el3, x1",
    "adr x1, 2f",
    "msr elr_el3, x1",
    "isb",
    "eret",
    // EL2: 64 bits below, timers, floating point and the core's identity are EL1's own.
    "2: mrs x0, CurrentEL",
    "cmp x0, #8",
    "b.ne 3f",
    "mov x1, #0x80000000",
    "msr hcr_el2, x1",
    "mov x1, #3",
    "msr cnthctl_el2, x1",
    "msr cntvoff_el2, xzr",
    "mov x1, #0x33ff",
    "msr cptr_el2, x1",
    "msr hstr_el2, xzr",
    "mrs x1, midr_el1",
    "msr vpidr_el2, x1",
    "mrs x1, mpidr_el1",
    "msr vmpidr_el2, x1",
    "mov x1, #0x3c5",
    "msr spsr_el2, x1",
    "adr x1, 3f",
    "msr elr_el2, x1",
    "isb",
    "eret",
    // EL1 with its bits that are always one, and nothing else, yet.
    "3: ldr x1, =0x30d00800",
    "msr sctlr_el1, x1",
    "mov x1, #(3 << 20)",
    "msr cpacr_el1, x1",
    "adrp x1, vectors",
    "add x1, x1, :lo12:vectors",
    "msr vbar_el1, x1",
    "isb",
    // Exceptions have a stack of their own, so that an overflow of the other one can be told.
    "msr spsel, #1",
    "ldr x1, =exception_stack_top",
    "mov sp, x1",
    "msr spsel, #0",
    "ldr x1, =stack_top",
    "mov sp, x1",
    "ldr x1, =zero_start",
    "ldr x2, =zero_end",
    "4: stp xzr, xzr, [x1], #16",
    "cmp x1, x2",
    "b.lo 4b",
    "bl start",
    "park: msr daifset, #15",
    "5: wfi",
    "b 5b",
    ".popsection",
    pins_3 = const PI_3.peripherals + gpio::OFFSET,
    pins_4 = const PI_4.peripherals + gpio::OFFSET,
    part_3 = const PI_3.part,
    part_4 = const PI_4.part,
    pin = const RELAY_PIN,
    clear = const gpio::CLEAR,
    select = const gpio::RELAY_SELECT,
    select_shift = const gpio::RELAY_SELECT_SHIFT,
);

// SAFETY: no other symbol of the program has the name.
#[unsafe(no_mangle)]
extern "C" fn start() -> ! {
    let Some(board) = Board::of(processor::identity()) else { processor::stop() };
    memory::map(board);
    crate::main(board)
}
