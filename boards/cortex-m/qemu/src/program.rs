//! Words of the command line to what runs.
//!
//! ```text
//! visit DETECTOR EMBEDDING ANSWER VISIT [KEY]     self-test, enrolment, the door; every template is printed
//! door DETECTOR FACTORY OWNER SECRET              the door with all that it keeps, also after a reset
//! count DETECTOR EMBEDDING VISIT                  marks of each stage for the instruction counter
//! provoke END                                     opens the lock and ends that way
//! ```

use core::mem::MaybeUninit;
use core::sync::atomic::{AtomicU32, Ordering};

use semihosting::experimental::env;
use semihosting::{println, process};

use crate::files::Store;
use crate::{Board, count, door, pins, provoke, stack, tick, visit};

/// Longest command line.
const LINE: usize = 512;

/// What says that a program was here since power came.
const WAS_HERE: u32 = 0x8F0D_21B6;

// SAFETY: the section is one that start-up leaves alone.
#[unsafe(link_section = ".uninit.was_here")]
static WAS_UP: MaybeUninit<AtomicU32> = MaybeUninit::uninit();

/// Something went wrong, and was printed.
#[derive(Clone, Copy, Debug)]
pub struct Told;

impl Told {
    /// Prints why.
    pub fn error(why: impl core::fmt::Display) -> Self {
        println!("error: {why}");
        Self
    }
}

/// The file of this name.
pub fn read(store: &Store, name: &str) -> Result<&'static mut [u8], Told> {
    store.read(name).map_err(|error| Told::error(format_args!("{name}: {error}")))
}

/// Runs what the command line says. The lock's pin was locked by start-up.
pub fn run(board: &'static Board) -> ! {
    let _ = pins::lock(board);
    // SAFETY: every bit pattern of the word is a value.
    let was_up = unsafe { WAS_UP.assume_init_ref() };
    let power_came = was_up.swap(WAS_HERE, Ordering::Relaxed) != WAS_HERE;
    let unlocked = pins::is_unlocked(board);
    let Some(mut core) = cortex_m::Peripherals::take() else {
        process::exit(1);
    };
    if board.guards_stack {
        stack::guard(&mut core.MPU);
    }
    let clock = tick::start(board.processor_hz, &mut core.SYST);
    let args = match env::args::<LINE>() {
        Ok(args) => args,
        Err(error) => {
            println!("error: the command line: {error}");
            process::exit(1);
        }
    };
    let mut words = [""; 6];
    let mut given = (&args).filter_map(Result::ok).skip(1);
    for (place, word) in words.iter_mut().zip(&mut given) {
        *place = word;
    }
    let store = Store::new(board);
    let result = match words {
        ["door", detector, factory, owner, secret, ""] => {
            let files = door::Files { detector, factory, owner, secret };
            door::run(board, clock, store, power_came, &files)
        }
        _ if !power_came => {
            println!("reset: the lock is {}", if unlocked { "UNLOCKED" } else { "locked" });
            process::exit(i32::from(unlocked))
        }
        ["visit", detector, embedding, answer, visit, key] => {
            let files = visit::Files { detector, embedding, answer, visit, key };
            visit::run(board, clock, &store, &files)
        }
        ["count", detector, embedding, visit, "", ""] => {
            count::run(&store, [detector, embedding, visit])
        }
        ["provoke", end, "", "", "", ""] => provoke::run(board, clock, end),
        _ => Err(Told::error("visit, door, count or provoke, and their words")),
    };
    // Whatever it came to: a program that ends holds no door open.
    let _ = pins::lock(board);
    let (used, of) = stack::used();
    println!("stack {used} of {of}");
    process::exit(i32::from(result.is_err()))
}
