//! Writes a set as InsightFace's trainers read it, with header and identity rows.

use std::fs::File;
use std::io::{BufWriter, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use super::frame;
use super::header::{EXACT, Header};
use crate::data::DataError;

/// Takes images in the order of their labels and writes `train.rec`, `train.idx` and `train.property`.
pub(crate) struct RecordWriter {
    folder: PathBuf,
    records: BufWriter<File>,
    index: BufWriter<File>,
    /// Where the next record starts.
    offset: u64,
    /// Its key.
    key: u64,
    /// The label at hand, and for each label the key of its first image.
    label: Option<u32>,
    firsts: Vec<u64>,
}

impl RecordWriter {
    /// Starts a set in an existing folder.
    pub(crate) fn create(folder: &Path) -> Result<Self, DataError> {
        let open = |name: &str| -> Result<BufWriter<File>, DataError> {
            let path = folder.join(name);
            let file = File::create_new(&path).map_err(|error| DataError::writing(&path, error))?;
            Ok(BufWriter::new(file))
        };
        let mut writer = Self {
            folder: folder.to_owned(),
            records: open("train.rec")?,
            index: open("train.idx")?,
            offset: 0,
            key: 0,
            label: None,
            firsts: Vec::new(),
        };
        // Its numbers are known at the end; its length is not going to change.
        writer.record(&Header::of_range(0, 0.0, 0.0), &[])?;
        Ok(writer)
    }

    /// Adds an image file. Labels must not fall: a person's images lie together.
    pub(crate) fn push(&mut self, label: u32, image: &[u8]) -> Result<(), DataError> {
        debug_assert!(self.label.is_none_or(|last| last <= label), "labels fall");
        if self.label != Some(label) {
            self.label = Some(label);
            self.firsts.push(self.key);
        }
        self.record(&Header::of_image(label as f32, self.key), image)
    }

    /// Writes the identity rows, the header and the files beside. `size` is the images' height and width.
    pub(crate) fn finish(mut self, (height, width): (usize, usize)) -> Result<(), DataError> {
        let images_end = self.key;
        let firsts = core::mem::take(&mut self.firsts);
        let ends = firsts.iter().skip(1).chain([&images_end]);
        for (&first, &end) in firsts.iter().zip(ends) {
            self.record(&Header::of_range(self.key, first as f32, end as f32), &[])?;
        }
        let header = Header::of_range(0, images_end as f32, self.key as f32);
        let property = format!("{},{height},{width}\n", firsts.len());
        self.write(|writer| {
            writer.records.seek(SeekFrom::Start(0))?;
            frame::write(&mut writer.records, &header.bytes())?;
            writer.index.flush()?;
            writer.records.flush()?;
            std::fs::write(writer.folder.join("train.property"), property)?;
            writer.records.get_ref().sync_all()
        })
    }

    /// Goes on with another key, for the test of the format's limit.
    #[cfg(test)]
    pub(super) fn skip_to(&mut self, key: u64) {
        self.key = key;
    }

    fn record(&mut self, header: &Header, image: &[u8]) -> Result<(), DataError> {
        // Ranges of keys are 32-bit floats.
        if self.key >= EXACT {
            return Err(DataError::RecordRows { path: self.folder.clone(), limit: EXACT });
        }
        let mut payload = header.bytes();
        payload.extend(image);
        self.write(|writer| {
            writeln!(writer.index, "{}\t{}", writer.key, writer.offset)?;
            writer.offset += frame::write(&mut writer.records, &payload)?;
            Ok(())
        })?;
        self.key += 1;
        Ok(())
    }

    fn write(
        &mut self,
        write: impl FnOnce(&mut Self) -> std::io::Result<()>,
    ) -> Result<(), DataError> {
        write(self).map_err(|error| DataError::writing(&self.folder, error))
    }
}
