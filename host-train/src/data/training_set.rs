//! Labelled images to train on.

use std::path::Path;
use std::sync::Arc;

use super::synthetic::DrawnFaces;
use super::{DataError, FaceImage, Manifest, Source};

/// Images with labels, as the loader takes them: photographs or drawn faces.
#[expect(clippy::len_without_is_empty, reason = "a data set that trains has images")]
pub trait Dataset: Send + Sync {
    /// Number of images.
    fn len(&self) -> usize;

    /// Number of classes; each label is below it.
    fn class_count(&self) -> usize;

    /// The label of image `index` (below [`Dataset::len`]), which takes no image to know.
    fn label(&self, index: usize) -> u32;

    /// Image `index` (below [`Dataset::len`]) and its label. Gives the same image each time, from any thread.
    ///
    /// # Errors
    /// Whatever keeps the image from being read or decoded.
    fn image(&self, index: usize) -> Result<(FaceImage, u32), DataError>;

    /// What to call image `index` in a message.
    fn name(&self, index: usize) -> String {
        format!("image {index}")
    }
}

/// The images of a source that are trained on, with dense labels.
#[derive(Clone, Debug)]
pub struct TrainingSet {
    source: Arc<Source>,
    /// Image in the source and label, for each image of the set.
    entries: Vec<(usize, u32)>,
    class_count: usize,
}

impl TrainingSet {
    /// All images of the source; the folders are the classes.
    ///
    /// # Errors
    /// [`DataError::OneIdentity`], [`DataError::OneImageEach`].
    pub fn from_folders(source: Arc<Source>) -> Result<Self, DataError> {
        let entries = source
            .images()
            .iter()
            .enumerate()
            .map(|(index, image)| (index, image.identity as u32))
            .collect();
        let names = source.identities().to_vec();
        Self::checked(source, entries, &names)
    }

    /// The images and labels of the manifest at `path`.
    ///
    /// # Errors
    /// Those of [`Manifest::read`], [`DataError::OneIdentity`], [`DataError::OneImageEach`].
    pub fn from_manifest(source: Arc<Source>, path: &Path) -> Result<Self, DataError> {
        let manifest = Manifest::read(path, &source)?;
        let images = manifest.images().iter().copied();
        let entries = images.zip(manifest.labels().iter().copied()).collect();
        Self::checked(source, entries, manifest.names())
    }

    /// Refuses what cannot teach: a margin between persons needs two of them, and pulling a person's images together needs
    /// a person with two.
    fn checked(
        source: Arc<Source>,
        entries: Vec<(usize, u32)>,
        names: &[String],
    ) -> Result<Self, DataError> {
        if let [name] = names {
            return Err(DataError::OneIdentity { name: name.clone() });
        }
        // Each class has an image, so equal counts mean one each.
        if entries.len() == names.len() {
            return Err(DataError::OneImageEach { identities: names.len() });
        }
        Ok(Self { source, entries, class_count: names.len() })
    }
}

impl Dataset for TrainingSet {
    fn len(&self) -> usize {
        self.entries.len()
    }

    fn class_count(&self) -> usize {
        self.class_count
    }

    fn label(&self, index: usize) -> u32 {
        self.entries[index].1
    }

    fn image(&self, index: usize) -> Result<(FaceImage, u32), DataError> {
        let (image, label) = self.entries[index];
        Ok((self.source.load(image)?, label))
    }

    fn name(&self, index: usize) -> String {
        self.source.full_name(self.entries[index].0)
    }
}

impl Dataset for DrawnFaces {
    fn len(&self) -> usize {
        Self::len(self)
    }

    fn class_count(&self) -> usize {
        Self::class_count(self)
    }

    fn label(&self, index: usize) -> u32 {
        Self::label(self, index)
    }

    fn image(&self, index: usize) -> Result<(FaceImage, u32), DataError> {
        Ok(Self::image(self, index))
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;
    use crate::data::fixture::write_people;

    fn source(images: &[u8]) -> (tempfile::TempDir, Arc<Source>) {
        let root = tempfile::tempdir().unwrap();
        let faces = root.path().join("faces");
        write_people(&faces, images, 2);
        let source = Arc::new(Source::open(&[faces]).unwrap());
        (root, source)
    }

    #[test]
    fn folders_are_classes() {
        let (_root, source) = source(&[2, 1, 3]);
        let set = TrainingSet::from_folders(source).unwrap();
        assert_eq!((set.len(), set.class_count()), (6, 3));
        // Pixels (person, image, 0), see the fixture.
        let expected = [(0, 0), (0, 1), (1, 0), (2, 0), (2, 1), (2, 2)];
        for (index, (person, image)) in expected.into_iter().enumerate() {
            let (face, label) = set.image(index).unwrap();
            assert_eq!(face.rgb, [person, image, 0].repeat(4));
            assert_eq!(label, u32::from(person));
        }
        assert!(set.name(5).ends_with("faces/person02/002.png"), "{}", set.name(5));
    }

    #[test]
    fn a_manifest_chooses_and_merges() {
        let (root, source) = source(&[2, 1, 3]);
        let path = root.path().join("m.csv");
        std::fs::write(
            &path,
            "tar,path,label\nfaces,person02/001.png,9\nfaces,person01/000.png,9\nfaces,person00/000.png,4\n",
        )
        .unwrap();
        let set = TrainingSet::from_manifest(source, &path).unwrap();
        assert_eq!((set.len(), set.class_count()), (3, 2));
        let labels: Vec<u32> = (0..3).map(|index| set.image(index).unwrap().1).collect();
        assert_eq!(labels, [1, 1, 0]);
        assert_eq!(set.image(0).unwrap().0.rgb[..3], [2, 1, 0]);
    }

    #[test]
    fn rejects_one_identity() {
        let (root, one) = source(&[4]);
        let error = TrainingSet::from_folders(one).unwrap_err();
        assert!(matches!(&error, DataError::OneIdentity { name } if name == "person00"), "{error}");
        // Two folders that a manifest calls one person.
        let (_, two) = source(&[1, 1]);
        let path = root.path().join("m.csv");
        let rows = "tar,path,label\nfaces,person00/000.png,7\nfaces,person01/000.png,7\n";
        std::fs::write(&path, rows).unwrap();
        let error = TrainingSet::from_manifest(two, &path).unwrap_err();
        assert!(matches!(&error, DataError::OneIdentity { name } if name == "label 7"), "{error}");
    }

    #[test]
    fn rejects_one_image_each() {
        let (_root, source) = source(&[1, 1, 1]);
        let error = TrainingSet::from_folders(source).unwrap_err();
        assert!(matches!(error, DataError::OneImageEach { identities: 3 }), "{error}");
    }
}
