//! What the emulated boards share: lights, timer, watchdog, files, and the program that runs on each of them.
//!
//! | file | job |
//! |---|---|
//! | `pins` | the lock's relay and the light for people |
//! | `watchdog` | the CMSDK watchdog |
//! | `files` | models and frames, which the emulator lends |
//! | `flash` | where people, log and models lie, in memory that a reset does not clear |
//! | `line` | the UART to the host |
//! | `program` | words of the command line to what runs |
//! | `visit` | self-test, enrolment, the door, once |
//! | `door` | the same with all that it keeps, from reset to reset |
//! | `provoke` | every bad end, from an open lock |
//! | `count` | instructions a stage |
//! | `end` | the lock first, words after it |
//!
//! Time and the stack are the `processor`'s. A board is [`Board`], a memory map, and [`board!`](crate::board!). Logs are lines of text by semihosting.
#![no_std]
#![allow(unsafe_code, reason = "registers and memory of the boards")]

pub mod count;
pub mod door;
pub mod end;
pub mod files;
pub mod flash;
pub mod line;
pub mod pins;
pub mod program;
pub mod provoke;
pub mod visit;
pub mod watchdog;

#[doc(hidden)]
pub use cortex_m_rt;
#[doc(hidden)]
pub use processor;
pub use processor::{stack, tick};

/// What makes a board this board.
#[derive(Clone, Copy, Debug)]
pub struct Board {
    /// The lights' register, the first of the FPGA I/O block.
    pub fpgaio: usize,
    /// The watchdog's registers.
    pub watchdog: usize,
    /// Its clock.
    pub watchdog_hz: u32,
    /// The first UART's registers.
    pub uart: usize,
    /// The processor's clock, which its timer counts and the UART divides.
    pub processor_hz: u32,
    /// The large memory, of which the linker knows nothing.
    pub memory: usize,
    /// Its bytes.
    pub memory_bytes: usize,
    /// Whether the stack needs a region of the MPU to end it.
    pub guards_stack: bool,
}

/// The program of a board: vectors, what runs before memory is there, and the ends.
///
/// Before the first variable has its value, the relay's pin is set to the level that locks.
#[macro_export]
macro_rules! board {
    ($board:expr) => {
        const BOARD: $crate::Board = $board;

        core::arch::global_asm!(
            ".global __pre_init",
            ".type __pre_init,%function",
            ".thumb_func",
            "__pre_init: ldr r0, ={lights}",
            "movs r1, #0",
            "str r1, [r0]",
            "bx lr",
            lights = const BOARD.fpgaio,
        );

        #[$crate::cortex_m_rt::entry]
        fn main() -> ! {
            $crate::program::run(&BOARD)
        }

        #[$crate::cortex_m_rt::exception]
        fn SysTick() {
            // A new handle engages the lock.
            $crate::tick::tick(|| _ = $crate::pins::lock(&BOARD));
        }

        #[$crate::cortex_m_rt::exception]
        unsafe fn NonMaskableInt() {
            $crate::end::starved(&BOARD);
        }

        fn ends_by_fault() -> ! {
            $crate::end::faulted(&BOARD)
        }

        $crate::processor::hard_fault!(ends_by_fault);

        #[panic_handler]
        fn panic(info: &core::panic::PanicInfo<'_>) -> ! {
            $crate::end::panicked(&BOARD, info)
        }
    };
}
