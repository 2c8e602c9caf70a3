//! What folders and archives have in common: which names are images, and whose they are.
//!
//! ```text
//! any/leading/folders/PERSON/IMAGE.jpg
//! └──── top ────────┘ └── path ──────┘
//! ```
//!
//! The top is what all images of one source share above the person folders; it may be empty. Pair lists use the path,
//! manifests use top and path.

use std::collections::BTreeMap;
use std::path::Path;

use super::DataError;

/// A run of bytes in a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Span {
    /// First byte, counted from the start of the file.
    pub(super) offset: u64,
    /// Number of bytes.
    pub(super) length: u64,
}

/// Where an image's bytes lie in what was opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place {
    /// In a folder: the file of the image's name.
    File,
    /// As they are, inside a file.
    Span(Span),
    /// As text, inside a file: each byte a character (Latin-1), written in UTF-8.
    Latin1(Span),
    /// In the RecordIO record with this key, which starts at this byte and must carry this label.
    Record { key: u64, offset: u64, label: u32 },
    /// In this row of a Parquet file, counted from 0.
    Row(u64),
}

/// One image file found in a folder or an archive.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Found {
    /// Name from the root of the folder or archive, parts joined by `/`.
    pub(super) name: String,
    /// Where its bytes are.
    pub(super) place: Place,
}

/// Whether a file of this name is an image; other files are passed over.
pub(super) fn is_image(name: &str) -> bool {
    let extension = name.rsplit_once('.').map_or("", |(_, extension)| extension);
    ["jpg", "jpeg", "png"].iter().any(|known| extension.eq_ignore_ascii_case(known))
}

/// Whether a folder or file of this name belongs to a desktop, not to the data (`.DS_Store`, `._IMG.jpg`, `__MACOSX`).
pub(super) fn is_hidden(part: &str) -> bool {
    part.starts_with('.') || part == "__MACOSX"
}

/// Finds the top that every image shares and checks that what is left of each name is PERSON/IMAGE.
///
/// The depth that most images have is taken as the person level, so that the odd one out is named in the error.
/// Returns the top with its closing `/`, or an empty string.
pub(super) fn top_of(source: &Path, found: &[Found]) -> Result<String, DataError> {
    let depth = |name: &str| name.matches('/').count();
    let mut depths = BTreeMap::<usize, usize>::new();
    for image in found {
        *depths.entry(depth(&image.name)).or_default() += 1;
    }
    let Some((&usual, _)) = depths.iter().max_by_key(|&(_, &images)| images) else {
        return Err(DataError::NoImages { path: source.to_owned() });
    };
    let loose =
        |image: &str| DataError::LooseImage { path: source.to_owned(), image: image.to_owned() };
    let nested =
        |image: &str| DataError::NestedImage { path: source.to_owned(), image: image.to_owned() };
    let mut top = None;
    for Found { name, .. } in found {
        match depth(name) {
            0 => return Err(loose(name)),
            lower if lower < usual => return Err(loose(name)),
            deeper if deeper > usual => return Err(nested(name)),
            _ => {}
        }
        let own = &name[..person_start(name)];
        if *top.get_or_insert(own) != own {
            return Err(nested(name));
        }
    }
    Ok(top.unwrap_or_default().to_owned())
}

/// Byte index at which PERSON/IMAGE starts in a name with at least one `/`.
fn person_start(name: &str) -> usize {
    let person_end = name.rfind('/').unwrap_or(0);
    name[..person_end].rfind('/').map_or(0, |slash| slash + 1)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    fn top(names: &[&str]) -> Result<String, DataError> {
        let found: Vec<Found> =
            names.iter().map(|&name| Found { name: name.to_owned(), place: Place::File }).collect();
        top_of(Path::new("faces"), &found)
    }

    #[test]
    fn images_are_known_by_their_extension() {
        for name in ["a.jpg", "A.JPG", "b.Jpeg", "c.d.png"] {
            assert!(is_image(name), "{name}");
        }
        for name in ["jpg", "a.jpg.txt", "a.webp", "pairs.txt", ""] {
            assert!(!is_image(name), "{name}");
        }
        assert!(is_hidden("._a.jpg") && is_hidden("__MACOSX") && !is_hidden("a.jpg"));
    }

    #[test]
    fn the_shared_top_is_cut_off() {
        assert_eq!(top(&["Ann/1.jpg", "Bo/1.jpg"]).unwrap(), "");
        assert_eq!(top(&["lfw/Ann/1.jpg", "lfw/Bo/1.jpg"]).unwrap(), "lfw/");
        assert_eq!(top(&["data/lfw/Ann/1.jpg"]).unwrap(), "data/lfw/");
        // One person alone is a person, not a top.
        assert_eq!(top(&["Ann/1.jpg", "Ann/2.jpg"]).unwrap(), "");
    }

    #[test]
    fn rejects_loose_images() {
        for names in [
            &["1.jpg"][..],
            &["Ann/1.jpg", "Bo/1.jpg", "stray.jpg"],
            &["lfw/Ann/1.jpg", "lfw/Bo/1.jpg", "lfw/stray.jpg"],
        ] {
            let error = top(names).unwrap_err();
            let stray = names[names.len() - 1];
            assert!(
                matches!(&error, DataError::LooseImage { image, .. } if image == stray),
                "{error}"
            );
        }
    }

    #[test]
    fn rejects_nested_images() {
        for names in [
            &["Ann/1.jpg", "Bo/1.jpg", "Bo/old/2.jpg"][..],
            &["nuaa/live/1/a.jpg", "nuaa/live/2/a.jpg", "nuaa/print/1/a.jpg"],
        ] {
            let error = top(names).unwrap_err();
            let deep = names[names.len() - 1];
            assert!(
                matches!(&error, DataError::NestedImage { image, .. } if image == deep),
                "{error}"
            );
        }
    }

    #[test]
    fn rejects_no_images() {
        assert!(
            matches!(top(&[]), Err(DataError::NoImages { path }) if path == Path::new("faces"))
        );
    }
}
