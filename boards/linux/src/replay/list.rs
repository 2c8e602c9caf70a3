//! The list of visits as it is written: CSV, one row a frame.

use serde::Deserialize;
use std::collections::HashMap;
use std::path::{Path, PathBuf};

/// Who comes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// Somebody enrolled, who must be let in.
    Genuine,
    /// Nobody enrolled.
    Stranger,
    /// A picture of somebody enrolled.
    Print,
}

/// A frame.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct Row {
    /// Which visit it belongs to.
    pub visit: String,
    /// Who must be let in by a genuine visit.
    pub person: String,
    /// Who comes.
    pub kind: Kind,
    /// When it was captured.
    pub t_ms: u64,
    /// Its file.
    pub path: PathBuf,
}

/// Frames of one visit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Visit {
    /// What the list calls it.
    pub name: String,
    /// Who must be let in by a genuine visit.
    pub person: String,
    /// Who comes.
    pub kind: Kind,
    /// When each frame was captured, and its file, in the order of the list.
    pub frames: Vec<(u64, PathBuf)>,
}

/// A list that can't be replayed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ListError {
    /// It can't be read, or a row has other columns.
    #[error("{}: {error}", path.display())]
    Csv {
        /// Which.
        path: PathBuf,
        /// Where, and what is wrong.
        error: csv::Error,
    },
    /// Nothing to replay.
    #[error("{}: there is no visit in it", path.display())]
    Empty {
        /// Which.
        path: PathBuf,
    },
    /// One visit is of two people or kinds.
    #[error("{}, line {line}: visit {visit} is of another person or kind before", path.display())]
    Mixed {
        /// Which.
        path: PathBuf,
        /// Counted from 1, the header's.
        line: u64,
        /// Its name.
        visit: String,
    },
    /// Nobody can tell whom a genuine visit must let in.
    #[error("{}, line {line}: a genuine visit needs a person", path.display())]
    Nobody {
        /// Which.
        path: PathBuf,
        /// Counted from 1, the header's.
        line: u64,
    },
}

/// Reads the list at `path`. Visits come in the order of their first rows.
///
/// # Errors
/// [`ListError`].
pub fn read(path: &Path) -> Result<Vec<Visit>, ListError> {
    let failed = |error| ListError::Csv { path: path.to_owned(), error };
    let mut reader = csv::Reader::from_path(path).map_err(failed)?;
    let headers = reader.headers().map_err(failed)?.clone();
    let mut visits: Vec<Visit> = Vec::new();
    let mut places = HashMap::new();
    let mut record = csv::StringRecord::new();
    while reader.read_record(&mut record).map_err(failed)? {
        let line = record.position().map_or(0, csv::Position::line);
        let row: Row = record.deserialize(Some(&headers)).map_err(failed)?;
        if row.kind == Kind::Genuine && row.person.is_empty() {
            return Err(ListError::Nobody { path: path.to_owned(), line });
        }
        let place = *places.entry(row.visit.clone()).or_insert(visits.len());
        match visits.get_mut(place) {
            Some(visit) if visit.person == row.person && visit.kind == row.kind => {
                visit.frames.push((row.t_ms, row.path));
            }
            Some(_) => {
                return Err(ListError::Mixed { path: path.to_owned(), line, visit: row.visit });
            }
            None => visits.push(Visit {
                name: row.visit,
                person: row.person,
                kind: row.kind,
                frames: vec![(row.t_ms, row.path)],
            }),
        }
    }
    if visits.is_empty() { Err(ListError::Empty { path: path.to_owned() }) } else { Ok(visits) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn list(text: &str) -> Result<Vec<Visit>, ListError> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("s.csv");
        std::fs::write(&path, text).unwrap();
        read(&path)
    }

    const HEAD: &str = "visit,person,kind,t_ms,path\n";

    #[test]
    fn rows_become_visits_in_the_order_of_their_first_rows() {
        let rows = "b,Zoë,genuine,5,1.jpg\na,,stranger,0,2.jpg\nb,Zoë,genuine,70,3.jpg\nc,Zoë,print,0,4.jpg\n";
        let visits = list(&format!("{HEAD}{rows}")).unwrap();
        let names: Vec<&str> = visits.iter().map(|visit| visit.name.as_str()).collect();
        assert_eq!(names, ["b", "a", "c"]);
        assert_eq!(visits[0].frames, [(5, PathBuf::from("1.jpg")), (70, PathBuf::from("3.jpg"))]);
        assert_eq!((visits[1].kind, visits[2].kind), (Kind::Stranger, Kind::Print));
    }

    #[test]
    fn rejects_other_columns_and_values() {
        for text in [
            "visit,kind\n1,genuine\n",
            "visit,person,kind,t_ms,path\n1,a,guest,0,x\n",
            &format!("{HEAD}1,a,genuine,-4,x\n"),
        ] {
            assert!(matches!(list(text), Err(ListError::Csv { .. })), "{text}");
        }
        assert!(matches!(read(Path::new("no/such.csv")), Err(ListError::Csv { .. })));
    }

    #[test]
    fn rejects_a_list_without_visits() {
        assert!(matches!(list(HEAD), Err(ListError::Empty { .. })));
    }

    #[test]
    fn rejects_a_visit_of_two_people() {
        let error = list(&format!("{HEAD}1,a,genuine,0,x\n1,b,genuine,9,y\n")).unwrap_err();
        assert!(matches!(error, ListError::Mixed { line: 3, .. }), "{error}");
    }

    #[test]
    fn rejects_a_genuine_visit_of_nobody() {
        let error = list(&format!("{HEAD}1,,genuine,0,x\n")).unwrap_err();
        assert!(matches!(error, ListError::Nobody { line: 2, .. }), "{error}");
    }
}
