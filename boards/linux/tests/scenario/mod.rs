//! Scenarios for `door replay` from photographs: who is enrolled, who comes, and eight frames of each visit.
//!
//! ```text
//! OUT/people/NAME/*.jpg      whole pictures to enrol from
//! OUT/frames/VISIT/0.jpg ..  640x480, the photograph moved, turned, lit and blurred differently in each
//! OUT/visits.csv             visit,person,kind,t_ms,path
//! ```
//!
//! | scenario | photographs | enrolled from | a genuine visit is |
//! |---|---|---|---|
//! | `crops`, and `few` of its visits | LFW's test and validation people, aligned 112x112, edges drawn out | 4 of each of 20 people | another photograph, of 200 in all |
//! | `whole` | 300 LFW photographs 250x250 | 1 of each of 20 people | one of their other photographs, a few dozen in all |
//! | `prints` | NUAA, frames of a camera as they are | 3 live frames of each of 11 people | their other live frames; prints of them |

use image::RgbImage;
use image::codecs::jpeg::JpegEncoder;
use std::collections::BTreeMap;
use std::fs;
use std::io::{self, Read as _, Write as _};
use std::path::Path;

/// People who are enrolled in the first two.
pub(crate) const ENROLLED: usize = 20;
/// Visits by each of them.
pub(crate) const VISITS: usize = 10;
/// Visits by others, each by another person.
pub(crate) const STRANGERS: usize = 200;
/// The same where there are few.
pub(crate) const FEW: [usize; 2] = [2, 40];
const FRAMES: usize = 8;
/// Time between frames, in milliseconds.
const STEP_MS: usize = 66;

/// Which scenario.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Scenario {
    /// From aligned faces.
    Crops,
    /// The same, with few visits.
    Few,
    /// From whole photographs.
    Whole,
    /// From a camera's frames.
    Prints,
}

type People = BTreeMap<String, Vec<(String, Vec<u8>)>>;

/// Writes the scenario into `out` from the tars in `faces`.
pub(crate) fn build(scenario: Scenario, faces: &Path, out: &Path) -> io::Result<()> {
    let mut list = List::create(out)?;
    match scenario {
        Scenario::Crops | Scenario::Few => {
            let visits = if scenario == Scenario::Few { FEW } else { [VISITS, STRANGERS] };
            let people = people(&faces.join("lfw112-valtest.tar"), 1)?;
            drawn_out(&mut list, &people, visits, 4, 224.0)
        }
        Scenario::Whole => {
            let people = people(&faces.join("frames-lfw250.tar"), 1)?;
            drawn_out(&mut list, &people, [VISITS, STRANGERS], 1, 440.0)
        }
        Scenario::Prints => prints(&mut list, &faces.join("nuaa-live-print-sample.tar")),
    }?;
    list.rows.flush()
}

/// Pictures by the last `depth` folders of their path, in the order of their names.
fn people(tar: &Path, depth: usize) -> io::Result<People> {
    let mut people = People::new();
    for entry in tar::Archive::new(fs::File::open(tar)?).entries()? {
        let mut entry = entry?;
        let path = entry.path()?.to_string_lossy().into_owned();
        let Some((folder, name)) = path.rsplit_once('/').filter(|_| path.ends_with(".jpg")) else {
            continue;
        };
        let parts: Vec<&str> = folder.split('/').collect();
        let person = parts[parts.len().saturating_sub(depth)..].join("/");
        let mut bytes = Vec::new();
        entry.read_to_end(&mut bytes)?;
        people.entry(person).or_default().push((name.to_owned(), bytes));
    }
    for photos in people.values_mut() {
        photos.sort();
    }
    Ok(people)
}

/// Enrols the people of the most photographs from the first `enrol` of them, drawn `size` pixels wide. `visits` are those of each, and
/// those of strangers.
fn drawn_out(
    list: &mut List<'_>,
    people: &People,
    visits: [usize; 2],
    enrol: usize,
    size: f64,
) -> io::Result<()> {
    let mut order: Vec<&String> = people.keys().collect();
    order.sort_by_key(|name| (usize::MAX - people[*name].len(), *name));
    let mut random = Random(20_261_126);
    let (known, others) = order.split_at(ENROLLED);
    for name in known {
        let (enrolled, rest) = people[*name].split_at(enrol);
        for (file, bytes) in enrolled {
            let still = Change::still(size);
            list.person(name, file, &still.apply(&decode(bytes)?, &mut random))?;
        }
        for visit in 0..visits[0] {
            let (_, bytes) = &rest[visit % rest.len()];
            list.visit(name, "genuine", &decode(bytes)?, size, &mut random)?;
        }
    }
    for name in others.iter().take(visits[1]) {
        let (_, bytes) = &people[*name][0];
        list.visit("", "stranger", &decode(bytes)?, size, &mut random)?;
    }
    Ok(())
}

/// Frames as the camera took them, which is what liveness can be judged by.
fn prints(list: &mut List<'_>, tar: &Path) -> io::Result<()> {
    for (folder, frames) in people(tar, 2)? {
        let Some((kind, subject)) = folder.split_once('/') else { continue };
        if kind == "print" {
            list.as_they_are(subject, "print", frames.iter().map(|(_, bytes)| bytes))?;
            continue;
        }
        // The first, a middle and a late one, so that enrolment sees what changes.
        let enrol = [0, 4, 8];
        for at in enrol {
            let (file, bytes) = &frames[at];
            let folder = list.out.join("people").join(subject);
            fs::create_dir_all(&folder)?;
            fs::write(folder.join(file), bytes)?;
        }
        let rest = frames.iter().enumerate().filter(|(at, _)| !enrol.contains(at));
        list.as_they_are(subject, "genuine", rest.map(|(_, (_, bytes))| bytes))?;
    }
    Ok(())
}

/// What is written.
struct List<'a> {
    out: &'a Path,
    rows: io::BufWriter<fs::File>,
    visits: usize,
}

impl<'a> List<'a> {
    fn create(out: &'a Path) -> io::Result<Self> {
        fs::create_dir_all(out)?;
        let mut rows = io::BufWriter::new(fs::File::create(out.join("visits.csv"))?);
        writeln!(rows, "visit,person,kind,t_ms,path")?;
        Ok(Self { out, rows, visits: 0 })
    }

    fn person(&self, name: &str, file: &str, picture: &RgbImage) -> io::Result<()> {
        let folder = self.out.join("people").join(name);
        fs::create_dir_all(&folder)?;
        fs::write(folder.join(file), encode(picture)?)
    }

    fn visit(
        &mut self,
        person: &str,
        kind: &str,
        photo: &RgbImage,
        size: f64,
        random: &mut Random,
    ) -> io::Result<()> {
        let mut change = Change::first(size, random);
        let frames: Vec<Vec<u8>> = (0..FRAMES)
            .map(|_| {
                change = change.next(random);
                encode(&change.apply(photo, random))
            })
            .collect::<io::Result<_>>()?;
        self.as_they_are(person, kind, frames.iter())
    }

    fn as_they_are<'b>(
        &mut self,
        person: &str,
        kind: &str,
        frames: impl Iterator<Item = &'b Vec<u8>>,
    ) -> io::Result<()> {
        let visit = self.visits;
        self.visits += 1;
        let folder = format!("frames/{visit:03}");
        fs::create_dir_all(self.out.join(&folder))?;
        for (at, bytes) in frames.enumerate() {
            let path = format!("{folder}/{at}.jpg");
            fs::write(self.out.join(&path), bytes)?;
            writeln!(self.rows, "{visit},{person},{kind},{},{path}", at * STEP_MS)?;
        }
        Ok(())
    }
}

fn decode(bytes: &[u8]) -> io::Result<RgbImage> {
    image::load_from_memory(bytes).map(|image| image.into_rgb8()).map_err(io::Error::other)
}

fn encode(picture: &RgbImage) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    JpegEncoder::new_with_quality(&mut bytes, 92)
        .encode_image(picture)
        .map_err(io::Error::other)?;
    Ok(bytes)
}

const WIDTH: u32 = 640;
const HEIGHT: u32 = 480;

/// How a photograph stands in a frame.
#[derive(Clone, Copy, Debug)]
struct Change {
    /// Pixels of the frame that the photograph is wide.
    size: f64,
    /// Radians.
    turn: f64,
    /// Of the photograph's middle, in pixels from the frame's.
    shift: [f64; 2],
    /// Times the brightness.
    light: f64,
    /// Deviation of the blur, in pixels of the frame.
    blur: f64,
    /// Deviation of the sensor's noise.
    noise: f64,
}

impl Change {
    fn still(size: f64) -> Self {
        Self { size, turn: 0.0, shift: [0.0; 2], light: 1.0, blur: 0.0, noise: 0.0 }
    }

    /// Where somebody comes to stand.
    fn first(size: f64, random: &mut Random) -> Self {
        Self {
            size: size * random.between(0.85, 1.05),
            turn: random.between(-0.08, 0.08),
            shift: [random.between(-60.0, 60.0), random.between(-10.0, 10.0)],
            light: random.between(0.7, 1.3),
            blur: 0.0,
            noise: 3.0,
        }
    }

    /// A frame later.
    fn next(self, random: &mut Random) -> Self {
        Self {
            size: self.size * random.between(0.985, 1.015),
            turn: self.turn + random.between(-0.02, 0.02),
            shift: self.shift.map(|at| at + random.between(-6.0, 6.0)),
            light: self.light * random.between(0.95, 1.05),
            // Now and then a frame is smeared by movement.
            blur: if random.between(0.0, 1.0) < 0.2 { 2.5 } else { random.between(0.0, 1.2) },
            noise: self.noise,
        }
    }

    /// The frame. What lies outside the photograph is its edge, drawn out.
    fn apply(&self, photo: &RgbImage, random: &mut Random) -> RgbImage {
        let (columns, rows) = (photo.width() as usize, photo.height() as usize);
        let scale = self.size / columns as f64;
        let (sin, cos) = self.turn.sin_cos();
        let middle =
            [f64::from(WIDTH) / 2.0 + self.shift[0], f64::from(HEIGHT) / 2.0 + self.shift[1]];
        let (pixels, _) = photo.as_raw().as_chunks::<3>();
        let mut frame = RgbImage::new(WIDTH, HEIGHT);
        for (x, y, to) in frame.enumerate_pixels_mut() {
            let (dx, dy) = (f64::from(x) - middle[0], f64::from(y) - middle[1]);
            let at = |offset: f64, count: usize| {
                let most = (count - 1) as f64;
                let place = (offset / scale + most / 2.0).clamp(0.0, most);
                (place as usize, (place as usize + 1).min(count - 1), place.fract() as f32)
            };
            let (left, right, u) = at(cos * dx + sin * dy, columns);
            let (top, bottom, v) = at(cos * dy - sin * dx, rows);
            let [a, b] = [left, right].map(|column| pixels[top * columns + column].map(f32::from));
            let [c, d] =
                [left, right].map(|column| pixels[bottom * columns + column].map(f32::from));
            for (i, to) in to.0.iter_mut().enumerate() {
                let (upper, lower) = (a[i] + (b[i] - a[i]) * u, c[i] + (d[i] - c[i]) * u);
                // The cast saturates.
                *to = ((upper + (lower - upper) * v) * self.light as f32 + 0.5) as u8;
            }
        }
        if self.blur > 0.1 {
            frame = image::imageops::fast_blur(&frame, self.blur as f32);
        }
        if self.noise > 0.0 {
            let noise: Vec<i16> =
                (0..8192).map(|_| (self.noise * random.normal()).round() as i16).collect();
            for values in frame.chunks_mut(4096) {
                let start = random.next() as usize % 4096;
                for (value, noise) in values.iter_mut().zip(&noise[start..]) {
                    *value = (i16::from(*value) + noise).clamp(0, 255) as u8;
                }
            }
        }
        frame
    }
}

/// SplitMix64.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    fn between(&mut self, from: f64, to: f64) -> f64 {
        from + (to - from) * (self.next() >> 11) as f64 / (1_u64 << 53) as f64
    }

    /// Nearly normal, of deviation 1: the sum of twelve.
    fn normal(&mut self) -> f64 {
        let bits = self.next();
        let nibbles = (0..12).map(|i| (bits >> (5 * i) & 31) as f64);
        (nibbles.sum::<f64>() - 186.0) / 31.98
    }
}
