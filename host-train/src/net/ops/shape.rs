//! The shape of a batch of images, NHWC.

/// `[batch, height, width, channels]`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Nhwc {
    pub(crate) batch: usize,
    pub(crate) height: usize,
    pub(crate) width: usize,
    pub(crate) channels: usize,
}

impl Nhwc {
    /// From a tensor's four dimensions.
    pub(crate) fn new([batch, height, width, channels]: [usize; 4]) -> Self {
        Self { batch, height, width, channels }
    }

    /// What a padded convolution of this stride leaves.
    pub(crate) fn strided(self, stride: usize) -> Self {
        Self { height: self.height.div_ceil(stride), width: self.width.div_ceil(stride), ..self }
    }

    /// Pixels of one image.
    pub(crate) fn image_pixels(self) -> usize {
        self.height * self.width
    }

    /// Pixels of the whole batch.
    pub(crate) fn pixels(self) -> usize {
        self.batch * self.image_pixels()
    }

    /// Numbers of one row of pixels.
    pub(crate) fn row_len(self) -> usize {
        self.width * self.channels
    }

    /// Numbers of one image.
    pub(crate) fn image_len(self) -> usize {
        self.height * self.row_len()
    }
}
