//! What every Cortex-M does for a door, whatever is around it.
//!
//! | module | job |
//! |---|---|
//! | [`line`] | the line to the host over a UART |
//! | [`pin`] | a pin that is set and cleared by registers of its own |
//! | [`stack`] | the stack's end, and how near it came |
//! | [`tick`] | milliseconds, and the latch |
//! | [`hard_fault!`] | a fault's handler begins a stack of its own |
#![no_std]
#![allow(unsafe_code, reason = "registers, and the stack")]

pub mod line;
pub mod pin;
pub mod stack;
pub mod tick;

#[doc(hidden)]
pub use cortex_m_rt;

/// The handler of faults: calls `handler`, a function without an end, on a stack that begins anew, as the old one may be what is broken.
#[macro_export]
macro_rules! hard_fault {
    ($handler:path) => {
        extern "C" fn faulted() -> ! {
            $handler()
        }

        // SAFETY: the name is the vector table's, whose processor calls it in handler mode. It returns to nobody, so that nothing is
        // lost with the old stack.
        #[unsafe(no_mangle)]
        #[unsafe(naked)]
        unsafe extern "C" fn HardFault() -> ! {
            core::arch::naked_asm!("ldr r0, =_stack_start", "mov sp, r0", "bl {}", sym faulted)
        }
    };
}
