//! The loader's memory does not grow with the steps. A program of its own: nothing else moves its memory.
#![cfg(target_os = "linux")]
#![allow(clippy::std_instead_of_core, clippy::unwrap_used, reason = "a test on a host")]

use host_train::data::convert::{Format, Selection, convert};
use host_train::data::{Augment, Loader, LoaderConfig, Source, TrainingSet};
use std::sync::Arc;

/// Bytes of this program in memory.
fn resident() -> usize {
    let text = std::fs::read_to_string("/proc/self/statm").unwrap();
    let pages: usize = text.split_whitespace().nth(1).unwrap().parse().unwrap();
    pages * 4096
}

#[test]
fn a_thousand_steps_take_the_memory_of_two_hundred() {
    let root = tempfile::tempdir().unwrap();
    let folder = tests::faces(root.path(), 40, 5);
    let source = Source::open(&[folder]).unwrap();
    for (format, name) in [(Format::RecordIo, "rec"), (Format::Parquet, "a.parquet")] {
        let path = root.path().join(name);
        convert(&source, &Selection::all(&source), format, &path, || ()).unwrap();
        let set = TrainingSet::from_folders(Arc::new(Source::open(&[path]).unwrap())).unwrap();
        let (width, height) = (tests::SIDE, tests::SIDE);
        let config = LoaderConfig {
            batch: 32,
            seed: 1,
            start_step: 0,
            width,
            height,
            augment: Augment::STRONG,
        };
        let mut loader = Loader::new(Arc::new(set), config).unwrap();
        let mut after = |steps: usize| {
            loader.by_ref().take(steps).for_each(|batch| drop(batch.unwrap()));
            resident()
        };
        let (early, late) = (after(200), after(800));
        eprintln!("{name}: {early} bytes after 200 steps, {late} after 1,000");
        assert!(late as f64 <= 1.05 * early as f64, "{name}: {early} then {late}");
    }
}
