//! Visits from a list, through the loop that a camera drives: who was let in, who was not, how long it took.
//!
//! ```text
//! visit,person,kind,t_ms,path          kind: genuine, stranger or print; person: who must be let in by a genuine visit
//! 17,Zoë,genuine,0,17/0.jpg            t_ms: when the frame was captured, by a clock that starts anywhere in each visit
//! 17,Zoë,genuine,66,17/1.jpg           path: of the frame, from the root
//! ```
//!
//! Every visit comes to a door that was just switched on: nothing of the visit before counts, so their order changes nothing. Within
//! a visit the list's clock is the door's, back steps and jumps included.

mod list;
mod people;
mod report;
mod visit;

pub use list::{Kind, ListError, Row, Visit, read};
pub use people::{PeopleFolder, PeopleFolderError, enrol_folder};
pub use report::{Outcome, Report};
pub use visit::{ReplayError, VisitFrames, replay};
