//! Arm's mps2-an500: Cortex-M7.
#![no_std]
#![no_main]
#![allow(unsafe_code, reason = "the names that vectors have")]

use qemu::Board;

qemu::board!(Board {
    fpgaio: 0x4002_8000,
    watchdog: 0x4000_8000,
    watchdog_hz: 25_000_000,
    uart: 0x4000_4000,
    processor_hz: 25_000_000,
    memory: 0x6000_0000,
    memory_bytes: 16 << 20,
    guards_stack: true,
});
