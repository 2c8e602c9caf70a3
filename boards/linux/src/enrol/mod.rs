//! From pictures of one person to the templates that may be enrolled, and in words why not the others.
//!
//! ```text
//! picture ─ one face ─ fit to be judged ─ template ─┐
//! picture ─ ..                                      ├─ the same picture twice ─ one of another person ─> Album ─> store
//!                                                   └─ who is enrolled already looks like this ─> judge
//! ```
//!
//! A person is enrolled with few templates that differ: the door compares with the mean of up to four. Writing them
//! down is left to the [`store`](crate::store).

mod album;
mod folder;
mod judge;
mod photo;

pub use album::{Album, Spread};
pub use folder::{FolderError, PersonFolder, people_in};
pub use judge::{JudgeError, Who, enrol, judge};
pub use photo::{Photo, Refusal, take};
