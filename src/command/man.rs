//! `man`: pages generated from the flags and from `help`, so that they are always up to date.

use std::fmt::Write as _;
use std::fs;
use std::path::PathBuf;

use anyhow::anyhow;
use clap::Command;
use clap_mangen::Man;

use super::help;
use crate::exit::{Failed, Status, print};
use crate::file;

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
    /// The page of one command, such as audit or expect-learn, instead of the overview
    #[arg(value_name = "COMMAND", conflicts_with = "dir")]
    page: Option<String>,
    /// Write all pages (ons-audit.1, ons-audit-audit.1, …) into this folder, which is created if missing
    #[arg(long, value_name = "FOLDER")]
    dir: Option<PathBuf>,
}

pub(super) fn run(args: &Args, mut program: Command) -> Result<Status, Failed> {
    program.build();
    if let Some(folder) = &args.dir {
        fs::create_dir_all(folder).map_err(|error| {
            let error = anyhow::Error::new(error)
                .context(format!("can't create the folder {}", folder.display()));
            Failed::refused(
                error,
                "name a folder in a place that you may write to".to_owned(),
            )
        })?;
        for name in [""].into_iter().chain(PAGES) {
            let page = page(&program, name)?;
            let name = format!("ons-audit-{name}");
            let path = folder.join(format!("{}.1", name.trim_end_matches('-')));
            file::publish(&path, page.as_bytes())
                .map_err(|error| Failed::unwritable(&path, error))?;
        }
    } else {
        print(&page(&program, args.page.as_deref().unwrap_or_default())?)?;
    }
    Ok(Status::Clean)
}

/// Returns the page of a command in the language of man(7). `name` is one of [`PAGES`], or empty for the program.
fn page(program: &Command, name: &str) -> Result<String, Failed> {
    if !name.is_empty() && !PAGES.contains(&name) {
        let error = anyhow!("there is no command `{name}`");
        let hint = "`ons-audit --help` lists the commands".to_owned();
        return Err(Failed::refused(error, hint));
    }
    let words = name.split('-').filter(|word| !word.is_empty());
    let command = words.fold(program, |outer, word| {
        outer.find_subcommand(word).expect("a page has a command")
    });
    let mut text = generated(command).map_err(|error| Failed::refused(error, None))?;
    let help = help::of(&name.replace('-', " "));
    let statuses = help
        .statuses()
        .map(|(status, text)| (status.to_string(), text.to_owned()));
    add_list(&mut text, "EXIT STATUS", statuses);
    add_list(&mut text, "ENVIRONMENT", help.environment(command));
    add_list(&mut text, "FILES", help.files(command));
    text.push_str(".SH EXAMPLES\n.nf\n");
    for example in help.examples {
        text.push_str(&escaped(example));
        text.push('\n');
    }
    text.push_str(".fi\n.SH \"SEE ALSO\"\n");
    let others = [""].into_iter().chain(PAGES).filter(|page| *page != name);
    let others = others.map(|page| {
        let page = format!("ons-audit-{page}");
        format!(".BR {} (1)", escaped(page.trim_end_matches('-')))
    });
    text.push_str(&others.collect::<Vec<_>>().join(" ,\n"));
    text.push('\n');
    Ok(text)
}

/// Returns the sections that clap_mangen makes of a command and its options.
fn generated(command: &Command) -> std::io::Result<String> {
    let man = Man::new(command.clone());
    let name = command
        .get_display_name()
        .unwrap_or_else(|| command.get_name());
    let title = format!(
        ".TH {name} 1 \"\" \"ons-audit {}\" \"User Commands\"\n",
        env!("CARGO_PKG_VERSION")
    );
    let mut text = title.into_bytes();
    man.render_name_section(&mut text)?;
    man.render_synopsis_section(&mut text)?;
    man.render_description_section(&mut text)?;
    if command.has_subcommands() {
        man.render_subcommands_section(&mut text)?;
    }
    man.render_options_section(&mut text)?;
    Ok(String::from_utf8_lossy(&text).into_owned())
}

/// Adds a section with a list of terms and their explanations.
fn add_list(text: &mut String, section: &str, entries: impl IntoIterator<Item = (String, String)>) {
    writeln!(text, ".SH \"{section}\"").expect("memory takes all text");
    for (term, explanation) in entries {
        let (term, explanation) = (escaped(&term), escaped(&explanation));
        write!(text, ".TP\n\\fB{term}\\fR\n{explanation}\n").expect("memory takes all text");
    }
}

/// Escapes one line of text, so that roff shows it verbatim.
fn escaped(line: &str) -> String {
    let line = line.replace('\\', "\\e").replace('-', "\\-");
    let line = line.replace('~', "\\(ti").replace('\'', "\\(aq");
    if line.starts_with('.') {
        format!("\\&{line}")
    } else {
        line
    }
}
