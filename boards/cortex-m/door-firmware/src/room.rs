//! All memory of a door whose size is known when it is compiled: the networks', and that of the people who are searched.

use crate::canary::{Fence, Fenced};
use crate::eyes::Memory;
use crate::roster::RosterMemory;

/// Values of a template.
pub const LEN: usize = 128;
/// Bytes of an aligned face.
const CROP: usize = 112 * 112 * 3;

/// An arena of `ARENA` bytes, and place for `TEMPLATES`. Of zeros alone, which cost no flash.
#[derive(Debug)]
pub struct Room<const ARENA: usize, const TEMPLATES: usize> {
    arena: Fenced<ARENA>,
    crop: [u8; CROP],
    embedding: [f32; LEN],
    templates: [[i8; LEN]; 2],
    rows: [[i8; LEN]; TEMPLATES],
    inverse_norms: [f32; TEMPLATES],
    people: [u32; TEMPLATES],
}

impl<const ARENA: usize, const TEMPLATES: usize> Room<ARENA, TEMPLATES> {
    /// All zeros.
    #[must_use]
    pub const fn new() -> Self {
        Self {
            arena: Fenced::new(),
            crop: [0; CROP],
            embedding: [0.0; LEN],
            templates: [[0; LEN]; 2],
            rows: [[0; LEN]; TEMPLATES],
            inverse_norms: [0.0; TEMPLATES],
            people: [0; TEMPLATES],
        }
    }

    /// What the networks work in, for a board that runs them alone.
    pub fn memory(&mut self) -> Memory<'_> {
        self.split().1
    }

    /// The canaries, which are armed by this, the networks' memory between them, and the people's.
    pub fn split(&mut self) -> (Fence<'_>, Memory<'_>, RosterMemory<'_>) {
        let (fence, arena) = self.arena.arm();
        let [template, previous] = &mut self.templates;
        let (crop, embedding) = (&mut self.crop[..], &mut self.embedding[..]);
        let Self { rows, inverse_norms, people, .. } = self;
        (
            fence,
            Memory { arena, crop, embedding, template, previous },
            RosterMemory { rows: rows.as_flattened_mut(), inverse_norms, people },
        )
    }
}

impl<const ARENA: usize, const TEMPLATES: usize> Default for Room<ARENA, TEMPLATES> {
    fn default() -> Self {
        Self::new()
    }
}
