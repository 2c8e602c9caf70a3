//! Memory for the tests' vectors: given out one after the other, and all of it again once
//! everything has been given back, as after every test.

use core::alloc::{GlobalAlloc, Layout};
use core::cell::UnsafeCell;

const BYTES: usize = 7 << 18;

struct Heap(UnsafeCell<State>);

#[repr(align(16))]
struct State {
    memory: [u8; BYTES],
    used: usize,
    blocks: usize,
}

#[global_allocator]
static HEAP: Heap = Heap(UnsafeCell::new(State { memory: [0; BYTES], used: 0, blocks: 0 }));

// SAFETY: the board has one core, and no interrupt is switched on.
unsafe impl Sync for Heap {}

// SAFETY: blocks lie behind each other and are within the memory; none is given out again before
// all are back.
unsafe impl GlobalAlloc for Heap {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        let state = self.0.get();
        // SAFETY: nothing else uses the state meanwhile.
        let state = unsafe { &mut *state };
        let start = state.used.next_multiple_of(layout.align().max(8));
        match state.memory.get_mut(start..start + layout.size()) {
            Some(block) => {
                (state.used, state.blocks) = (start + layout.size(), state.blocks + 1);
                block.as_mut_ptr()
            }
            None => core::ptr::null_mut(),
        }
    }

    unsafe fn dealloc(&self, _: *mut u8, _: Layout) {
        // SAFETY: nothing else uses the state meanwhile.
        let state = unsafe { &mut *self.0.get() };
        state.blocks -= 1;
        if state.blocks == 0 {
            state.used = 0;
        }
    }
}
