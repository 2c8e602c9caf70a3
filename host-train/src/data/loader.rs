//! Batches for the trainer, made ahead of it.
//!
//! ```text
//! step s  ->  epoch s / n, place s % n        n = images / batch, the last part batch of an epoch is left out
//! epoch   ->  order of images                 shuffled by (seed, epoch)
//! place   ->  batch: read, decode, check size, augment by (seed, epoch, image), blend by (seed, step)
//! ```
//!
//! A batch is a function of the data set, the settings and its step, so a run resumed at step s sees the bytes of the
//! unbroken run, on any number of threads. One thread runs ahead of the trainer by a few batches and decodes the images of
//! each in parallel on rayon's pool.
//!
//! Memory: five batches at most (three wait, one is made, the trainer has one), the order of an epoch at 8 bytes an image, one
//! image file and its pixels a thread, and what the data set keeps: a [`Source`](super::Source) 48 bytes an image, its names,
//! and of Parquet files up to 512 MiB of row groups.

use std::panic;
use std::sync::Arc;
use std::sync::mpsc::{self, Receiver};
use std::thread::{self, JoinHandle};

use rayon::prelude::*;

use super::mix;
use super::random::order;
use super::{Augment, DataError, Dataset, FaceImage};

/// Finished batches that wait for the trainer, at most.
const AHEAD: usize = 3;

/// What the batches look like.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct LoaderConfig {
    /// Images a batch.
    pub batch: usize,
    /// Decides order and augmentation.
    pub seed: u64,
    /// The first step to be made; 0 for a fresh run.
    pub start_step: u64,
    /// Columns of every image.
    pub width: usize,
    /// Rows of every image.
    pub height: usize,
    /// Changes to the images.
    pub augment: Augment,
}

/// The images and labels of one step.
#[derive(Clone, Debug, PartialEq)]
pub struct Batch {
    /// `batch * height * width * 3` bytes, NHWC, red first.
    pub pixels: Vec<u8>,
    /// One label an image, each below the data set's class count.
    pub labels: Vec<u32>,
    /// When set, each image is this share itself and the rest the next one, the last one's next being the first.
    pub kept: Option<f32>,
    /// Counts from 0 over all epochs.
    pub step: u64,
}

/// An endless iterator of batches, in order of their steps. After an error it ends.
///
/// Dropping it stops its thread. Do not call `next` from inside a rayon job: it waits for work on the same pool.
#[derive(Debug)]
pub struct Loader {
    /// Unset once the loader has ended.
    worker: Option<Worker>,
    steps_per_epoch: u64,
}

/// The thread that runs ahead, and what it has made.
#[derive(Debug)]
struct Worker {
    batches: Receiver<Result<Batch, DataError>>,
    thread: JoinHandle<()>,
}

impl Loader {
    /// Starts making batches from `config.start_step` on.
    ///
    /// # Errors
    /// [`DataError::BatchSize`] when the batch is empty or larger than the data set. What is wrong with an image is told by
    /// the batch that it falls into.
    pub fn new(dataset: Arc<dyn Dataset>, config: LoaderConfig) -> Result<Self, DataError> {
        let mut batches = Batches::new(dataset, config)?;
        let steps_per_epoch = batches.steps_per_epoch;
        let (sender, receiver) = mpsc::sync_channel(AHEAD);
        let thread = thread::spawn(move || {
            for step in config.start_step.. {
                let batch = batches.make(step);
                let failed = batch.is_err();
                // The loader was dropped, or has seen its last batch.
                if sender.send(batch).is_err() || failed {
                    return;
                }
            }
        });
        Ok(Self { worker: Some(Worker { batches: receiver, thread }), steps_per_epoch })
    }

    /// Whole batches in one epoch.
    pub fn steps_per_epoch(&self) -> u64 {
        self.steps_per_epoch
    }

    /// Ends the thread; hands on its panic.
    fn stop(&mut self) -> thread::Result<()> {
        let Some(Worker { batches, thread }) = self.worker.take() else {
            return Ok(());
        };
        // Without a receiver the thread's next send fails, so it finishes the batch at hand at most.
        drop(batches);
        thread.join()
    }
}

impl Iterator for Loader {
    type Item = Result<Batch, DataError>;

    fn next(&mut self) -> Option<Self::Item> {
        let worker = self.worker.as_ref()?;
        if let Ok(batch) = worker.batches.recv() {
            return Some(batch);
        }
        if let Err(panic) = self.stop() {
            panic::resume_unwind(panic);
        }
        None
    }
}

impl Drop for Loader {
    fn drop(&mut self) {
        // A panic of the thread has been printed; raising it again here could abort the program.
        let _ = self.stop();
    }
}

/// Whether a data set of `images` fills a batch.
///
/// # Errors
/// [`DataError::BatchSize`] when the batch is empty or larger than the data set.
pub fn check_batch(batch: usize, images: usize) -> Result<(), DataError> {
    if (1..=images).contains(&batch) { Ok(()) } else { Err(DataError::BatchSize { batch, images }) }
}

/// Makes the batch of any step.
struct Batches {
    dataset: Arc<dyn Dataset>,
    config: LoaderConfig,
    steps_per_epoch: u64,
    /// The epoch last asked for, and its order.
    epoch: u64,
    order: Vec<usize>,
}

impl Batches {
    fn new(dataset: Arc<dyn Dataset>, config: LoaderConfig) -> Result<Self, DataError> {
        let images = dataset.len();
        check_batch(config.batch, images)?;
        let steps_per_epoch = (images / config.batch) as u64;
        let epoch = config.start_step / steps_per_epoch;
        Ok(Self {
            order: order(config.seed, epoch, images),
            dataset,
            config,
            steps_per_epoch,
            epoch,
        })
    }

    fn make(&mut self, step: u64) -> Result<Batch, DataError> {
        let LoaderConfig { batch, seed, width, height, augment, .. } = self.config;
        let epoch = step / self.steps_per_epoch;
        if epoch != self.epoch {
            self.order = order(seed, epoch, self.dataset.len());
            self.epoch = epoch;
        }
        // Below the length of the order, which is in memory.
        let first = (step % self.steps_per_epoch) as usize * batch;
        let chosen = &self.order[first..first + batch];
        let mut pixels = vec![0; batch * height * width * 3];
        // Collected with its errors, so that the first one in order is told, not the first one in time.
        let labels: Vec<Result<u32, DataError>> = pixels
            .par_chunks_exact_mut(height * width * 3)
            .zip(chosen)
            .map(|(rgb, &index)| self.fill(rgb, epoch, index))
            .collect();
        let labels = labels.into_iter().collect::<Result<_, _>>()?;
        let kept = mix::kept(augment.mix, seed, step);
        if let Some(kept) = kept {
            mix::mix(&mut pixels, height * width * 3, kept);
        }
        Ok(Batch { pixels, labels, kept, step })
    }

    /// Writes image `index` into its place in the batch and returns its label.
    fn fill(&self, rgb: &mut [u8], epoch: u64, index: usize) -> Result<u32, DataError> {
        let LoaderConfig { seed, width, height, augment, .. } = self.config;
        let (image, label) = self.dataset.image(index)?;
        let FaceImage { rgb: source, .. } =
            image.of_size(width, height, || self.dataset.name(index))?;
        rgb.copy_from_slice(&source);
        augment.apply(rgb, width, seed, epoch, index);
        Ok(label)
    }
}

#[cfg(test)]
mod tests;
