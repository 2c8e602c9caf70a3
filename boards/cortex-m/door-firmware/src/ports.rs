//! What a board hands in: a camera, a lock, a clock, people in flash, a watchdog, a light. Each is a few calls and no policy.
//!
//! ```text
//! FrameSource ─ Shot ─> pipeline ─ Observation ─> edge_infer::door ─ Bolt ─> LockOutput
//! GalleryStore ─ Enrolled ─> roster ──┘                 └── a fresh decision ─> Watchdog
//! ```
//!
//! None of them waits for long: the one loop of a board asks them in turn.

use core::fmt::Display;

use edge_infer::door::Bolt;
use edge_infer::image::Frame;
use model_format::ModelId;

/// Most bytes of a person's name, UTF-8.
pub const MAX_NAME: usize = 32;

/// A camera.
pub trait FrameSource {
    /// Why there is no picture.
    type Error: Display;

    /// The newest picture that was finished since the last call, `None` if there is none yet. Those in between are dropped: a queue
    /// would show the past.
    ///
    /// # Errors
    /// The camera failed; it may be asked again.
    fn latest(&mut self) -> Result<Option<Shot<'_>>, Self::Error>;
}

/// A picture as the camera finished it.
#[derive(Clone, Copy, Debug)]
pub struct Shot<'a> {
    /// When it was captured, by the board's [`Clock`].
    pub captured_ms: u64,
    /// The camera's number of it, which grows by at least 1 a picture.
    pub sequence: u64,
    /// Its pixels, at most as many columns and rows as the detector reads.
    pub frame: Frame<'a>,
}

/// What holds the door: a pin, a relay, in tests a record of both.
///
/// Whoever makes one has driven it to [`Bolt::Locked`] before, as the first thing after a reset.
pub trait LockOutput {
    /// Why it was not driven.
    type Error: Display;

    /// Sets the level. Setting the one that it has is no harm.
    ///
    /// # Errors
    /// The level may be either one now.
    fn drive(&mut self, bolt: Bolt) -> Result<(), Self::Error>;
}

/// Time.
pub trait Clock {
    /// Milliseconds since some moment before the first call. Never goes back.
    fn now_ms(&self) -> u64;
}

/// What resets the board unless it is fed in time.
pub trait Watchdog {
    /// Starts its time anew.
    fn feed(&mut self);
}

/// A line to a host, such as a UART.
pub trait Line {
    /// The next byte that came, if one did. A board keeps those that come while a frame is looked at.
    fn read(&mut self) -> Option<u8>;

    /// Sends them all.
    fn write(&mut self, bytes: &[u8]);
}

/// A light that people can see, for blink codes.
pub trait StatusLight {
    /// Switches it.
    fn set(&mut self, on: bool);
}

/// A template as it is stored: one of possibly several of a person.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Enrolled<'a> {
    /// Whose: a number that is given once and never again.
    pub person: u32,
    /// At most [`MAX_NAME`] bytes, for people to read. Nothing is decided by it.
    pub name: &'a str,
    /// The model that made the template. Those of other models are kept and never matched.
    pub model: ModelId,
    /// Its values, as [`quantize`](edge_infer::matching::quantize) makes them.
    pub values: &'a [i8],
}

/// The people who may enter, where they outlast a power cut.
///
/// A change that returned `Ok` was read back from where it is stored. After an error, or a power cut, there is what was there before
/// or all of the change, never a part.
pub trait GalleryStore {
    /// Why it was not read or changed.
    type Error: Display;

    /// Calls `each` with every template, in the order of enrolment.
    ///
    /// # Errors
    /// Something that is stored cannot be read, and `each` may have seen a part of it.
    fn for_each(&mut self, each: &mut dyn FnMut(Enrolled<'_>)) -> Result<(), Self::Error>;

    /// Stores one more template.
    ///
    /// # Errors
    /// No space, a name or template that is too long, or flash that does not keep what is written.
    fn add(&mut self, new: Enrolled<'_>) -> Result<(), Self::Error>;

    /// Removes every template of a person; how many there were.
    ///
    /// # Errors
    /// Flash that does not keep what is written.
    fn remove(&mut self, person: u32) -> Result<usize, Self::Error>;

    /// A number for a new person: above all that are enrolled, and, where the store can tell, above all that ever were.
    ///
    /// # Errors
    /// Something that is stored cannot be read.
    fn next_person(&mut self) -> Result<u32, Self::Error> {
        let mut highest = 0;
        self.for_each(&mut |one| highest = highest.max(one.person))?;
        Ok(highest.saturating_add(1))
    }
}
