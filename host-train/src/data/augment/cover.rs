//! What stands before a face: a box of one colour, or a mask where the template of aligned faces has nose, mouth and chin.

use crate::data::random::Choices;

/// Sides of an occluding box, as shares of the picture's.
const BOX: (f32, f32) = (0.1, 0.4);

/// Side of the template that the mask's corners refer to, pixels.
const TEMPLATE: f32 = 112.0;

/// A mask's corners on the 112-pixel template, from the left ear over the nose's bridge to the right ear and below the chin.
///
/// The template has the eyes in row 52, the nose's tip at (56, 72), the mouth's corners in row 92.
const MASK: [(f32, f32); 9] = [
    (14.0, 62.0),
    (36.0, 68.0),
    (56.0, 61.0),
    (76.0, 68.0),
    (98.0, 62.0),
    (93.0, 92.0),
    (76.0, 111.0),
    (36.0, 111.0),
    (19.0, 92.0),
];

/// Corners that end the mask above; they move down with a mask worn below the nose.
const UPPER: core::ops::Range<usize> = 0..5;

/// How far the upper edge moves, template pixels, down being positive.
const EDGE: (f32, f32) = (-4.0, 16.0);

/// How far each corner strays on top of that, either way.
const STRAY: f32 = 3.0;

/// Fills a box of one colour; it may reach over the border.
pub(super) fn occlude(rgb: &mut [u8], width: usize, choices: &mut Choices) {
    let height = rgb.len() / (width * 3);
    let mut side = |length: usize| {
        let size = choices.between(BOX) * length as f32;
        let middle = choices.unit() * length as f32;
        let end = |at: f32| at.round().clamp(0.0, length as f32) as usize;
        end(middle - size / 2.0)..end(middle + size / 2.0)
    };
    let (columns, rows) = (side(width), side(height));
    let colour = choices.colour();
    for y in rows {
        let row = &mut rgb[y * width * 3..(y + 1) * width * 3];
        row.as_chunks_mut::<3>().0[columns.clone()].fill(colour);
    }
}

/// Paints a mask of one colour, a little darker towards its lower edge.
pub(super) fn mask(rgb: &mut [u8], width: usize, choices: &mut Choices) {
    let height = rgb.len() / (width * 3);
    let edge = choices.between(EDGE);
    let mut corners = MASK;
    for (number, (x, y)) in corners.iter_mut().enumerate() {
        let lowered = if UPPER.contains(&number) { edge } else { 0.0 };
        *x = (*x + STRAY * choices.symmetric()) * width as f32 / TEMPLATE;
        *y = (*y + lowered + STRAY * choices.symmetric()) * height as f32 / TEMPLATE;
    }
    let colour = choices.colour();
    for (y, row) in rgb.chunks_exact_mut(width * 3).enumerate() {
        let shade = 1.0 - 0.3 * y as f32 / height as f32;
        let colour = colour.map(|value| (f32::from(value) * shade) as u8);
        let pixels = row.as_chunks_mut::<3>().0;
        for (left, right) in spans(&corners, y as f32 + 0.5) {
            let end = |x: f32| (x.round().max(0.0) as usize).min(width);
            pixels[end(left)..end(right)].fill(colour);
        }
    }
}

/// Where a polygon covers the line at `y`: from the first crossing of an edge to the second, and so on.
fn spans(corners: &[(f32, f32)], y: f32) -> Vec<(f32, f32)> {
    let next = corners.iter().cycle().skip(1);
    let edges = corners.iter().zip(next).filter(|((_, ay), (_, by))| (*ay <= y) != (*by <= y));
    let crossings = edges.map(|((ax, ay), (bx, by))| ax + (y - ay) * (bx - ax) / (by - ay));
    let mut crossings: Vec<f32> = crossings.collect();
    crossings.sort_by(f32::total_cmp);
    crossings.as_chunks::<2>().0.iter().map(|&[left, right]| (left, right)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::random::Purpose;

    #[test]
    fn spans_of_a_notched_polygon() {
        // A `V` notch from above: two spans in its upper part, one below.
        let corners = [(0.0, 0.0), (4.0, 8.0), (8.0, 0.0), (8.0, 10.0), (0.0, 10.0)];
        assert_eq!(spans(&corners, 4.0), [(0.0, 2.0), (6.0, 8.0)]);
        assert_eq!(spans(&corners, 9.0), [(0.0, 8.0)]);
        assert_eq!(spans(&corners, 11.0), []);
    }

    #[test]
    fn a_mask_covers_the_mouth_and_leaves_the_eyes() {
        for index in 0..200 {
            let mut rgb = vec![255; 112 * 112 * 3];
            mask(&mut rgb, 112, &mut Choices::new(3, Purpose::Mask, 0, index));
            let pixel = |x: usize, y: usize| &rgb[(y * 112 + x) * 3..][..3];
            // The template's points, to whole pixels.
            assert_eq!((pixel(38, 52), pixel(74, 52)), (&[255; 3][..], &[255; 3][..]));
            for (x, y) in [(42, 92), (71, 92), (56, 92)] {
                assert_ne!(pixel(x, y), [255; 3], "mask {index} leaves ({x}, {y})");
            }
        }
    }

    #[test]
    fn a_box_is_of_one_colour_and_its_size() {
        for index in 0..200 {
            let mut rgb = vec![0; 40 * 30 * 3];
            let mut choices = Choices::new(3, Purpose::Occlusion, 0, index);
            occlude(&mut rgb, 40, &mut choices);
            let pixels = rgb.as_chunks::<3>().0;
            let mut covered = pixels.iter().enumerate().filter(|(_, pixel)| **pixel != [0; 3]);
            let Some((first, colour)) = covered.next() else {
                continue; // a black box, or one outside
            };
            let (left, top) = (first % 40, first / 40);
            let (mut right, mut bottom) = (left, top);
            for (at, other) in covered {
                assert_eq!(other, colour);
                assert!(at % 40 >= left);
                (right, bottom) = (right.max(at % 40), at / 40);
            }
            assert!(right - left < 17 && bottom - top < 13, "{left}..{right} {top}..{bottom}");
        }
    }
}
