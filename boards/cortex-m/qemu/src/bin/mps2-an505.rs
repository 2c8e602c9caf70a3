//! Arm's mps2-an505: Cortex-M33, in secure state.
#![no_std]
#![no_main]
#![allow(unsafe_code, reason = "the names that vectors have")]

use qemu::Board;

qemu::board!(Board {
    fpgaio: 0x5030_2000,
    watchdog: 0x5008_1000,
    watchdog_hz: 20_000_000,
    uart: 0x5020_0000,
    processor_hz: 20_000_000,
    memory: 0x8000_0000,
    memory_bytes: 16 << 20,
    guards_stack: false,
});
