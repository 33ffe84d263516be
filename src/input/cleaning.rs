//! Removes what exports and spreadsheets put around an ID.

/// What was removed around the cells of a row.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Cleaned {
    pub(super) blanks: bool,
    pub(super) quotes: bool,
    /// The apostrophe by which a spreadsheet marks a number as text.
    pub(super) text_mark: bool,
}

/// Returns the text without blanks, tabs, no-break spaces and characters of no width around it.
#[inline]
pub(super) fn trim(text: &str) -> &str {
    if is_bare(text) {
        return text;
    }
    text.trim_matches(|c: char| {
        c.is_whitespace() || matches!(c, '\u{200b}' | '\u{2060}' | '\u{feff}')
    })
}

/// Returns an ID without blanks, quotes and text mark around it.
#[inline]
pub(super) fn clean_id(text: &str) -> (&str, Cleaned) {
    if is_bare(text) {
        return (text, Cleaned::default());
    }
    clean(text)
}

/// Returns whether a text begins and ends with letters or digits of ASCII.
#[inline]
fn is_bare(text: &str) -> bool {
    let is_part = |byte: Option<&u8>| byte.is_some_and(u8::is_ascii_alphanumeric);
    is_part(text.as_bytes().first()) && is_part(text.as_bytes().last())
}

#[cold]
fn clean(text: &str) -> (&str, Cleaned) {
    let mut cleaned = Cleaned::default();
    let mut id = text;
    while !is_bare(id) {
        let trimmed = trim(id);
        cleaned.blanks |= trimmed.len() < id.len();
        let (bare, kind) = unquoted(trimmed);
        cleaned.quotes |= kind == Some(Mark::Quotes);
        cleaned.text_mark |= kind == Some(Mark::Text);
        if bare.len() == id.len() {
            break;
        }
        id = bare;
    }
    (id, cleaned)
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Mark {
    Quotes,
    Text,
}

/// Removes one pair of quotes, or a text mark.
fn unquoted(text: &str) -> (&str, Option<Mark>) {
    // A formula that yields the text is how some exports keep a spreadsheet from changing it.
    const PAIRS: [(&str, &str); 6] = [
        ("=\"", "\""),
        ("\"", "\""),
        ("'", "'"),
        ("`", "`"),
        ("\u{201c}", "\u{201d}"),
        ("\u{2018}", "\u{2019}"),
    ];
    let inside = |(open, close): &(&str, &str)| text.strip_prefix(open)?.strip_suffix(close);
    if let Some(inside) = PAIRS.iter().find_map(inside) {
        return (inside, Some(Mark::Quotes));
    }
    match text.strip_prefix(['\'', '\u{2019}']) {
        Some(rest) => (rest, Some(Mark::Text)),
        None => (text, None),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn blanks_quotes_and_text_marks_are_removed() {
        let removed = |blanks, quotes, text_mark| Cleaned {
            blanks,
            quotes,
            text_mark,
        };
        for (text, id, cleaned) in [
            ("1E05", "1E05", removed(false, false, false)),
            (" 1E05\t", "1E05", removed(true, false, false)),
            ("\u{a0}1E05\u{3000}", "1E05", removed(true, false, false)),
            ("\u{feff}1E05\u{200b}", "1E05", removed(true, false, false)),
            ("\"1E05\"", "1E05", removed(false, true, false)),
            ("' 1E05 '", "1E05", removed(true, true, false)),
            ("\u{201c}1E05\u{201d}", "1E05", removed(false, true, false)),
            ("=\"1E05\"", "1E05", removed(false, true, false)),
            ("'1E05", "1E05", removed(false, false, true)),
            (" '1E05", "1E05", removed(true, false, true)),
            ("1E05'", "1E05'", removed(false, false, false)),
            ("\"1E05", "\"1E05", removed(false, false, false)),
            ("1E 05", "1E 05", removed(false, false, false)),
            ("", "", removed(false, false, false)),
            ("  ", "", removed(true, false, false)),
            ("'", "", removed(false, false, true)),
        ] {
            assert_eq!(clean_id(text), (id, cleaned), "{text:?}");
        }
    }

    proptest! {
        #[test]
        fn only_what_surrounds_an_id_is_removed(text in "[ \t'\"\u{a0}=]{0,6}", id in "[0-9A-Fa-f]{1,40}") {
            let surrounded = format!("{text}{id}");
            let (cleaned, _) = clean_id(&surrounded);
            prop_assert!(cleaned.ends_with(&id));
            let (again, kinds) = clean_id(cleaned);
            prop_assert_eq!((again, kinds), (cleaned, Cleaned::default()));
        }
    }
}
