//! What every emulated board has: a vector table, a processor to switch on, and semihosting, by
//! which the emulator lends the firmware its console and its exit status.

use core::arch::asm;
use core::fmt;

/// Entries of the vector table, as the processor reads it.
#[repr(C)]
struct Vectors {
    stack: unsafe extern "C" fn(),
    reset: unsafe extern "C" fn() -> !,
    faults: [extern "C" fn() -> !; 14],
}

unsafe extern "C" {
    /// The end of the stack; an address alone.
    fn stack_top();
}

// SAFETY: the section is the linker script's, which puts it where the processor looks for it.
#[unsafe(link_section = ".vectors")]
#[used]
static VECTORS: Vectors = Vectors { stack: stack_top, reset, faults: [fault; 14] };

/// Where the processor starts.
///
/// # Safety
/// For the processor alone, in its state after a reset.
// SAFETY: no other symbol of this program has the name.
#[unsafe(no_mangle)]
unsafe extern "C" fn reset() -> ! {
    const ACCESS_CONTROL: *mut u32 = 0xE000_ED88 as *mut u32;
    // SAFETY: every Cortex-M has the register there; this gives access to floating point and
    // Helium, and the barriers have it done before the next instruction.
    unsafe {
        ACCESS_CONTROL.write_volatile(0xF << 20);
        asm!("dsb", "isb", options(nostack, preserves_flags));
    }
    crate::main()
}

extern "C" fn fault() -> ! {
    print(format_args!("a processor fault\n"));
    exit(false)
}

/// Asks the emulator for operation `number`.
///
/// # Safety
/// `argument` is what the operation asks for.
unsafe fn semihosting(number: usize, argument: *const u8) -> usize {
    let result;
    // SAFETY: the emulator reads, and for some operations writes, what the argument says, which the
    // caller vouches for, and changes r0 alone.
    unsafe {
        asm!("bkpt 0xab", inout("r0") number => result, in("r1") argument, options(nostack));
    }
    result
}

/// Writes to the console.
pub fn print(text: fmt::Arguments<'_>) {
    struct Console;
    impl fmt::Write for Console {
        fn write_str(&mut self, text: &str) -> fmt::Result {
            for part in text.as_bytes().chunks(63) {
                let mut line = [0; 64];
                line[..part.len()].copy_from_slice(part);
                // SAFETY: operation 4 writes the text up to its zero, which is there.
                unsafe { semihosting(0x04, line.as_ptr()) };
            }
            Ok(())
        }
    }
    // The console takes all.
    let _ = fmt::write(&mut Console, text);
}

/// Ends the emulator: with status 0 if all went `well`, otherwise with 1.
pub fn exit(well: bool) -> ! {
    let reason = if well { 0x2_0026 } else { 0x2_0023 };
    loop {
        // SAFETY: operation 0x18 takes the reason itself.
        unsafe { semihosting(0x18, core::ptr::without_provenance(reason)) };
    }
}

/// The words that the emulator was given for the firmware, written into `memory`.
pub fn arguments(memory: &mut [u8]) -> &str {
    #[repr(C)]
    struct Line {
        text: *mut u8,
        length: usize,
    }
    let mut line = Line { text: memory.as_mut_ptr(), length: memory.len() };
    // SAFETY: operation 0x15 writes at most so many bytes there, and their number into the line.
    let failed = unsafe { semihosting(0x15, (&raw mut line).cast()) };
    let length = if failed == 0 { line.length } else { 0 };
    memory.get(..length).and_then(|text| str::from_utf8(text).ok()).unwrap_or_default()
}

/// Runs `work` and gives the bytes of stack that it used, to within about fifty.
pub fn stack_use(work: impl FnOnce()) -> usize {
    const PAINT: u32 = 0x5AA5_C33C;
    /// Paints what lies below its own frame, and so below all that is in use.
    #[inline(never)]
    fn paint() -> core::ops::Range<usize> {
        const DEEPEST: usize = 64 << 10;
        let local = 0_u32;
        let top = (&raw const local).addr() - 32;
        for at in (top - DEEPEST..top).step_by(4) {
            // SAFETY: aligned, and the frame of this function, which calls none, ends less than 32
            // bytes below its only variable.
            unsafe { core::ptr::with_exposed_provenance_mut::<u32>(at).write_volatile(PAINT) };
        }
        top - DEEPEST..top
    }
    let stack = paint();
    work();
    let untouched = |&at: &usize| {
        // SAFETY: aligned, and memory of the board.
        unsafe { core::ptr::with_exposed_provenance::<u32>(at).read_volatile() == PAINT }
    };
    stack.len() - 4 * stack.step_by(4).take_while(untouched).count()
}
