//! What every Cortex-M does for a door, whatever is around it.
//!
//! | module | job |
//! |---|---|
//! | [`line`] | the line to the host over a UART |
//! | [`pin`] | a pin that is set and cleared by registers of its own |
//! | [`stack`] | the stack's end, and how near it came |
//! | [`tick`] | milliseconds, and the latch |
//! | [`hard_fault!`] | a fault's handler begins a stack of its own |
//! | [`ends!`] | time, and every bad end, of a board whose log is defmt's |
#![no_std]
#![allow(unsafe_code, reason = "registers, and the stack")]

pub mod line;
pub mod pin;
pub mod stack;
pub mod tick;

#[doc(hidden)]
pub use cortex_m_rt;
#[doc(hidden)]
pub use door_firmware;

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

/// The handlers of a board whose log is defmt's. `lock` is a function that gives a new handle to the lock, which it engages.
///
/// | what happens | |
/// |---|---|
/// | the timer's interrupt | the latch is asked |
/// | a panic, a fault, an interrupt that nobody waits for | the lock is engaged, the log says why, the board starts again |
#[macro_export]
macro_rules! ends {
    ($lock:path) => {
        #[$crate::cortex_m_rt::exception]
        fn SysTick() {
            $crate::tick::tick(|| _ = $lock());
        }

        /// The unmaskable interrupt with it: to go in circles here would keep the latch from its time.
        #[$crate::cortex_m_rt::exception]
        unsafe fn DefaultHandler(_: i16) -> ! {
            ends_by_fault()
        }

        fn ends_by_fault() -> ! {
            let say = || defmt::error!("a fault of the processor");
            $crate::door_firmware::fault::last_words(&mut $lock(), say);
            cortex_m::peripheral::SCB::sys_reset()
        }

        $crate::hard_fault!(ends_by_fault);

        #[panic_handler]
        fn panic(info: &core::panic::PanicInfo<'_>) -> ! {
            let say = || defmt::error!("{}", defmt::Display2Format(info));
            $crate::door_firmware::fault::last_words(&mut $lock(), say);
            cortex_m::peripheral::SCB::sys_reset()
        }
    };
}
