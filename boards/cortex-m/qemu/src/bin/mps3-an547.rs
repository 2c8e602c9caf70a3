//! Arm's mps3-an547: Cortex-M55, in secure state.
#![no_std]
#![no_main]
#![allow(unsafe_code, reason = "the names that vectors have")]

use qemu::Board;

qemu::board!(Board {
    fpgaio: 0x5930_2000,
    watchdog: 0x5802_E000,
    watchdog_hz: 32_768,
    uart: 0x5930_3000,
    processor_hz: 32_000_000,
    memory: 0x7000_0000,
    memory_bytes: 16 << 20,
    guards_stack: false,
});
