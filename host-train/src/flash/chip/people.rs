//! People as they lie in a board's flash, made by the firmware's own gallery in flash that is memory.

use crate::hex;
use door_firmware::ports::{Enrolled, GalleryStore as _};
use door_firmware::store::flash::Shared;
use door_firmware::store::gallery::{Gallery, GalleryError, PreprocessingId};
use door_firmware::store::sim::Rp2350;
use model_format::ModelId;
use serde::Deserialize;
use std::cell::RefCell;

/// Bytes of a record: templates of 128 values.
const SLOT: usize = 256;
/// Bytes of a sector of the flash that people lie in.
const SECTOR: u32 = 4096;

/// Why there is no gallery of a file.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PeopleError {
    /// Not what `device export` writes.
    #[error("this is not what `host-train device export` writes: {0}")]
    Json(#[from] serde_json::Error),
    /// A model's id is none.
    #[error("`{model_id}` is no model's id: 32 hex digits")]
    Model {
        /// As in the file.
        model_id: String,
    },
    /// Somebody does not fit.
    #[error("person {person}: {error}")]
    Gallery {
        /// Who.
        person: u32,
        /// Why.
        error: GalleryError,
    },
}

/// A template of the file. What else it says is for people.
#[derive(Deserialize)]
struct Exported {
    person: u32,
    name: String,
    model_id: String,
    template: Vec<i8>,
}

/// The bytes of a gallery of `bytes` bytes, whole sectors, with the people of `json`, for a door that precedes its embedding network by
/// `preprocessing`.
pub(super) fn image(
    json: &[u8],
    bytes: u32,
    preprocessing: PreprocessingId,
) -> Result<Vec<u8>, PeopleError> {
    let people: Vec<Exported> = serde_json::from_slice(json)?;
    let chip = RefCell::new(Rp2350::new(bytes / SECTOR));
    let failed = |person| move |error| PeopleError::Gallery { person, error };
    let (mut gallery, _) =
        Gallery::<_, SLOT>::open(Shared(&chip), 0..bytes, preprocessing).map_err(failed(0))?;
    for Exported { person, name, model_id, template } in people {
        let model = hex::decode(&model_id).ok_or(PeopleError::Model { model_id })?;
        let one = Enrolled { person, name: &name, model: ModelId(model), values: &template };
        gallery.add(one).map_err(failed(person))?;
    }
    Ok(chip.into_inner().bytes().to_vec())
}
