//! Reads the compact protocol of Thrift as far as the headers of pages and the schema need it.

/// Why a structure cannot be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ThriftFault {
    /// It continues behind the bytes.
    Short,
    /// It contradicts the protocol.
    Invalid,
}

/// How deep structures may be nested.
const DEPTH: u32 = 32;

/// The field IDs of the structures whose numbers are read.
const NUMBERED: usize = 10;

const TRUE: u8 = 1;
const FALSE: u8 = 2;
const BYTE: u8 = 3;
const DOUBLE: u8 = 7;
const BINARY: u8 = 8;
const LIST: u8 = 9;
const SET: u8 = 10;
const MAP: u8 = 11;
/// The type of structures.
pub(super) const STRUCT: u8 = 12;
const UUID: u8 = 13;

/// A field of a structure: its ID and its type.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Field {
    pub(super) id: i64,
    pub(super) kind: u8,
}

/// Reads structures from bytes.
#[derive(Debug)]
pub(super) struct Thrift<'b> {
    bytes: &'b [u8],
    at: usize,
}

impl<'b> Thrift<'b> {
    pub(super) const fn new(bytes: &'b [u8]) -> Self {
        Self { bytes, at: 0 }
    }

    /// Returns the number of bytes that were read.
    pub(super) const fn position(&self) -> usize {
        self.at
    }

    fn byte(&mut self) -> Result<u8, ThriftFault> {
        let byte = self.bytes.get(self.at).copied().ok_or(ThriftFault::Short)?;
        self.at += 1;
        Ok(byte)
    }

    fn pass(&mut self, length: u64) -> Result<(), ThriftFault> {
        let left = self.bytes.len() - self.at;
        let length = usize::try_from(length).map_err(|_| ThriftFault::Short)?;
        if length > left {
            return Err(ThriftFault::Short);
        }
        self.at += length;
        Ok(())
    }

    fn unsigned(&mut self) -> Result<u64, ThriftFault> {
        let mut number = 0;
        for shift in (0..64).step_by(7) {
            let byte = self.byte()?;
            number |= u64::from(byte & 0x7f) << shift;
            if byte & 0x80 == 0 {
                return Ok(number);
            }
        }
        Err(ThriftFault::Invalid)
    }

    fn signed(&mut self) -> Result<i64, ThriftFault> {
        let number = self.unsigned()?;
        Ok((number >> 1).cast_signed() ^ -((number & 1).cast_signed()))
    }

    /// Reads the beginning of the next field. `last` is the ID of the field before, 0 at first. `None` ends the structure.
    pub(super) fn field(&mut self, last: &mut i64) -> Result<Option<Field>, ThriftFault> {
        let byte = self.byte()?;
        let (step, kind) = (byte >> 4, byte & 0xf);
        if kind == 0 {
            return Ok(None);
        }
        *last = match step {
            0 => self.signed()?,
            step => last.checked_add(step.into()).ok_or(ThriftFault::Invalid)?,
        };
        Ok(Some(Field { id: *last, kind }))
    }

    /// Reads the beginning of a list: its length and the type of its elements.
    pub(super) fn list(&mut self) -> Result<(u64, u8), ThriftFault> {
        let byte = self.byte()?;
        let length = match byte >> 4 {
            15 => self.unsigned()?,
            length => length.into(),
        };
        Ok((length, byte & 0xf))
    }

    /// Reads a number or a truth value. Passes anything else and returns `None`.
    pub(super) fn number(&mut self, kind: u8) -> Result<Option<i64>, ThriftFault> {
        match kind {
            TRUE => Ok(Some(1)),
            FALSE => Ok(Some(0)),
            4..=6 => self.signed().map(Some),
            other => self.skip(other).map(|()| None),
        }
    }

    /// Reads a structure and returns its numbers and truth values by their IDs.
    pub(super) fn numbers(&mut self) -> Result<[Option<i64>; NUMBERED], ThriftFault> {
        let (mut numbers, mut last) = ([None; NUMBERED], 0);
        while let Some(field) = self.field(&mut last)? {
            let number = self.number(field.kind)?;
            if let Some(slot) = usize::try_from(field.id)
                .ok()
                .and_then(|id| numbers.get_mut(id))
            {
                *slot = number;
            }
        }
        Ok(numbers)
    }

    /// Passes a value.
    pub(super) fn skip(&mut self, kind: u8) -> Result<(), ThriftFault> {
        self.skip_within(kind, DEPTH)
    }

    fn skip_within(&mut self, kind: u8, depth: u32) -> Result<(), ThriftFault> {
        let depth = depth.checked_sub(1).ok_or(ThriftFault::Invalid)?;
        match kind {
            TRUE | FALSE => Ok(()),
            BYTE => self.pass(1),
            4..=6 => self.unsigned().map(drop),
            DOUBLE => self.pass(8),
            BINARY => {
                let length = self.unsigned()?;
                self.pass(length)
            }
            LIST | SET => {
                let (length, kind) = self.list()?;
                (0..length).try_for_each(|_| self.skip_element(kind, depth))
            }
            MAP => {
                let length = self.unsigned()?;
                let kinds = if length > 0 { self.byte()? } else { 0 };
                (0..length).try_for_each(|_| {
                    self.skip_element(kinds >> 4, depth)?;
                    self.skip_element(kinds & 0xf, depth)
                })
            }
            STRUCT => {
                let mut last = 0;
                while let Some(field) = self.field(&mut last)? {
                    self.skip_within(field.kind, depth)?;
                }
                Ok(())
            }
            UUID => self.pass(16),
            _ => Err(ThriftFault::Invalid),
        }
    }

    /// Passes an element of a collection, where a truth value is a byte.
    fn skip_element(&mut self, kind: u8, depth: u32) -> Result<(), ThriftFault> {
        match kind {
            TRUE | FALSE => self.pass(1),
            _ => self.skip_within(kind, depth),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn numbers_are_read_and_all_else_is_passed() {
        // 1: i32 -3, 2: binary "ab", 3: true, 4: list of two bytes, 20: a struct with i64 5
        let bytes = [
            0x15, 0x05, 0x18, 0x02, b'a', b'b', 0x11, 0x19, 0x23, 7, 8, 0x0c, 0x28, 0x16, 0x0a,
            0x00, 0x00, 0xff,
        ];
        let mut thrift = Thrift::new(&bytes);
        let numbers = thrift.numbers().unwrap();
        assert_eq!(numbers[..5], [None, Some(-3), None, Some(1), None]);
        assert_eq!(thrift.position(), bytes.len() - 1);
        let cut = Thrift::new(&bytes[..10]).numbers();
        assert_eq!(cut, Err(ThriftFault::Short));
    }

    #[test]
    fn nesting_has_an_end() {
        let lists = [0x19; 1000];
        assert_eq!(Thrift::new(&lists).skip(LIST), Err(ThriftFault::Invalid));
    }

    proptest! {
        #[test]
        fn no_bytes_are_read_beyond_their_end(bytes: Vec<u8>) {
            let mut thrift = Thrift::new(&bytes);
            let _ = thrift.numbers();
            prop_assert!(thrift.position() <= bytes.len());
        }
    }
}
