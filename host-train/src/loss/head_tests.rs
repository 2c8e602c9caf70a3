//! The head as a whole: shards that add up to one head, classes that sit a step out, and input that must not pass.
#![allow(clippy::unwrap_used)]

use super::*;
use burn::module::Param;
use burn::tensor::{Device, Tensor};
use std::collections::BTreeSet;

const CLASSES: usize = 7;
const LENGTH: usize = 4;
const LABELS: [u32; 5] = [0, 3, 6, 4, 3];

fn device() -> Device {
    Device::flex().autodiff()
}

fn head_of(loss: LossConfig, class_sample: f64, classes: usize, shard: Shard) -> Head {
    let head = HeadConfig { class_sample, ..HeadConfig::default() };
    Head::new(loss, head, [classes, LENGTH], shard, 5, &device()).unwrap()
}

fn head(loss: LossConfig, class_sample: f64, shard: Shard) -> Head {
    head_of(loss, class_sample, CLASSES, shard)
}

fn forward(head: &Head, x: Tensor<2>, labels: &[u32]) -> HeadOutput {
    head.part(labels, 9).unwrap().forward(x, labels).unwrap()
}

/// Five embeddings of different lengths.
fn embeddings() -> Tensor<2> {
    let rows = [
        [0.9, -0.2, 0.4, 0.1],
        [-3.0, 2.0, 0.5, 1.0],
        [0.2, 0.3, -0.1, 0.4],
        [5.0, 1.0, -4.0, 2.0],
        [-1.0, -1.0, 1.0, 0.5],
    ];
    Tensor::from_floats(rows, &device()).require_grad()
}

fn numbers<const D: usize>(tensor: Tensor<D>) -> Vec<f32> {
    tensor.into_data().try_to_vec().unwrap()
}

fn assert_near(got: &[f32], expected: &[f32], what: &str) {
    let most = expected.iter().fold(0.0_f32, |most, x| most.max(x.abs()));
    assert_eq!(got.len(), expected.len(), "{what}");
    for (a, b) in got.iter().zip(expected) {
        assert!((a - b).abs() <= 2e-5 * most, "{what}: {got:?}, {expected:?}");
    }
}

/// Two ranks with half of the classes each, their softmax sums combined, are one rank with all: loss, the sum of the gradients by
/// the embeddings, and each rank's gradients by its own centres.
#[test]
fn two_shards_equal_the_whole() {
    for loss in LossConfig::all() {
        let whole = head(loss, 1.0, Shard::WHOLE);
        let x = embeddings();
        let output = forward(&whole, x.clone(), &LABELS);
        let expected = numbers(output.loss.clone());
        let gradients = output.loss.backward();
        let by_x = numbers(x.grad(&gradients).unwrap());
        let by_weight = numbers(whole.weight.val().grad(&gradients).unwrap());

        let shards = [0, 1].map(|rank| head(loss, 1.0, Shard { rank, ranks: 2 }));
        let weights = shards.each_ref().map(|shard| numbers(shard.weight.val())).concat();
        assert_eq!(weights, numbers(whole.weight.val()), "{loss:?}");
        let xs = [embeddings(), embeddings()];
        let logits = [0, 1]
            .map(|r| shards[r].part(&LABELS, 9).unwrap().logits(xs[r].clone(), &LABELS).unwrap());
        let [a, b] = logits.each_ref().map(Logits::sums);
        let sums = a.combine(b);
        let outputs = logits.map(|logits| logits.loss(&sums));
        let mut sum_by_x = vec![0.0; by_x.len()];
        let mut all_by_weight = Vec::new();
        for ((shard, x), output) in shards.iter().zip(&xs).zip(&outputs) {
            assert_near(&numbers(output.loss.clone()), &expected, "loss");
            let gradients = output.loss.clone().backward();
            let own = numbers(x.grad(&gradients).unwrap());
            sum_by_x.iter_mut().zip(own).for_each(|(sum, own)| *sum += own);
            all_by_weight.extend(numbers(shard.weight.val().grad(&gradients).unwrap()));
        }
        assert_near(&sum_by_x, &by_x, "by embeddings");
        assert_near(&all_by_weight, &by_weight, "by centres");
        for (i, cosine) in output.target_cosine.iter().enumerate() {
            let sum = outputs[0].target_cosine[i] + outputs[1].target_cosine[i];
            assert!((sum - cosine).abs() < 1e-6);
        }
    }
}

/// Loss and gradients over the classes that take part are those of a head that has no others.
#[test]
fn sampled_classes_equal_a_head_of_those_alone() {
    for loss in LossConfig::all() {
        let sampled = head(loss, 0.7, Shard::WHOLE);
        let x = embeddings();
        let taking_part = sampled.part(&LABELS, 9).unwrap();
        let output = taking_part.forward(x.clone(), &LABELS).unwrap();
        let gradients = output.loss.clone().backward();
        let rows = taking_part.rows().unwrap();
        assert!(sampled.weight.val().grad(&gradients).is_none(), "the whole has a gradient");
        assert_eq!(rows.parts.len(), if loss.has_bias() { 2 } else { 1 });
        let (name, numbers_of_rows, part) = &rows.parts[0];
        assert_eq!(*name, "weight");

        let needed = BTreeSet::from(LABELS.map(|label| label as usize));
        let classes = partial_fc::sample(0..CLASSES, &needed, 0.7, 5, 9);
        assert_eq!(classes.len(), 5, "ceil(0.7 * 7)");
        let of_rows: Vec<i64> = numbers_of_rows.clone().into_data().iter().collect();
        let k = loss.centres();
        let expected = classes.iter().flat_map(|class| class * k..(class + 1) * k);
        assert_eq!(of_rows, expected.map(|row| row as i64).collect::<Vec<_>>());

        let mut alone = head_of(loss, 1.0, classes.len(), Shard::WHOLE);
        alone.weight = Param::from_tensor(part.clone().detach().require_grad());
        let labels = LABELS.map(|label| classes.binary_search(&(label as usize)).unwrap() as u32);
        let x_alone = embeddings();
        let expected = forward(&alone, x_alone.clone(), &labels);
        let expected_gradients = expected.loss.clone().backward();
        assert_eq!(numbers(output.loss), numbers(expected.loss), "{loss:?}");
        assert_eq!(
            numbers(x.grad(&gradients).unwrap()),
            numbers(x_alone.grad(&expected_gradients).unwrap())
        );
        assert_eq!(
            numbers(part.grad(&gradients).unwrap()),
            numbers(alone.weight.val().grad(&expected_gradients).unwrap())
        );
    }
}

/// MagFace issue 29 and LightCNN issue 5: such a label crashes the device in other trainers.
#[test]
fn rejects_a_label_that_is_no_class() {
    let head = head(LossConfig::default(), 0.5, Shard { rank: 0, ranks: 2 });
    let error = head.part(&[0, 3, 7, 4, 3], 0).err();
    assert_eq!(error, Some(LabelError::Unknown { index: 2, label: 7, classes: 7 }));
}

#[test]
fn rejects_a_label_that_does_not_take_part() {
    let head = head(LossConfig::default(), 0.1, Shard::WHOLE);
    let error = head.part(&[0, 3], 0).unwrap().forward(embeddings(), &[0, 3, 0, 5, 3]).err();
    assert_eq!(error, Some(LabelError::Absent { index: 3, label: 5 }));
}

#[test]
fn rejects_a_gradient_without_a_margin() {
    let head = HeadConfig { margin_gradient: MarginGradient::StraightThrough, class_sample: 1.0 };
    let error = head.check(LossConfig::Softmax {});
    assert!(matches!(error, Err(LossError::Foreign { loss: "softmax", .. })), "{error:?}");
    assert_eq!(head.check(LossConfig::default()), Ok(()));
}

#[test]
fn rejects_a_share_of_classes_out_of_range() {
    for class_sample in [0.0, 1.5, f64::NAN] {
        let head = HeadConfig { class_sample, ..HeadConfig::default() };
        let error = head.check(LossConfig::default());
        assert!(matches!(error, Err(LossError::Range { .. })), "{class_sample}: {error:?}");
    }
}

/// Plain softmax's centres have lengths; the angles that are reported do not depend on them.
#[test]
fn softmax_reports_cosines() {
    let cosines =
        |loss| forward(&head(loss, 1.0, Shard::WHOLE), embeddings(), &LABELS).target_cosine;
    let plain = cosines(LossConfig::Softmax {});
    for (a, b) in plain.iter().zip(cosines(LossConfig::SoftmaxNormalised {})) {
        assert!((a - b).abs() < 1e-6, "{a}, {b}");
    }
}

#[test]
fn rejects_a_shard_without_a_class() {
    let (loss, head) = (LossConfig::default(), HeadConfig::default());
    let error = Head::new(loss, head, [2, LENGTH], Shard { rank: 0, ranks: 3 }, 1, &device()).err();
    let (loss, name) = ("arcface", "number of ranks");
    let expected = LossError::Range { loss, name, value: 3.0, least: 1.0, most: 2.0 };
    assert_eq!(error, Some(expected));
}

#[test]
fn an_embedding_of_zero_has_finite_loss_and_gradient() {
    for loss in LossConfig::all() {
        let head = head(loss, 1.0, Shard::WHOLE);
        let x = Tensor::<2>::zeros([2, LENGTH], &device()).require_grad();
        let output = forward(&head, x.clone(), &[1, 2]);
        let gradients = output.loss.clone().backward();
        let all = [
            numbers(output.loss),
            numbers(x.grad(&gradients).unwrap()),
            numbers(head.weight.val().grad(&gradients).unwrap()),
        ];
        assert!(all.concat().iter().all(|x| x.is_finite()), "{loss:?}: {all:?}");
    }
}

/// AdaFace's running statistics change by a step that is taken, not by one that is only looked at.
#[test]
fn length_statistics_move_when_committed() {
    let head = head(LossConfig::named("adaface").unwrap(), 1.0, Shard::WHOLE);
    let held = || numbers(head.norms.as_ref().unwrap().value());
    let output = forward(&head, embeddings(), &LABELS);
    assert_eq!(held(), [20.0, 100.0]);
    head.commit(output.norms);
    assert!(held()[0] < 20.0 && held()[1] < 100.0, "{:?}", held());
}
