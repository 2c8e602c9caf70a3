//! Plans against the whole search, and their results against those of the layers one by one.
#![allow(clippy::unwrap_used)]

use super::*;
use crate::diff::{Rule, compare};
use crate::graph::random;
use crate::model::Model;
use crate::quantize::{Options, Provenance, Quantized, quantize, sensitivity};
use edge_infer::engine::Engine;
use edge_infer::kernels::Tier;

fn made(seed: u64) -> Quantized {
    let graph = random::small(seed);
    let images = random::images(4, 12, 12, seed);
    let options = Options { equalise: false, reconstruct: false, ..Options::default() };
    quantize(&graph, &images, &options, None, &Provenance::default()).unwrap()
}

fn small(seed: u64) -> ModelFile {
    ModelFile::from_bytes(made(seed).bytes).unwrap()
}

fn shipped() -> ModelFile {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../models/zoo/mobilefacenet-128.afm");
    ModelFile::from_bytes(std::fs::read(path).unwrap()).unwrap()
}

/// What an image gives on one tier, in an arena of exactly the planned size between bytes that must stay.
fn sums(file: &ModelFile, tier: Tier, image: &[u8]) -> Vec<i32> {
    let engine = Engine::with_tier(file.view(), tier);
    let mut memory = vec![0x5a; engine.arena_bytes() + 32];
    let arena = 16..16 + engine.arena_bytes();
    let sums = engine.run(image, &mut memory[arena.clone()]).unwrap().sums().collect();
    assert!(memory[..arena.start].iter().chain(&memory[arena.end..]).all(|&byte| byte == 0x5a));
    sums
}

#[track_caller]
fn assert_same_bits(one: &ModelFile, other: &ModelFile, images: &[Vec<u8>]) {
    assert_eq!(one.view().id(), other.view().id());
    for tier in Tier::available() {
        for image in images {
            assert_eq!(sums(one, tier, image), sums(other, tier, image), "{}", tier.name());
        }
    }
}

/// All ways to cut `ops` into steps, each with every rate.
fn all_plans(planner: &Planner<'_>, from: usize) -> Vec<(Vec<Step>, usize, usize)> {
    if from == planner.ops() {
        return vec![(Vec::new(), 0, 0)];
    }
    let mut plans = Vec::new();
    for end in from + 1..=planner.ops() {
        let steps: Vec<Candidate> = match end - from {
            1 => vec![planner.alone(from)],
            _ => {
                let rates = planner.rates(from, end).into_iter();
                rates.filter_map(|(pace, every)| planner.stream(from, end, pace, every)).collect()
            }
        };
        if steps.is_empty() {
            continue;
        }
        for (rest, bytes, cost) in all_plans(planner, end) {
            for step in &steps {
                let steps = core::iter::once(step.step.clone()).chain(rest.clone()).collect();
                plans.push((steps, bytes.max(step.bytes), cost + step.cost));
            }
        }
    }
    plans
}

/// The first ops of the small network, with two residual blocks: few enough to try everything.
#[test]
fn plans_are_the_best_of_all() {
    let file = small(5);
    let view = file.view();
    let mut network = Network::of(&view);
    network.ops.truncate(8);
    network.readers.iter_mut().for_each(|readers| readers.retain(|&reader| reader < 8));
    network.outputs = vec![network.ops[7].output()];
    let planner = Planner::new(network);
    let all = all_plans(&planner, 0);
    assert!(all.len() > 500, "{}", all.len());
    let least = all.iter().map(|(_, bytes, _)| *bytes).min().unwrap();
    assert_eq!(planner.least_bytes(), least);
    let most = all.iter().map(|(_, bytes, _)| *bytes).max().unwrap();
    let mut costs = Vec::new();
    for limit in (least - 64..=most).step_by(64) {
        let best = all.iter().filter(|(_, bytes, _)| *bytes <= limit).map(|(.., cost)| *cost).min();
        let steps = planner.cheapest(limit);
        let found = steps.map(|steps| all.iter().find(|(all, ..)| *all == steps).unwrap().2);
        assert_eq!(found, best, "limit {limit}");
        costs.extend(best);
    }
    assert!(costs.first() > costs.last() && costs.last() == Some(&0));
}

#[test]
fn every_way_to_run_ops_together_gives_the_same_bits() {
    let images = random::images(2, 12, 12, 77);
    let mut streams = 0;
    for seed in 0..4 {
        let file = small(seed);
        let view = file.view();
        let planner = Planner::new(Network::of(&view));
        for first in 0..planner.ops() {
            for end in planner.ends(first).filter(|end| end - first > 1) {
                for (pace, every) in planner.rates(first, end) {
                    let Some(Candidate { step, .. }) = planner.stream(first, end, pace, every)
                    else {
                        continue;
                    };
                    let mut steps: Vec<Step> = planner.one_by_one();
                    steps.splice(first..end, [step]);
                    let placed = planner.placed(&steps);
                    let arena = placed.arena_bytes as u32;
                    let other = replanned(&view, &placed.tensors, arena).unwrap();
                    assert_same_bits(&file, &ModelFile::from_bytes(other).unwrap(), &images);
                    streams += 1;
                }
            }
        }
    }
    assert!(streams > 200, "{streams}");
}

#[test]
fn plans_for_any_limit_give_the_same_bits_and_keep_it() {
    let images = random::images(2, 12, 12, 78);
    for seed in 4..8 {
        let file = small(seed);
        let smallest = replan(&file, Goal::Memory).unwrap();
        assert_same_bits(&file, &smallest, &images);
        let (least, most) = (smallest.view().arena_bytes(), file.view().arena_bytes());
        assert!(least < most);
        for limit in (least..=most).step_by(64) {
            let within = replan(&file, Goal::Within(limit)).unwrap();
            assert!(within.view().arena_bytes() <= limit);
            assert_same_bits(&file, &within, &images);
            let back = replan(&within, Goal::Speed).unwrap();
            assert_eq!(back.bytes(), replan(&file, Goal::Speed).unwrap().bytes());
        }
        let error = replan(&file, Goal::Within(least - 1)).unwrap_err();
        assert_eq!(error, PlanError::ArenaLimit { limit: least - 1, least });
        assert!(error.to_string().contains(&format!("the smallest plan takes {least}")));
    }
}

#[test]
fn the_shipped_model_runs_in_128_kibibytes() {
    let file = shipped();
    assert_eq!(replan(&file, Goal::Speed).unwrap().bytes(), file.bytes(), "planned for speed");
    let images = random::images(1, 112, 112, 79);
    for limit in [163_840, 131_072] {
        let within = replan(&file, Goal::Within(limit)).unwrap();
        assert!(within.view().arena_bytes() <= limit, "{}", within.view().arena_bytes());
        assert_same_bits(&file, &within, &images);
    }
    let least = replan(&file, Goal::Memory).unwrap().view().arena_bytes();
    assert!(least < 131_072, "{least}");
}

/// Those who watch a run, or run layers alone.
#[test]
fn tensors_are_seen_whole_whatever_the_plan() {
    let images = random::images(3, 12, 12, 80);
    let made = made(9);
    let file = ModelFile::from_bytes(&made.bytes).unwrap();
    let smallest = replan(&file, Goal::Memory).unwrap();
    assert!(smallest.view().steps().count() < file.view().op_count());
    let harms = |file| sensitivity(&made.float, file, &images, || ()).unwrap();
    assert_eq!(harms(&file), harms(&smallest));
    for (a, b) in [(&file, &smallest), (&smallest, &file)] {
        let [a, b] = [a, b].map(|file| Model::Int8(ModelFile::from_bytes(file.bytes()).unwrap()));
        let report = compare(&a, &b, &images).unwrap();
        assert_eq!((report.rule, report.first_fault, &report.parting), (Rule::Bits, None, &None));
        assert_eq!(report.layers.len(), file.view().op_count());
        assert!(report.layers.iter().all(|layer| layer.own_error == 0.0 && layer.cosine > 0.999));
    }
}
