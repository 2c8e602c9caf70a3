//! What is measured of a face, and what to do when it is not enough.

/// What is measured of a face.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Measure {
    /// Pixels between the eyes.
    EyeDistance,
    /// Variance of the Laplacian.
    Sharpness,
    /// Mean brightness, 0 to 255.
    Brightness,
    /// Share of pixels that are nearly black or white.
    Clipped,
    /// Turn to a side.
    Yaw,
    /// Nod.
    Pitch,
    /// Tilt.
    Roll,
    /// The head's position as a whole.
    Pose,
    /// How alive it looks.
    Liveness,
    /// Cosine with the closest person or the runner-up.
    Cosine,
    /// Cosine with the frame before.
    ToPrevious,
}

impl Measure {
    /// One word that stays the same, for logs, counters and programs.
    pub fn name(&self) -> &'static str {
        match self {
            Self::EyeDistance => "eye-distance",
            Self::Sharpness => "sharpness",
            Self::Brightness => "brightness",
            Self::Clipped => "clipped",
            Self::Yaw => "yaw",
            Self::Pitch => "pitch",
            Self::Roll => "roll",
            Self::Pose => "pose",
            Self::Liveness => "liveness",
            Self::Cosine => "cosine",
            Self::ToPrevious => "to-previous",
        }
    }

    pub(super) fn advice_low(self) -> &'static str {
        match self {
            Self::EyeDistance => "come closer",
            Self::Sharpness => "hold still, or clean the lens",
            Self::Brightness => "too dark",
            _ => "try again",
        }
    }

    pub(super) fn advice_high(self) -> &'static str {
        match self {
            Self::Brightness => "too bright",
            Self::Clipped => "the light is too harsh",
            Self::Yaw | Self::Pitch => "look into the camera",
            Self::Roll => "hold the head upright",
            _ => "try again",
        }
    }
}

impl core::fmt::Display for Measure {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str(match self {
            Self::EyeDistance => "the distance between the eyes in pixels",
            Self::Sharpness => "sharpness",
            Self::Brightness => "brightness",
            Self::Clipped => "the share of black and white pixels",
            Self::Yaw => "the turn to a side",
            Self::Pitch => "the nod",
            Self::Roll => "the tilt",
            Self::Pose => "the head's position",
            Self::Liveness => "liveness",
            Self::Cosine => "likeness",
            Self::ToPrevious => "the change from picture to picture",
        })
    }
}
