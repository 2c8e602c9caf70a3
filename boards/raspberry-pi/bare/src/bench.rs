//! How long the embedding network takes on this board, by its own timer. The door stays locked meanwhile.

use core::fmt;

use door_firmware::eyes::Memory;
use door_firmware::rehearsal::Room;
use door_pi::archive::Archive;
use edge_infer::engine::{Engine, EngineError};
use model_format::{FormatError, ModelView};

use crate::serial::{Serial, log};
use crate::time::Timer;

/// Runs, of which the least time is printed.
const RUNS: usize = 5;

/// Why nothing was measured.
#[derive(Debug)]
pub(crate) enum BenchError {
    /// There is no network.
    Missing,
    /// It is none.
    Format(FormatError),
    /// It does not fit the memory.
    Engine(EngineError),
}

impl fmt::Display for BenchError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Missing => f.write_str("the RAM disk has no file `embedding.afm`"),
            Self::Format(error) => write!(f, "embedding.afm: {error}"),
            Self::Engine(error) => write!(f, "embedding.afm: {error}"),
        }
    }
}

/// Prints the bits of the embedding of a fixed picture, as `edge-infer`'s example `run_model` does, and milliseconds.
pub(crate) fn run<const ARENA: usize>(
    disk: &Archive<'static>,
    timer: Timer,
    room: &mut Room<ARENA>,
    mut serial: Serial,
) -> Result<(), BenchError> {
    let file = disk.file("embedding.afm").ok_or(BenchError::Missing)?;
    let engine = Engine::new(ModelView::parse(file).map_err(BenchError::Format)?);
    let Memory { arena, crop, embedding, .. } = room.memory();
    for (byte, i) in crop.iter_mut().zip(0_u32..) {
        *byte = (i.wrapping_mul(2_654_435_761) >> 24) as u8;
    }
    let mut least = u64::MAX;
    for _ in 0..RUNS {
        let start = timer.now_us();
        let run = engine.run(crop, arena).and_then(|output| output.embedding(embedding));
        run.map_err(BenchError::Engine)?;
        least = least.min(timer.now_us() - start);
    }
    let checksum = embedding.iter().fold(0_u32, |sum, x| sum.rotate_left(5) ^ x.to_bits());
    let tier = engine.tier().name();
    log!(serial, "bench {tier} {checksum:08x} {}.{:03} ms", least / 1000, least % 1000);
    Ok(())
}
