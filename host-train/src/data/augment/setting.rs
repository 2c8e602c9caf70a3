//! Augmentation as a person writes it: a preset, then exceptions; and which numbers are allowed.

use core::str::FromStr;

use super::Augment;

/// The presets by name.
pub const PRESETS: [(&str, Augment); 4] = [
    ("none", Augment::NONE),
    ("flip", Augment { flip: true, ..Augment::NONE }),
    ("standard", Augment::STANDARD),
    ("strong", Augment::STRONG),
];

/// Augmentation that can't be.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum AugmentError {
    /// A word that is neither preset nor setting.
    #[error("augmentation `{word}`: expected one of {known}, then settings as mask=0.1")]
    Unknown {
        /// The word.
        word: String,
        /// All presets, or all settings.
        known: String,
    },
    /// A setting's value is no number.
    #[error("augmentation {name}={value}: not a number")]
    NotANumber {
        /// The setting.
        name: String,
        /// What stands there.
        value: String,
    },
    /// A number out of its range.
    #[error("augmentation {name} is {value}: it must be between 0 and {most}")]
    Range {
        /// The setting.
        name: &'static str,
        /// What was asked for.
        value: f32,
        /// Most allowed.
        most: f32,
    },
}

impl Augment {
    /// Every number with its name and the most that it may be.
    fn numbers(&mut self) -> [(&'static str, &mut f32, f32); 12] {
        [
            ("rotation", &mut self.rotation, 90.0),
            ("scale", &mut self.scale, 0.5),
            ("shift", &mut self.shift, 0.5),
            ("brightness", &mut self.brightness, 1.0),
            ("contrast", &mut self.contrast, 1.0),
            ("saturation", &mut self.saturation, 1.0),
            ("blur", &mut self.blur, 1.0),
            ("low-resolution", &mut self.low_resolution, 1.0),
            ("jpeg", &mut self.jpeg, 1.0),
            ("occlusion", &mut self.occlusion, 1.0),
            ("mask", &mut self.mask, 1.0),
            ("mix", &mut self.mix, 1.0),
        ]
    }

    /// Checks every number.
    ///
    /// # Errors
    /// [`AugmentError::Range`] for the first one out of its range.
    pub fn check(mut self) -> Result<(), AugmentError> {
        for (name, value, most) in self.numbers() {
            if !(0.0..=most).contains(value) {
                return Err(AugmentError::Range { name, value: *value, most });
            }
        }
        Ok(())
    }
}

impl FromStr for Augment {
    type Err = AugmentError;

    /// `PRESET[,NAME=VALUE,..]`; without a preset the default is changed.
    fn from_str(text: &str) -> Result<Self, AugmentError> {
        let mut augment = Self::default();
        for (place, word) in text.split(',').enumerate() {
            let unknown = |known: Vec<&str>| AugmentError::Unknown {
                word: word.to_owned(),
                known: known.join(", "),
            };
            let Some((name, value)) = word.split_once('=') else {
                // A preset further back would undo what stands before it.
                let preset = PRESETS.iter().find(|(name, _)| *name == word && place == 0);
                let names = || unknown(PRESETS.map(|(name, _)| name).to_vec());
                augment = preset.ok_or_else(names)?.1;
                continue;
            };
            let mut numbers = augment.numbers();
            let names = numbers.each_ref().map(|(name, ..)| *name).to_vec();
            let number = numbers.iter_mut().find(|(known, ..)| *known == name);
            let (_, number, _) = number.ok_or_else(|| unknown(names))?;
            **number = value.parse().map_err(|_| AugmentError::NotANumber {
                name: name.to_owned(),
                value: value.to_owned(),
            })?;
        }
        augment.check()?;
        Ok(augment)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn presets_and_exceptions() {
        assert_eq!("none".parse(), Ok(Augment::NONE));
        assert_eq!("flip".parse(), Ok(Augment::default()));
        assert_eq!(
            "standard,mask=0.2,low-resolution=0".parse(),
            Ok(Augment { mask: 0.2, low_resolution: 0.0, ..Augment::STANDARD })
        );
        assert_eq!("shift=0.1".parse(), Ok(Augment { shift: 0.1, ..Augment::default() }));
        for (name, preset) in PRESETS {
            assert_eq!((name.parse(), preset.check()), (Ok(preset), Ok(())));
        }
    }

    #[test]
    fn rejects_unknown_words() {
        for word in ["weak", "", "mask", "standard,flip"] {
            let error = word.parse::<Augment>().map_err(|error| error.to_string());
            let expected = "expected one of none, flip, standard, strong, then";
            assert!(error.is_err_and(|error| error.contains(expected)), "{word}");
        }
        let error = "none,masks=1".parse::<Augment>().map_err(|error| error.to_string());
        assert!(error.is_err_and(|error| error.contains("`masks=1`: expected one of rotation, ")));
    }

    #[test]
    fn rejects_what_is_no_number() {
        let error = "none,mask=half".parse::<Augment>();
        let (name, value) = ("mask".to_owned(), "half".to_owned());
        assert_eq!(error, Err(AugmentError::NotANumber { name, value }));
    }

    #[test]
    fn rejects_range() {
        let error = "none,blur=1.5".parse::<Augment>();
        assert_eq!(error, Err(AugmentError::Range { name: "blur", value: 1.5, most: 1.0 }));
        assert!("shift=2".parse::<Augment>().is_err());
        assert!("rotation=NaN".parse::<Augment>().is_err());
        assert!(Augment { scale: -0.1, ..Augment::NONE }.check().is_err());
    }
}
