//! Bad ends, one at a time and each from a released lock, as the file `drill` of the RAM disk says: in an emulator, whose trace tells what the
//! relay did.
//!
//! | word | end | what engages the lock |
//! |---|---|---|
//! | `panic` | a panic | its handler, before the message |
//! | `read`, `write`, `jump` | an address that is not there, code, data | the fault's vector |
//! | `overflow` | a stack without end | the same, on a stack of its own |
//! | `hang` | a loop that goes in circles | the tick: the latch first, then the starving |
//! | `reset` | a reset of the board | the start, before anything else |

use core::hint::black_box;

use door_firmware::ports::{Clock, LockOutput};
use door_firmware::settings;
use door_pi::board::Board;
use edge_infer::door::{Door, Event, Exit, Kept, Policy};

use crate::hw::faults;
use crate::time::Timer;
use crate::watchdog::{self, Watchdogs};
use crate::{door, ending};

/// Releases the lock by the exit button and ends as `word` says.
pub(crate) fn run(board: &'static Board, timer: Timer, word: &[u8]) -> ! {
    let policy = Policy { exit: Exit::Free, ..settings::policy() };
    let mut lock = door::lock(board, timer, policy.pulse_ms);
    let _watchdogs = Watchdogs::start(board, timer);
    let Ok(door) = Door::new(policy) else { ending::reset("the drill's policy is unsafe") };
    let kept = Kept::new(door, |bolt| lock.drive(bolt)).and_then(|mut kept| {
        kept.step(timer.now_ms(), Event::ExitButton, |bolt| lock.drive(bolt), |_| ())
    });
    if kept.is_err() {
        ending::reset("the drill's lock was not driven");
    }
    match word.trim_ascii() {
        b"panic" => panic!("a drill"),
        b"read" => faults::read_nothing(),
        b"write" => faults::write_code(),
        b"jump" => faults::jump_to_data(),
        b"overflow" => deeper(black_box(1)),
        b"hang" => loop {
            black_box(());
        },
        b"reset" => watchdog::reset(board),
        _ => ending::reset("there is no such drill"),
    };
    ending::reset("the drill came back")
}

/// Calls itself until the stack is over.
#[expect(unconditional_recursion, reason = "that is what it is for")]
#[inline(never)]
fn deeper(depth: u32) -> u32 {
    let frame = black_box([depth; 64]);
    deeper(black_box(depth + 1)).wrapping_add(black_box(frame)[0])
}
