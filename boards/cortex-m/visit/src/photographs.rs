//! Photographs of people to a visit: one of somebody enrols them, a stranger comes, and then they come themselves.

use std::collections::{BTreeMap, BTreeSet};
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

/// The names of a split, from lines of name, number, split.
pub(crate) fn of_split(csv: &str, split: &str) -> BTreeSet<String> {
    let rows = csv.lines().map(|line| line.split(',').collect::<Vec<_>>());
    let names = rows.filter_map(|row| match row[..] {
        [name, _, its] if its == split => Some(name.to_owned()),
        _ => None,
    });
    names.collect()
}

/// Reads `.../PERSON/PHOTOGRAPH.jpg` of these people from a tar.
pub(crate) fn read(tar: &Path, names: &BTreeSet<String>) -> Result<People, Box<dyn Error>> {
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
        if !names.contains(&person) {
            continue;
        }
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

/// The visit: of those with most photographs the first by name is enrolled by one and comes with the others; the second is the stranger.
/// Who they are goes to standard error. And the last three frames alone: the enrolled person comes.
pub(crate) fn visits(people: &People) -> Result<[Vec<u8>; 2], Box<dyn Error>> {
    let mut order: Vec<_> = people.iter().collect();
    order.sort_by(|a, b| b.1.len().cmp(&a.1.len()).then_with(|| a.0.cmp(b.0)));
    let [(enrolled, own), (stranger, theirs), ..] = order[..] else {
        return Err("photographs of two people are needed".into());
    };
    let ([first, second, third, ..], [one, two, three, ..]) = (&own[..], &theirs[..]) else {
        return Err("three photographs of each are needed".into());
    };
    eprintln!("visit: enrolled {enrolled}, stranger {stranger}");
    // Nobody stands still: the last frame of the person is the one before the last, moved.
    let moved = moved(second);
    let frames = [
        (ENROLLED, 0, first),
        (0, 0, one),
        (0, 0, two),
        (0, 0, three),
        (0, REST_MS, second),
        (0, 0, third),
        (0, 0, &moved),
    ];
    let [_, _, _, _, returning @ ..] = frames;
    Ok([visit(&frames)?, visit(&returning)?])
}

/// Frames of whom they enrol, the pause before them, and their picture.
fn visit(frames: &[(u32, u32, &image::RgbImage)]) -> Result<Vec<u8>, Box<dyn Error>> {
    let size = frames.first().map(|(_, _, first)| first.dimensions()).unwrap_or_default();
    let mut bytes = Visit::header(u32::try_from(frames.len())?, size.0, size.1).to_vec();
    for (person, pause_ms, picture) in frames {
        if picture.dimensions() != size {
            return Err("photographs of one size are needed".into());
        }
        bytes.extend(Visit::record(*person, *pause_ms));
        bytes.extend(picture.as_raw());
    }
    Visit::parse(&bytes)?;
    Ok(bytes)
}

/// The picture, 3 pixels to the right and 2 down; its edges go on.
fn moved(picture: &image::RgbImage) -> image::RgbImage {
    image::RgbImage::from_fn(picture.width(), picture.height(), |x, y| {
        *picture.get_pixel(x.saturating_sub(3), y.saturating_sub(2))
    })
}
