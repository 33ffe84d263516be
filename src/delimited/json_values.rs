//! Finds the JSON values of a file: one after another, or the elements of an array.

use memchr::memchr2;

/// What the file may have at the next position.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) enum JsonState {
    /// A value, an array of values, or the end of the file.
    #[default]
    Top,
    /// A value or the end of the array that has just begun.
    First,
    /// A value of an array after a comma.
    Value,
    /// A comma or the end of the array.
    Comma,
}

/// What the next bytes are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum JsonPiece {
    /// So many bytes between values, and what may come after them.
    Between(usize, JsonState),
    /// A value of so many bytes, and what may come after it.
    Value(usize, JsonState),
    /// The value continues behind the bytes.
    Unfinished,
    /// The file ends here as it must.
    End,
}

/// Why the next bytes are not JSON.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct JsonFault {
    pub(super) problem: String,
    /// Whether only the end of a value was not found.
    pub(super) is_unfinished: bool,
}

impl JsonState {
    /// Finds the next piece. Whether a value is valid inside is not checked. `is_whole` says that no bytes follow.
    pub(super) fn next(self, bytes: &[u8], is_whole: bool) -> Result<JsonPiece, JsonFault> {
        let blanks = bytes.iter().take_while(|byte| byte.is_ascii_whitespace());
        match (blanks.count(), self, bytes.first()) {
            (0, Self::Top, None) if is_whole => Ok(JsonPiece::End),
            (0, _, None) if is_whole => Err(fault("the file ends inside an array, expected `]`")),
            (0, _, None) => Ok(JsonPiece::Unfinished),
            (0, Self::Top, Some(b'[')) => Ok(JsonPiece::Between(1, Self::First)),
            (0, Self::First | Self::Comma, Some(b']')) => Ok(JsonPiece::Between(1, Self::Top)),
            (0, Self::Comma, Some(b',')) => Ok(JsonPiece::Between(1, Self::Value)),
            (0, Self::Comma, Some(_)) => Err(fault(&format!(
                "found {}, expected `,` or `]`",
                found(bytes)
            ))),
            (0, Self::Top | Self::First | Self::Value, Some(first)) => {
                self.value(bytes, *first, is_whole)
            }
            (blanks, ..) => Ok(JsonPiece::Between(blanks, self)),
        }
    }

    fn value(self, bytes: &[u8], first: u8, is_whole: bool) -> Result<JsonPiece, JsonFault> {
        let after = match self {
            Self::Top => Self::Top,
            _ => Self::Comma,
        };
        let length = match first {
            b'{' | b'[' => container_end(bytes),
            b'"' => string_end(bytes),
            _ => {
                let length = bytes.iter().take_while(|byte| is_scalar(**byte)).count();
                if length == 0 {
                    return Err(fault(&format!(
                        "found {}, expected a JSON value",
                        found(bytes)
                    )));
                }
                (is_whole || length < bytes.len()).then_some(length)
            }
        };
        match length {
            Some(length) => Ok(JsonPiece::Value(length, after)),
            None if is_whole => Err(JsonFault {
                is_unfinished: true,
                ..fault("the value that begins here does not end")
            }),
            None => Ok(JsonPiece::Unfinished),
        }
    }
}

fn fault(problem: &str) -> JsonFault {
    JsonFault {
        problem: problem.to_owned(),
        is_unfinished: false,
    }
}

/// Returns the first character of a text, for a message.
fn found(bytes: &[u8]) -> String {
    let text = String::from_utf8_lossy(&bytes[..bytes.len().min(4)]);
    let first = text.chars().next().unwrap_or_default();
    format!("`{}`", first.escape_debug())
}

const fn is_scalar(byte: u8) -> bool {
    !byte.is_ascii_whitespace() && !matches!(byte, b',' | b':' | b'"' | b'{' | b'}' | b'[' | b']')
}

/// Returns the length of the string that begins the bytes.
fn string_end(bytes: &[u8]) -> Option<usize> {
    let mut at = 1;
    loop {
        at += memchr2(b'"', b'\\', bytes.get(at..)?)?;
        if bytes[at] == b'"' {
            return Some(at + 1);
        }
        at += 2;
    }
}

/// Returns the length of the object or array that begins the bytes.
fn container_end(bytes: &[u8]) -> Option<usize> {
    let (mut at, mut depth) = (0, 0_u32);
    loop {
        match bytes.get(at)? {
            b'"' => at += string_end(&bytes[at..])?,
            b'{' | b'[' => {
                depth += 1;
                at += 1;
            }
            b'}' | b']' => {
                depth -= 1;
                at += 1;
                if depth == 0 {
                    return Some(at);
                }
            }
            _ => at += 1,
        }
    }
}
