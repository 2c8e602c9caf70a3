//! The losses in the trainer: each learns, resumes to the bit, and moves only the centres that take part.
#![allow(clippy::unwrap_used)]

use super::trainer::tests::{batch, config, repeats_every_bit_when_resumed, run};
use super::*;
use crate::data::Batch;
use crate::loss::{HeadConfig, LabelError, LossConfig};

/// What a loss keeps beside its centres, and where its annealing stands, are in the checkpoint too; which classes take part
/// follows from seed and step.
#[test]
fn resumed_run_repeats_every_bit_of_every_loss() {
    for loss in LossConfig::all() {
        let head = HeadConfig { class_sample: 0.5, ..HeadConfig::default() };
        repeats_every_bit_when_resumed(TrainConfig { loss, ..config() }, 2, 77);
        repeats_every_bit_when_resumed(TrainConfig { loss, head, ..config() }, 12, 1);
    }
}

#[test]
fn every_loss_learns() {
    for loss in LossConfig::all() {
        let config = TrainConfig { loss, steps: 50, learning_rate: 0.5, ..config() };
        let reports = run(&mut Trainer::new(config, 2).unwrap(), 0..50);
        let mean = |of: &[StepReport]| of.iter().filter_map(|r| r.angle).sum::<f64>() / 10.0;
        let (first, last) = (mean(&reports[..10]), mean(&reports[40..]));
        assert!(last < first - 5.0, "{loss:?}: angles {first} to {last}");
        assert!(reports.iter().all(|r| !r.skipped), "{loss:?}");
    }
}

/// Classes that sit a step out keep their centres and their velocities to the last bit; the others move.
#[test]
fn only_the_sampled_centres_move() {
    let head = HeadConfig { class_sample: 0.2, ..HeadConfig::default() };
    let mut trainer = Trainer::new(TrainConfig { head, ..config() }, 20).unwrap();
    let mut moved_in_two_steps = [0; 20];
    for step in 0..2 {
        let before = trainer.checkpoint();
        trainer.learn(&batch(step)).unwrap();
        let after = trainer.checkpoint();
        let rows = |values: &Values| -> Vec<Vec<f32>> {
            values.numbers.chunks(32).map(<[f32]>::to_vec).collect()
        };
        let name = "head.weight";
        let weights = [&before, &after].map(|c| rows(&c.parameters[name]));
        let velocity = before.velocity.get(name).map_or(vec![vec![0.0; 32]; 20], rows);
        let velocities = [velocity, rows(&after.velocity[name])];
        let moved = |[a, b]: &[Vec<Vec<f32>>; 2], row: usize| a[row] != b[row];
        for (row, times) in moved_in_two_steps.iter_mut().enumerate() {
            assert_eq!(moved(&weights, row), moved(&velocities, row), "row {row}");
            *times += u32::from(moved(&weights, row));
        }
    }
    // Both classes of the batch in both steps, and two others in each.
    assert_eq!(moved_in_two_steps[..2], [2, 2]);
    assert_eq!(moved_in_two_steps.iter().sum::<u32>(), 8);
}

#[test]
fn rejects_a_label_that_is_no_class() {
    let mut trainer = Trainer::new(config(), 2).unwrap();
    let mut bad = batch(0);
    bad.labels[3] = 2;
    let before = trainer.checkpoint();
    let error = trainer.learn(&bad).unwrap_err();
    let expected = LabelError::Unknown { index: 3, label: 2, classes: 2 };
    assert_eq!(error, StepError::Label(expected));
    assert_eq!(trainer.checkpoint(), before);
}

/// Blended images learn both labels' classes; with classes left out, the gradients of both losses come to the same centres.
#[test]
fn blended_images_move_the_centres_of_both_labels() {
    let learn = |class_sample: f64| {
        let head = HeadConfig { class_sample, ..HeadConfig::default() };
        let mut trainer = Trainer::new(TrainConfig { head, ..config() }, 2).unwrap();
        let (report, _) = trainer.learn(&Batch { kept: Some(0.7), ..batch(0) }).unwrap();
        (report.loss, trainer.checkpoint().parameters["head.weight"].numbers.clone())
    };
    // Both classes are needed, so leaving half of the classes out leaves out none.
    let ((loss, whole), (same_loss, part)) = (learn(1.0), learn(0.5));
    assert_eq!(loss, same_loss);
    for (a, b) in whole.iter().zip(&part) {
        assert!((a - b).abs() < 1e-7, "{a}, {b}");
    }
}
