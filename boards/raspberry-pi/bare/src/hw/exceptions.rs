//! The sixteen vectors. A tick of the timer is taken and returned from; whatever else interrupts the program ends it.
//!
//! ```text
//! vector 1, the program's interrupt ─> save, tick::interrupt, restore, return
//! all others ─> ending::exception, on the exceptions' stack begun anew
//! ```

use core::arch::global_asm;

use crate::{ending, tick};

// SAFETY of the whole: the table is aligned as VBAR_EL1 asks and each entry is shorter than the 128 bytes that it has; the stack is
// reserved by the linker script. What never returns may begin it anew. The interrupt keeps every register that Rust's ABI lets a function
// change, and those that say where to return to; it cannot be interrupted itself, as the processor has masked that.
global_asm!(
    ".pushsection .text, \"ax\"",
    ".balign 2048",
    "vectors:",
    ".set vector, 0",
    ".rept 16",
    ".balign 128",
    ".if vector == 1",
    "b take_interrupt",
    ".else",
    "msr daifset, #15",
    "msr spsel, #1",
    "ldr x1, =exception_stack_top",
    "mov sp, x1",
    "mov x0, #vector",
    "b exception",
    ".endif",
    ".set vector, vector + 1",
    ".endr",
    ".balign 128",
    "take_interrupt:",
    "sub sp, sp, #704",
    "stp x0, x1, [sp]",
    "stp x2, x3, [sp, #16]",
    "stp x4, x5, [sp, #32]",
    "stp x6, x7, [sp, #48]",
    "stp x8, x9, [sp, #64]",
    "stp x10, x11, [sp, #80]",
    "stp x12, x13, [sp, #96]",
    "stp x14, x15, [sp, #112]",
    "stp x16, x17, [sp, #128]",
    "stp x18, x30, [sp, #144]",
    "mrs x0, elr_el1",
    "mrs x1, spsr_el1",
    "mrs x2, fpsr",
    "stp x0, x1, [sp, #160]",
    "str x2, [sp, #176]",
    "add x0, sp, #192",
    "st1 {{v0.2d-v3.2d}}, [x0], #64",
    "st1 {{v4.2d-v7.2d}}, [x0], #64",
    "st1 {{v8.2d-v11.2d}}, [x0], #64",
    "st1 {{v12.2d-v15.2d}}, [x0], #64",
    "st1 {{v16.2d-v19.2d}}, [x0], #64",
    "st1 {{v20.2d-v23.2d}}, [x0], #64",
    "st1 {{v24.2d-v27.2d}}, [x0], #64",
    "st1 {{v28.2d-v31.2d}}, [x0], #64",
    "bl interrupt",
    "add x0, sp, #192",
    "ld1 {{v0.2d-v3.2d}}, [x0], #64",
    "ld1 {{v4.2d-v7.2d}}, [x0], #64",
    "ld1 {{v8.2d-v11.2d}}, [x0], #64",
    "ld1 {{v12.2d-v15.2d}}, [x0], #64",
    "ld1 {{v16.2d-v19.2d}}, [x0], #64",
    "ld1 {{v20.2d-v23.2d}}, [x0], #64",
    "ld1 {{v24.2d-v27.2d}}, [x0], #64",
    "ld1 {{v28.2d-v31.2d}}, [x0], #64",
    "ldp x0, x1, [sp, #160]",
    "ldr x2, [sp, #176]",
    "msr elr_el1, x0",
    "msr spsr_el1, x1",
    "msr fpsr, x2",
    "ldp x0, x1, [sp]",
    "ldp x2, x3, [sp, #16]",
    "ldp x4, x5, [sp, #32]",
    "ldp x6, x7, [sp, #48]",
    "ldp x8, x9, [sp, #64]",
    "ldp x10, x11, [sp, #80]",
    "ldp x12, x13, [sp, #96]",
    "ldp x14, x15, [sp, #112]",
    "ldp x16, x17, [sp, #128]",
    "ldp x18, x30, [sp, #144]",
    "add sp, sp, #704",
    "eret",
    ".popsection",
);

// SAFETY: no other symbol of the program has the name, and the vectors enter with the stack that Rust's ABI asks for.
#[unsafe(no_mangle)]
extern "C" fn exception(vector: u64) -> ! {
    ending::exception(vector)
}

// SAFETY: as above.
#[unsafe(no_mangle)]
extern "C" fn interrupt() {
    tick::interrupt();
}
