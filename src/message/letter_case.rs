//! The letter case of message IDs.

use super::MessageId;

/// Returns whether a text is a unique key with letters in lower case only. Sources compare keys as text, and Java clients
/// write them in upper case. The Go client writes the last twelve digits in lower case, so a key with letters of both
/// cases may be as it was made.
pub(crate) fn is_lower_case_key(text: &str) -> bool {
    let has = |is_such: fn(&u8) -> bool| text.as_bytes().iter().any(is_such);
    has(u8::is_ascii_lowercase)
        && !has(u8::is_ascii_uppercase)
        && matches!(MessageId::parse(text), Ok(MessageId::UniqKey(_)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_unique_keys_in_lower_case_are_found() {
        for (text, is_found) in [
            ("0a15030b110f18b4aac264be6c450ba2", true),
            (
                "20010db8000000000000000000000001110f18b4aac264be6c450ba2",
                true,
            ),
            ("0A15030B110F18B4AAC264BE6C450BA2", false),
            // As the Go client writes it.
            ("0A15030B110F0000000064be6c450ba2", false),
            ("01150301110118040002640600450002", false),
            // An offset ID: the case of its letters does not matter.
            ("0a15030b00002a9f00000000004a0ba2", false),
            ("0156f7e71c361b21bc024ccdbe00000000", false),
            ("0a", false),
        ] {
            assert_eq!(is_lower_case_key(text), is_found, "{text}");
        }
    }
}
