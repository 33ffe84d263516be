//! `inspect`: what a message ID tells.

use std::fmt::Write as _;

use anyhow::anyhow;

use super::World;
use crate::exit::{Failed, Status, print};
use crate::message::Decoded;
use crate::settings::Zone;

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Message IDs: 32 or 56 hex characters (4.x), or 34 (5.x)
    #[arg(required = true, value_name = "MSG_ID")]
    ids: Vec<String>,
    /// The producers' time zone: a 4.x ID tells the time since the beginning of the producer's month
    ///
    /// Examples: ons-audit inspect 1E0578FE110F18B4AAC235C0C8460BA2 --tz Asia/Shanghai
    #[arg(long, value_name = "ZONE", default_value = "+08:00")]
    tz: Zone,
    /// Decode as if it were this moment (RFC 3339): 4.x IDs do not tell the month
    #[arg(long, value_name = "TIME")]
    as_of: Option<jiff::Timestamp>,
    /// text or json
    #[arg(long, value_name = "FORMAT", default_value = "text", value_parser = ["text", "json"])]
    format: String,
}

pub(super) fn run(args: &Args, world: &World) -> Result<Status, Failed> {
    let now = args.as_of.unwrap_or_else(|| (world.clock)());
    let mut text = String::new();
    for (nth, id) in args.ids.iter().enumerate() {
        let decoded = Decoded::new(id, now, &args.tz.zone).map_err(|error| {
            let shown: String = id.chars().take(80).collect();
            let hint = "a message ID has 32, 34 or 56 hex characters, as SendResult or the console shows it".to_owned();
            Failed::refused(anyhow!("`{shown}` is not a message ID: {error}"), Some(hint))
        })?;
        if args.format == "json" {
            text +=
                &serde_json::to_string(&decoded).map_err(|error| Failed::refused(error, None))?;
            text.push('\n');
            continue;
        }
        if nth > 0 {
            text.push('\n');
        }
        let lines = decoded.lines(&args.tz.zone);
        let width = lines.iter().map(|line| line.label.len()).max().unwrap_or(0) + 2;
        for line in lines {
            writeln!(text, "{:<width$}{}", line.label, line.value)
                .map_err(|error| Failed::refused(error, None))?;
        }
    }
    print(&text)?;
    Ok(Status::Clean)
}
