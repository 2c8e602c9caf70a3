//! The way of one interrupt, that of core 0's virtual timer, to the core.

use door_pi::board::{Board, Interrupts};

use crate::hw::registers::Registers;

/// The timer's number on a GIC.
const TIMER: u32 = 27;

/// BCM2836: which of core 0's timers interrupt it; bit 3 is the virtual one.
const CORE_0_TIMERS: usize = 0x40;

/// GIC, distributor: on; which interrupts are on; priorities, one byte each.
const DISTRIBUTOR_ON: usize = 0x000;
const ENABLE: usize = 0x100;
const PRIORITIES_24_TO_27: usize = 0x418;
/// GIC, interface to the core: on; the least urgent that passes; take; give back.
const INTERFACE_ON: usize = 0x000;
const PRIORITY_MASK: usize = 0x004;
const TAKE: usize = 0x00C;
const GIVE_BACK: usize = 0x010;

/// Lets it come.
pub(crate) fn route(board: &'static Board) {
    let [first, interface] = Registers::of_interrupts(board);
    match board.interrupts {
        Interrupts::Local(_) => first.write::<CORE_0_TIMERS>(1 << 3),
        Interrupts::Gic { .. } => {
            let others = first.read::<PRIORITIES_24_TO_27>() & 0x00FF_FFFF;
            first.write::<PRIORITIES_24_TO_27>(others);
            first.write::<ENABLE>(1 << TIMER);
            first.write::<DISTRIBUTOR_ON>(1);
            interface.write::<PRIORITY_MASK>(0xF0);
            interface.write::<INTERFACE_ON>(1);
        }
    }
}

/// Runs `handle` between taking the interrupt and giving it back.
pub(crate) fn take(board: &'static Board, handle: impl FnOnce()) {
    match board.interrupts {
        // Nothing to be said: it lasts as long as the timer asks for it.
        Interrupts::Local(_) => handle(),
        Interrupts::Gic { .. } => {
            let [_, interface] = Registers::of_interrupts(board);
            let taken = interface.read::<TAKE>();
            handle();
            interface.write::<GIVE_BACK>(taken);
        }
    }
}
