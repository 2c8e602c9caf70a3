//! A captured frame's bytes to a picture.

use super::yuv::Matrix;
use super::{Captured, Layout};
use crate::vision::Picture;
use crate::vision::decode::{self, DecodeError};
use edge_infer::image::FrameError;

/// A frame that gives no picture. The next one may.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum UnpackError {
    /// The file is torn.
    #[error(transparent)]
    Decode(#[from] DecodeError),
    /// There are fewer bytes than the frame's sizes ask for.
    #[error("{got} bytes, the frame has {needed}")]
    Short {
        /// By the sizes.
        needed: usize,
        /// As they came.
        got: usize,
    },
    /// A side is zero.
    #[error(transparent)]
    Frame(#[from] FrameError),
}

impl Captured {
    /// Its pixels.
    ///
    /// # Errors
    /// [`UnpackError`].
    pub fn picture(&self) -> Result<Picture, UnpackError> {
        let bytes = &self.bytes[..];
        match self.layout {
            Layout::Jpeg => Ok(decode::decode(bytes)?),
            Layout::Grey { width, height, stride } => {
                let grey = |row: &[u8], rgb: &mut Vec<u8>| {
                    rgb.extend(row.iter().flat_map(|&y| [y; 3]));
                };
                rows(width, height, plane(bytes, stride, width, height)?, grey)
            }
            Layout::Yuyv { width, height, stride, range } => {
                let matrix = Matrix::of(range);
                let pairs = |row: &[u8], rgb: &mut Vec<u8>| {
                    for &[y0, u, y1, v] in row.as_chunks().0 {
                        rgb.extend(matrix.rgb(y0, u, v));
                        rgb.extend(matrix.rgb(y1, u, v));
                    }
                };
                rows(width, height, plane(bytes, stride, 2 * width, height)?, pairs)
            }
            Layout::Nv12 { width, height, stride, range } => {
                let light: Vec<&[u8]> = plane(bytes, stride, width, height)?.collect();
                let rest = bytes.get(stride * height..).unwrap_or_default();
                let colour: Vec<&[u8]> = plane(rest, stride, width, height / 2)?.collect();
                let uv = |x: usize, y: usize| {
                    let at = x / 2 * 2;
                    [colour[y / 2][at], colour[y / 2][at + 1]]
                };
                planar(width, height, &light, Matrix::of(range), uv)
            }
            Layout::I420 { width, height, range } => {
                let light: Vec<&[u8]> = plane(bytes, width, width, height)?.collect();
                let rest = bytes.get(width * height..).unwrap_or_default();
                let u: Vec<&[u8]> = plane(rest, width / 2, width / 2, height / 2)?.collect();
                let rest = rest.get(width / 2 * (height / 2)..).unwrap_or_default();
                let v: Vec<&[u8]> = plane(rest, width / 2, width / 2, height / 2)?.collect();
                let uv = |x: usize, y: usize| [u[y / 2][x / 2], v[y / 2][x / 2]];
                planar(width, height, &light, Matrix::of(range), uv)
            }
        }
    }
}

/// `height` rows of `len` bytes, `stride` from one to the next; the last needs no gap behind it.
fn plane(
    bytes: &[u8],
    stride: usize,
    len: usize,
    height: usize,
) -> Result<impl Iterator<Item = &[u8]>, UnpackError> {
    let stride = stride.max(len).max(1);
    let needed = height.saturating_sub(1) * stride + len;
    let got = bytes.len();
    if got < needed {
        return Err(UnpackError::Short { needed, got });
    }
    Ok(bytes.chunks(stride).take(height).map(move |row| &row[..len]))
}

fn rows<'a>(
    width: usize,
    height: usize,
    plane: impl Iterator<Item = &'a [u8]>,
    row: impl Fn(&[u8], &mut Vec<u8>),
) -> Result<Picture, UnpackError> {
    let mut rgb = Vec::with_capacity(width * height * 3);
    plane.for_each(|bytes| row(bytes, &mut rgb));
    Ok(Picture::new(width, height, rgb)?)
}

fn planar(
    width: usize,
    height: usize,
    light: &[&[u8]],
    matrix: Matrix,
    uv: impl Fn(usize, usize) -> [u8; 2],
) -> Result<Picture, UnpackError> {
    let mut rgb = Vec::with_capacity(width * height * 3);
    for (y, row) in light.iter().enumerate() {
        for (x, &light) in row.iter().enumerate() {
            let [u, v] = uv(x, y);
            rgb.extend(matrix.rgb(light, u, v));
        }
    }
    Ok(Picture::new(width, height, rgb)?)
}

#[cfg(test)]
mod tests {
    use super::super::Range;
    use super::*;

    const RED: [u8; 3] = [81, 90, 240];
    const BLUE: [u8; 3] = [41, 240, 110];

    fn picture(layout: Layout, bytes: &[u8]) -> Result<Picture, UnpackError> {
        Captured { captured_ms: 0, sequence: 0, layout, bytes: bytes.to_vec() }.picture()
    }

    /// Two red columns, then two blue ones; two rows.
    fn is_red_then_blue(picture: &Picture) {
        let rgb = |[y, u, v]: [u8; 3]| Matrix::of(Range::Limited).rgb(y, u, v);
        let row = [rgb(RED), rgb(RED), rgb(BLUE), rgb(BLUE)].concat();
        assert_eq!((picture.width(), picture.height()), (4, 2));
        assert_eq!(picture.rgb(), [row.clone(), row].concat());
    }

    #[test]
    fn the_same_picture_in_every_layout() {
        let ([yr, ur, vr], [yb, ub, vb]) = (RED, BLUE);
        let range = Range::Limited;
        let gap = [9, 9];
        let row = [&[yr, ur, yr, vr, yb, ub, yb, vb][..], &gap].concat();
        let yuyv = Layout::Yuyv { width: 4, height: 2, stride: 10, range };
        is_red_then_blue(&picture(yuyv, &[row.clone(), row].concat()).unwrap());
        let light = [yr, yr, yb, yb, 9, 9];
        let nv12 = Layout::Nv12 { width: 4, height: 2, stride: 6, range };
        let colour = [ur, vr, ub, vb, 9, 9];
        is_red_then_blue(&picture(nv12, &[light, light, colour].concat()).unwrap());
        let light = [yr, yr, yb, yb];
        let i420 = Layout::I420 { width: 4, height: 2, range };
        is_red_then_blue(
            &picture(i420, &[&light[..], &light, &[ur, ub], &[vr, vb]].concat()).unwrap(),
        );
    }

    #[test]
    fn grey_rows_without_their_gaps() {
        let layout = Layout::Grey { width: 2, height: 2, stride: 3 };
        let got = picture(layout, &[1, 2, 9, 3, 4]).unwrap();
        assert_eq!(got.rgb(), [1, 1, 1, 2, 2, 2, 3, 3, 3, 4, 4, 4]);
    }

    #[test]
    fn rejects_frames_that_are_cut_off() {
        let range = Range::Full;
        for (layout, needed) in [
            (Layout::Grey { width: 2, height: 2, stride: 3 }, 5),
            (Layout::Yuyv { width: 4, height: 2, stride: 10, range }, 18),
            (Layout::Nv12 { width: 4, height: 2, stride: 6, range }, 16),
            (Layout::I420 { width: 4, height: 2, range }, 12),
        ] {
            picture(layout, &vec![7; needed]).unwrap();
            let error = picture(layout, &vec![7; needed - 1]).unwrap_err();
            assert!(matches!(error, UnpackError::Short { .. }), "{layout:?}: {error}");
        }
        assert!(matches!(picture(Layout::Jpeg, &[0xff, 0xd8]), Err(UnpackError::Decode(_))));
    }
}
