//! A valid model by an arbitrary plan: some of its ops together, a few rows at a time.

use arbitrary::{Result, Unstructured};
use model_format::ModelFile;
use model_format::writer::plan::{Network, replanned};

use crate::model::{self, place};

/// A small valid file, its ops one by one or with streams where the input wants some and the network has such ops.
///
/// # Errors
/// When `input` runs out of bytes.
///
/// # Panics
/// If a plan made from the network does not hold together.
pub(crate) fn arbitrary(input: &mut Unstructured<'_>) -> Result<Vec<u8>> {
    let bytes = model::arbitrary(input)?.build().expect("the model is valid by construction");
    if input.arbitrary()? {
        return Ok(bytes);
    }
    let file = ModelFile::from_bytes(&bytes).expect("what is built parses");
    let network = Network::of(&file.view());
    let mut steps = Vec::new();
    let mut next = 0;
    while next < network.ops.len() {
        let end = input.int_in_range(next + 1..=network.ops.len())?;
        let (pace, every) = (input.int_in_range(1..=4)?, input.int_in_range(1..=3)?);
        let step = network.stream(next..end, pace, every).unwrap_or_else(|| network.step(next));
        next = step.ops.end;
        steps.push(step);
    }
    let mut tensors = network.tensors(&steps);
    let arena = place(&mut tensors);
    Ok(replanned(&file.view(), &tensors, arena).expect("a plan of the network's own needs holds"))
}
