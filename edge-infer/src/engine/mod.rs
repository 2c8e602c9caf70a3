//! Runs a model: walks its ops over one arena of memory that the caller lends, one by one or, where the plan asks for it,
//! several together a few rows at a time.
//!
//! ```text
//! rgb ──> input tensor ─┐                                     ┌─> output tensor ──> Output
//!                       └─ op 0 ─> tensor ─ op 1 ─> tensor .. ┘
//! arena |.. input ..|.. tensor ..|            the plan in the model gives each tensor's bytes
//! ```
//!
//! The engine is the only part that knows models: it finds an op's tensors in the arena and hands
//! slices and numbers to the [`kernels`](crate::kernels). Nothing is allocated and nothing can
//! panic: [`ModelView`] has checked every offset, shape and length before.

mod output;
mod step;

use core::ops::Range;

use model_format::{ModelView, Op, TensorIndex};

use crate::image::{Frame, normalize};
use crate::kernels::Tier;
pub use output::Output;

/// A model, ready to run. It borrows the model's bytes and holds nothing of them.
#[derive(Clone, Copy, Debug)]
pub struct Engine<'m> {
    model: ModelView<'m>,
    tier: Tier,
}

/// Why a model did not run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum EngineError {
    /// The arena cannot hold the activations.
    #[error("the model needs an arena of {needed} bytes, {got} were passed")]
    ArenaTooSmall {
        /// Bytes that the model's plan uses.
        needed: usize,
        /// Bytes passed.
        got: usize,
    },
    /// The image is not of the model's input size.
    #[error(
        "the model reads {height}x{width} RGB pixels, {needed} bytes, {got} were passed; \
         align the face to that size"
    )]
    ImageLength {
        /// Rows of the input.
        height: u16,
        /// Columns of the input.
        width: u16,
        /// Bytes of such an image.
        needed: usize,
        /// Bytes passed.
        got: usize,
    },
    /// A frame does not fit the model's input.
    #[error(
        "the model reads {height}x{width} pixels, the frame has {}x{}; set the camera to at most that size",
        frame[0], frame[1]
    )]
    FrameTooLarge {
        /// Rows of the input.
        height: usize,
        /// Columns of the input.
        width: usize,
        /// Rows and columns of the frame.
        frame: [usize; 2],
    },
    /// The buffer for the embedding has another length than the embedding.
    #[error("the embedding has {needed} values, the buffer holds {got}")]
    EmbeddingLength {
        /// Values of the embedding.
        needed: usize,
        /// Values that fit the buffer.
        got: usize,
    },
    /// A step that the model does not have.
    #[error("there is no step {step}, the model has {steps}, counted from 0")]
    NoSuchStep {
        /// Which step, counted from 0.
        step: usize,
        /// Steps of the model.
        steps: usize,
    },
    /// An op does not fit its tensors, or there is no such tensor. Parsing refuses such a model, so the first takes the place of
    /// a panic.
    #[error(
        "op {op} does not fit its tensors although the model was checked, or has no such tensor"
    )]
    Inconsistent {
        /// Which op, counted from 0; the number of ops for the input or output tensor.
        op: usize,
    },
}

impl<'m> Engine<'m> {
    /// Prepares to run `model` on the fastest tier of this processor.
    pub fn new(model: ModelView<'m>) -> Self {
        Self::with_tier(model, Tier::detect())
    }

    /// Prepares to run `model` on this tier. All tiers give the same bits.
    pub fn with_tier(model: ModelView<'m>, tier: Tier) -> Self {
        Self { model, tier }
    }

    /// The instructions that run.
    pub fn tier(&self) -> Tier {
        self.tier
    }

    /// The model.
    pub fn model(&self) -> ModelView<'m> {
        self.model
    }

    /// Bytes that [`run`](Self::run) needs as its arena.
    pub fn arena_bytes(&self) -> usize {
        self.model.arena_bytes()
    }

    /// Computes the embedding of an image.
    ///
    /// `rgb` is the aligned face, HWC, red first, of exactly the model's input size; the model's
    /// own colour order is served here. `arena` needs no alignment and no content, and may be
    /// longer than needed; the returned output lies in it.
    ///
    /// # Errors
    /// [`EngineError::ImageLength`] or [`EngineError::ArenaTooSmall`].
    pub fn run<'a>(&self, rgb: &[u8], arena: &'a mut [u8]) -> Result<Output<'a>, EngineError>
    where
        'm: 'a,
    {
        self.run_with(rgb, arena, |_, _, _| ())
    }

    /// As [`run`](Self::run), and calls `observer` with each op, its number and the bytes that it
    /// wrote, after it has run. An op of a stream runs several times, each time for the next rows of
    /// its output: put one behind the other, an op's bytes are its whole output, whatever the plan. A
    /// caller who takes the time at each call gets the time of each op; the engine has no clock.
    ///
    /// # Errors
    /// As [`run`](Self::run).
    pub fn run_with<'a>(
        &self,
        rgb: &[u8],
        arena: &'a mut [u8],
        mut observer: impl FnMut(usize, &Op<'m>, &[u8]),
    ) -> Result<Output<'a>, EngineError>
    where
        'm: 'a,
    {
        self.load(rgb, arena)?;
        for ops in self.model.steps() {
            self.run_step(&ops, arena, &mut observer)?;
        }
        self.output(arena)
    }

    /// Writes an image into the arena, for the ops to begin with: [`run`](Self::run) in parts, for a caller who has other work
    /// between them, as a board whose one core must also feed a watchdog.
    ///
    /// ```text
    /// run = load, step 0, step 1, .. the last step, output
    /// ```
    ///
    /// A step is an op, or the ops of a stream ([`ModelView::steps`]). Other orders are no error, but their numbers mean nothing.
    ///
    /// # Errors
    /// As [`run`](Self::run).
    pub fn load(&self, rgb: &[u8], arena: &mut [u8]) -> Result<(), EngineError> {
        let values = self.input_values(arena)?;
        let input = self.model.input();
        let (needed, got) = (input.shape.elements(), rgb.len());
        if got != needed {
            let (height, width) = (input.shape.height, input.shape.width);
            return Err(EngineError::ImageLength { height, width, needed, got });
        }
        let colour = self.model.metadata().input.colour;
        normalize::write_input(rgb, colour, values);
        Ok(())
    }

    /// Writes a frame that is no larger than the model's input into the arena, black beside and below it: [`load`](Self::load)
    /// without a copy of the whole input, for a board that has no memory for one.
    ///
    /// # Errors
    /// [`EngineError::ArenaTooSmall`], or [`EngineError::FrameTooLarge`].
    pub fn load_corner(&self, frame: &Frame<'_>, arena: &mut [u8]) -> Result<(), EngineError> {
        let values = self.input_values(arena)?;
        let input = self.model.input();
        let [height, width] = [input.shape.height, input.shape.width].map(usize::from);
        if frame.width() > width || frame.height() > height {
            let frame = [frame.height(), frame.width()];
            return Err(EngineError::FrameTooLarge { height, width, frame });
        }
        normalize::write_corner(frame, self.model.metadata().input.colour, width, values);
        Ok(())
    }

    /// Runs what follows [`load`](Self::load) or [`load_corner`](Self::load_corner): every step, in order.
    ///
    /// # Errors
    /// [`EngineError::ArenaTooSmall`].
    pub fn run_loaded(&self, arena: &mut [u8]) -> Result<(), EngineError> {
        self.check(arena)?;
        self.model.steps().try_for_each(|ops| self.run_step(&ops, arena, &mut |_, _, _| ()))
    }

    /// Runs step number `index`, counted from 0, and gives the bytes that its last op wrote: a whole tensor.
    ///
    /// # Errors
    /// [`EngineError::ArenaTooSmall`], or there is no such step.
    pub fn step<'a>(&self, index: usize, arena: &'a mut [u8]) -> Result<&'a [u8], EngineError> {
        self.check(arena)?;
        let missing = || EngineError::NoSuchStep { step: index, steps: self.model.steps().count() };
        let ops = self.model.steps().nth(index).ok_or_else(missing)?;
        self.run_step(&ops, arena, &mut |_, _, _| ())?;
        let last = self.model.op(ops.end.saturating_sub(1)).map(|op| op.output());
        let written = last.and_then(|output| self.model.tensor(output));
        let written = written.and_then(|tensor| arena.get(step::range(&tensor)));
        written.ok_or(EngineError::Inconsistent { op: ops.start.into() })
    }

    /// What a run has left: the embedding, or the first of several outputs.
    ///
    /// # Errors
    /// [`EngineError::ArenaTooSmall`].
    pub fn output<'a>(&self, arena: &'a [u8]) -> Result<Output<'a>, EngineError>
    where
        'm: 'a,
    {
        self.read(self.model.output_index(), arena)
    }

    /// What a run has left of one of [`ModelView::outputs`], by its tensor. Other tensors may be
    /// overwritten by then.
    ///
    /// # Errors
    /// [`EngineError::ArenaTooSmall`], or there is no such tensor.
    pub fn read<'a>(&self, output: TensorIndex, arena: &'a [u8]) -> Result<Output<'a>, EngineError>
    where
        'm: 'a,
    {
        self.check(arena)?;
        Output::new(&self.model, output, arena).ok_or(self.endpoint())
    }

    fn check(&self, arena: &[u8]) -> Result<(), EngineError> {
        let (needed, got) = (self.arena_bytes(), arena.len());
        if got < needed { Err(EngineError::ArenaTooSmall { needed, got }) } else { Ok(()) }
    }

    /// The input's place in the arena.
    fn input_values<'a>(&self, arena: &'a mut [u8]) -> Result<&'a mut [i8], EngineError> {
        self.check(arena)?;
        let bytes = arena.get_mut(step::range(&self.model.input()));
        bytes.and_then(step::int8_mut).ok_or(self.endpoint())
    }

    fn endpoint(&self) -> EngineError {
        EngineError::Inconsistent { op: self.model.op_count() }
    }

    /// Runs ops together, slice by slice.
    fn run_step(
        &self,
        ops: &Range<u16>,
        arena: &mut [u8],
        observer: &mut impl FnMut(usize, &Op<'m>, &[u8]),
    ) -> Result<(), EngineError> {
        for slice in 0..self.model.slices(ops) {
            for index in ops.clone() {
                let inconsistent = EngineError::Inconsistent { op: index.into() };
                let op = self.model.op(index).ok_or(inconsistent)?;
                let made = step::run(self.tier, &self.model, &op, slice, arena);
                if let Some(rows) = made.ok_or(inconsistent)? {
                    observer(index.into(), &op, arena.get(rows).ok_or(inconsistent)?);
                }
            }
        }
        Ok(())
    }
}
