//! Errors of message IDs.

/// Number of digits that a spreadsheet keeps of a number; the others become zeros.
const SPREADSHEET_DIGITS: usize = 15;

/// The reason why a text cannot be a message ID; the message continues "the ID …" (`docs/facts/ons-api.md` §8, Traps 11
/// and 12).
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BadId {
    /// The text is empty.
    #[error("is empty")]
    Empty,
    /// The text has blanks before or after it.
    #[error("has blanks around it; IDs are sent exactly as written, so remove them")]
    Blanks,
    /// The text is masked: consoles and documents hide the end of an ID.
    #[error(
        "is masked with `*`; the whole ID is needed, from a producer's log or the message's details"
    )]
    Masked,
    /// `1.23E+15`, or a number with more digits than a spreadsheet keeps, followed by zeros.
    #[error(
        "has lost digits: a spreadsheet turned it into a number; export the column again as text"
    )]
    Spreadsheet,
    /// Too few digits, all of them decimal.
    #[error(
        "is a number of {found} digits, expected 32, 34 or 56 hex digits; a spreadsheet drops leading zeros"
    )]
    Number {
        /// Number of digits.
        found: usize,
    },
    /// Hex digits, but not a known length.
    #[error("has {found} hex digits, expected 32, 34 or 56")]
    Length {
        /// Number of digits.
        found: usize,
    },
    /// The text contains characters other than hex digits.
    #[error("has {found:?} as character {position}, expected hex digits only")]
    Alphabet {
        /// The first such character.
        found: char,
        /// Its position, from 1.
        position: usize,
    },
    /// 34 digits that do not begin with `01`, the only known version of the 5.x format.
    #[error("has 34 hex digits but does not begin with the version `01`")]
    Version,
}

/// Checks whether a text is a message ID of a known kind. Every input row is checked, so this allocates
/// nothing.
pub(super) fn check(text: &str) -> Result<(), BadId> {
    let bytes = text.as_bytes();
    let hex = |bytes: &[u8]| {
        bytes
            .iter()
            .fold(true, |hex, byte| hex & byte.is_ascii_hexdigit())
    };
    match bytes.len() {
        32 | 34 | 56 if hex(bytes) => {}
        _ => return Err(diagnose(text)),
    }
    if bytes.len() == 34 && !text.starts_with("01") {
        return Err(BadId::Version);
    }
    if has_lost_tail(bytes) {
        return Err(BadId::Spreadsheet);
    }
    Ok(())
}

/// Returns whether the digits after the fifteenth are all zeros, as a spreadsheet writes a long number.
///
/// An ID of decimal digits is legal, so three more conditions apply: no leading zero, which a spreadsheet would
/// drop; only zeros after the fifteenth digit. It must not be an offset ID, which has zeros where its port begins and
/// may end in a small offset.
fn has_lost_tail(bytes: &[u8]) -> bool {
    let (head, tail) = bytes.split_at(SPREADSHEET_DIGITS);
    let may_be_offset_id = bytes.len() == 32 && bytes[8..12] == *b"0000";
    tail.iter().all(|&byte| byte == b'0')
        && head.iter().all(u8::is_ascii_digit)
        && head[0] != b'0'
        && !may_be_offset_id
}

#[cold]
fn diagnose(text: &str) -> BadId {
    let trimmed = text.trim();
    let stranger = (1..)
        .zip(text.chars())
        .find(|(_, c)| !c.is_ascii_hexdigit());
    match stranger {
        _ if trimmed.is_empty() => BadId::Empty,
        _ if trimmed.len() < text.len() => BadId::Blanks,
        _ if text.contains('*') => BadId::Masked,
        _ if is_scientific(text) => BadId::Spreadsheet,
        Some((position, found)) => BadId::Alphabet { found, position },
        None if text.bytes().all(|byte| byte.is_ascii_digit()) => {
            BadId::Number { found: text.len() }
        }
        None => BadId::Length { found: text.len() },
    }
}

/// Returns whether the text is in scientific notation: `1.23E+15`, `1,23E+15`, `1E+15`. Without a fraction or
/// sign it could be the beginning of an ID.
fn is_scientific(text: &str) -> bool {
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let Some((mantissa, exponent)) = text.split_once(['e', 'E']) else {
        return false;
    };
    let (whole, fraction) = mantissa.split_once(['.', ',']).unwrap_or((mantissa, "0"));
    text.contains(['.', ',', '+', '-'])
        && digits(whole)
        && digits(fraction)
        && digits(exponent.strip_prefix(['+', '-']).unwrap_or(exponent))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn ids_of_every_kind_pass() {
        for id in [
            "1E0578FE110F18B4AAC235C0C8460BA2",
            "1e0578fe110f18b4aac235c0c8460ba2",
            "7F000001000018b4aac235c0C8460bA2",
            "AC10323E00002A9F0000000000983278",
            "0156F7E71C361B21BC024CCDBE00000000",
            "20010DB8000000000000000000000001110F18B4AAC235C0C8460BA2",
        ] {
            assert_eq!(check(id), Ok(()), "{id}");
        }
    }

    #[test]
    fn digits_only_are_legal_unless_the_tail_is_lost() {
        for id in [
            "12345678901234567890123456789012",
            "12345678901234500000000000000001",
            "01234567890123400000000000000000", // a spreadsheet would have dropped the leading zero
            "10203040000027100000000000000000", // an offset ID: port 10000, the first message of the log
        ] {
            assert_eq!(check(id), Ok(()), "{id}");
        }
        for id in [
            "12345678901234500000000000000000",
            "12345678901234500000000000000000000000000000000000000000",
        ] {
            assert_eq!(check(id), Err(BadId::Spreadsheet), "{id}");
        }
    }

    #[test]
    fn each_fault_has_its_reason() {
        let alphabet = |found, position| BadId::Alphabet { found, position };
        for (text, fault) in [
            ("", BadId::Empty),
            (" \t", BadId::Empty),
            (" 1E0578FE110F18B4AAC235C0C8460BA2", BadId::Blanks),
            ("1E0578FE110F18B4AAC235C0C8460BA2\u{a0}", BadId::Blanks),
            ("1E0578FE110F18B4AAC235C0C846****", BadId::Masked),
            ("1.23E+15", BadId::Spreadsheet),
            ("1,23E+15", BadId::Spreadsheet),
            ("1E+15", BadId::Spreadsheet),
            ("1E15", BadId::Length { found: 4 }),
            ("123e-7", BadId::Spreadsheet),
            ("123456789012345", BadId::Number { found: 15 }),
            (
                "1234567890123450000000000000000",
                BadId::Number { found: 31 },
            ),
            (
                "1E0578FE110F18B4AAC235C0C8460BA",
                BadId::Length { found: 31 },
            ),
            ("1.23E", alphabet('.', 2)),
            ("1E0578FE110F18G4AAC235C0C8460BA2", alphabet('G', 15)),
            ("1E0578FE110F18 4AAC235C0C8460BA2", alphabet(' ', 15)),
            ("é", alphabet('é', 1)),
            ("0256F7E71C361B21BC024CCDBE00000000", BadId::Version),
        ] {
            assert_eq!(check(text), Err(fault), "{text:?}");
        }
    }

    #[test]
    fn reasons_say_what_was_expected() {
        let reason = |text| check(text).unwrap_err().to_string();
        assert_eq!(reason("1E05"), "has 4 hex digits, expected 32, 34 or 56");
        assert_eq!(
            reason("id\t7"),
            "has 'i' as character 1, expected hex digits only"
        );
    }

    proptest! {
        #[test]
        fn nothing_panics_and_only_hex_passes(text in ".{0,60}|[0-9]{0,60}|[0-9A-Fa-f]{32}|[*0-9eE.+ -]{0,40}") {
            if check(&text).is_ok() {
                prop_assert!(text.bytes().all(|byte| byte.is_ascii_hexdigit()));
                prop_assert!([32, 34, 56].contains(&text.len()));
            }
        }
    }
}
