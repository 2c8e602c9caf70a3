//! Photographs of people to a visit: one of somebody enrols them, a stranger comes, and then they come themselves.

use std::collections::BTreeMap;
use std::error::Error;
use std::fs::File;
use std::io::{Cursor, Read as _};
use std::path::Path;

use door_firmware::visit::Visit;
use image::{ImageFormat, ImageReader};

/// Somebody's photographs, in the order of their names.
pub(crate) type People = BTreeMap<String, Vec<image::RgbImage>>;

/// The person enrolled.
const ENROLLED: u32 = 1;
/// Longer than the pause after a refusal, so that the next visitor meets a door at rest.
const REST_MS: u32 = 2_000;
/// Frames of a visitor.
const FRAMES: usize = 3;

/// Reads `.../PERSON/PHOTOGRAPH.jpg` from a tar.
pub(crate) fn read(tar: &Path) -> Result<People, Box<dyn Error>> {
    let mut people = BTreeMap::<String, Vec<(String, image::RgbImage)>>::new();
    for entry in tar::Archive::new(File::open(tar)?).entries()? {
        let mut entry = entry?;
        let path = entry.path()?.into_owned();
        let person = path.parent().and_then(Path::file_name);
        let (Some(person), Some("jpg")) = (person, path.extension().and_then(|e| e.to_str()))
        else {
            continue;
        };
        let person = person.display().to_string();
        let mut bytes = Vec::new();
        entry.read_to_end(&mut bytes)?;
        let picture = ImageReader::with_format(Cursor::new(bytes), ImageFormat::Jpeg).decode()?;
        let named = (path.display().to_string(), picture.into_rgb8());
        people.entry(person).or_default().push(named);
    }
    let in_order = |mut pictures: Vec<(String, image::RgbImage)>| {
        pictures.sort_by(|a, b| a.0.cmp(&b.0));
        pictures.into_iter().map(|(_, picture)| picture).collect()
    };
    Ok(people.into_iter().map(|(person, pictures)| (person, in_order(pictures))).collect())
}

/// The visit: whoever has most photographs is enrolled by the first and comes with the next ones; the next in number, and by name, is the
/// stranger. Who they are goes to standard error.
pub(crate) fn visit(people: &People) -> Result<Vec<u8>, Box<dyn Error>> {
    let mut order: Vec<_> = people.iter().collect();
    order.sort_by(|a, b| b.1.len().cmp(&a.1.len()).then_with(|| a.0.cmp(b.0)));
    let [(enrolled, own), (stranger, theirs), ..] = order[..] else {
        return Err("photographs of two people are needed".into());
    };
    if own.len() <= FRAMES || theirs.len() < FRAMES {
        let needed = FRAMES + 1;
        return Err(format!("{needed} photographs of one person and {FRAMES} of another").into());
    }
    eprintln!("visit: enrolled {enrolled}, stranger {stranger}");
    let enrolment = [(ENROLLED, 0, &own[0])];
    let frames: Vec<_> =
        enrolment.into_iter().chain(come(theirs, 0)).chain(come(&own[1..], REST_MS)).collect();
    let size = own[0].dimensions();
    let count = u32::try_from(frames.len())?;
    let mut bytes = Visit::header(count, size.0, size.1).to_vec();
    for (person, pause_ms, picture) in frames {
        if picture.dimensions() != size {
            return Err("photographs of one size are needed".into());
        }
        bytes.extend(Visit::record(person, pause_ms));
        bytes.extend(picture.as_raw());
    }
    Visit::parse(&bytes)?;
    Ok(bytes)
}

/// A visitor's frames: person, pause, picture.
fn come(
    pictures: &[image::RgbImage],
    pause_ms: u32,
) -> impl Iterator<Item = (u32, u32, &image::RgbImage)> {
    pictures.iter().zip([pause_ms, 0, 0]).map(|(picture, pause_ms)| (0, pause_ms, picture))
}
