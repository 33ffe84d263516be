//! Finds the columns of an expectations file.

use std::path::Path;

use super::ExpectationsError;
use crate::delimited::RecordCells;

/// The columns with a meaning, by their folded names. All other columns are ignored.
const COLUMNS: [(&str, &[&str]); 5] = [
    ("topic", &["topic"]),
    ("group", &["group"]),
    ("tags", &["tags", "tag"]),
    ("valid_from", &["validfrom"]),
    ("valid_to", &["validto"]),
];

/// Beginnings of names that resemble ours. A misspelt column would silently mean nothing, so it is refused.
const RESEMBLING: [&str; 2] = ["valid", "tag"];

/// The indices of the columns.
pub(super) struct ExpectationColumns {
    /// The number of columns of the header.
    pub(super) width: usize,
    pub(super) topic: usize,
    pub(super) group: usize,
    pub(super) tags: Option<usize>,
    pub(super) valid_from: Option<usize>,
    pub(super) valid_to: Option<usize>,
}

impl ExpectationColumns {
    pub(super) fn find(path: &Path, header: &RecordCells) -> Result<Self, ExpectationsError> {
        let names: Vec<_> = header.iter().map(str::trim).collect();
        let folded: Vec<_> = names.iter().map(|name| fold(name)).collect();
        let known = |name: &String| COLUMNS.iter().any(|(_, names)| names.contains(&&**name));
        let resembles_ours = |name: &String| RESEMBLING.iter().any(|near| name.starts_with(near));
        if let Some(stranger) = folded
            .iter()
            .position(|name| resembles_ours(name) && !known(name))
        {
            return Err(ExpectationsError::Misnamed {
                path: path.to_owned(),
                found: names[stranger].to_owned(),
            });
        }
        let place = |nth: usize| {
            let (meaning, spellings) = COLUMNS[nth];
            let mut found =
                (0..folded.len()).filter(|&column| spellings.contains(&&*folded[column]));
            match (found.next(), found.next()) {
                (Some(first), Some(second)) => Err(ExpectationsError::Ambiguous {
                    path: path.to_owned(),
                    meaning,
                    first: names[first].to_owned(),
                    second: names[second].to_owned(),
                }),
                (first, _) => Ok(first),
            }
        };
        let needed = |nth: usize| {
            place(nth)?.ok_or_else(|| ExpectationsError::Column {
                path: path.to_owned(),
                missing: COLUMNS[nth].0,
                found: names.iter().map(|&name| name.to_owned()).collect(),
            })
        };
        Ok(Self {
            width: names.len(),
            topic: needed(0)?,
            group: needed(1)?,
            tags: place(2)?,
            valid_from: place(3)?,
            valid_to: place(4)?,
        })
    }

    /// Checks that no cell stands beyond the header, where it would mean nothing.
    pub(super) fn check_width(&self, cells: &RecordCells) -> Result<(), String> {
        let beyond = (self.width..cells.len()).filter_map(|column| cells.get(column));
        let mut beyond = beyond.filter(|cell| !cell.trim().is_empty());
        beyond.next().map_or(Ok(()), |extra| {
            Err(format!(
                "found `{extra}` beyond the last column of the header, expected one group a line"
            ))
        })
    }
}

/// Returns a column name in lower case with its letters and digits only.
pub(super) fn fold(name: &str) -> String {
    let counts = |c: &char| c.is_alphanumeric();
    name.chars()
        .filter(counts)
        .flat_map(char::to_lowercase)
        .collect()
}
