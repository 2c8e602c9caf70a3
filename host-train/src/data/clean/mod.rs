//! Finds images that a data set would be better without, from their embeddings.
//!
//! | finding             | rule                                                                                |
//! |---------------------|-------------------------------------------------------------------------------------|
//! | other person        | 6 images and more: over 75 degrees from the largest of the person's 3 sub-centres   |
//! | off centre          | 3 to 5 images: over 75 degrees from the centre                                      |
//! | near duplicate      | a person's earlier image has nearly the same embedding and the same pixels          |
//! | other person's copy | the same between two persons; the image nearer to its own centre stays              |
//!
//! 75 degrees and three sub-centres are the rule of sub-center ArcFace (ECCV 2020). An image's own embedding is left out of
//! the centre that it is measured against: in a small class it would pull that centre to itself.
//!
//! Sub-centres are found here by clustering, not learned by a loss. Two images alone can't tell which of them is wrong, so
//! persons with fewer than three are only searched for copies. Two persons whose centres nearly coincide are reported, not
//! merged. Nothing is deleted: the answer is a list.

mod centres;

pub use centres::Centres;

use rayon::prelude::*;

use super::FaceImage;
use crate::evaluate::{UnitRows, dot};
use centres::{dominant, unit_sum};

/// Images from which a person is searched for sub-centres.
const ENOUGH: usize = 2 * centres::SUB_CENTRES;

/// Persons whose centres are nearest to an image, whose images it is compared with.
const NEIGHBOURS: usize = 3;

/// Mean difference of two thumbnails of one photograph, at most, of 255.
const SAME_PIXELS: u32 = 6;

/// When something counts as a finding.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct CleanConfig {
    /// Degrees from the own centre.
    pub angle: f32,
    /// Cosine of two images of one photograph.
    pub duplicate: f32,
    /// Cosine of two centres of one person.
    pub same_person: f32,
}

impl Default for CleanConfig {
    fn default() -> Self {
        Self { angle: 75.0, duplicate: 0.98, same_person: 0.8 }
    }
}

/// Why an image should go.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Reason {
    /// Its file can't be decoded; found by the caller.
    Undecodable,
    /// Far from the person's largest sub-centre.
    OtherPerson,
    /// Far from the person's other images.
    OffCentre,
    /// An earlier image of the person is the same photograph.
    NearDuplicate,
    /// An image of another person is the same photograph, and fits better there.
    OtherPersonsCopy,
}

impl Reason {
    /// All of them.
    pub const ALL: [Self; 5] = [
        Self::Undecodable,
        Self::OtherPerson,
        Self::OffCentre,
        Self::NearDuplicate,
        Self::OtherPersonsCopy,
    ];

    /// Its name in tables.
    pub fn name(self) -> &'static str {
        match self {
            Self::Undecodable => "undecodable",
            Self::OtherPerson => "other-person",
            Self::OffCentre => "off-centre",
            Self::NearDuplicate => "near-duplicate",
            Self::OtherPersonsCopy => "other-persons-copy",
        }
    }

    /// What it means, for a reader.
    pub fn words(self) -> &'static str {
        match self {
            Self::Undecodable => "can't be decoded",
            Self::OtherPerson => "look like another person than most images of their label",
            Self::OffCentre => "are far from the few other images of their label",
            Self::NearDuplicate => "repeat a photograph of the same label",
            Self::OtherPersonsCopy => "repeat a photograph of another label, and fit better there",
        }
    }
}

/// An image that should go.
#[derive(Clone, Debug, PartialEq)]
pub struct Removal {
    /// Which.
    pub image: usize,
    /// Why.
    pub reason: Reason,
    /// Degrees for the first two reasons about centres, a cosine for copies.
    pub value: f32,
    /// The image that it repeats.
    pub other: Option<usize>,
    /// The other person that it is most like, and the cosine to that one's centre.
    pub nearest: Option<(usize, f32)>,
}

/// Two labels that may be one person.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct SamePerson {
    /// First label.
    pub a: usize,
    /// Second label.
    pub b: usize,
    /// Cosine of their centres.
    pub cosine: f32,
}

/// What was found.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Findings {
    /// Images that should go, in their order.
    pub removals: Vec<Removal>,
    /// Labels that may be one person, the likest first.
    pub same_person: Vec<SamePerson>,
}

/// Side of a thumbnail, pixels.
const SIDE: usize = 16;

/// A small grey copy of an image, to tell the same photograph from the same person.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Thumbnail([u8; SIDE * SIDE]);

impl Thumbnail {
    /// Averages the image's cells.
    pub fn new(image: &FaceImage) -> Self {
        let FaceImage { width, height, rgb } = image;
        let cell = |at: usize, length: usize| {
            let start = at * length / SIDE;
            start..((at + 1) * length / SIDE).max(start + 1)
        };
        Self(core::array::from_fn(|at| {
            let (rows, columns) = (cell(at / SIDE, *height), cell(at % SIDE, *width));
            let count = rows.len() * columns.len() * 3;
            let line =
                |y: usize| &rgb[(y * width + columns.start) * 3..(y * width + columns.end) * 3];
            let sum: usize = rows.flat_map(line).map(|&value| usize::from(value)).sum();
            (sum / count) as u8
        }))
    }

    fn same_photograph(&self, other: &Self) -> bool {
        let apart: u32 = self.0.iter().zip(&other.0).map(|(a, b)| u32::from(a.abs_diff(*b))).sum();
        apart <= SAME_PIXELS * self.0.len() as u32
    }
}

/// Searches a data set: of each image the embedding, the label (below `classes`) and the thumbnail.
pub fn find(
    rows: &UnitRows,
    labels: &[usize],
    classes: usize,
    thumbnails: &[Thumbnail],
    config: CleanConfig,
) -> Findings {
    let mut members = vec![Vec::new(); classes];
    for (image, &label) in labels.iter().enumerate() {
        members[label].push(image);
    }
    let centres = Centres::of(rows, &members);
    let copies = |a: usize, b: usize| {
        let cosine = rows.cosine(a, b);
        let same = cosine >= config.duplicate && thumbnails[a].same_photograph(&thumbnails[b]);
        same.then_some(cosine)
    };
    let mut found: Vec<Option<Removal>> = vec![None; labels.len()];
    let mut note = |removal: Removal| {
        let place = &mut found[removal.image];
        // The first reason stays: reasons about the person come before copies.
        place.get_or_insert(removal);
    };
    let strangers: Vec<Vec<Removal>> =
        members.par_iter().map(|images| strangers(rows, images, config.angle)).collect();
    strangers.into_iter().flatten().for_each(&mut note);
    let repeated: Vec<Vec<Removal>> = members
        .par_iter()
        .map(|images| {
            let later = |(place, &image): (usize, &usize)| {
                images[..place].iter().find_map(|&first| {
                    copies(first, image)
                        .map(|value| removal(image, Reason::NearDuplicate, value, Some(first)))
                })
            };
            images.iter().enumerate().filter_map(later).collect()
        })
        .collect();
    repeated.into_iter().flatten().for_each(&mut note);

    // Each image against all other persons' centres, then against the images of the nearest.
    let nearest: Vec<Vec<(usize, f32)>> = (0..labels.len())
        .into_par_iter()
        .map(|image| centres.nearest(rows.row(image), labels[image], NEIGHBOURS))
        .collect();
    let crossed: Vec<Vec<Removal>> = (0..labels.len())
        .into_par_iter()
        .map(|image| {
            let others = nearest[image].iter().flat_map(|&(label, _)| &members[label]);
            let worse = others.filter_map(|&other| {
                let value = copies(image, other)?;
                // Of two that fit equally well the later goes, so that just one does.
                let fit = |image: usize| own_cosine(rows, &members[labels[image]], image);
                let order = fit(image).total_cmp(&fit(other)).then(other.cmp(&image));
                order.is_lt().then(|| removal(image, Reason::OtherPersonsCopy, value, Some(other)))
            });
            worse.collect()
        })
        .collect();
    crossed.into_iter().flatten().for_each(&mut note);
    let removals = found.into_iter().flatten();
    Findings {
        removals: removals
            .map(|removal| Removal { nearest: nearest[removal.image].first().copied(), ..removal })
            .collect(),
        same_person: centres.alike(&members, config.same_person),
    }
}

fn removal(image: usize, reason: Reason, value: f32, other: Option<usize>) -> Removal {
    Removal { image, reason, value, other, nearest: None }
}

/// The images of one person that do not belong to the others.
fn strangers(rows: &UnitRows, images: &[usize], most: f32) -> Vec<Removal> {
    let (trusted, reason) = match images.len() {
        0..3 => return Vec::new(),
        3..ENOUGH => (images.to_vec(), Reason::OffCentre),
        _ => (dominant(rows, images), Reason::OtherPerson),
    };
    let angle = |image| own_cosine(rows, &trusted, image).clamp(-1.0, 1.0).acos().to_degrees();
    let angles = images.iter().map(|&image| (image, angle(image)));
    let far = angles.filter(|&(_, angle)| angle > most);
    far.map(|(image, angle)| removal(image, reason, angle, None)).collect()
}

/// The cosine of an image to the centre of its person's other images; -1 when there are none.
fn own_cosine(rows: &UnitRows, images: &[usize], image: usize) -> f32 {
    let others = images.iter().filter(|&&other| other != image).map(|&other| rows.row(other));
    unit_sum(others, rows.row(image).len()).map_or(-1.0, |centre| dot(&centre, rows.row(image)))
}

#[cfg(test)]
mod tests;
