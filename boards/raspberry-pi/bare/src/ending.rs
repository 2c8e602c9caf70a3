//! How the program ends early, whatever the reason: the relay is locked first, then the reason is logged, then the board resets.

use core::fmt::Display;
use core::panic::PanicInfo;

use door_pi::board::Board;

use crate::gpio::Relay;
use crate::hw::processor;
use crate::serial::{Serial, log};
use crate::watchdog;

/// Locks, logs why, and resets.
pub(crate) fn reset(why: impl Display) -> ! {
    processor::mask();
    // The start went on with a known board alone.
    let Some(board) = Board::of(processor::identity()) else { processor::stop() };
    Relay::locked(board);
    let mut serial = Serial::running(board);
    log!(serial, "locked: {why}");
    serial.drain();
    watchdog::reset(board)
}

/// The end of a vector: groups of four, the program's own first, those of its handlers second.
pub(crate) fn exception(vector: u64) -> ! {
    let syndrome = processor::syndrome();
    let kind = match vector {
        0 => "fault",
        3 => "system error",
        // While another was handled: nothing that says words is to be trusted again.
        4..8 => in_silence(),
        _ => "exception of no use here",
    };
    reset(format_args!(
        "{kind}, cause {:#x} at {:#x}, address {:#x}",
        syndrome.cause, syndrome.instruction, syndrome.address
    ))
}

fn in_silence() -> ! {
    let Some(board) = Board::of(processor::identity()) else { processor::stop() };
    Relay::locked(board);
    watchdog::reset(board)
}

#[panic_handler]
fn panic(info: &PanicInfo<'_>) -> ! {
    reset(info)
}
