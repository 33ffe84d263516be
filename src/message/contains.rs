//! Finds message IDs in text.

use super::MessageId;

/// Returns whether a text contains a message ID: as many hex digits as an ID has, without letters or digits beside them.
/// The text may be in any encoding that contains ASCII.
pub(crate) fn contains_id(text: &[u8]) -> bool {
    ids(text).next().is_some()
}

/// Returns the first message ID in a text.
pub(crate) fn first_id(text: &str) -> Option<&str> {
    ids(text.as_bytes()).next()
}

/// Returns the message IDs in a text that have a letter in upper case, as clients write them. IDs of traces, which many
/// logs have in every line, are in lower case.
pub(crate) fn upper_case_ids(text: &str) -> impl Iterator<Item = &str> {
    ids(text.as_bytes()).filter(|id| id.bytes().any(|byte| byte.is_ascii_uppercase()))
}

fn ids(text: &[u8]) -> impl Iterator<Item = &str> {
    let words = text.split(|byte| !byte.is_ascii_alphanumeric());
    let words = words.filter(|word| matches!(word.len(), 32 | 34 | 56));
    words.filter_map(|word| {
        let word = str::from_utf8(word).ok()?;
        MessageId::check(word).ok().map(|()| word)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_found_between_other_characters() {
        for (text, is_found) in [
            ("1E0578FE110F18B4AAC235C0C8460BA2", true),
            ("a,\"1e0578fe110f18b4aac235c0c8460ba2\"\n", true),
            ("msgId=0156F7E71C361B21BC024CCDBE00000000]", true),
            ("ä1E0578FE110F18B4AAC235C0C8460BA2ä", true),
            ("1E0578FE110F18B4AAC235C0C8460BA", false),
            ("x1E0578FE110F18B4AAC235C0C8460BA2", false),
            ("1E0578FE110F18G4AAC235C0C8460BA2", false),
            ("", false),
        ] {
            assert_eq!(contains_id(text.as_bytes()), is_found, "{text}");
        }
    }
}
