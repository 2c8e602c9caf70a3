//! The bytes depend on the model alone, and the id on what it computes alone.

use model_format::writer::{ActivationSpec, ModelBuilder, OpSpec, content_id};
use model_format::{ModelFile, ModelId, Shape, Threshold};

use crate::sample;

type Edit = fn(&mut ModelBuilder);

fn id(edit: impl FnOnce(&mut ModelBuilder)) -> ModelId {
    id_of(sample::model(), edit)
}

fn id_of(mut model: ModelBuilder, edit: impl FnOnce(&mut ModelBuilder)) -> ModelId {
    edit(&mut model);
    ModelFile::from_bytes(model.build().unwrap()).unwrap().view().id()
}

#[test]
fn two_builds_give_the_same_bytes() {
    assert_eq!(sample::bytes(), sample::bytes());
}

#[test]
fn the_stored_id_is_the_hash_of_the_content() {
    let file = ModelFile::from_bytes(sample::bytes()).unwrap();
    assert_eq!(file.view().id(), content_id(&file.view()));
}

#[test]
fn the_id_is_written_as_hex() {
    let id = ModelId([0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 255]);
    assert_eq!(id.to_string(), "000102030405060708090a0b0c0d0eff");
    assert_eq!(format!("{id:?}"), "ModelId(000102030405060708090a0b0c0d0eff)");
}

#[test]
fn another_arena_plan_keeps_the_id() {
    let moved = id(|model| {
        model.arena_bytes = 1024;
        model.tensors[0].offset = 512;
    });
    assert_eq!(moved, id(|_| ()));
}

#[test]
fn thresholds_and_provenance_keep_the_id() {
    let renamed = id(|model| {
        model.thresholds = vec![Threshold { fmr: 1e-4, cosine: 0.5 }];
        model.metadata.name = "another".into();
        model.metadata.data.clear();
        model.metadata.command.push('x');
        model.metadata.seed = 0;
        model.metadata.commit.clear();
        model.metadata.licence = "CC0-1.0".into();
        model.metadata.verdict = "int8 98.5 %".into();
    });
    assert_eq!(renamed, id(|_| ()));
}

#[test]
fn names_and_tables_change_the_id() {
    let of = |edit: Edit| id_of(sample::detector(), edit);
    let edits: [Edit; 4] = [
        |model| model.outputs[1].name = "score".into(),
        |model| drop(model.outputs.pop()),
        |model| match &mut model.ops[1] {
            OpSpec::Lookup(op) => op.table[7] = 0,
            other => panic!("op 1 is {other:?}"),
        },
        |model| match &mut model.ops[2] {
            OpSpec::Concat(op) => op.multipliers[0] = 0.25,
            other => panic!("op 2 is {other:?}"),
        },
    ];
    for edit in edits {
        assert_ne!(of(edit), of(|_| ()));
    }
}

#[test]
fn every_part_of_the_computation_changes_the_id() {
    let edits: [(&str, Edit); 10] = [
        ("one weight", |model| sample::conv(model, 0).weights[17] ^= 1),
        ("one bias", |model| sample::conv(model, 1).bias[2] += 1),
        ("one multiplier", |model| sample::conv(model, 2).requantize.multiplier[0] *= 2.0),
        ("the residual", |model| sample::conv(model, 2).residual = None),
        ("an activation", |model| {
            sample::conv(model, 0).requantize.activation = ActivationSpec::Relu
        }),
        ("add", |model| sample::add(model).multipliers[1] = 1.0),
        ("scale", |model| model.tensors[3].scale = 0.5),
        ("zero point", |model| model.tensors[3].zero_point = 0),
        ("mean", |model| model.metadata.input.mean[0] = 0.0),
        ("landmarks", |model| model.metadata.landmarks[4][1] = 3.5),
    ];
    let mut ids = vec![id(|_| ())];
    for (what, edit) in edits {
        // Without the residual, nothing reads tensor 1 at step 3 any more.
        let changed = id(|model| {
            edit(model);
            if what == "the residual" {
                model.tensors[1].last = 2;
            }
        });
        assert!(!ids.contains(&changed), "{what} does not change the id");
        ids.push(changed);
    }
}

#[test]
fn ops_without_weights_are_part_of_the_id() {
    let edits: [(&str, Edit); 4] = [
        ("nothing", |_| ()),
        ("a maximum's window", |model| {
            sample::max_pool(model).window.stride = [1, 1];
            model.tensors[0].shape = Shape { height: 3, width: 3, channels: 3 };
        }),
        ("an average's multiplier", |model| sample::average(model).multiplier = 0.5),
        ("one factor", |model| sample::scale_channels(model).factors[255] = 2.0),
    ];
    let mut ids = vec![id_of(sample::gated(), |model| {
        model.tensors[0].shape = Shape { height: 3, width: 3, channels: 3 };
        sample::max_pool(model).window.padding.right = 1;
        sample::max_pool(model).window.padding.bottom = 1;
    })];
    for (what, edit) in edits {
        let changed = id_of(sample::gated(), edit);
        assert!(!ids.contains(&changed), "{what} does not change the id");
        ids.push(changed);
    }
}
