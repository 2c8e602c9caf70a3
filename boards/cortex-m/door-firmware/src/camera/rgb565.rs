//! Pixels of 16 bits to three bytes, in the memory that they came into.
//!
//! ```text
//! before  | pixels bytes, free | RRRRRGGG GGGBBBBB RRRRRGGG ..        2 x pixels |      high byte first
//! after   | R G B R G B ..                                            3 x pixels |
//! ```
//!
//! From the front to the back: pixel `i` ends at `3i + 3`, the next one that is not yet read begins at `pixels + 2i + 2`, which is no less.

/// Widens all of `frame`, whose last two thirds are pixels.
pub fn widen(frame: &mut [u8]) {
    let pixels = frame.len() / 3;
    for at in 0..pixels {
        let sixteen = frame.get(pixels + 2 * at..).and_then(|rest| rest.first_chunk().copied());
        let place = frame.get_mut(3 * at..).and_then(|rest| rest.first_chunk_mut());
        if let (Some(sixteen), Some(place)) = (sixteen, place) {
            *place = rgb(u16::from_be_bytes(sixteen));
        }
    }
}

/// Three bytes of a pixel. The upper bits come again below, so that white is 255 and every step is as wide as its neighbours, to one.
fn rgb(pixel: u16) -> [u8; 3] {
    let five = |value: u16| (value << 3 | value >> 2) as u8;
    let six = |value: u16| (value << 2 | value >> 4) as u8;
    [five(pixel >> 11), six(pixel >> 5 & 0x3f), five(pixel & 0x1f)]
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::vec;
    use std::vec::Vec;

    #[test]
    fn colours_at_their_ends_and_between() {
        for (pixel, expected) in [
            (0x0000, [0, 0, 0]),
            (0xffff, [255, 255, 255]),
            (0xf800, [255, 0, 0]),
            (0x07e0, [0, 255, 0]),
            (0x001f, [0, 0, 255]),
            (0x8410, [132, 130, 132]),
        ] {
            assert_eq!(rgb(pixel), expected, "{pixel:#06x}");
        }
    }

    #[test]
    fn every_pixel_of_every_length_is_widened_in_place() {
        for pixels in [0_usize, 1, 2, 3, 4, 7, 320 * 4] {
            let values: Vec<u16> = (0..pixels).map(|at| (at * 40_503 + 11) as u16).collect();
            let mut frame = vec![0xa5; pixels];
            frame.extend(values.iter().flat_map(|value| value.to_be_bytes()));
            widen(&mut frame);
            let expected: Vec<u8> = values.iter().flat_map(|value| rgb(*value)).collect();
            assert_eq!(frame, expected, "{pixels} pixels");
        }
    }
}
