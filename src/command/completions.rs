//! `completions`: scripts for shells, generated from the flags, so that they are always up to date.
//!
//! clap_complete makes the scripts for all shells but bash. In its script for bash, the labels of the commands do not
//! match its states if the name of the program has a hyphen, and files are offered wherever nothing else is.
//! `tests/shells` completes lines in bash, zsh and fish.

use std::fmt::Write as _;

use clap::builder::{PossibleValue, PossibleValuesParser};
use clap::{Arg, Command, ValueHint};
use clap_complete::Shell;

use super::man::PAGES;
use crate::exit::{Failed, Status, print};

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The shell to complete for
    shell: Shell,
}

/// Values of options that the settings or the input parse, with errors of their own. A test compares the lists with what
/// these errors say.
const VALUES: [(&str, &[&str]); 8] = [
    ("accept", &["filtered", "dead_lettered"]),
    ("examine", &["none", "failures", "failures,traces"]),
    (
        "input_format",
        &["csv", "tsv", "ndjson", "json", "log", "ids", "parquet"],
    ),
    ("lang", &["en", "zh"]),
    ("log_format", &["text", "json"]),
    (
        "notify_template",
        &["json", "slack", "dingtalk", "feishu", "wecom"],
    ),
    ("notify_when", &["always", "problems"]),
    ("signature", &["v3", "v1"]),
];

pub(super) fn run(args: &Args, program: Command) -> Result<Status, Failed> {
    let mut program = with_values(program);
    program.build();
    let script = match args.shell {
        Shell::Bash => bash(&program),
        shell => {
            let mut script = Vec::new();
            clap_complete::generate(shell, &mut program, "ons-audit", &mut script);
            let script = String::from_utf8_lossy(&script).into_owned();
            match shell {
                Shell::Fish => script + &fish_arguments(&program),
                // After `*::`, zsh completes no options behind the first argument.
                Shell::Zsh => script.replace("\n'*::", "\n'*:"),
                _ => script,
            }
        }
    };
    print(&script)?;
    Ok(Status::Clean)
}

/// Adds to every argument what a shell can offer for it: words, files, folders or nothing.
fn with_values(command: Command) -> Command {
    let needs_cluster = command.get_name() == "snapshot";
    command
        .mut_args(|arg| {
            let id = arg.get_id().to_string();
            if !arg.get_action().takes_values() || !arg.get_possible_values().is_empty() {
                return arg;
            }
            if let Some((_, words)) = VALUES.iter().find(|(option, _)| *option == id) {
                return arg.value_parser(PossibleValuesParser::new(*words));
            }
            if id == "page" {
                return arg.value_parser(PossibleValuesParser::new(PAGES));
            }
            let is_path = arg.get_value_hint() == ValueHint::AnyPath;
            let hint = match value_name(&arg) {
                Some("FOLDER") => ValueHint::DirPath,
                // An address, or the path of a snapshot.
                Some("SOURCE") if !needs_cluster => ValueHint::FilePath,
                _ if is_path => ValueHint::FilePath,
                _ => ValueHint::Other,
            };
            arg.value_hint(hint)
        })
        .mut_subcommands(with_values)
}

fn value_name(arg: &Arg) -> Option<&str> {
    arg.get_value_names()?.first().map(AsRef::as_ref)
}

/// Returns what the variable `offer` of the script for bash is set to, for the values of an argument.
fn offer(arg: &Arg) -> String {
    let words: Vec<_> = arg.get_possible_values();
    if words.is_empty() {
        return match arg.get_value_hint() {
            ValueHint::FilePath => "FILES".to_owned(),
            ValueHint::DirPath => "FOLDERS".to_owned(),
            _ => "NOTHING".to_owned(),
        };
    }
    let words: Vec<_> = words.iter().map(PossibleValue::get_name).collect();
    format!("'{}'", words.join(" "))
}

/// Returns the script for bash, also for version 3.2. It offers files only where a file is expected.
fn bash(program: &Command) -> String {
    let (mut states, mut offers) = (String::new(), String::new());
    add_bash(program, "", &mut states, &mut offers);
    format!(
        r#"_ons_audit() {{
    local cur=${{COMP_WORDS[COMP_CWORD]}} prev=${{COMP_WORDS[COMP_CWORD-1]}} command= options= argument= offer= word
    # For bash, `--lang=zh` is three words.
    if [[ $cur == = ]]; then
        cur=
    elif [[ $prev == = ]]; then
        prev=${{COMP_WORDS[COMP_CWORD-2]}}
    fi
    for word in "${{COMP_WORDS[@]:1:COMP_CWORD-1}}"; do
        case "$command,$word" in
{states}        esac
    done
    case "$command" in
{offers}    esac
    if [[ -z $offer ]]; then
        if [[ $cur == -* || $argument == NOTHING ]]; then
            offer=$options
        else
            offer=$argument
        fi
    fi
    COMPREPLY=()
    case "$offer" in
        NOTHING) ;;
        FILES)
            compopt -o filenames 2>/dev/null
            IFS=$'\n' read -r -d '' -a COMPREPLY < <(compgen -f -- "$cur")
            ;;
        FOLDERS)
            compopt -o filenames 2>/dev/null
            IFS=$'\n' read -r -d '' -a COMPREPLY < <(compgen -d -- "$cur")
            ;;
        *) IFS=$'\n' read -r -d '' -a COMPREPLY < <(compgen -W "$offer" -- "$cur") ;;
    esac
    return 0
}}

complete -F _ons_audit ons-audit
"#
    )
}

/// Adds the states and the offers of a command and of its subcommands. `path` is its name without that of the program.
fn add_bash(command: &Command, path: &str, states: &mut String, offers: &mut String) {
    let (mut options, mut values) = (Vec::new(), String::new());
    for arg in command.get_opts().chain(flags(command)) {
        let long = arg.get_long().map(|long| format!("--{long}"));
        let names = arg.get_short().map(|short| format!("-{short}"));
        let names: Vec<_> = names.into_iter().chain(long).collect();
        if arg.get_action().takes_values() {
            let line = format!(
                "                {}) offer={} ;;",
                names.join("|"),
                offer(arg)
            );
            writeln!(values, "{line}").expect("memory takes all text");
        }
        options.extend(names);
    }
    let argument = command.get_positionals().last().map(offer);
    let mut argument = argument.unwrap_or_else(|| "NOTHING".to_owned());
    let commands: Vec<_> = command
        .get_subcommands()
        .filter(|each| !each.is_hide_set())
        .map(Command::get_name)
        .collect();
    if !commands.is_empty() {
        argument = format!("'{}'", commands.join(" "));
    }
    let options = options.join(" ");
    write!(
        offers,
        "        '{path}')
            options='{options}'
            argument={argument}
            case \"$prev\" in
{values}            esac
            ;;
"
    )
    .expect("memory takes all text");
    for name in commands {
        let inner = format!("{path} {name}").trim_start().to_owned();
        let line = format!("            '{path},{name}') command='{inner}' ;;");
        writeln!(states, "{line}").expect("memory takes all text");
        if let Some(each) = command.find_subcommand(name) {
            add_bash(each, &inner, states, offers);
        }
    }
}

fn flags(command: &Command) -> impl Iterator<Item = &Arg> {
    command
        .get_arguments()
        .filter(|arg| !arg.is_positional() && !arg.get_action().takes_values())
}

/// Returns what the script for fish lacks: fish offers files as arguments of every command.
fn fish_arguments(program: &Command) -> String {
    let mut script = String::new();
    for command in program.get_subcommands() {
        let argument = command.get_positionals().last().map(offer);
        let words = match argument.as_deref() {
            Some("FILES") => continue,
            Some(words) if words.starts_with('\'') => format!(" -a {words}"),
            _ => String::new(),
        };
        let name = command.get_name();
        if !command.has_subcommands() {
            writeln!(
                script,
                "complete -c ons-audit -n \"__fish_ons_audit_using_subcommand {name}\" -f{words}"
            )
            .expect("memory takes all text");
        }
    }
    script
}
