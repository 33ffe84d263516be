//! `man`: generated from the flags, so that it is always up to date.

use anyhow::anyhow;
use clap::Command;

use crate::exit::{Failed, Status, print};

/// The commands that have a page, by its name without `ons-audit-`.
pub(super) const PAGES: [&str; 12] = [
    "audit",
    "plan",
    "report",
    "diff",
    "expect",
    "expect-learn",
    "serve",
    "snapshot",
    "inspect",
    "verify",
    "completions",
    "man",
];

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The page of one command instead of the overview
    #[arg(value_name = "COMMAND")]
    page: Option<String>,
}

pub(super) fn run(args: &Args, mut program: Command) -> Result<Status, Failed> {
    program.build();
    let page = match &args.page {
        None => program,
        Some(name) => program.find_subcommand(name).cloned().ok_or_else(|| {
            let error = anyhow!("there is no command `{name}`");
            Failed::refused(
                error,
                Some("`ons-audit --help` lists the commands".to_owned()),
            )
        })?,
    };
    let mut text = Vec::new();
    clap_mangen::Man::new(page)
        .render(&mut text)
        .map_err(|error| Failed::refused(error, None))?;
    print(&String::from_utf8_lossy(&text))?;
    Ok(Status::Clean)
}
