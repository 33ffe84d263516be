//! Parquet as input and as report. A report in Parquet has the cells of the CSV.

use std::fs;

use jiff::Timestamp;
use parquet::file::reader::{FileReader as _, SerializedFileReader};
use parquet::record::Field;

use super::bundle::{bytes_of, entries};
use super::tool::{Tool, table};

const AUDIT: &str = "audit samples/incident.csv --source samples/cluster.json --expect-file samples/expected.csv \
                     --accept filtered --raw-csv --results r.ndjson";

/// Three rows of the sample whose kept columns have the names of ours, in another case, and of a group.
const COLLIDING: &str = "msg_id,topic,Verdict,verdict_2,GID_Billing,order\n\
                         0A15030B110F18B4AAC264BE6C450BA2,orders,good,x,y,\n\
                         0A150421038618B4AAC264BE7FAE7702,payments,=1+1,,z,\"a\nb\"\n\
                         0A15030C140018B4AAC264BE73D821D1,orders,,,,\n";

fn file(tool: &Tool, name: &str) -> SerializedFileReader<fs::File> {
    SerializedFileReader::new(fs::File::open(tool.path(name)).unwrap()).unwrap()
}

/// Returns the names and the types of the columns.
fn schema(tool: &Tool, name: &str) -> Vec<(String, String)> {
    let file = file(tool, name);
    let columns = file.metadata().file_metadata().schema_descr().columns();
    let described = columns.iter().map(|column| {
        let logical = column
            .logical_type_ref()
            .map(|logical| format!("{logical:?}"));
        let physical = column.physical_type().to_string();
        (column.name().to_owned(), logical.unwrap_or(physical))
    });
    described.collect()
}

/// Returns a cell as the CSV writes it.
fn csv_text(field: &Field) -> String {
    match field {
        Field::Null => String::new(),
        Field::Str(text) => text.clone(),
        Field::Int(number) => number.to_string(),
        Field::Long(number) => number.to_string(),
        Field::TimestampMillis(millis) => {
            format!("{:.3}", Timestamp::from_millisecond(*millis).unwrap())
        }
        other => panic!("{other:?} is no cell of ours"),
    }
}

/// Returns the cells of all rows.
pub(crate) fn cells(tool: &Tool, name: &str) -> Vec<Vec<String>> {
    let rows = file(tool, name);
    let rows = rows.get_row_iter(None).unwrap().map(Result::unwrap);
    let cells = rows.map(|row| {
        row.get_column_iter()
            .map(|(_, field)| csv_text(field))
            .collect()
    });
    cells.collect()
}

fn csv_cells(tool: &Tool, name: &str) -> Vec<Vec<String>> {
    let text = tool.read(name);
    let mut reader = csv::Reader::from_reader(text.as_bytes());
    let records = reader.records().map(Result::unwrap);
    let cells = records.map(|record| record.iter().map(str::to_owned).collect());
    cells.collect()
}

#[test]
fn every_cell_equals_the_csv() {
    let tool = Tool::new();
    tool.call(AUDIT)
        .args("-o a.parquet -o a.csv --matrix m.parquet --quiet")
        .ends(1);
    tool.call("report r.ndjson --raw-csv --matrix m.csv --exit-zero")
        .ends(0);
    for name in ["a", "m"] {
        let (parquet, csv) = (format!("{name}.parquet"), format!("{name}.csv"));
        assert_eq!(cells(&tool, &parquet), csv_cells(&tool, &csv), "{name}");
        assert_eq!(tool.mode(&parquet), 0o600);
    }
    let text = |name: &str| (name.to_owned(), "String".to_owned());
    let types = schema(&tool, "a.parquet");
    let time = |(_, kind): &&(String, String)| kind.starts_with("Timestamp");
    let times: Vec<_> = types
        .iter()
        .filter(time)
        .map(|(name, _)| name.as_str())
        .collect();
    assert_eq!(times[..2], ["born_at", "observed_at"]);
    assert_eq!(types[0], ("row".to_owned(), "INT64".to_owned()));
    assert_eq!(types[1], text("msg_id"));
    assert!(
        types.contains(&("attempts".to_owned(), "INT32".to_owned())),
        "{types:?}"
    );
}

#[test]
fn names_that_only_case_tells_apart_get_a_number_and_a_log_line() {
    let tool = Tool::new();
    tool.write("in.csv", COLLIDING);
    let said = tool
        .call("audit in.csv --source samples/cluster.json --raw-csv --exit-zero")
        .args("-o a.parquet -o a.csv --matrix m.parquet --results r.ndjson")
        .ends(0);
    let names = |name| -> Vec<String> {
        let columns = schema(&tool, name).into_iter().map(|(name, _)| name);
        columns.collect()
    };
    assert!(
        names("a.parquet")
            .ends_with(&["Verdict_3", "verdict_2", "GID_Billing", "order"].map(str::to_owned))
    );
    let matrix = names("m.parquet");
    assert!(
        matrix.contains(&"GID_Billing_2".to_owned()) && matrix.contains(&"GID_billing".to_owned()),
        "{matrix:?}"
    );
    let logged: Vec<_> = said
        .stderr
        .lines()
        .filter(|line| line.contains("Parquet"))
        .collect();
    assert_eq!(logged.len(), 2, "{}", said.stderr);
    assert!(
        logged[0].ends_with("have other names: `Verdict` is `Verdict_3`"),
        "{}",
        said.stderr
    );
    assert_eq!(cells(&tool, "a.parquet"), csv_cells(&tool, "a.csv"));
}

#[test]
fn a_report_has_the_same_bytes_again() {
    let tool = Tool::new();
    tool.call(AUDIT)
        .args("-o a.parquet --matrix m.parquet --bundle b.zip --quiet")
        .ends(1);
    tool.call("report r.ndjson --exit-zero -o b.parquet --matrix n.parquet")
        .ends(0);
    assert_eq!(bytes_of(&tool, "a.parquet"), bytes_of(&tool, "b.parquet"));
    assert_eq!(bytes_of(&tool, "m.parquet"), bytes_of(&tool, "n.parquet"));
    let packed = entries(&bytes_of(&tool, "b.zip"));
    assert!(packed.iter().any(|(name, _)| name.ends_with("a.parquet")));
    let said = tool.call("verify b.zip").ends(0);
    let same = "the results file, rendered again, gives the same bytes";
    assert_eq!(said.stdout.matches(same).count(), 2, "{}", said.stdout);
}

#[test]
fn a_report_is_an_input_like_its_csv() {
    let tool = Tool::new();
    tool.call(AUDIT)
        .args("-o a.parquet -o a.csv --quiet")
        .ends(1);
    let audit = |input: &str, report: &str| {
        tool.call(&format!("audit {input} --source samples/cluster.json --raw-csv --exit-zero --quiet -o {report}.csv"))
            .args(&format!("--results {report}.ndjson"))
            .ends(0);
        let mut rows = table(&tool.read(&format!("{report}.csv")));
        for row in &mut rows {
            // Lines of a CSV begin with its header, and its rows may have line ends.
            row.remove("error_message");
            // The source writes whole seconds, a column of milliseconds has their digits.
            let observed = row.get_mut("input_observed_at").unwrap();
            *observed = observed.replace(".000Z", "Z");
        }
        rows
    };
    assert_eq!(audit("a.parquet", "p"), audit("a.csv", "c"));
}

#[test]
fn inputs_of_all_kinds_are_one_list() {
    let tool = Tool::new();
    tool.write("in.csv", COLLIDING);
    tool.call("audit in.csv --source samples/cluster.json --exit-zero --quiet -o a.parquet --results a.ndjson")
        .ends(0);
    let parquet = bytes_of(&tool, "a.parquet");
    let said = tool
        .call("audit in.csv - --source samples/cluster.json --exit-zero --matrix m.csv --results b.ndjson")
        .stdin(parquet)
        .ends(0);
    assert!(
        said.stderr
            .contains("message ID from `msg_id`, topic from `topic`"),
        "{}",
        said.stderr
    );
    let matrix = table(&tool.read("m.csv"));
    let asked = |row: &&super::tool::Row| row["row"].parse::<u32>().unwrap() <= 3;
    assert_eq!(matrix.iter().filter(asked).count(), 3);
    assert!(matrix.len() > 3);
    let header = tool.read("b.ndjson");
    assert!(
        header.lines().any(|line| line.contains("\"same_as\":1")),
        "{header}"
    );
}

#[test]
fn bad_rows_are_named_by_their_rows() {
    let tool = Tool::new();
    tool.write(
        "in.csv",
        "msg_id,topic\n0A15030B110F18B4AAC264BE6C450BA2,orders\nshort,orders\n",
    );
    tool.call("audit in.csv --source samples/cluster.json --exit-zero --quiet --matrix a.parquet --results a.ndjson")
        .ends(0);
    tool.call("audit a.parquet --source samples/cluster.json --exit-zero --quiet --rejects r.csv --results b.ndjson")
        .ends(0);
    let rejects = table(&tool.read("r.csv"));
    assert_eq!(rejects.len(), 1);
    assert_eq!(
        (&*rejects[0]["line"], &*rejects[0]["found"]),
        ("2", "short")
    );
}

#[test]
fn what_is_no_parquet_is_refused() {
    let tool = Tool::new();
    tool.write("in.csv", COLLIDING);
    tool.write("cut.parquet", "PAR1 and no more");
    for (line, says) in [
        (
            "plan cut.parquet --source samples/cluster.json",
            "error: cut.parquet is a truncated Parquet file: it does not end with `PAR1`\n\
             hint: fetch or write the file again, it may be incomplete",
        ),
        (
            "plan in.csv --input-format parquet --source samples/cluster.json",
            "error: in.csv is no Parquet file: it does not begin with `PAR1`\n\
             hint: leave --input-format out: the format is detected",
        ),
        (
            "plan cut.parquet --input-format csv --source samples/cluster.json",
            "error: cut.parquet is a Parquet file, expected text",
        ),
        (
            "audit in.csv --source samples/cluster.json --rejects r.parquet",
            "r.parquet: this report is a CSV, and .parquet is the ending of another format",
        ),
    ] {
        let said = tool.call(line).ends(2);
        assert!(
            said.plain_stderr().contains(says),
            "{line}: {}",
            said.stderr
        );
    }
}
