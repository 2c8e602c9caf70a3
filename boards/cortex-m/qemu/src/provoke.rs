//! Every bad end of a program, each from a lock that a door has just released. What the relay did, the emulator's trace tells.
//!
//! | word | end | what engages the lock |
//! |---|---|---|
//! | `panic` | a panic | its handler, before the message |
//! | `fault` | an instruction that there is none | the fault's handler |
//! | `overflow` | a stack without end | the same, on a stack of its own |
//! | `hang` | a loop that goes in circles | the latch, by the timer |
//! | `starve` | the same with interrupts off | the watchdog: its interrupt, then its reset |
//! | `reset` | a reset from outside | start-up, before memory is there |

use core::hint::black_box;

use door_firmware::latch::Latched;
use door_firmware::ports::{Clock as _, LockOutput as _};
use door_firmware::settings;
use edge_infer::door::{Bolt, Door, Event, Exit, Kept, Policy};
use semihosting::println;

use crate::program::Told;
use crate::tick::{LATCH, Ticks};
use crate::watchdog::Cmsdk;
use crate::{Board, pins};

/// The watchdog's time here, which an emulator must live through instruction by instruction.
const STARVE_MS: u32 = 200;

/// Opens the lock by the exit button, and ends in the way that `end` names. Only a hang comes back.
pub fn run(board: &Board, clock: Ticks, end: &str) -> Result<(), Told> {
    let policy = Policy { exit: Exit::Free, ..settings::policy() };
    let longest_ms = policy.pulse_ms + settings::GRACE_MS;
    let mut lock = Latched::new(pins::lock(board), clock, &LATCH, longest_ms);
    let door = Door::new(policy).map_err(Told::error)?;
    let mut kept = Kept::new(door, |bolt| lock.drive(bolt)).map_err(Told::error)?;
    let open = kept.step(clock.now_ms(), Event::ExitButton, |bolt| lock.drive(bolt), |_| ());
    if open.map(|decision| decision.bolt()) != Ok(Bolt::Unlocked) || !pins::is_unlocked(board) {
        return Err(Told::error("the door did not open"));
    }
    println!("provoke {end}");
    match end {
        "panic" => panic!("provoked"),
        "fault" => cortex_m::asm::udf(),
        "overflow" => {
            let depth = deeper(black_box(1));
            Err(Told::error(format_args!("a stack of {depth} calls was not too deep")))
        }
        "hang" => {
            let start_ms = clock.now_ms();
            while clock.now_ms() - start_ms <= u64::from(longest_ms) + 1 {}
            if pins::is_unlocked(board) { Err(Told::error("it is still open")) } else { Ok(()) }
        }
        "starve" => {
            cortex_m::interrupt::disable();
            let _running = Cmsdk::start(board, STARVE_MS);
            loop {
                cortex_m::asm::nop();
            }
        }
        "reset" => cortex_m::peripheral::SCB::sys_reset(),
        _ => Err(Told::error("no such end")),
    }
}

/// Calls itself until the stack is over.
#[expect(unconditional_recursion, reason = "that is what it is for")]
#[inline(never)]
fn deeper(depth: u32) -> u32 {
    let frame = black_box([depth; 64]);
    deeper(black_box(depth + 1)).wrapping_add(black_box(frame)[depth as usize % 64])
}
