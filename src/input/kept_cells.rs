//! Writes the kept columns as the JSON object that the results file holds.

use std::fmt::Write;
use std::sync::Arc;

use super::row::KeptCells;

/// Knows which columns are kept, and writes their object.
#[derive(Debug, Clone)]
pub(super) struct KeptCellsWriter {
    /// Their names, made unique.
    pub names: Arc<[Box<str>]>,
    fields: Arc<[KeptField]>,
}

#[derive(Debug, Clone)]
struct KeptField {
    column: usize,
    /// `{"name":`, or `,"name":` for columns after the first.
    opening: Box<str>,
}

impl KeptCellsWriter {
    /// Makes a writer of these columns, given by index and name in input order.
    pub(super) fn new(columns: impl IntoIterator<Item = (usize, Box<str>)>) -> Self {
        let (mut names, mut fields) = (Vec::new(), Vec::new());
        for (column, name) in columns {
            let mut opening = String::from(if names.is_empty() { "{" } else { "," });
            push_string(&mut opening, &name);
            opening.push(':');
            fields.push(KeptField {
                column,
                opening: opening.into(),
            });
            names.push(name);
        }
        Self {
            names: names.into(),
            fields: fields.into(),
        }
    }

    /// Returns the indexes of the columns.
    pub(super) fn columns(&self) -> impl Iterator<Item = usize> {
        self.fields.iter().map(|field| field.column)
    }

    /// Writes one row. `scratch` is a buffer that is reused; `value` appends the JSON value of a column.
    pub(super) fn write(
        &self,
        scratch: &mut String,
        mut value: impl FnMut(&mut String, usize),
    ) -> KeptCells {
        scratch.clear();
        for field in &*self.fields {
            scratch.push_str(&field.opening);
            value(scratch, field.column);
        }
        let json = (!self.fields.is_empty()).then(|| {
            scratch.push('}');
            scratch.as_str().into()
        });
        KeptCells {
            columns: self.names.clone(),
            json,
        }
    }
}

impl KeptCells {
    /// Returns the cells of a row without kept columns.
    #[must_use]
    pub fn nothing() -> Self {
        Self {
            columns: Arc::new([]),
            json: None,
        }
    }
}

/// Appends a text as a JSON string.
pub(super) fn push_string(json: &mut String, text: &str) {
    let is_special = |byte: u8| byte < 0x20 || byte == b'"' || byte == b'\\';
    json.push('"');
    if text.bytes().any(is_special) {
        push_escaped(json, text);
    } else {
        json.push_str(text);
    }
    json.push('"');
}

#[cold]
fn push_escaped(json: &mut String, text: &str) {
    for c in text.chars() {
        match c {
            '"' | '\\' => json.extend(['\\', c]),
            '\n' => json.push_str("\\n"),
            '\r' => json.push_str("\\r"),
            '\t' => json.push_str("\\t"),
            '\0'..'\x20' => {
                let _ = write!(json, "\\u{:04x}", u32::from(c)); // A String takes everything.
            }
            _ => json.push(c),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn an_object_in_input_order() {
        let columns = KeptCellsWriter::new([(4, "b".into()), (2, "a \"x\"".into())]);
        let kept = columns.write(&mut "old".to_owned(), |json, column| {
            json.push_str(&column.to_string());
        });
        assert_eq!(kept.json.as_deref(), Some(r#"{"b":4,"a \"x\"":2}"#));
        assert_eq!(*kept.columns, ["b", "a \"x\""].map(Box::from));
        let none = KeptCellsWriter::new([]).write(&mut String::new(), |_, _| {});
        assert_eq!(none.json, None);
    }

    proptest! {
        #[test]
        fn every_text_is_read_back(text in "(\\PC|[\0-\x1f\x7f\"\\\\])*") {
            let mut json = String::new();
            push_string(&mut json, &text);
            prop_assert_eq!(serde_json::from_str::<String>(&json).unwrap(), text);
        }
    }
}
