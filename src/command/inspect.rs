//! `inspect`: the fields of a message ID.

use std::fmt::Write as _;

use anyhow::anyhow;

use super::Env;
use crate::exit::{Failed, Status, print};
use crate::message::{Decoded, DecodedField, Zone};

const HINT: &str =
    "a message ID has 32, 34 or 56 hex characters, as SendResult or the console shows it";

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Message IDs: 32 or 56 hex characters (4.x), or 34 (5.x)
    #[arg(required = true, value_name = "MSG_ID")]
    ids: Vec<String>,
    /// Time zone of the producers: a 4.x ID counts the time since the producer's month began
    ///
    /// Example: ons-audit inspect 1E0578FE110F18B4AAC235C0C8460BA2 --producer-zone Asia/Shanghai
    #[arg(
        long,
        value_name = "ZONE",
        allow_hyphen_values = true,
        default_value = "+08:00",
        alias = "tz"
    )]
    producer_zone: Zone,
    /// Decode as if this were the current time (RFC 3339): 4.x IDs do not contain the month
    #[arg(long, value_name = "TIME", value_parser = time)]
    as_of: Option<jiff::Timestamp>,
    /// text or json
    #[arg(long, value_name = "FORMAT", default_value = "text", value_parser = ["text", "json"])]
    format: String,
}

fn time(text: &str) -> Result<jiff::Timestamp, String> {
    let time = text.parse();
    time.map_err(|_| "expected a time such as 2026-11-20T12:00:00Z".to_owned())
}

pub(super) fn run(args: &Args, env: &Env) -> Result<Status, Failed> {
    let now = args.as_of.unwrap_or_else(|| (env.clock)());
    let zone = &args.producer_zone.zone;
    let (mut text, mut bad) = (String::new(), Vec::new());
    for id in &args.ids {
        match Decoded::new(id, now, zone) {
            Ok(decoded) if args.format == "json" => {
                let object = serde_json::to_string(&decoded);
                text += &object.map_err(|error| Failed::refused(error, None))?;
                text.push('\n');
            }
            Ok(decoded) => {
                if !text.is_empty() {
                    text.push('\n');
                }
                lay_out(&decoded.lines(zone), &mut text);
            }
            Err(error) => {
                let shown: String = id.chars().take(80).collect();
                bad.push(format!("`{shown}` is not a message ID: {error}"));
            }
        }
    }
    print(&text)?;
    if bad.is_empty() {
        return Ok(Status::Clean);
    }
    // Several errors, one hint. The IDs that could be decoded are printed. As with rejected rows, this is a finding.
    Err(Failed {
        status: if text.is_empty() {
            Status::Refused
        } else {
            Status::Findings
        },
        error: anyhow!(bad.join("\nerror: ")),
        hints: vec![HINT.to_owned()],
    })
}

/// Formats the fields, one on each line with aligned values.
fn lay_out(lines: &[DecodedField], text: &mut String) {
    let width = lines.iter().map(|line| line.label.len()).max().unwrap_or(0) + 2;
    for line in lines {
        let _ = writeln!(text, "{:<width$}{}", line.label, line.value); // a String takes everything
    }
}
