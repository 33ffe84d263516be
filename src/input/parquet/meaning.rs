//! How the values of a column become text. The table is in `docs/guide/inputs.md`.

use std::fmt::Write as _;

use jiff::civil::Time;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use parquet::basic::{ConvertedType, LogicalType, TimeUnit, Type};
use parquet::schema::types::ColumnDescriptor;

use super::fault::ParquetFault;
use crate::input::kept_cells::push_string;

/// From here on, and below its inverse, numbers are written in scientific notation, as those of workbooks are.
const SCIENTIFIC: f64 = 1e15;
const TINY: f64 = 1e-7;

/// The Julian day of 1970-01-01.
const EPOCH_DAY: i128 = 2_440_588;
const DAY_NANOS: i128 = 86_400_000_000_000;

/// The most decimal digits behind the point.
const MAX_SCALE: i32 = 1000;

/// The most bytes of a decimal number: those of 256 bits.
const MAX_DECIMAL: usize = 32;

/// A value as it is stored.
#[derive(Debug, Clone, Copy)]
pub(super) enum Value<'v> {
    Bool(bool),
    Int32(i32),
    Int64(i64),
    /// Nanoseconds of the day, and the Julian day.
    Int96(i64, u32),
    Float(f32),
    Double(f64),
    Bytes(&'v [u8]),
}

/// What the values of a column mean.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ColumnMeaning {
    Bool,
    Signed,
    Unsigned,
    /// A number of which so many digits stand behind the point.
    Decimal(usize),
    Date,
    /// A time of day in units of so many nanoseconds, in UTC or not.
    Time(i64, bool),
    /// A time in units of so many nanoseconds, in UTC or not.
    Timestamp(i64, bool),
    Float,
    HalfFloat,
    /// Text that must be UTF-8.
    Text,
    /// Bytes that may be text.
    Binary,
    /// Bytes that are no text.
    Hex,
    Uuid,
    Interval,
}

/// The text is not UTF-8.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct NotText;

impl ColumnMeaning {
    /// Returns what the values of a column mean.
    pub(super) fn of(column: &ColumnDescriptor) -> Result<Self, ParquetFault> {
        let physical = column.physical_type();
        let decimal = || {
            let scale = column.type_scale();
            let digits = usize::try_from(scale).ok().filter(|_| scale <= MAX_SCALE);
            digits.map(Self::Decimal).ok_or_else(|| {
                let problem = format!("its values have {scale} digits behind the point");
                ParquetFault::in_column(&column.path().string(), &problem)
            })
        };
        let logical = match column.logical_type_ref() {
            Some(LogicalType::Decimal(_)) => return decimal(),
            Some(logical) => Self::of_logical(logical, physical),
            None if column.converted_type() == ConvertedType::DECIMAL => return decimal(),
            None => Self::of_converted(column.converted_type(), physical),
        };
        Ok(logical.unwrap_or(match physical {
            Type::BOOLEAN => Self::Bool,
            Type::INT32 | Type::INT64 => Self::Signed,
            Type::INT96 => Self::Timestamp(1, false),
            Type::FLOAT | Type::DOUBLE => Self::Float,
            Type::BYTE_ARRAY => Self::Binary,
            Type::FIXED_LEN_BYTE_ARRAY => Self::Hex,
        }))
    }

    fn of_logical(logical: &LogicalType, physical: Type) -> Option<Self> {
        let is_int = matches!(physical, Type::INT32 | Type::INT64);
        let is_bytes = physical == Type::BYTE_ARRAY;
        let is_fixed = physical == Type::FIXED_LEN_BYTE_ARRAY;
        match logical {
            LogicalType::String | LogicalType::Enum | LogicalType::Json if is_bytes => {
                Some(Self::Text)
            }
            LogicalType::Integer(int) if is_int && !int.is_signed => Some(Self::Unsigned),
            LogicalType::Date if is_int => Some(Self::Date),
            LogicalType::Time(time) if is_int => {
                Some(Self::Time(nanos(time.unit), time.is_adjusted_to_u_t_c))
            }
            LogicalType::Timestamp(time) if is_int => {
                Some(Self::Timestamp(nanos(time.unit), time.is_adjusted_to_u_t_c))
            }
            LogicalType::Uuid if is_fixed => Some(Self::Uuid),
            LogicalType::Float16 if is_fixed => Some(Self::HalfFloat),
            LogicalType::Bson | LogicalType::Geometry(_) | LogicalType::Geography(_)
                if is_bytes =>
            {
                Some(Self::Hex)
            }
            _ => None,
        }
    }

    fn of_converted(converted: ConvertedType, physical: Type) -> Option<Self> {
        use ConvertedType as Old;
        let is_int = matches!(physical, Type::INT32 | Type::INT64);
        let is_bytes = physical == Type::BYTE_ARRAY;
        match converted {
            Old::UTF8 | Old::ENUM | Old::JSON if is_bytes => Some(Self::Text),
            Old::UINT_8 | Old::UINT_16 | Old::UINT_32 | Old::UINT_64 if is_int => {
                Some(Self::Unsigned)
            }
            Old::DATE if is_int => Some(Self::Date),
            Old::TIME_MILLIS if is_int => Some(Self::Time(1_000_000, true)),
            Old::TIME_MICROS if is_int => Some(Self::Time(1_000, true)),
            Old::TIMESTAMP_MILLIS if is_int => Some(Self::Timestamp(1_000_000, true)),
            Old::TIMESTAMP_MICROS if is_int => Some(Self::Timestamp(1_000, true)),
            Old::BSON if is_bytes => Some(Self::Hex),
            Old::INTERVAL if physical == Type::FIXED_LEN_BYTE_ARRAY => Some(Self::Interval),
            _ => None,
        }
    }

    /// Appends the text of a value.
    pub(super) fn push_text(self, value: Value<'_>, out: &mut String) -> Result<(), NotText> {
        match (self, value) {
            (Self::Timestamp(..), Value::Int96(nanos, day)) => {
                let nanos = (i128::from(day) - EPOCH_DAY) * DAY_NANOS + i128::from(nanos);
                push_timestamp(nanos, 1, false, out);
            }
            (_, Value::Bool(truth)) => push(out, format_args!("{truth}")),
            (_, Value::Int32(int)) if self == Self::Unsigned => {
                push(out, format_args!("{}", int.cast_unsigned()));
            }
            (_, Value::Int64(int)) if self == Self::Unsigned => {
                push(out, format_args!("{}", int.cast_unsigned()));
            }
            (_, Value::Int32(int)) => self.push_int(int.into(), out),
            (_, Value::Int64(int)) => self.push_int(int, out),
            (_, Value::Int96(nanos, day)) => push(out, format_args!("{day}/{nanos}")),
            (_, Value::Float(float)) => push_float(float.into(), &float, out),
            (_, Value::Double(double)) => push_float(double, &double, out),
            (_, Value::Bytes(bytes)) => self.push_bytes(bytes, out)?,
        }
        Ok(())
    }

    /// Appends a value as JSON: a number, a truth value, or its text as a string.
    pub(super) fn push_json(
        self,
        value: Value<'_>,
        scratch: &mut String,
        out: &mut String,
    ) -> Result<(), NotText> {
        scratch.clear();
        self.push_text(value, scratch)?;
        let is_number = matches!(
            self,
            Self::Signed | Self::Unsigned | Self::Decimal(_) | Self::Float | Self::HalfFloat
        );
        let is_finite = scratch.ends_with(|last: char| last.is_ascii_digit());
        if self == Self::Bool || (is_number && is_finite) {
            out.push_str(scratch);
        } else {
            push_string(out, scratch);
        }
        Ok(())
    }

    fn push_int(self, int: i64, out: &mut String) {
        match self {
            Self::Decimal(scale) => {
                push_decimal(int < 0, &int.unsigned_abs().to_string(), scale, out);
            }
            Self::Date => {
                let day = int.checked_mul(86_400).map(Timestamp::from_second);
                match day {
                    Some(Ok(day)) => push(
                        out,
                        format_args!("{}", TimeZone::UTC.to_datetime(day).date()),
                    ),
                    _ => push(out, format_args!("{int}")),
                }
            }
            Self::Time(unit, is_utc) => {
                let nanos = int.checked_mul(unit).map(SignedDuration::from_nanos);
                match nanos.map(|nanos| Time::midnight().checked_add(nanos)) {
                    Some(Ok(time)) => {
                        let digits = digits(unit);
                        push(out, format_args!("{time:.digits$}{}", zone(is_utc)));
                    }
                    _ => push(out, format_args!("{int}")),
                }
            }
            Self::Timestamp(unit, is_utc) => {
                push_timestamp(int.into(), unit, is_utc, out);
            }
            _ => push(out, format_args!("{int}")),
        }
    }

    fn push_bytes(self, bytes: &[u8], out: &mut String) -> Result<(), NotText> {
        match (self, str::from_utf8(bytes)) {
            (Self::Text | Self::Binary, Ok(text)) => out.push_str(text),
            (Self::Text, Err(_)) => return Err(NotText),
            (Self::Decimal(scale), _) if bytes.len() <= MAX_DECIMAL => {
                let (is_negative, digits) = decimal_digits(bytes);
                push_decimal(is_negative, &digits, scale, out);
            }
            (Self::Uuid, _) if bytes.len() == 16 => {
                for (nth, byte) in bytes.iter().enumerate() {
                    let hyphen = if matches!(nth, 4 | 6 | 8 | 10) {
                        "-"
                    } else {
                        ""
                    };
                    push(out, format_args!("{hyphen}{byte:02x}"));
                }
            }
            (Self::HalfFloat, _) if bytes.len() == 2 => {
                let half = half(u16::from_le_bytes([bytes[0], bytes[1]]));
                push_float(half.into(), &half, out);
            }
            (Self::Interval, _) if bytes.len() == 12 => {
                let part = |at: usize| {
                    let part = bytes[at..at + 4].iter().rev();
                    part.fold(0_u32, |part, &byte| part << 8 | u32::from(byte))
                };
                push_interval(part(0), part(4), part(8), out);
            }
            // No decimal number of a program has more digits.
            (Self::Decimal(_), _) => {
                out.push_str("0x");
                Self::Hex.push_bytes(bytes, out)?;
            }
            _ => bytes
                .iter()
                .for_each(|byte| push(out, format_args!("{byte:02X}"))),
        }
        Ok(())
    }
}

/// Appends to a text, which takes everything.
fn push(out: &mut String, text: std::fmt::Arguments<'_>) {
    let _ = out.write_fmt(text);
}

const fn zone(is_utc: bool) -> &'static str {
    if is_utc { "Z" } else { "" }
}

const fn nanos(unit: TimeUnit) -> i64 {
    match unit {
        TimeUnit::MILLIS => 1_000_000,
        TimeUnit::MICROS => 1_000,
        TimeUnit::NANOS => 1,
    }
}

/// Returns how many digits of a second a time has in units of so many nanoseconds.
const fn digits(unit: i64) -> usize {
    match unit {
        1_000_000 => 3,
        1_000 => 6,
        _ => 9,
    }
}

/// Appends a time in RFC 3339 if it is in UTC, and without a zone otherwise. It is given as a number of units of so many
/// nanoseconds, and stays that number if it is outside of the years that are supported.
fn push_timestamp(number: i128, unit: i64, is_utc: bool, out: &mut String) {
    let digits = digits(unit);
    match Timestamp::from_nanosecond(number * i128::from(unit)) {
        Ok(time) if is_utc => push(out, format_args!("{time:.digits$}")),
        Ok(time) => {
            let time = TimeZone::UTC.to_datetime(time);
            push(out, format_args!("{time:.digits$}"));
        }
        Err(_) => push(out, format_args!("{number}")),
    }
}

/// Appends a number as its shortest text that gives the same number again. `own` is the number in its own precision.
fn push_float(value: f64, own: &(impl std::fmt::Display + std::fmt::UpperExp), out: &mut String) {
    let size = value.abs();
    if size >= SCIENTIFIC && value.is_finite() {
        out.push_str(&format!("{own:E}").replacen('E', "E+", 1));
    } else if size < TINY && size > 0.0 {
        push(out, format_args!("{own:E}"));
    } else if size > 0.0 || value.is_nan() {
        push(out, format_args!("{own}"));
    } else {
        // A negative zero is a zero.
        out.push('0');
    }
}

/// Appends a decimal number, given by its digits without the point.
fn push_decimal(is_negative: bool, digits: &str, scale: usize, out: &mut String) {
    if is_negative {
        out.push('-');
    }
    let zeros = (scale + 1).saturating_sub(digits.len());
    let digits = "0".repeat(zeros) + digits;
    let (whole, fraction) = digits.split_at(digits.len() - scale);
    out.push_str(whole);
    if !fraction.is_empty() {
        out.push('.');
        out.push_str(fraction);
    }
}

/// Returns the sign and the digits of a number in two's complement, its highest byte first.
fn decimal_digits(bytes: &[u8]) -> (bool, String) {
    const LIMB: u64 = 1_000_000_000;
    let is_negative = bytes.first().is_some_and(|byte| byte & 0x80 != 0);
    let mut magnitude = bytes.to_vec();
    if is_negative {
        let mut carries = true;
        for byte in magnitude.iter_mut().rev() {
            let (negated, overflows) = (!*byte).overflowing_add(carries.into());
            (*byte, carries) = (negated, overflows);
        }
    }
    let mut limbs = Vec::new();
    while magnitude.iter().any(|&byte| byte != 0) {
        let mut rest = 0;
        for byte in &mut magnitude {
            let value = rest << 8 | u64::from(*byte);
            *byte = (value / LIMB).to_le_bytes()[0];
            rest = value % LIMB;
        }
        limbs.push(rest);
    }
    let mut limbs = limbs.iter().rev();
    let first = limbs.next().copied().unwrap_or_default();
    let mut digits = first.to_string();
    limbs.for_each(|limb| push(&mut digits, format_args!("{limb:09}")));
    (is_negative, digits)
}

/// Returns a number of 16 bits in 32 bits.
fn half(bits: u16) -> f32 {
    let (exponent, fraction) = (bits >> 10 & 0x1f, bits & 0x3ff);
    let fraction = f32::from(fraction) / 1024.0;
    let size = match exponent {
        0 => fraction * 2.0_f32.powi(-14),
        31 if fraction > 0.0 => f32::NAN,
        31 => f32::INFINITY,
        _ => (1.0 + fraction) * 2.0_f32.powi(i32::from(exponent) - 15),
    };
    if bits & 0x8000 == 0 { size } else { -size }
}

/// Appends a duration as ISO 8601: `P1M2DT3.5S`.
fn push_interval(months: u32, days: u32, millis: u32, out: &mut String) {
    out.push('P');
    if months > 0 {
        push(out, format_args!("{months}M"));
    }
    if days > 0 {
        push(out, format_args!("{days}D"));
    }
    let (seconds, millis) = (millis / 1000, millis % 1000);
    if millis > 0 {
        let fraction = format!("{millis:03}");
        push(
            out,
            format_args!("T{seconds}.{}S", fraction.trim_end_matches('0')),
        );
    } else if seconds > 0 || (months, days) == (0, 0) {
        push(out, format_args!("T{seconds}S"));
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn text(kind: ColumnMeaning, value: Value<'_>) -> String {
        let mut text = String::new();
        kind.push_text(value, &mut text).unwrap();
        text
    }

    #[test]
    fn every_kind_of_value_has_a_text() {
        use Value::{Bool, Bytes, Double, Float, Int32, Int64};
        let interval = [1, 0, 0, 0, 2, 0, 0, 0, 0xac, 0x0d, 0, 0];
        for (kind, value, expected) in [
            (ColumnMeaning::Bool, Bool(true), "true"),
            (ColumnMeaning::Signed, Int32(-7), "-7"),
            (ColumnMeaning::Unsigned, Int32(-1), "4294967295"),
            (ColumnMeaning::Unsigned, Int64(-1), "18446744073709551615"),
            (ColumnMeaning::Decimal(2), Int32(-5), "-0.05"),
            (ColumnMeaning::Decimal(0), Int64(12), "12"),
            (ColumnMeaning::Decimal(3), Bytes(&[0xff, 0x85]), "-0.123"),
            (ColumnMeaning::Decimal(2), Bytes(&[]), "0.00"),
            (
                ColumnMeaning::Decimal(2),
                Bytes(&[0; 33]),
                &format!("0x{}", "00".repeat(33)),
            ),
            (ColumnMeaning::Float, Float(0.1), "0.1"),
            (ColumnMeaning::Float, Double(-0.0), "0"),
            (ColumnMeaning::Float, Double(1e300), "1E+300"),
            (ColumnMeaning::Float, Double(1e-9), "1E-9"),
            (ColumnMeaning::Float, Double(f64::NAN), "NaN"),
            (ColumnMeaning::Float, Double(f64::NEG_INFINITY), "-inf"),
            (ColumnMeaning::HalfFloat, Bytes(&[0x00, 0xc0]), "-2"),
            (
                ColumnMeaning::HalfFloat,
                Bytes(&[0x01, 0x00]),
                "5.9604645E-8",
            ),
            (ColumnMeaning::Text, Bytes("李娜".as_bytes()), "李娜"),
            (ColumnMeaning::Binary, Bytes(b"text"), "text"),
            (ColumnMeaning::Binary, Bytes(&[0x1e, 0xff]), "1EFF"),
            (ColumnMeaning::Hex, Bytes(b"ab"), "6162"),
            (
                ColumnMeaning::Uuid,
                Bytes(&[0xab; 16]),
                "abababab-abab-abab-abab-abababababab",
            ),
            (ColumnMeaning::Interval, Bytes(&interval), "P1M2DT3.5S"),
            (ColumnMeaning::Interval, Bytes(&[0; 12]), "PT0S"),
        ] {
            assert_eq!(text(kind, value), expected, "{kind:?} {value:?}");
        }
        let not_text = ColumnMeaning::Text.push_text(Bytes(&[0xff]), &mut String::new());
        assert_eq!(not_text, Err(NotText));
    }

    #[test]
    fn dates_and_times_are_iso_8601() {
        use Value::{Int32, Int64, Int96};
        let day = 20_777;
        let millis = 1_795_129_445_120;
        let million = 1_000_000;
        for (kind, value, expected) in [
            (ColumnMeaning::Date, Int32(day), "2026-11-20"),
            (ColumnMeaning::Date, Int32(i32::MAX), "2147483647"),
            (
                ColumnMeaning::Time(million, false),
                Int32(3_723_004),
                "01:02:03.004",
            ),
            (ColumnMeaning::Time(1, true), Int64(-1), "-1"),
            (
                ColumnMeaning::Timestamp(million, true),
                Int64(millis),
                "2026-11-19T23:04:05.120Z",
            ),
            (
                ColumnMeaning::Timestamp(million, false),
                Int64(millis),
                "2026-11-19T23:04:05.120",
            ),
            (
                ColumnMeaning::Timestamp(1000, true),
                Int64(1),
                "1970-01-01T00:00:00.000001Z",
            ),
            (
                ColumnMeaning::Timestamp(1, false),
                Int64(-1),
                "1969-12-31T23:59:59.999999999",
            ),
            (
                ColumnMeaning::Timestamp(1000, true),
                Int64(i64::MAX),
                "9223372036854775807",
            ),
            (
                ColumnMeaning::Timestamp(1, false),
                Int96(1, 2_440_588),
                "1970-01-01T00:00:00.000000001",
            ),
        ] {
            assert_eq!(text(kind, value), expected, "{kind:?} {value:?}");
        }
    }

    #[test]
    fn only_numbers_and_truth_values_are_not_json_strings() {
        for (kind, value, expected) in [
            (ColumnMeaning::Bool, Value::Bool(false), "false"),
            (ColumnMeaning::Decimal(1), Value::Int32(15), "1.5"),
            (ColumnMeaning::Float, Value::Double(1e300), "1E+300"),
            (ColumnMeaning::Float, Value::Double(f64::NAN), "\"NaN\""),
            (
                ColumnMeaning::Float,
                Value::Double(f64::INFINITY),
                "\"inf\"",
            ),
            (ColumnMeaning::Date, Value::Int32(0), "\"1970-01-01\""),
            (ColumnMeaning::Text, Value::Bytes(b"17"), "\"17\""),
        ] {
            let mut json = String::new();
            kind.push_json(value, &mut String::new(), &mut json)
                .unwrap();
            assert_eq!(json, expected);
        }
    }

    proptest! {
        #[test]
        fn decimals_in_bytes_are_those_in_numbers(number: i128, scale in 0_usize..40) {
            let whole = text(ColumnMeaning::Decimal(0), Value::Bytes(&number.to_be_bytes()));
            prop_assert_eq!(&whole, &number.to_string());
            let scaled = text(ColumnMeaning::Decimal(scale), Value::Bytes(&number.to_be_bytes()));
            let digits = |text: &str| {
                let digits = text.replace(['.', '-'], "");
                digits.trim_start_matches('0').to_owned()
            };
            prop_assert_eq!(digits(&scaled), digits(&whole));
        }

        #[test]
        fn floats_come_back(bits: u32) {
            let value = f32::from_bits(bits);
            prop_assume!(value.is_finite());
            let again: f32 = text(ColumnMeaning::Float, Value::Float(value)).parse().unwrap();
            prop_assert_eq!((again + 0.0).to_bits(), (value + 0.0).to_bits());
        }

        #[test]
        fn no_value_panics(int: i64, bytes: Vec<u8>, scale in 0_usize..=1000) {
            for kind in [
                ColumnMeaning::Decimal(scale), ColumnMeaning::Date, ColumnMeaning::Time(1_000_000, true), ColumnMeaning::Timestamp(1_000_000, false),
                ColumnMeaning::HalfFloat, ColumnMeaning::Uuid, ColumnMeaning::Interval, ColumnMeaning::Binary,
            ] {
                text(kind, Value::Int64(int));
                text(kind, Value::Bytes(&bytes));
            }
        }
    }
}
