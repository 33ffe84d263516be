//! Keys, values and what may stand around them: quotes, escaped quotes and colours.

const ESCAPE: u8 = 0x1b;

/// Escape characters as JSON and other escaped texts write them, without the backslashes before.
const ESCAPED_ESCAPE: [&str; 5] = ["u001b", "u001B", "x1b", "x1B", "033"];

/// An equals sign as JSON libraries write it that escape characters of HTML.
const ESCAPED_EQUALS: [&str; 2] = ["u003d", "u003D"];

/// What clients print for a missing text, and the begin of one that is there in Rust.
const MISSING: [&str; 5] = ["null", "None", "nil", "undefined", "Some"];

/// Returns whether the byte belongs to a key or to the name of a class.
pub(super) fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_'
}

/// Returns the end of the word that begins at `at`.
pub(super) fn word_end(text: &str, at: usize) -> usize {
    let bytes = text.as_bytes().iter().skip(at);
    at + bytes.take_while(|byte| is_word(**byte)).count()
}

/// Returns whether a word begins at `at`: no letter stands before, unless it ends an escape sequence (`\n`, a colour).
pub(super) fn is_word_start(text: &str, at: usize) -> bool {
    let before = &text.as_bytes()[..at];
    if !before.last().is_some_and(|byte| is_word(*byte)) {
        return true;
    }
    let longest = before.len().min(24);
    (1..=longest)
        .map(|length| at - length)
        .any(|begin| matches!(before[begin], ESCAPE | b'\\') && after_escape(text, begin) == at)
}

/// Returns the end of the escape sequence at `at`, or `at` if none begins there: a colour, or backslashes and the
/// character that they escape.
pub(super) fn after_escape(text: &str, at: usize) -> usize {
    match text.as_bytes().get(at) {
        Some(&ESCAPE) => after_colour(text, at + 1),
        Some(b'\\') => {
            let escaped = text[at..].trim_start_matches('\\');
            let escaped_at = text.len() - escaped.len();
            let colour = ESCAPED_ESCAPE
                .iter()
                .find(|code| escaped.starts_with(**code));
            if let Some(code) = colour {
                return after_colour(text, escaped_at + code.len());
            }
            let hex = escaped.bytes().skip(1).take(4);
            if escaped.starts_with('u') && hex.filter(u8::is_ascii_hexdigit).count() == 4 {
                return escaped_at + "u0022".len();
            }
            escaped_at + escaped.chars().next().map_or(0, char::len_utf8)
        }
        _ => at,
    }
}

/// Returns the end of a control sequence (`[31m`) whose escape character is before `at`.
fn after_colour(text: &str, at: usize) -> usize {
    let Some(rest) = text[at..].strip_prefix('[') else {
        return at;
    };
    let parameters = rest.bytes().take_while(|byte| (b'0'..=b'?').contains(byte));
    let end = at + 1 + parameters.count();
    let has_end = text
        .as_bytes()
        .get(end)
        .is_some_and(u8::is_ascii_alphabetic);
    end + usize::from(has_end)
}

/// Returns the end of the quotes and escape sequences that begin at `at`.
pub(super) fn after_quotes(text: &str, mut at: usize) -> usize {
    loop {
        let next = match text.as_bytes().get(at) {
            Some(b'"' | b'\'') => at + 1,
            _ => after_escape(text, at),
        };
        if next == at {
            return at;
        }
        at = next;
    }
}

pub(super) fn after_blanks(text: &str, at: usize) -> usize {
    let bytes = text.as_bytes().iter().skip(at);
    at + bytes.take_while(|byte| **byte == b' ').count()
}

/// Returns where the value begins if the word that ends at `word_end` is a key: `key=`, `key: `, `"key":"`, `key is: `.
pub(super) fn value_start(text: &str, word_end: usize) -> Option<usize> {
    let rest = &text[word_end..];
    let suffix = ["(s)", " is"]
        .into_iter()
        .find(|suffix| rest.starts_with(suffix) && rest[suffix.len()..].starts_with(['=', ':']));
    let mut at = word_end + suffix.map_or(0, str::len);
    loop {
        at = match text.as_bytes().get(at)? {
            b'=' | b':' => break at += 1,
            b'"' | b'\'' => at + 1,
            _ => {
                let next = after_escape(text, at);
                let escaped = text[at..next].trim_start_matches('\\');
                if ESCAPED_EQUALS.contains(&escaped) {
                    break at = next;
                }
                if next == at {
                    return None;
                }
                next
            }
        };
    }
    while text.as_bytes().get(at) == Some(&ESCAPE) {
        at = after_escape(text, at);
    }
    at = after_quotes(text, after_blanks(text, at));
    if text[at..].starts_with("Some(") {
        at = after_quotes(text, at + "Some(".len());
    }
    Some(at)
}

/// Returns the text after the bracket if one of `SendResult [`, `SendReceiptImpl{`, `SendReceipt { ` or `SendResult(`
/// begins at `at`.
pub(super) fn content_of_class(text: &str, at: usize) -> Option<usize> {
    let end = word_end(text, at);
    if !["SendResult", "SendReceipt", "SendReceiptImpl"].contains(&&text[at..end]) {
        return None;
    }
    let bracket = after_blanks(text, after_quotes(text, end));
    text[bracket..]
        .starts_with(['[', '{', '('])
        .then_some(bracket + 1)
}

/// Returns the value that begins at `at`. It ends at a blank, comma, bracket, quote or escape sequence. The begin of
/// another result is no value.
pub(super) fn value(text: &str, at: usize) -> &str {
    if content_of_class(text, at).is_some() {
        return "";
    }
    let rest = &text[at..];
    let ends = |c: char| c.is_whitespace() || c.is_control() || ",;\"'\\[]{}()".contains(c);
    &rest[..rest.find(ends).unwrap_or(rest.len())]
}

/// Returns whether the value is one.
pub(super) fn is_present(value: &str) -> bool {
    !value.is_empty() && !MISSING.contains(&value)
}

/// Returns the values of a list and its end: `A,B` or `[A, B]`. Without brackets, the list ends where a key follows the
/// comma, as in `msgId:A,offsetMsgId:B`.
pub(super) fn list(text: &str, at: usize) -> (Vec<&str>, usize) {
    let has_brackets = text[at..].starts_with('[');
    let mut at = if has_brackets {
        after_quotes(text, after_blanks(text, at + 1))
    } else {
        at
    };
    let mut values = Vec::new();
    loop {
        let found = value(text, at);
        at += found.len();
        // A line may end within `null`.
        let is_cut = at == text.len() && MISSING.iter().any(|word| word.starts_with(found));
        if is_present(found) && !is_cut {
            values.push(found);
        }
        let comma = after_blanks(text, after_quotes(text, at));
        if has_brackets && text[comma..].starts_with(']') {
            return (values, comma + 1);
        }
        if !text[comma..].starts_with(',') {
            return (values, at);
        }
        let blanks_end = after_blanks(text, comma + 1);
        let next = if has_brackets { blanks_end } else { comma + 1 };
        let next = after_quotes(text, next);
        if !has_brackets && (value(text, next).is_empty() || is_key(text, next)) {
            return (values, at);
        }
        at = next;
    }
}

/// Returns whether a key begins at `at`. If the text ends there, the first letters of the key that follows an ID are
/// enough.
fn is_key(text: &str, at: usize) -> bool {
    let end = word_end(text, at);
    let is_cut = end == text.len() && "offsetMsgId".starts_with(&text[at..]);
    end > at && (is_cut || value_start(text, end).is_some())
}
