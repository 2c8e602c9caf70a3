//! The target `engine`: a valid file, some edits, the checksum made right again. What parses is run
//! and compared with the reference, then becomes a template and is looked for in a gallery.

use arbitrary::{Result, Unstructured};
use edge_infer::engine::{Engine, Output};
use edge_infer::matching::{GalleryView, TemplateRef, cosine, quantize};
use model_format::writer::reseal;
use model_format::{ColourOrder, ModelFile, ModelId, Tensor};

use crate::{Outcome, edit, plan, reference};

/// Arenas and networks beyond these are not run, so that a case stays short.
const LARGEST_ARENA: usize = 1 << 20;
const MOST_MACS: u64 = 5_000_000;

/// Bytes behind the arena, which the engine must leave alone.
const GUARD: usize = 16;

/// Runs one case.
///
/// # Panics
/// On a finding: a model that parsed does not run, differs from the reference, or does not find
/// itself in a gallery.
pub fn engine(data: &[u8]) -> Outcome {
    run(&mut Unstructured::new(data)).unwrap_or(Outcome::Starved)
}

fn run(input: &mut Unstructured<'_>) -> Result<Outcome> {
    let mut file = plan::arbitrary(input)?;
    for _ in 0..input.int_in_range(0..=4)? {
        edit::arbitrary(input, &mut file)?;
    }
    reseal(&mut file);
    let Ok(file) = ModelFile::from_bytes(&file) else {
        return Ok(Outcome::Refused);
    };
    let model = file.view();
    if model.arena_bytes() > LARGEST_ARENA || model.macs() > MOST_MACS {
        return Ok(Outcome::Refused);
    }
    let filler: u8 = input.arbitrary()?;
    let image = image(input, model.input().shape.elements())?;
    let mut memory = vec![filler; model.arena_bytes() + GUARD];
    let (arena, guard) = memory.split_at_mut(model.arena_bytes());
    // Each op makes its whole output, a piece or several at a time.
    let mut made = vec![0; model.op_count()];
    let observer = |index: usize, _: &_, written: &[u8]| made[index] += written.len();
    let engine = Engine::new(model);
    engine.run_with(&image, arena, observer).expect("a parsed model runs");
    for (op, made) in model.ops().zip(made) {
        let Tensor { shape, element, .. } = model.tensor(op.output()).expect("outputs exist");
        assert_eq!(made, shape.elements() * element.size());
    }
    assert_eq!(guard, [filler; GUARD]);
    check_outputs(&engine, &image, arena);
    match_itself(model.id(), &engine.output(arena).expect("it has run"));
    Ok(Outcome::Accepted)
}

/// Pixels: a few from the input, the rest repeats them.
fn image(input: &mut Unstructured<'_>, len: usize) -> Result<Vec<u8>> {
    let seen: [u8; 16] = input.arbitrary()?;
    Ok(seen.into_iter().cycle().take(len).collect())
}

fn check_outputs(engine: &Engine<'_>, image: &[u8], arena: &[u8]) {
    let model = engine.model();
    let mut stored: Vec<i64> = image.iter().map(|&byte| i64::from(byte) - 128).collect();
    if model.metadata().input.colour == ColourOrder::Bgr {
        stored.chunks_mut(3).for_each(<[i64]>::reverse);
    }
    for (named, expected) in model.outputs().zip(reference::run(&model, stored)) {
        let tensor = model.tensor(named.tensor).expect("outputs are tensors that exist");
        let zero_point = match tensor.element {
            model_format::ElementType::I8 => i64::from(tensor.zero_point),
            model_format::ElementType::I32 => 0,
        };
        let output = engine.read(named.tensor, arena).expect("it has run");
        assert_eq!(output.len(), expected.len());
        for (sum, expected) in output.sums().zip(expected) {
            assert_eq!(i64::from(sum), expected - zero_point);
        }
    }
}

/// A template made of the output is the best match of itself, whoever else is enrolled.
fn match_itself(id: ModelId, output: &Output<'_>) {
    let mut embedding = vec![0.0; output.len()];
    output.embedding(&mut embedding).expect("the length is the output's");
    let mut values = vec![0; output.len()];
    let Ok(inverse_norm) = quantize(&embedding, &mut values) else {
        return;
    };
    let probe = TemplateRef::from_values(&values, id).expect("it has a direction");
    assert_eq!(probe.inverse_norm(), inverse_norm);
    let mut opposite: Vec<i8> = values.iter().map(|value| -value).collect();
    opposite.rotate_left(1);
    let other = TemplateRef::from_values(&opposite, id).expect("it has a direction");
    let rows = [opposite.as_slice(), &values].concat();
    let norms = [other, probe].map(|template| template.inverse_norm().get());
    let gallery = GalleryView::new(id, values.len(), &rows, &norms, &[7, 9]).expect("two rows");
    let best = gallery.search(probe).expect("one model").expect("two are enrolled");
    assert!((best.cosine - 1.0).abs() < 1e-6);
    let there = cosine(probe, other).expect("one model");
    assert!(there.is_finite() && there <= best.cosine);
    assert!(best.person == 9 || there == best.cosine);
}
