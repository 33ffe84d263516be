//! `completions` and `man`: generated from the flags, so that they are always up to date.

use anyhow::anyhow;
use clap::Command;
use clap_complete::Shell;

use crate::exit::{Failed, Status, print};

#[derive(Debug, clap::Args)]
pub(super) struct CompletionsArgs {
    /// The shell to complete for
    shell: Shell,
}

#[derive(Debug, clap::Args)]
pub(super) struct ManArgs {
    /// The page of one command instead of the overview
    #[arg(value_name = "COMMAND")]
    command: Option<String>,
}

pub(super) fn completions(args: &CompletionsArgs, mut program: Command) -> Result<Status, Failed> {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut program, "ons-audit", &mut script);
    print(&String::from_utf8_lossy(&script))?;
    Ok(Status::Clean)
}

pub(super) fn man(args: &ManArgs, mut program: Command) -> Result<Status, Failed> {
    program.build();
    let page = match &args.command {
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
