//! One decoded face: 8-bit RGB pixels, nothing about where they came from.

use super::DataError;

/// An RGB image, 8 bits a channel.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FaceImage {
    /// Columns.
    pub width: usize,
    /// Rows.
    pub height: usize,
    /// `height * width * 3` bytes, row-major HWC, red first.
    pub rgb: Vec<u8>,
}

impl FaceImage {
    /// Gives the image back when it has the size that a network takes.
    ///
    /// `name` is what to call it in the error.
    ///
    /// # Errors
    /// [`DataError::WrongSize`].
    pub fn of_size(
        self,
        width: usize,
        height: usize,
        name: impl FnOnce() -> String,
    ) -> Result<Self, DataError> {
        if (self.width, self.height) == (width, height) {
            return Ok(self);
        }
        Err(DataError::WrongSize {
            name: name(),
            width: self.width,
            height: self.height,
            expected_width: width,
            expected_height: height,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rejects_another_size_and_says_what_to_do() {
        let image = FaceImage { width: 250, height: 200, rgb: vec![0; 250 * 200 * 3] };
        assert_eq!(image.clone().of_size(250, 200, String::new).ok(), Some(image.clone()));
        let error = image.of_size(112, 112, || "a.jpg".to_owned()).err();
        assert_eq!(
            error.map(|error| error.to_string()).unwrap_or_default(),
            "a.jpg: 250x200 pixels, but the network takes 112x112; align faces by their five landmarks to that size \
             first (they are never resized silently)"
        );
    }
}
