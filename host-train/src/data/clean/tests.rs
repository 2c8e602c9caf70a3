//! Cleaning on embeddings whose truth is known.
#![allow(clippy::unwrap_used)]

use super::*;
use crate::data::noise::relabel;
use crate::data::random::{Choices, Purpose};

const LENGTH: usize = 64;

fn direction(choices: &mut Choices) -> Vec<f32> {
    (0..LENGTH).map(|_| choices.symmetric()).collect()
}

/// `each` embeddings of each of `classes` persons, about 40 degrees from their centres; persons are about 90 apart.
fn persons(classes: usize, each: usize) -> (Vec<f32>, Vec<u32>) {
    let mut choices = Choices::new(5, Purpose::Order, 0, 0);
    let mut values = Vec::new();
    let mut labels = Vec::new();
    for class in 0..classes {
        let centre = direction(&mut choices);
        for _ in 0..each {
            let own = direction(&mut choices);
            values.extend(centre.iter().zip(own).map(|(centre, own)| centre + 0.8 * own));
            labels.push(class as u32);
        }
    }
    (values, labels)
}

/// Thumbnails that are all different photographs.
fn photographs(count: usize) -> Vec<Thumbnail> {
    (0..count).map(|image| Thumbnail([(image * 37 % 251) as u8; SIDE * SIDE])).collect()
}

fn search(values: &[f32], labels: &[u32], classes: usize, thumbnails: &[Thumbnail]) -> Findings {
    let rows = UnitRows::new(values.to_vec(), LENGTH).unwrap();
    let labels: Vec<usize> = labels.iter().map(|&label| label as usize).collect();
    find(&rows, &labels, classes, thumbnails, CleanConfig::default())
}

fn removed(findings: &Findings) -> Vec<(usize, Reason)> {
    findings.removals.iter().map(|removal| (removal.image, removal.reason)).collect()
}

#[test]
fn sound_labels_are_left_alone() {
    for each in [1, 2, 4, 12] {
        let (values, labels) = persons(30, each);
        let findings = search(&values, &labels, 30, &photographs(labels.len()));
        assert_eq!(findings, Findings::default(), "{each} images each");
    }
}

/// Recall and precision at a known rate of wrong labels.
#[test]
fn wrong_labels_are_found() {
    let (values, sound) = persons(40, 15);
    for share in [0.05, 0.2] {
        let mut labels = sound.clone();
        let wrong = relabel(&mut labels, 40, share, 9);
        let findings = search(&values, &labels, 40, &photographs(labels.len()));
        let hits =
            findings.removals.iter().filter(|removal| wrong.contains(&removal.image)).count();
        let recall = hits as f64 / wrong.len() as f64;
        let precision = hits as f64 / findings.removals.len() as f64;
        assert!(
            recall > 0.97 && precision > 0.97,
            "{share}: recall {recall}, precision {precision}"
        );
        // Nearly each of them is most like the person whose it really is.
        let named = findings.removals.iter().filter(|removal| {
            removal.nearest.is_some_and(|(label, _)| label == sound[removal.image] as usize)
        });
        assert!(named.count() * 10 > 9 * hits);
        assert!(findings.removals.iter().all(|removal| removal.value > 75.0));
    }
}

#[test]
fn a_stranger_among_four_is_off_centre() {
    let (values, mut labels) = persons(3, 4);
    labels[4] = 0;
    let findings = search(&values, &labels, 3, &photographs(12));
    assert_eq!(removed(&findings), [(4, Reason::OffCentre)]);
}

#[test]
fn a_photograph_stays_once() {
    let (mut values, labels) = persons(4, 4);
    let mut thumbnails = photographs(16);
    let mut copy = |from: usize, to: usize| {
        let row: Vec<f32> = values[from * LENGTH..][..LENGTH].to_vec();
        values[to * LENGTH..][..LENGTH].copy_from_slice(&row);
        thumbnails[to] = thumbnails[from].clone();
    };
    // Twice the same of person 0; person 2 has one of person 1's.
    copy(0, 2);
    copy(5, 9);
    let findings = search(&values, &labels, 4, &thumbnails);
    assert_eq!(removed(&findings), [(2, Reason::NearDuplicate), (9, Reason::OffCentre)]);
    assert_eq!(findings.removals[0].other, Some(0));
    // Alone under its label, only the copy tells.
    let mut labels = labels;
    labels[9] = 4;
    let findings = search(&values, &labels, 5, &thumbnails);
    let expected = [(2, Reason::NearDuplicate), (9, Reason::OtherPersonsCopy)];
    assert_eq!(removed(&findings), expected);
    assert_eq!(findings.removals[1].other, Some(5));
    // The same embedding from other pixels is another photograph.
    thumbnails[9] = Thumbnail([200; SIDE * SIDE]);
    let findings = search(&values, &labels, 5, &thumbnails);
    assert_eq!(removed(&findings), [(2, Reason::NearDuplicate)]);
}

#[test]
fn one_person_under_two_labels_is_reported() {
    let (values, labels) = persons(3, 24);
    let split: Vec<u32> = labels
        .iter()
        .enumerate()
        .map(|(image, &label)| if image < 12 { 3 } else { label })
        .collect();
    let findings = search(&values, &split, 4, &photographs(72));
    assert_eq!(findings.removals, []);
    let [SamePerson { a: 0, b: 3, cosine }] = findings.same_person[..] else {
        panic!("{:?}", findings.same_person);
    };
    assert!(cosine > 0.9, "{cosine}");
}

#[test]
fn thumbnails_average_cells_of_any_size() {
    let image = |width: usize, height: usize| FaceImage {
        width,
        height,
        rgb: (0..height).flat_map(|y| vec![(y * 255 / height) as u8; width * 3]).collect(),
    };
    let large = Thumbnail::new(&image(112, 112));
    // Rows 0 to 6 hold 0, 2, 4, 6, 9, 11, 13.
    assert_eq!((large.0[0], large.0[15]), (6, 6));
    assert!(large.same_photograph(&Thumbnail::new(&image(64, 96))));
    assert!(!large.same_photograph(&Thumbnail([128; SIDE * SIDE])));
    assert_eq!(Thumbnail::new(&image(1, 1)).0, [0; SIDE * SIDE]);
}
