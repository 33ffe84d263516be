//! What holds for any bytes.

use proptest::prelude::*;

use super::*;

fn any_options() -> impl Strategy<Value = InputOptions> {
    let format = prop::option::of(prop::sample::select(InputFormat::ALL.to_vec()));
    let column = || prop::option::of(prop::sample::select(vec!["1", "2", "a"]));
    (format, any::<bool>(), any::<bool>(), column(), column()).prop_map(
        |(format, no_header, has_topic, id, topic)| {
            options(|o| {
                o.format = format;
                o.no_header = no_header;
                o.topic = has_topic.then(|| "t".to_owned());
                o.msg_id_column = id.map(Into::into);
                o.topic_column = topic.map(Into::into);
            })
        },
    )
}

/// Bytes that come close to what the readers look for.
fn any_bytes() -> impl Strategy<Value = Vec<u8>> {
    let part = prop_oneof![
        prop::sample::select(vec![
            "msg_id,topic,a\n",
            "{\"msg_id\":\"",
            "\"topic\":\"t\"",
            A,
            "\"",
            "\n",
            "\r\n",
            ",",
            ";",
            "\t",
            "{",
            "}",
            "[",
            ":",
            "null",
            "\\u",
            "\\ud800",
            "é",
            "1.23E+15",
            "****",
            "\u{feff}",
            "broker,queue_id,queue_offset",
        ])
        .prop_map(|text| text.as_bytes().to_vec()),
        prop::collection::vec(any::<u8>(), 0..8),
    ];
    prop::collection::vec(part, 0..30).prop_map(|parts| parts.concat())
}

proptest! {
    #[test]
    fn no_bytes_make_a_reader_panic_and_every_record_is_one_row(bytes in any_bytes(), options in any_options()) {
        if let Ok(inputs) = Inputs::from_bytes("in", &bytes, options) {
            let mut expected = 1..;
            for row in inputs.rows() {
                let row = row.unwrap();
                prop_assert_eq!(Some(row.row), expected.next());
                if let Some(json) = &row.kept.json {
                    let kept: serde_json::Map<_, _> = serde_json::from_str(json).unwrap();
                    prop_assert_eq!(kept.len(), row.kept.columns.len());
                }
            }
            prop_assert_eq!(expected.next(), Some(inputs.surveys()[0].rows + 1));
        }
    }

    #[test]
    fn kept_cells_are_those_that_were_written(
        cells in prop::collection::vec(prop::collection::vec("[^\u{fffd}]{0,8}|[\",;\r\n\t ]{0,4}", 3), 0..20),
    ) {
        let mut writer = csv::Writer::from_writer(Vec::new());
        writer.write_record(["a", "msg_id", "b", "topic", "c"]).unwrap();
        for row in &cells {
            writer.write_record([row[0].as_str(), A, &row[1], "t", &row[2]]).unwrap();
        }
        let rows = read(writer.into_inner().unwrap(), InputOptions::default());
        prop_assert_eq!(rows.len(), cells.len());
        for (row, cells) in rows.iter().zip(&cells) {
            let json: serde_json::Value = serde_json::from_str(row.kept.json.as_deref().unwrap()).unwrap();
            prop_assert_eq!(json, serde_json::json!({"a": cells[0], "b": cells[1], "c": cells[2]}));
        }
    }
}
