//! JPEG framing: is the file whole, and is it of a kind that decodes to RGB?
//!
//! The pixel decoder forgives: given half a file it returns half a face over grey rows, and a network would learn the
//! grey. So the marker structure (ITU-T T.81, annex B) is walked first, without decoding:
//!
//! ```text
//! SOI (segment)* SOF (segment)* [SOS entropy-coded bytes with FF00 and RSTn]+ (segment)* EOI, then anything
//! segment = FF code, length (2 bytes, big endian, counts itself), payload
//! ```
//!
//! JPEG has no checksum. A changed byte inside the entropy-coded bytes that still forms valid codes cannot be seen here
//! or by any decoder.

/// What is wrong with a JPEG's framing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fault {
    /// The bytes end before the end-of-image marker.
    Truncated,
    /// The framing breaks a rule.
    Corrupt(&'static str),
    /// Four colour components: CMYK or YCCK.
    FourInks,
    /// A valid kind of JPEG that is not read.
    Unsupported(&'static str),
}

/// The three codes among the start-of-frame codes C0-CF that are none.
const DHT: u8 = 0xc4;
const JPG: u8 = 0xc8;
const DAC: u8 = 0xcc;
const SOI: u8 = 0xd8;
const EOI: u8 = 0xd9;
const SOS: u8 = 0xda;
const DRI: u8 = 0xdd;

/// Walks from the start of the image to its end marker.
///
/// `bytes` is the whole file. Bytes after the end marker are allowed: phones append previews and depth maps there.
pub(super) fn check(bytes: &[u8]) -> Result<(), Fault> {
    if !bytes.starts_with(&[0xff, SOI]) {
        return Err(Fault::Corrupt("no start-of-image marker"));
    }
    let mut at = 2;
    let mut framed = false;
    let mut restarts = false;
    let mut scans = 0;
    loop {
        let code = marker(bytes, &mut at)?;
        if code == EOI {
            return if scans > 0 { Ok(()) } else { Err(Fault::Corrupt("it ends before any scan")) };
        }
        let payload = segment(bytes, code, &mut at)?;
        match code {
            DHT | JPG | DAC => {}
            0xc0..=0xcf if framed => return Err(Fault::Corrupt("two frame headers")),
            0xc0..=0xcf => {
                check_frame(code, payload)?;
                framed = true;
            }
            DRI => restarts = payload.iter().any(|&byte| byte != 0),
            SOS if !framed => {
                return Err(Fault::Corrupt("a scan before the frame header"));
            }
            SOS => {
                scans += 1;
                skip_scan(bytes, restarts, &mut at)?;
            }
            _ => {}
        }
    }
}

/// Accepts Huffman-coded frames of 8 bits, sequential (C0, C1) or progressive (C2), grey or of three colours.
///
/// Payload: sample bits (1 byte), rows (2), columns (2), colour components (1), then three bytes a component.
fn check_frame(code: u8, payload: &[u8]) -> Result<(), Fault> {
    let &[bits, _, _, _, _, components, ..] = payload else {
        return Err(Fault::Corrupt("short frame header"));
    };
    match (code, bits, components) {
        (0xc0..=0xc2, 8, 1 | 3) => Ok(()),
        (_, _, 4) => Err(Fault::FourInks),
        (0xc0..=0xc2, 8, _) => {
            Err(Fault::Unsupported("a JPEG that is neither grey nor of three colours"))
        }
        (0xc0..=0xc2, ..) => Err(Fault::Unsupported("a JPEG of more than 8 bits a colour")),
        _ => Err(Fault::Unsupported("a lossless, hierarchical or arithmetic-coded JPEG")),
    }
}

/// Reads one marker code at `at` (fill bytes FF may precede it) and steps behind it.
fn marker(bytes: &[u8], at: &mut usize) -> Result<u8, Fault> {
    let mut filled = false;
    loop {
        let byte = *bytes.get(*at).ok_or(Fault::Truncated)?;
        *at += 1;
        match (byte, filled) {
            (0xff, _) => filled = true,
            (code, true) if code != 0 => return Ok(code),
            _ => return Err(Fault::Corrupt("bytes between segments that are no marker")),
        }
    }
}

/// Returns the payload of the segment whose marker was just read, and steps behind it.
fn segment<'a>(bytes: &'a [u8], code: u8, at: &mut usize) -> Result<&'a [u8], Fault> {
    match code {
        0x01..=0xbf => return Err(Fault::Corrupt("a reserved marker")),
        0xd0..=0xd7 => return Err(Fault::Corrupt("a restart marker outside a scan")),
        SOI => return Err(Fault::Corrupt("a second start-of-image marker")),
        _ => {}
    }
    let length = bytes.get(*at..*at + 2).ok_or(Fault::Truncated)?;
    let length = usize::from(u16::from_be_bytes([length[0], length[1]]));
    if length < 2 {
        return Err(Fault::Corrupt("a segment shorter than its length field"));
    }
    let payload = bytes.get(*at + 2..*at + length).ok_or(Fault::Truncated)?;
    *at += length;
    Ok(payload)
}

/// Steps over entropy-coded bytes to the next marker that is not theirs.
fn skip_scan(bytes: &[u8], restarts: bool, at: &mut usize) -> Result<(), Fault> {
    let mut restart = 0;
    loop {
        let rest = bytes.get(*at..).ok_or(Fault::Truncated)?;
        let escape = rest.iter().position(|&byte| byte == 0xff).ok_or(Fault::Truncated)?;
        *at += escape;
        match *bytes.get(*at + 1).ok_or(Fault::Truncated)? {
            0x00 => *at += 2,
            0xff => *at += 1,
            _code @ 0xd0..=0xd7 if !restarts => {
                return Err(Fault::Corrupt("a restart marker without an interval"));
            }
            code @ 0xd0..=0xd7 if code - 0xd0 == restart => {
                restart = (restart + 1) % 8;
                *at += 2;
            }
            0xd0..=0xd7 => return Err(Fault::Corrupt("a restart marker out of order")),
            _ => return Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// SOI, a frame header of `components`, a scan header and `scan`, without the end marker.
    fn jpeg(components: u8, before: &[u8], scan: &[u8]) -> Vec<u8> {
        let mut bytes = vec![0xff, 0xd8];
        bytes.extend(before);
        bytes.extend([0xff, 0xc0, 0, 8, 8, 0, 16, 0, 16, components]);
        bytes.extend([0xff, 0xda, 0, 3, 1]);
        bytes.extend(scan);
        bytes
    }

    fn whole(components: u8, before: &[u8], scan: &[u8]) -> Vec<u8> {
        let mut bytes = jpeg(components, before, scan);
        bytes.extend([0xff, 0xd9]);
        bytes
    }

    const RESTARTS: [u8; 6] = [0xff, 0xdd, 0, 4, 0, 2];

    #[test]
    fn accepts_grey_and_colour_fill_bytes_stuffing_restarts_and_a_tail() {
        assert_eq!(check(&whole(1, &[], &[1, 2, 3])), Ok(()));
        assert_eq!(check(&whole(3, &[0xff, 0xff], &[1, 0xff, 0, 3])), Ok(()));
        let restarts = [1, 0xff, 0xd0, 2, 0xff, 0xd1, 3];
        assert_eq!(check(&whole(3, &RESTARTS, &restarts)), Ok(()));
        let mut tail = whole(3, &[], &[1]);
        tail.extend([0xff, 0xd8, 7, 7]);
        assert_eq!(check(&tail), Ok(()));
    }

    #[test]
    fn an_end_marker_inside_a_comment_or_thumbnail_does_not_end_the_image() {
        let comment = [0xff, 0xfe, 0, 6, 0xff, 0xd8, 0xff, 0xd9];
        assert_eq!(check(&jpeg(3, &comment, &[1])), Err(Fault::Truncated));
        assert_eq!(check(&whole(3, &comment, &[1])), Ok(()));
    }

    #[test]
    fn rejects_every_truncation() {
        let bytes = whole(3, &RESTARTS, &[1, 0xff, 0, 0xff, 0xd0, 5]);
        for length in 2..bytes.len() {
            assert_eq!(check(&bytes[..length]), Err(Fault::Truncated), "{length}");
        }
    }

    #[test]
    fn rejects_broken_framing() {
        let cases: [(Vec<u8>, &str); 9] = [
            (b"BM".to_vec(), "no start-of-image marker"),
            (vec![0xff, 0xd8, 0xff, 0xd9], "it ends before any scan"),
            (whole(3, &[0x00], &[1]), "bytes between segments that are no marker"),
            (whole(3, &[0xff, 0x02, 0, 2], &[1]), "a reserved marker"),
            (whole(3, &[0xff, 0xd3], &[1]), "a restart marker outside a scan"),
            (whole(3, &[0xff, 0xfe, 0, 1], &[1]), "a segment shorter than its length field"),
            (whole(3, &[], &[0xff, 0xd0]), "a restart marker without an interval"),
            (whole(3, &RESTARTS, &[0xff, 0xd1]), "a restart marker out of order"),
            (whole(3, &[0xff, 0xda, 0, 2], &[1]), "a scan before the frame header"),
        ];
        for (bytes, reason) in cases {
            assert_eq!(check(&bytes), Err(Fault::Corrupt(reason)));
        }
        let two_frames = whole(3, &[0xff, 0xc2, 0, 8, 8, 0, 1, 0, 1, 3], &[1]);
        assert_eq!(check(&two_frames), Err(Fault::Corrupt("two frame headers")));
        let two_starts = whole(3, &[0xff, 0xd8], &[1]);
        assert_eq!(check(&two_starts), Err(Fault::Corrupt("a second start-of-image marker")));
        let short = whole(3, &[0xff, 0xc0, 0, 3, 8], &[1]);
        assert_eq!(check(&short), Err(Fault::Corrupt("short frame header")));
    }

    #[test]
    fn rejects_four_inks() {
        assert_eq!(check(&whole(4, &[], &[1])), Err(Fault::FourInks));
    }

    #[test]
    fn rejects_unsupported_frames() {
        let reason = |bytes: &[u8]| match check(bytes) {
            Err(Fault::Unsupported(reason)) => reason,
            other => panic!("{other:?}"),
        };
        for components in [0, 2, 5] {
            assert!(reason(&whole(components, &[], &[1])).contains("three colours"));
        }
        let mut deep = whole(3, &[], &[1]);
        deep[6] = 12;
        assert!(reason(&deep).contains("more than 8 bits"));
        for code in [0xc3, 0xc5, 0xc9, 0xcf] {
            let mut other = whole(3, &[], &[1]);
            other[3] = code;
            assert!(reason(&other).contains("arithmetic"), "{code:x}");
        }
    }
}
