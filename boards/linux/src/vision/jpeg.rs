//! What must be known of a JPEG before it is decoded: whether it is whole, and of how many inks.
//!
//! Decoders forgive. Of half a file they give half a face over grey, and of a print's four inks colours that no camera saw. So the
//! markers (ITU-T T.81, annex B) are walked first:
//!
//! ```text
//! FFD8 (FF kind, length u16 big endian that counts itself, payload)* .. FFDA scans, in which FF is always followed by 00 or RSTn .. FFD9
//! ```

/// What the markers say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// One to three components.
    Usual,
    /// Four: CMYK or YCCK.
    FourInks,
    /// It ends before its end marker, or is no JPEG.
    Cut,
}

/// Walks `bytes`, a whole file.
pub(super) fn kind(bytes: &[u8]) -> Kind {
    walk(bytes).unwrap_or(Kind::Cut)
}

fn walk(bytes: &[u8]) -> Option<Kind> {
    let mut rest = bytes.strip_prefix(&[0xff, 0xd8])?;
    let mut kind = Kind::Usual;
    loop {
        rest = rest.strip_prefix(&[0xff])?;
        let (&code, after) = rest.split_first()?;
        match code {
            // Fill bytes may stand before a marker.
            0xff => continue,
            0xda => return after.windows(2).any(|pair| pair == [0xff, 0xd9]).then_some(kind),
            _ => {}
        }
        let length = usize::from(u16::from_be_bytes(*after.first_chunk()?));
        let payload = after.get(2..length)?;
        // Start of frame, but for the three codes among them that are none. Precision, height, width, components.
        if matches!(code, 0xc0..=0xcf)
            && !matches!(code, 0xc4 | 0xc8 | 0xcc)
            && *payload.get(5)? == 4
        {
            kind = Kind::FourInks;
        }
        rest = after.get(length..)?;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use image::ImageEncoder as _;

    fn jpeg() -> Vec<u8> {
        let mut file = Vec::new();
        let pixels: Vec<u8> = (0..16 * 16 * 3).map(|i| (i * 37 % 251) as u8).collect();
        image::codecs::jpeg::JpegEncoder::new(&mut file)
            .write_image(&pixels, 16, 16, image::ExtendedColorType::Rgb8)
            .unwrap();
        file
    }

    #[test]
    fn only_a_whole_file_is_usual() {
        let file = jpeg();
        assert_eq!(kind(&file), Kind::Usual);
        let with_preview_behind = [&file[..], &[1, 2, 3]].concat();
        assert_eq!(kind(&with_preview_behind), Kind::Usual);
        for cut in 0..file.len() - 1 {
            assert_eq!(kind(&file[..cut]), Kind::Cut, "{cut}");
        }
    }

    #[test]
    fn fill_bytes_and_four_inks() {
        let file = jpeg();
        let filled = [&file[..2], &[0xff, 0xff], &file[2..]].concat();
        assert_eq!(kind(&filled), Kind::Usual);
        let at = file.windows(2).position(|pair| pair == [0xff, 0xc0]).unwrap();
        let mut inks = file.clone();
        inks[at + 9] = 4;
        assert_eq!(kind(&inks), Kind::FourInks);
    }
}
