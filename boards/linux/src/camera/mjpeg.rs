//! JPEG files one after the other, as `rpicam-vid --codec mjpeg` and `jpegenc` write them, to single files.
//!
//! The end marker alone would also be found in a preview within a file, so the segments are walked (ITU-T T.81, annex B).

/// Longest file. One of a door's camera has a hundredth of it.
const MAX_FILE: usize = 16 << 20;

/// The bytes of a stream that are not yet a whole file.
#[derive(Debug, Default)]
pub(super) struct Splitter {
    bytes: Vec<u8>,
    walk: Walk,
}

/// How far the file at the beginning of the bytes was walked.
#[derive(Clone, Copy, Debug, Default)]
struct Walk {
    at: usize,
    in_scan: bool,
}

/// More bytes than any file has, without an end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct TooLong;

impl Splitter {
    /// Takes what came.
    pub(super) fn push(&mut self, bytes: &[u8]) {
        self.bytes.extend_from_slice(bytes);
    }

    /// The newest whole file that came, in `into`; whether there is one. Older ones are dropped: they show the past.
    pub(super) fn newest(&mut self, into: &mut Vec<u8>) -> Result<bool, TooLong> {
        let mut found = false;
        while let Some(len) = self.whole() {
            into.clear();
            into.extend_from_slice(&self.bytes[..len]);
            self.bytes.drain(..len);
            self.walk = Walk::default();
            found = true;
        }
        if self.bytes.len() > MAX_FILE {
            return Err(TooLong);
        }
        Ok(found)
    }

    /// The length of the file at the beginning, if it is whole. What is before a start marker is dropped.
    fn whole(&mut self) -> Option<usize> {
        if self.walk.at == 0 {
            self.find_start();
        }
        loop {
            let rest = self.bytes.get(self.walk.at..)?;
            if self.walk.in_scan {
                // In a scan, FF is followed by 00 or RSTn; anything else is the next marker.
                let step = rest.windows(2).position(|pair| {
                    pair[0] == 0xff && !matches!(pair[1], 0x00 | 0xff | 0xd0..=0xd7)
                });
                let Some(step) = step else {
                    self.walk.at += rest.len().saturating_sub(1);
                    return None;
                };
                self.walk = Walk { at: self.walk.at + step, in_scan: false };
                continue;
            }
            let (&marker, &code) = (rest.first()?, rest.get(1)?);
            match (marker, code) {
                (0xff, 0xd9) => return Some(self.walk.at + 2),
                (0xff, 0xd8) => self.walk.at += 2,
                (0xff, 0xff) => self.walk.at += 1,
                (0xff, 0x01 | 0xc0..=0xfe) => {
                    let length = u16::from_be_bytes([*rest.get(2)?, *rest.get(3)?]);
                    self.walk.at += 2 + usize::from(length.max(2));
                    self.walk.in_scan = code == 0xda;
                }
                _ => {
                    // No JPEG after all: the next start marker may begin one.
                    self.bytes.drain(..2);
                    self.walk = Walk::default();
                    self.find_start();
                }
            }
        }
    }

    fn find_start(&mut self) {
        let start = self.bytes.windows(2).position(|pair| pair == [0xff, 0xd8]);
        let kept = self.bytes.len().saturating_sub(1);
        self.bytes.drain(..start.unwrap_or(kept));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use image::ImageEncoder as _;

    fn jpeg(seed: usize) -> Vec<u8> {
        let mut file = Vec::new();
        let pixels: Vec<u8> = (0..16 * 16 * 3).map(|i| ((i + seed) * 37 % 251) as u8).collect();
        let encoder = image::codecs::jpeg::JpegEncoder::new(&mut file);
        encoder.write_image(&pixels, 16, 16, image::ExtendedColorType::Rgb8).unwrap();
        file
    }

    fn split(stream: &[u8], chunk: usize) -> Vec<Vec<u8>> {
        let (mut splitter, mut file, mut files) = (Splitter::default(), Vec::new(), Vec::new());
        for bytes in stream.chunks(chunk) {
            splitter.push(bytes);
            if splitter.newest(&mut file).unwrap() {
                files.push(file.clone());
            }
        }
        files
    }

    #[test]
    fn files_are_found_however_they_are_cut() {
        let files: Vec<Vec<u8>> = (0..3).map(jpeg).collect();
        let stream = files.concat();
        for chunk in [1, 2, 3, 7, 100] {
            assert_eq!(split(&stream, chunk), files, "{chunk}");
        }
        assert_eq!(split(&stream, stream.len()), files[2..], "the newest of several");
    }

    #[test]
    fn a_preview_within_a_file_does_not_end_it() {
        let (outer, preview) = (jpeg(0), jpeg(1));
        let length = u16::try_from(preview.len() + 2).unwrap().to_be_bytes();
        let file = [&outer[..2], &[0xff, 0xe1], &length, &preview, &outer[2..]].concat();
        for chunk in [1, 5, file.len()] {
            assert_eq!(split(&file, chunk), std::slice::from_ref(&file), "{chunk}");
        }
    }

    #[test]
    fn what_is_no_jpeg_is_skipped() {
        let file = jpeg(0);
        for noise in [&b"hello"[..], &[0xff, 0xd8, 0x00, 0xff], &[0xff, 0xff, 0x00]] {
            let stream = [noise, &file[..]].concat();
            assert_eq!(split(&stream, 4), std::slice::from_ref(&file), "{noise:?}");
        }
    }

    #[test]
    fn rejects_a_stream_without_an_end() {
        let mut splitter = Splitter::default();
        splitter.push(&[0xff, 0xd8, 0xff, 0xda, 0, 2]);
        splitter.push(&vec![7; MAX_FILE]);
        assert_eq!(splitter.newest(&mut Vec::new()), Err(TooLong));
    }
}
