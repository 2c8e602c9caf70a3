//! A CSV that picks images of a source and says who they are.
//!
//! ```text
//! tar,path,label,identity
//! lfw-train.tar,lfw/AJ_Cook/AJ_Cook_0001.jpg,0,lfw:AJ_Cook
//! ```
//!
//! `tar` is the file name of an opened folder or archive, `path` the name inside it (its top folder may be left out),
//! `label` a whole number; the rest is for readers. Images without a row are not used. Rows may give one label to several
//! folders (one person in two data sets). Labels need not be dense; they are counted here, never typed by hand.

use std::collections::{BTreeMap, HashMap};
use std::fs;
use std::path::Path;

use super::table::for_each_row;
use super::{DataError, Source};

/// The images that a manifest picks from a source, in the manifest's order, with dense labels.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Manifest {
    images: Vec<usize>,
    labels: Vec<u32>,
    names: Vec<String>,
}

impl Manifest {
    /// Reads the manifest at `path` and finds its images in `source`.
    ///
    /// # Errors
    /// A file that is missing or no CSV; a missing column; a label that is no number; an image (or its archive) that the
    /// source does not hold; an image named twice; no row at all. Each with its line.
    pub fn read(path: &Path, source: &Source) -> Result<Self, DataError> {
        let text = fs::read_to_string(path).map_err(|error| DataError::from_io(path, error))?;
        let mut images = Vec::new();
        let mut written = Vec::new();
        let mut lines = HashMap::new();
        for_each_row(&text, path, ["tar", "path", "label"], |line, [tar, name, label]| {
            let image = resolve(path, source, line, tar, name)?;
            let label: u32 = label.parse().map_err(|_| DataError::ManifestLabel {
                path: path.to_owned(),
                line,
                label: label.to_owned(),
            })?;
            if let Some(first) = lines.insert(image, line) {
                return Err(DataError::ManifestRepeats {
                    path: path.to_owned(),
                    line,
                    first,
                    image: name.to_owned(),
                });
            }
            images.push(image);
            written.push(label);
            Ok(())
        })?;
        if images.is_empty() {
            return Err(DataError::ManifestEmpty { path: path.to_owned() });
        }
        let mut dense: BTreeMap<u32, u32> = written.iter().map(|&label| (label, 0)).collect();
        for (next, label) in (0..).zip(dense.values_mut()) {
            *label = next;
        }
        Ok(Self {
            labels: written.iter().map(|label| dense[label]).collect(),
            names: dense.keys().map(|label| format!("label {label}")).collect(),
            images,
        })
    }

    /// Indices into the source's images, one a row.
    pub fn images(&self) -> &[usize] {
        &self.images
    }

    /// The rows' labels, 0 to [`Manifest::class_count`], in the order of the labels written in the file.
    pub fn labels(&self) -> &[u32] {
        &self.labels
    }

    /// Number of different labels.
    pub fn class_count(&self) -> usize {
        self.names.len()
    }

    /// The labels as the file has them, for messages.
    pub(super) fn names(&self) -> &[String] {
        &self.names
    }
}

fn resolve(
    path: &Path,
    source: &Source,
    line: u64,
    tar: &str,
    image: &str,
) -> Result<usize, DataError> {
    source.find_in(tar, image).ok_or_else(|| {
        let (path, tar) = (path.to_owned(), tar.to_owned());
        if source.has_origin(&tar) {
            DataError::ManifestImage { path, line, tar, image: image.to_owned() }
        } else {
            DataError::ManifestTar { path, line, tar }
        }
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;
    use crate::data::fixture::{real_faces, tar_of};

    fn read(csv: &str) -> Result<Manifest, DataError> {
        let root = tempfile::tempdir().unwrap();
        let a = tar_of(root.path(), "a.tar", &["top/Ann/1.jpg", "top/Ann/2.jpg", "top/Bo/1.jpg"]);
        let b = tar_of(root.path(), "b.tar", &["Cy/1.jpg"]);
        let source = Source::open(&[a, b]).unwrap();
        let path = root.path().join("manifest.csv");
        std::fs::write(&path, csv).unwrap();
        Manifest::read(&path, &source)
    }

    #[test]
    fn rows_pick_images_and_labels_become_dense() {
        // Ann and Cy are one person here; Ann/2 is not used; 40 < 700 keep their order.
        let manifest = read(
            "tar,path,label,identity\r\n\
             b.tar,Cy/1.jpg,700,x\r\na.tar,top/Ann/1.jpg,700,x\r\na.tar,Bo/1.jpg,40,y\r\n",
        )
        .unwrap();
        assert_eq!(manifest.images(), [3, 0, 2]);
        assert_eq!(manifest.labels(), [1, 1, 0]);
        assert_eq!(manifest.class_count(), 2);
    }

    #[test]
    fn rejects_an_image_the_source_lacks() {
        let error =
            read("tar,path,label\na.tar,top/Ann/1.jpg,0\na.tar,top/Ann/3.jpg,0\n").unwrap_err();
        assert!(
            matches!(&error, DataError::ManifestImage { line: 3, tar, image, .. }
                if tar == "a.tar" && image == "top/Ann/3.jpg"),
            "{error}"
        );
        // Held by the source, but by its other archive.
        assert!(matches!(
            read("tar,path,label\nb.tar,Ann/1.jpg,0\n"),
            Err(DataError::ManifestImage { line: 2, .. })
        ));
    }

    #[test]
    fn rejects_an_archive_that_was_not_opened() {
        let error = read("tar,path,label\nc.tar,Ann/1.jpg,0\n").unwrap_err();
        assert!(
            matches!(&error, DataError::ManifestTar { line: 2, tar, .. } if tar == "c.tar"),
            "{error}"
        );
    }

    #[test]
    fn rejects_labels_that_are_no_numbers() {
        for label in ["-1", "Ann", "", "1.5", "4294967296"] {
            let error = read(&format!("tar,path,label\na.tar,Ann/1.jpg,{label}\n")).unwrap_err();
            assert!(
                matches!(&error, DataError::ManifestLabel { line: 2, label: found, .. } if found == label),
                "{error}"
            );
        }
    }

    #[test]
    fn rejects_an_image_named_twice() {
        let error = read("tar,path,label\na.tar,Ann/1.jpg,0\na.tar,top/Ann/1.jpg,1\n").unwrap_err();
        assert!(matches!(error, DataError::ManifestRepeats { line: 3, first: 2, .. }), "{error}");
    }

    #[test]
    fn rejects_missing_columns_empty_and_missing_files() {
        assert!(matches!(
            read("path,label\nAnn/1.jpg,0\n"),
            Err(DataError::MissingColumn { column: "tar", .. })
        ));
        assert!(matches!(read("tar,path,label\n"), Err(DataError::ManifestEmpty { .. })));
        let root = tempfile::tempdir().unwrap();
        let archive = tar_of(root.path(), "a.tar", &["Ann/1.jpg"]);
        let source = Source::open(&[archive]).unwrap();
        assert!(matches!(
            Manifest::read(&root.path().join("gone.csv"), &source),
            Err(DataError::NotFound { .. })
        ));
    }

    #[test]
    fn the_real_manifest_resolves() {
        let Some(faces) = real_faces("the real manifest") else {
            return;
        };
        let tars = ["lfw112-train-A-I", "lfw112-train-J-Z", "celeba112-train", "glint112-train"];
        let paths = tars.map(|name| faces.join(format!("{name}.tar")));
        let source = Source::open(&paths).unwrap();
        let manifest = Manifest::read(&faces.join("train_manifest.csv"), &source).unwrap();
        assert_eq!(manifest.images().len(), 17_948);
        assert_eq!(manifest.class_count(), 4_332);
        assert_eq!(manifest.labels()[0], 0);
        assert_eq!(manifest.labels()[17_947], 4_331);
    }
}
