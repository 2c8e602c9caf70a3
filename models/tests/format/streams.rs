//! Ops that run together: what such a file says, and how one is made from a file of another plan.

use model_format::writer::plan::{Network, Step, replanned};
use model_format::{ModelFile, Rows};

use crate::sample;

fn streamed() -> ModelFile {
    ModelFile::from_bytes(sample::streamed().build().unwrap()).unwrap()
}

#[test]
fn ops_of_a_stream_are_one_step() {
    let file = streamed();
    let view = file.view();
    let steps: Vec<_> = view.steps().map(|step| (step.clone(), view.slices(&step))).collect();
    assert_eq!(steps, [(0..4, 4), (4..5, 1), (5..6, 1)]);
    let plain = ModelFile::from_bytes(sample::bytes()).unwrap();
    let steps: Vec<_> = plain.view().steps().collect();
    assert_eq!(steps, [0..1, 1..2, 2..3, 3..4, 4..5, 5..6]);
}

#[test]
fn a_band_takes_the_rows_that_it_holds() {
    let bytes: Vec<usize> = streamed().view().tensors().map(|tensor| tensor.byte_len()).collect();
    assert_eq!(bytes, [48, 48, 16, 16, 64, 8, 8]);
}

/// The numbers of the sample are those that its ops ask for.
#[test]
fn a_stream_holds_what_its_ops_ask_for() {
    let plain = ModelFile::from_bytes(sample::bytes()).unwrap();
    let view = plain.view();
    let network = Network::of(&view);
    let rows = |pace, every| network.stream(0..4, pace, every).map(|step| step.rows);
    let of = |held, lead, pace, every| Rows { held, lead, pace, every };
    let slow = vec![of(3, 2, 1, 1), of(1, 1, 1, 1), of(1, 1, 1, 1), of(0, 1, 1, 1)];
    assert_eq!(rows(1, 1), Some(slow));
    // Two rows, then the other two: the depthwise filter sees one more row on either side.
    let fast = vec![of(3, 3, 2, 1), of(2, 2, 2, 1), of(2, 2, 2, 1), of(0, 2, 2, 1)];
    assert_eq!(rows(2, 1), Some(fast));
    // A row in every second slice.
    let slower = vec![of(3, 3, 1, 2), of(1, 1, 1, 2), of(1, 1, 1, 2), of(0, 1, 1, 2)];
    assert_eq!(rows(1, 2), Some(slower));
    assert_eq!((rows(0, 1), rows(1, 0), rows(1, 1024)), (None, None, None));
    // A dense layer needs a whole tensor; t1 and t2 are read later.
    for ops in [0..5, 4..6, 0..2, 1..3] {
        assert_eq!(network.stream(ops, 1, 1), None);
    }
    assert!(network.stream(1..4, 1, 1).is_some());
}

#[test]
fn another_plan_changes_the_plan_alone() {
    let plain = ModelFile::from_bytes(sample::bytes()).unwrap();
    let (view, builder) = (plain.view(), sample::streamed());
    let network = Network::of(&view);
    let step = |ops: core::ops::Range<usize>| Step { rows: vec![Rows::ALL; ops.len()], ops };
    let steps = [network.stream(0..4, 1, 1).unwrap(), network.step(4), network.step(5)];
    assert_eq!(steps[1..], [step(4..5), step(5..6)]);
    let mut tensors = network.tensors(&steps);
    for (tensor, placed) in tensors.iter_mut().zip(&builder.tensors) {
        tensor.offset = placed.offset;
    }
    assert_eq!(tensors, builder.tensors);
    let streamed = replanned(&view, &tensors, 256).unwrap();
    assert_eq!(streamed, builder.build().unwrap());
    // And back, from a file that is signed.
    let signed = sample::key().sign(&ModelFile::from_bytes(streamed).unwrap().view()).unwrap();
    let signed = ModelFile::from_bytes(signed).unwrap();
    let network = Network::of(&signed.view());
    let alone: Vec<Step> = (0..6).map(|op| network.step(op)).collect();
    let mut tensors = network.tensors(&alone);
    for (tensor, placed) in tensors.iter_mut().zip(sample::model().tensors) {
        tensor.offset = placed.offset;
    }
    let back = ModelFile::from_bytes(replanned(&signed.view(), &tensors, 192).unwrap()).unwrap();
    assert_eq!(back.view().signature(), None);
    assert_eq!(back.view().id(), view.id());
    assert_eq!(back.view().tensors().collect::<Vec<_>>(), view.tensors().collect::<Vec<_>>());
    assert_eq!(back.view().arena_bytes(), 192);
}

#[test]
fn a_plan_that_does_not_hold_together_is_not_written() {
    let plain = ModelFile::from_bytes(sample::bytes()).unwrap();
    let tensors: Vec<_> = plain.view().tensors().collect();
    let error = replanned(&plain.view(), &tensors, 191).unwrap_err();
    assert!(error.to_string().contains("tensor 3 takes 64 bytes"), "{error}");
}
