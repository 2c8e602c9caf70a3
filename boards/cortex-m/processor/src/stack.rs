//! The stack's end: what stops it, and how near it ever came.
//!
//! It lies below all data, so that one which is too deep meets no variable: on Armv8-M the processor compares with its limit, on Armv7-M
//! the memory protection unit forbids the lowest 32 bytes.

use cortex_m::peripheral::MPU;

/// What `cortex-m-rt` paints with before `main`.
const PAINT: u32 = cortex_m_rt::STACK_PAINT_VALUE;

unsafe extern "C" {
    /// The lowest address of the stack; an address alone.
    safe static _stack_end: u32;
    /// The address behind it.
    safe static _stack_start: u32;
}

/// Forbids the lowest 32 bytes of the stack, on a processor of Armv7-M, which has no limit of its own.
pub fn guard(_: &mut MPU) {
    const CONTROL: usize = 1;
    const NUMBER: usize = 2;
    const BASE: usize = 3;
    const ATTRIBUTES: usize = 4;
    const ENABLE: u32 = 1;
    const DEFAULT_MAP: u32 = 1 << 2;
    /// 2^(4 + 1) bytes.
    const SIZE: u32 = 4 << 1;
    const NEVER_EXECUTE: u32 = 1 << 28;
    let lowest = (&raw const _stack_end).addr() as u32;
    // The registers as Armv7-M has them, whatever this is built for.
    let registers = MPU::PTR.cast::<u32>().cast_mut();
    let write = |word: usize, value: u32| {
        // SAFETY: region 0 becomes 32 bytes that nobody may access, which nothing but an overflow does; all else stays as the
        // processor's map has it. The unit is the caller's.
        unsafe { registers.add(word).write_volatile(value) };
    };
    write(NUMBER, 0);
    write(BASE, lowest);
    write(ATTRIBUTES, NEVER_EXECUTE | SIZE | ENABLE);
    write(CONTROL, DEFAULT_MAP | ENABLE);
    cortex_m::asm::dsb();
    cortex_m::asm::isb();
}

/// Bytes of stack that were ever in use, and bytes that there are.
pub fn used() -> (usize, usize) {
    let (end, start) = ((&raw const _stack_end).addr(), (&raw const _stack_start).addr());
    // Above the guard, which may not be read.
    let first = end + 32;
    let painted = (first..start).step_by(4).take_while(|at| {
        // SAFETY: aligned, and within the stack, whose words may be read whatever they hold.
        unsafe { core::ptr::with_exposed_provenance::<u32>(*at).read_volatile() == PAINT }
    });
    (start - first - 4 * painted.count(), start - end)
}
