//! Rows of a CSV file with named columns.

use std::path::Path;

use super::DataError;

/// Calls `visit(line, cells)` for each row of the CSV `text`, the cells in the order of `columns`.
///
/// The first row names the columns; others than `columns` are passed over. Lines count from 1, the names' own line.
/// `path` stands in errors.
pub(super) fn for_each_row<const N: usize>(
    text: &str,
    path: &Path,
    columns: [&'static str; N],
    mut visit: impl FnMut(u64, [&str; N]) -> Result<(), DataError>,
) -> Result<(), DataError> {
    let refuse =
        |error: csv::Error| DataError::Csv { path: path.to_owned(), reason: error.to_string() };
    let text = text.trim_start_matches('\u{feff}');
    let mut reader = csv::Reader::from_reader(text.as_bytes());
    let header = reader.headers().map_err(refuse)?;
    let mut places = [0; N];
    for (place, column) in places.iter_mut().zip(columns) {
        *place = header
            .iter()
            .position(|name| name == column)
            .ok_or(DataError::MissingColumn { path: path.to_owned(), column })?;
    }
    let mut record = csv::StringRecord::new();
    // The reader's own line numbers lag by one after CRLF, so line feeds are counted here.
    let (mut line, mut counted) = (1, 0);
    while reader.read_record(&mut record).map_err(refuse)? {
        let end = reader.position().byte() as usize;
        let row = &text.as_bytes()[..end.min(text.len())];
        let row = row.trim_ascii_end().len();
        line += line_feeds(&text.as_bytes()[counted..row]);
        counted = row;
        // The reader refuses a row that is not as long as the first, so every place exists.
        visit(line, places.map(|place| &record[place]))?;
    }
    Ok(())
}

fn line_feeds(bytes: &[u8]) -> u64 {
    bytes.iter().filter(|&&byte| byte == b'\n').count() as u64
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    fn rows(text: &str) -> Result<Vec<(u64, String, String)>, DataError> {
        let mut rows = Vec::new();
        for_each_row(text, Path::new("t.csv"), ["b", "a"], |line, [b, a]| {
            rows.push((line, b.to_owned(), a.to_owned()));
            Ok(())
        })?;
        Ok(rows)
    }

    #[test]
    fn columns_are_found_by_name_in_any_line_ending() {
        for text in
            ["a,x,b\n1,2,3\n4,5,6\n", "a,x,b\r\n1,2,3\r\n4,5,6", "\u{feff}a,x,b\n1,2,3\n4,5,6"]
        {
            let expected =
                [(2, "3".to_owned(), "1".to_owned()), (3, "6".to_owned(), "4".to_owned())];
            assert_eq!(rows(text).unwrap(), expected);
        }
        assert_eq!(rows("b,a\n").unwrap(), []);
    }

    #[test]
    fn rejects_a_missing_column() {
        let error = rows("a,c\n1,2\n").unwrap_err();
        assert_eq!(error.to_string(), "t.csv: no column `b` in its first row");
    }

    #[test]
    fn rejects_rows_of_other_length() {
        let error = rows("a,b\n1,2\n3\n").unwrap_err();
        assert!(
            matches!(&error, DataError::Csv { reason, .. } if reason.contains("line: 3")),
            "{error}"
        );
    }
}
