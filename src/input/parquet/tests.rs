use std::io::Read;
use std::sync::Arc;

use ::parquet::data_type::{ByteArray, ByteArrayType, Int64Type};
use ::parquet::file::properties::WriterProperties;
use ::parquet::file::writer::SerializedFileWriter;
use ::parquet::schema::parser::parse_message_type;
use proptest::prelude::*;

use super::table::ParquetTable;
use super::text::ParquetText;
use super::*;
use crate::exit::Advice;
use crate::input::bytes::Bytes;
use crate::input::{InputError, InputOptions, Inputs};

const TYPES: &[u8] = include_bytes!("../../../tests/data/parquet/types.parquet");
const NESTED: &[u8] = include_bytes!("../../../tests/data/parquet/nested.parquet");
const ZSTD: &[u8] = include_bytes!("../../../tests/data/parquet/zstd.parquet");
const GZIP: &[u8] = include_bytes!("../../../tests/data/parquet/gzip.parquet");
const SNAPPY: &[u8] = include_bytes!("../../../tests/data/parquet/snappy.parquet");

const TYPES_CSV: &str = include_str!("../../../tests/data/parquet/types.csv");
const NESTED_CSV: &str = include_str!("../../../tests/data/parquet/nested.csv");
const ALL_CSV: &str = include_str!("../../../tests/data/parquet/zstd.csv");

fn opened(bytes: &[u8]) -> Result<ParquetTable, ParquetFault> {
    ParquetTable::open(&Bytes::Memory(bytes.into()))
}

fn text(table: &ParquetTable) -> Result<String, String> {
    let mut text = String::new();
    let read = table.text().read_to_string(&mut text);
    read.map(|_| text).map_err(|error| error.to_string())
}

/// Returns the rows as `Debug` shows them.
fn rows(bytes: &[u8]) -> Vec<String> {
    let inputs = Inputs::from_bytes("in", bytes, InputOptions::default()).unwrap();
    let rows = inputs.rows().map(|row| format!("{:?}", row.unwrap()));
    rows.collect()
}

#[test]
fn rows_are_those_of_the_same_table_as_csv() {
    for (file, csv) in [
        (TYPES, TYPES_CSV),
        (NESTED, NESTED_CSV),
        (ZSTD, ALL_CSV),
        (GZIP, ALL_CSV),
        (SNAPPY, ALL_CSV),
    ] {
        let expected: Vec<_> = rows(csv.as_bytes());
        assert_eq!(rows(file).len(), expected.len());
        for (found, expected) in rows(file).iter().zip(&expected) {
            // Places count rows in one and lines in the other, but no row is rejected here.
            assert_eq!(found, expected);
        }
    }
}

#[test]
fn columns_that_are_not_needed_are_not_read() {
    let mut bytes = TYPES.to_vec();
    let text_at = bytes
        .windows(8)
        .position(|part| part == "say \"hi\"".as_bytes());
    // The length of the text before its first byte becomes too large.
    bytes[text_at.unwrap() - 2] = 0x7f;
    let mut table = opened(&bytes).unwrap();
    let fault = text(&table).unwrap_err();
    assert!(
        fault.starts_with("is a damaged Parquet file: column `text`: "),
        "{fault}"
    );
    let names = table.names();
    table.keep_only(|column| names[column] != "text");
    let cells = text(&table).unwrap();
    assert!(cells.contains("-128,0,-32768,0,-2147483648"), "{cells}");
}

/// Writes a file with one row group of two columns.
fn written(rows: i64, ids: impl Fn(i64) -> Vec<u8>) -> Vec<u8> {
    let schema = "message m { required binary msg_id (STRING); required int64 n; }";
    let schema = Arc::new(parse_message_type(schema).unwrap());
    let properties = Arc::new(WriterProperties::builder().build());
    let mut writer = SerializedFileWriter::new(Vec::new(), schema, properties).unwrap();
    let mut group = writer.next_row_group().unwrap();
    let texts: Vec<_> = (0..rows).map(|row| ByteArray::from(ids(row))).collect();
    let numbers: Vec<_> = (0..rows).collect();
    let mut column = group.next_column().unwrap().unwrap();
    column
        .typed::<ByteArrayType>()
        .write_batch(&texts, None, None)
        .unwrap();
    column.close().unwrap();
    let mut column = group.next_column().unwrap().unwrap();
    column
        .typed::<Int64Type>()
        .write_batch(&numbers, None, None)
        .unwrap();
    column.close().unwrap();
    group.close().unwrap();
    writer.into_inner().unwrap()
}

#[test]
fn a_row_group_is_read_in_batches() {
    let bytes = written(20_000, |row| row.to_string().into_bytes());
    let table = opened(&bytes).unwrap();
    let group = table.row_group(0).unwrap().unwrap();
    assert_eq!((group.rows, group.batch), (20_000, 8192));
    let expected: Vec<_> = (0..20_000).map(|row| format!("{row},{row}")).collect();
    let found = text(&table).unwrap();
    assert_eq!(found.lines().collect::<Vec<_>>(), expected);
    // Longer rows make smaller batches.
    let long = written(64, |row| vec![u8::try_from(row).unwrap() + b' '; 1 << 20]);
    let group = opened(&long).unwrap().row_group(0).unwrap().unwrap();
    assert!((8..=16).contains(&group.batch), "{}", group.batch);
}

#[test]
fn no_row_is_blank_and_no_mark_is_lost() {
    let cells = ["", " ", "\t", "\u{feff}x", "a\"b", "c,d", "e\nf"];
    let bytes = written(7, |row| cells[usize::try_from(row).unwrap()].into());
    let mut table = opened(&bytes).unwrap();
    table.keep_only(|column| column == 0);
    let found = text(&table).unwrap();
    assert_eq!(
        found,
        "\"\",\n\" \",\n\"\t\",\n\"\u{feff}x\",\n\"a\"\"b\",\n\"c,d\",\n\"e\nf\",\n"
    );
}

#[test]
fn a_text_that_is_not_utf_8_is_an_error_with_its_place() {
    let bytes = written(
        9000,
        |row| if row == 8999 { vec![0xff] } else { vec![b'x'] },
    );
    let mut read = Vec::new();
    let mut stream = ParquetText::new(opened(&bytes).unwrap());
    let error = stream.read_to_end(&mut read).unwrap_err();
    assert_eq!(
        error.to_string(),
        "has a text that is not UTF-8 in column `msg_id`, row 9000"
    );
    assert_eq!(String::from_utf8(read).unwrap().lines().count(), 8999);
}

fn refusal(bytes: &[u8]) -> (String, String) {
    let refused = Inputs::from_bytes("in", bytes, InputOptions::default());
    let error: InputError = refused.unwrap_err();
    (error.to_string(), error.hint().unwrap())
}

#[test]
fn a_missing_column_is_not_looked_for_in_texts() {
    let table = |message: &str| {
        let schema = Arc::new(parse_message_type(message).unwrap());
        let properties = Arc::new(WriterProperties::builder().build());
        let writer = SerializedFileWriter::new(Vec::new(), schema, properties);
        writer.unwrap().into_inner().unwrap()
    };
    let nested = "message m { optional group payload { required binary msg_id (STRING); } }";
    let hint = "name it with --msg-id-column NAME, or its number from 1; a field of a struct has to be a column of its own";
    assert_eq!(
        refusal(&table(nested)),
        (
            "in: no column is named `msg_id`; its columns are `payload`".to_owned(),
            hint.to_owned()
        )
    );
    let options = InputOptions {
        msg_id_column: Some("payload.msg_id".into()),
        ..InputOptions::default()
    };
    let refused = Inputs::from_bytes("in", &table(nested), options).unwrap_err();
    assert_eq!(refused.hint().unwrap(), hint);
    let id = "message m { required binary 1E0578FE110F18B4AAC235C0C8460BA2; required int32 n; }";
    assert_eq!(refusal(&table(id)).1, hint);
}

#[test]
fn files_that_cannot_be_read_are_named_with_what_was_found() {
    let again = "fetch or write the file again, it may be incomplete";
    let end = TYPES.len();
    let with = |at: usize, bytes: &[u8]| {
        let mut changed = TYPES.to_vec();
        changed[at..at + bytes.len()].copy_from_slice(bytes);
        changed
    };
    for (bytes, error, hint) in [
        (
            TYPES[..end / 2].to_vec(),
            "in is a truncated Parquet file: it does not end with `PAR1`",
            again,
        ),
        (
            b"PAR1PAR1".to_vec(),
            "in is a truncated Parquet file: it does not end with `PAR1`",
            again,
        ),
        (
            with(end - 4, b"PARE"),
            "in is an encrypted Parquet file",
            "decrypt it, and give the list as a plain Parquet file or as CSV",
        ),
        (
            with(end - 8, &[0xff; 4]),
            "in is a damaged Parquet file: its footer is said to have 4294967295 bytes",
            again,
        ),
        (
            with(end - 8, &[16, 0, 0, 0]),
            "in is a damaged Parquet file: Required field num_rows is missing",
            again,
        ),
    ] {
        assert_eq!(refusal(&bytes), (error.to_owned(), hint.to_owned()));
    }
}

/// Reads all of a file, whatever it is.
fn read_all(bytes: &[u8]) {
    if let Ok(table) = opened(bytes) {
        let _ = text(&table);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn damaged_bytes_make_no_panic(
        file in prop::sample::select(vec![TYPES, NESTED, ZSTD, GZIP, SNAPPY]),
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..4),
    ) {
        let mut bytes = file.to_vec();
        for (at, byte) in changes {
            let at = at.index(bytes.len() - 8) + 4;
            bytes[at] ^= byte.max(1);
        }
        read_all(&bytes);
    }

    #[test]
    fn damaged_footers_make_no_panic(
        file in prop::sample::select(vec![TYPES, NESTED]),
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..3),
    ) {
        let mut bytes = file.to_vec();
        let end = bytes.len() - 8;
        let length = u32::from_le_bytes(bytes[end..end + 4].try_into().unwrap()) as usize;
        for (at, byte) in changes {
            bytes[end - length + at.index(length)] = byte;
        }
        read_all(&bytes);
    }

    #[test]
    fn missing_bytes_make_no_panic(
        file in prop::sample::select(vec![TYPES, NESTED, ZSTD]),
        from: prop::sample::Index,
        length in 1_usize..64,
    ) {
        let mut bytes = file.to_vec();
        let from = from.index(bytes.len());
        bytes.drain(from..bytes.len().min(from + length));
        read_all(&bytes);
    }
}
