//! What is searched, in memory: the arrays of [`GalleryView`].
//!
//! A gallery is a copy. The door keeps it while the store changes, fails or is gone, and takes a new one when a change is made.

use edge_infer::matching::{GalleryError, GalleryView, TemplateError, TemplateRef};
use model_format::ModelId;

/// Each person's templates of one pipeline, as their mean.
#[derive(Clone, Debug)]
pub struct Gallery {
    pub(super) model: ModelId,
    pub(super) len: usize,
    pub(super) rows: Vec<i8>,
    pub(super) inverse_norms: Vec<f32>,
    pub(super) people: Vec<u32>,
}

impl Gallery {
    /// To search in. A person is a [`PersonId`](super::PersonId)'s number, which stays whoever comes or goes.
    ///
    /// Every norm is checked again, at the cost of a search, so a flipped bit in memory is found as well.
    ///
    /// # Errors
    /// The templates are not of the length that was asked for, or the memory is damaged.
    pub fn view(&self) -> Result<GalleryView<'_>, GalleryError> {
        GalleryView::new(self.model, self.len, &self.rows, &self.inverse_norms, &self.people)
    }

    /// Each template, and the number of whose it is.
    pub fn templates(&self) -> impl Iterator<Item = (u32, Result<TemplateRef<'_>, TemplateError>)> {
        let rows = self.rows.chunks_exact(self.len.max(1));
        let templates = rows.map(|row| TemplateRef::from_values(row, self.model));
        self.people.iter().copied().zip(templates)
    }
}
