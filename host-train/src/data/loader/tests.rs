//! The loader's promises: same bytes after resuming and on any number of threads, errors in order, no thread left behind.
#![allow(clippy::unwrap_used)]

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use super::*;
use crate::data::fixture::{real_faces, say, write_people};
use crate::data::{Source, TrainingSet};

const CONFIG: LoaderConfig =
    LoaderConfig { batch: 4, seed: 11, start_step: 0, width: 2, height: 3, augment: Augment::NONE };

/// Images whose pixels are all `index + 1`, label `index`; from `broken` on they cannot be read.
struct Numbers {
    len: usize,
    broken: usize,
    asked: AtomicUsize,
}

fn numbers(len: usize, broken: usize) -> Arc<Numbers> {
    let asked = AtomicUsize::new(0);
    Arc::new(Numbers { len, broken, asked })
}

impl Dataset for Numbers {
    fn len(&self) -> usize {
        self.len
    }

    fn class_count(&self) -> usize {
        self.len
    }

    fn label(&self, index: usize) -> u32 {
        index as u32
    }

    fn image(&self, index: usize) -> Result<(FaceImage, u32), DataError> {
        self.asked.fetch_add(1, Ordering::SeqCst);
        if index >= self.broken {
            return Err(DataError::TruncatedImage { name: self.name(index), bytes: index });
        }
        let image = FaceImage { width: 2, height: 3, rgb: vec![index as u8 + 1; 18] };
        Ok((image, self.label(index)))
    }
}

fn loader(len: usize, config: LoaderConfig) -> Loader {
    Loader::new(numbers(len, len), config).unwrap()
}

fn batches(loader: Loader, count: usize) -> Vec<Batch> {
    loader.take(count).map(Result::unwrap).collect()
}

#[test]
fn an_epoch_visits_each_image_once_and_leaves_the_part_batch_out() {
    let loader = loader(23, CONFIG);
    assert_eq!(loader.steps_per_epoch(), 5);
    let made = batches(loader, 15);
    let mut orders = Vec::new();
    for epoch in made.chunks(5) {
        let labels: Vec<u32> = epoch.iter().flat_map(|batch| batch.labels.clone()).collect();
        let mut sorted = labels.clone();
        sorted.sort_unstable();
        sorted.dedup();
        assert_eq!(sorted.len(), 20);
        orders.push(labels);
    }
    assert!(orders[0] != orders[1] && orders[1] != orders[2]);
    for (step, batch) in made.iter().enumerate() {
        assert_eq!(batch.step, step as u64);
        let expected: Vec<u8> =
            batch.labels.iter().flat_map(|&label| [label as u8 + 1; 18]).collect();
        assert_eq!(batch.pixels, expected);
    }
}

#[test]
fn a_resumed_loader_continues_the_straight_one() {
    let root = tempfile::tempdir().unwrap();
    write_people(root.path(), &[5, 3, 9], 6);
    let set = TrainingSet::from_folders(Arc::new(Source::open(&[root.path().into()]).unwrap()));
    let set = Arc::new(set.unwrap());
    let config = LoaderConfig { width: 6, height: 6, augment: Augment::STRONG, ..CONFIG };
    let straight = batches(Loader::new(set.clone(), config).unwrap(), 14);
    for start in 0..14 {
        let resumed = LoaderConfig { start_step: start as u64, ..config };
        let resumed = Loader::new(set.clone(), resumed).unwrap();
        assert_eq!(batches(resumed, 14 - start), straight[start..], "from step {start}");
    }
    // Steps are far from each other in a long run, and so are their batches.
    let late = LoaderConfig { start_step: u64::MAX / 2, ..config };
    assert_eq!(batches(Loader::new(set, late).unwrap(), 1)[0].step, u64::MAX / 2);
}

#[test]
fn batches_do_not_depend_on_the_number_of_threads() {
    let augment = Augment::STRONG;
    let config = LoaderConfig { augment, batch: 16, ..CONFIG };
    let made = |threads| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        let mut batches = Batches::new(numbers(40, 40), config).unwrap();
        pool.install(|| (0..6).map(|step| batches.make(step).unwrap()).collect::<Vec<_>>())
    };
    let one = made(1);
    assert_eq!(one, made(2));
    assert_eq!(one, made(7));
    assert_eq!(one, batches(loader(40, config), 6));
}

#[test]
fn another_seed_is_another_order() {
    let other = LoaderConfig { seed: 12, ..CONFIG };
    assert_ne!(batches(loader(40, CONFIG), 5), batches(loader(40, other), 5));
}

#[test]
fn rejects_a_broken_image_in_its_place() {
    // Of 24 images the last three cannot be read; all batches before theirs arrive, then the error, then nothing.
    let loader = Loader::new(numbers(24, 21), CONFIG).unwrap();
    let results: Vec<_> = loader.collect();
    let order = order(CONFIG.seed, 0, 24);
    let first_broken = order.iter().position(|&index| index >= 21).unwrap();
    assert_eq!(results.len(), first_broken / 4 + 1);
    let (last, before) = results.split_last().unwrap();
    assert!(before.iter().all(Result::is_ok));
    assert!(
        matches!(last, Err(DataError::TruncatedImage { bytes, .. }) if *bytes == order[first_broken]),
        "{last:?}"
    );
}

#[test]
fn rejects_images_of_another_size() {
    let config = LoaderConfig { width: 112, height: 112, ..CONFIG };
    let mut loader = Loader::new(numbers(8, 8), config).unwrap();
    let error = loader.next().unwrap().unwrap_err();
    assert!(
        matches!(&error, DataError::WrongSize { name, width: 2, height: 3, .. } if name.starts_with("image ")),
        "{error}"
    );
    assert!(loader.next().is_none());
}

#[test]
fn rejects_batches_that_no_epoch_holds() {
    for batch in [0, 9] {
        let error = Loader::new(numbers(8, 8), LoaderConfig { batch, ..CONFIG }).unwrap_err();
        assert!(matches!(error, DataError::BatchSize { images: 8, .. }), "{error}");
    }
    assert!(Loader::new(numbers(8, 8), LoaderConfig { batch: 8, ..CONFIG }).is_ok());
}

#[test]
fn dropping_the_loader_ends_its_thread() {
    let dataset = numbers(64, 64);
    let mut loader = Loader::new(dataset.clone(), CONFIG).unwrap();
    assert!(loader.next().is_some());
    drop(loader);
    // Only this test still holds the data set, so the thread is gone; it never ran far ahead.
    assert_eq!(Arc::strong_count(&dataset), 1);
    let asked = dataset.asked.load(Ordering::SeqCst);
    assert!(asked <= (1 + AHEAD + 2) * CONFIG.batch, "{asked}");
}

#[test]
fn a_panic_of_the_data_set_reaches_the_trainer() {
    struct Broken;
    impl Dataset for Broken {
        fn len(&self) -> usize {
            8
        }
        fn class_count(&self) -> usize {
            2
        }
        fn label(&self, _: usize) -> u32 {
            0
        }
        fn image(&self, _: usize) -> Result<(FaceImage, u32), DataError> {
            panic!("a fault of the program")
        }
    }
    let mut loader = Loader::new(Arc::new(Broken), CONFIG).unwrap();
    let result = panic::catch_unwind(panic::AssertUnwindSafe(|| loader.next().is_none()));
    assert!(result.is_err());
    assert!(loader.next().is_none());
}

#[test]
fn the_real_training_set_loads() {
    let Some(faces) = real_faces("loading real faces") else {
        return;
    };
    let tars = ["lfw112-train-A-I", "lfw112-train-J-Z", "celeba112-train", "glint112-train"];
    let source = Source::open(&tars.map(|name| faces.join(format!("{name}.tar")))).unwrap();
    let manifest = faces.join("train_manifest.csv");
    let set = TrainingSet::from_manifest(Arc::new(source), &manifest).unwrap();
    let config = LoaderConfig { batch: 128, width: 112, height: 112, ..CONFIG };
    let loader = Loader::new(Arc::new(set), config).unwrap();
    assert_eq!(loader.steps_per_epoch(), 140);
    let start = Instant::now();
    let steps = 20;
    for batch in loader.take(steps) {
        let batch = batch.unwrap();
        assert_eq!(batch.pixels.len(), 128 * 112 * 112 * 3);
        assert!(batch.labels.iter().all(|&label| label < 4_332));
    }
    let rate = (steps * 128) as f64 / start.elapsed().as_secs_f64();
    say(&format!("{rate:.0} real faces a second read, decoded and batched"));
    assert!(start.elapsed() < Duration::from_secs(60));
}
