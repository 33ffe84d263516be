//! Completions, as bash offers them. `tests/shells/run` does the same with zsh and fish.

use std::process::Command;

use super::tool::Tool;

/// Completes `line`, up to the cursor, in bash and returns the sorted offers.
fn offers(tool: &Tool, line: &str) -> Vec<String> {
    let driver = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/shells/bash");
    let line = format!("ons-audit {}", line.replace('=', " = "));
    let mut words: Vec<_> = line.split_whitespace().collect();
    if line.ends_with(' ') && !line.ends_with("= ") {
        words.push("");
    }
    let output = Command::new("bash")
        .args([driver, "./script"])
        .args(words)
        .current_dir(tool.path(""))
        .output()
        .unwrap();
    assert_eq!(String::from_utf8_lossy(&output.stderr), "", "{line}");
    let mut offers: Vec<_> = String::from_utf8(output.stdout)
        .unwrap()
        .lines()
        .map(str::to_owned)
        .collect();
    offers.sort();
    offers
}

/// A folder with the script for bash, without other files.
fn completed() -> Tool {
    let tool = Tool::new();
    let script = tool.call("completions bash").ends(0).stdout;
    tool.write("script", script);
    tool
}

#[test]
fn bash_offers_options_values_and_files_where_they_fit() {
    let tool = completed();
    tool.write("day.csv", "");
    tool.write("lists/in", "");
    for case in include_str!("../shells/cases").lines() {
        let Some((line, expected)) = case.strip_prefix('[').and_then(|case| case.split_once(']'))
        else {
            assert!(case.starts_with('#'), "{case}");
            continue;
        };
        let mut expected: Vec<_> = expected.split_whitespace().collect();
        expected.sort_unstable();
        // What the folder has beside what the cases know.
        let offered = offers(&tool, line);
        let offered: Vec<_> = offered
            .iter()
            .filter(|name| !["samples", "script"].contains(&name.as_str()))
            .collect();
        assert_eq!(offered, expected, "{line}");
    }
}

/// Every command offers all options that its help shows.
#[test]
fn bash_offers_the_options_of_each_command() {
    let tool = completed();
    for command in super::cli::COMMANDS.into_iter().chain(["expect learn"]) {
        let help = tool.call(&format!("{command} --help")).ends(0).stdout;
        let lines = help.lines().map(str::trim_start);
        let shown = lines.filter(|line| line.starts_with('-'));
        let mut shown: Vec<_> = shown
            .flat_map(super::cli::options)
            .filter(|option| option.starts_with("--"))
            .collect();
        shown.sort();
        shown.dedup();
        assert_eq!(offers(&tool, &format!("{command} --")), shown, "{command}");
    }
}

/// Values that are offered are those which the program names when another one is given.
#[test]
fn offered_values_are_those_that_are_accepted() {
    let tool = completed();
    for option in [
        "accept",
        "examine",
        "input-format",
        "lang",
        "log-format",
        "notify-template",
        "notify-when",
        "signature",
    ] {
        let line = format!("audit samples/incident.csv --{option} bogus");
        let call = tool
            .call(&line)
            .args("--source http://127.0.0.1:9 -o a.csv");
        let said = call.key().ends(2).stderr;
        let (_, expected) = said.split_once("expected ").expect(&said);
        let expected = expected.lines().next().unwrap().replace(" or ", ", ");
        let mut expected: Vec<_> = expected.split(", ").map(str::trim).collect();
        expected.sort_unstable();
        assert_eq!(offers(&tool, &format!("audit --{option} ")), expected);
    }
}
