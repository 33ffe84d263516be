//! Manual pages and what the help of every command says: sections, exit statuses, examples, variables.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use super::cli::{COMMANDS, options};
use super::documentation::page;
use super::tool::Tool;

/// Returns a page as it is read, without the escapes of roff.
fn plain(page: &str) -> String {
    [
        ("\\-", "-"),
        ("\\fB", ""),
        ("\\fR", ""),
        ("\\(aq", "'"),
        ("\\*(Aq", "'"),
        ("\\(ti", "~"),
        ("\\&", ""),
        ("\\e", "\\"),
    ]
    .iter()
    .fold(page.to_owned(), |text, (escape, with)| {
        text.replace(escape, with)
    })
}

/// Returns a section of a page.
fn section<'p>(page: &'p str, name: &str) -> &'p str {
    let (_, rest) = [format!(".SH \"{name}\"\n"), format!(".SH {name}\n")]
        .iter()
        .find_map(|heading| page.split_once(heading.as_str()))
        .unwrap_or_else(|| panic!("no section {name}: {page}"));
    rest.split("\n.SH ").next().unwrap()
}

/// Returns the text below a line of a help, without the indentation.
fn below(help: &str, heading: &str) -> Vec<String> {
    let (_, rest) = help.split_once(&format!("\n{heading}:\n")).expect(help);
    let lines = rest
        .lines()
        .take_while(|line| line.starts_with("  "))
        .map(str::trim);
    lines.map(str::to_owned).collect()
}

fn commands() -> impl Iterator<Item = &'static str> {
    COMMANDS.into_iter().chain(["expect learn"])
}

#[test]
fn every_page_has_all_sections_and_options() {
    let tool = Tool::new();
    tool.call("man --dir pages/man1").ends(0);
    let mut names = BTreeSet::from(["ons-audit.1".to_owned()]);
    names.extend(commands().map(|name| format!("ons-audit-{}.1", name.replace(' ', "-"))));
    let written = fs::read_dir(tool.path("pages/man1")).unwrap();
    let written: BTreeSet<_> = written
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    assert_eq!(written, names);
    for command in [""].into_iter().chain(commands()) {
        let name = format!("ons-audit {command}").trim_end().replace(' ', "-");
        let path = format!("pages/man1/{name}.1");
        assert_eq!(tool.mode(&path), 0o644);
        let raw = tool.read(&path);
        let printed = tool.call(&format!("man {}", command.replace(' ', "-")));
        assert_eq!(printed.ends(0).stdout, raw);
        let page = plain(&raw);
        assert!(page.contains(&format!(".TH {name} 1 ")), "{page}");
        for name in [
            "NAME",
            "SYNOPSIS",
            "DESCRIPTION",
            "OPTIONS",
            "EXIT STATUS",
            "ENVIRONMENT",
            "FILES",
            "EXAMPLES",
            "SEE ALSO",
        ] {
            assert!(!section(&page, name).is_empty(), "{command}: {name}");
        }
        let help = tool.call(&format!("{command} --help")).ends(0).stdout;
        let missing: Vec<_> = options(&help)
            .into_iter()
            .filter(|option| !page.contains(option.as_str()))
            .collect();
        assert_eq!(missing, [""; 0], "{command}");
    }
}

/// The examples are in the page verbatim, and the program accepts them.
#[test]
fn examples_are_verbatim_and_valid() {
    let tool = Tool::new();
    for command in commands() {
        let help = tool.call(&format!("{command} --help")).ends(0).stdout;
        let examples = below(&help, "Examples");
        let raw = tool
            .call(&format!("man {}", command.replace(' ', "-")))
            .ends(0)
            .stdout;
        let page = plain(&raw);
        let expected = format!(".nf\n{}\n.fi", examples.join("\n"));
        assert_eq!(section(&page, "EXAMPLES"), expected, "{command}");
        for example in examples {
            let line = example.strip_prefix("ons-audit ").expect(&example);
            let line = line.split(['|', '>']).next().unwrap();
            let inner = ["inspect", "verify", "completions", "man"].contains(&command);
            let outer = command == "expect" || line.starts_with(command);
            assert!(outer, "{command}: {example}");
            if !inner {
                tool.call(line).arg("--show-settings").ends(0);
            } else if command != "verify" {
                tool.call(line).ends(0);
            }
        }
    }
}

#[test]
fn exit_statuses_are_those_of_the_documentation() {
    let tool = Tool::new();
    let text = page("docs/reference/commands.md");
    let (_, text) = text.split_once("\n## Exit status\n").unwrap();
    let text = text.split("\n## ").next().unwrap();
    let rows: Vec<Vec<_>> = text
        .lines()
        .filter(|line| line.starts_with('|'))
        .map(|line| line.trim_matches('|').split('|').map(str::trim).collect())
        .collect();
    let general = |status: &str| {
        let row = rows
            .iter()
            .find(|row| row.len() == 2 && row[0] == status)
            .unwrap();
        row[1]
    };
    let mut seen = 0;
    for row in rows
        .iter()
        .filter(|row| row.len() == 5 && row[0].starts_with('`'))
    {
        for command in row[0].split(", ").map(|name| name.trim_matches('`')) {
            seen += 1;
            let mut expected = Vec::new();
            for (status, cell) in ["0", "1", "2", "3"].into_iter().zip(&row[1..]) {
                match *cell {
                    "" => {}
                    "as above" => expected.push(format!("{status}  {}", general(status))),
                    own => expected.push(format!("{status}  {own}")),
                }
            }
            for flag in ["-h", "--help"] {
                let help = tool.call(&format!("{command} {flag}")).ends(0).stdout;
                let shown = below(&help, "Exit status").join(" ");
                assert_eq!(shown, expected.join(" "), "{command}");
            }
        }
    }
    assert_eq!(seen, COMMANDS.len(), "{rows:?}");
}

/// Returns the words in `text` that are names of variables of the program or of the cloud's SDKs.
fn variables(text: &str) -> BTreeSet<&str> {
    let words = text.split(|c: char| !c.is_ascii_alphanumeric() && c != '_');
    words
        .filter(|word| {
            ["ONS_AUDIT_", "ALIBABA_CLOUD_", "ROCKETMQ_"]
                .iter()
                .any(|prefix| word.len() > prefix.len() && word.starts_with(prefix))
        })
        .collect()
}

fn sources(folder: &Path, text: &mut String) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() && !path.ends_with("tests") {
            sources(&path, text);
        } else if path.extension().is_some_and(|ending| ending == "rs")
            && !path.ends_with("command/help.rs")
        {
            let source = fs::read_to_string(&path).unwrap();
            let code = source.split("#[cfg(test)]").next().unwrap().lines();
            let code = code.filter(|line| !line.trim_start().starts_with("//"));
            text.extend(code.flat_map(|line| [line, "\n"]));
        }
    }
}

#[test]
fn every_variable_that_is_read_is_on_the_page() {
    let overview = plain(&Tool::new().call("man").ends(0).stdout);
    let listed = variables(section(&overview, "ENVIRONMENT"));
    let mut source = String::new();
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    sources(&root.join("src"), &mut source);
    let settings = page("samples/settings.toml");
    let settings = settings
        .lines()
        .filter_map(|line| line.split_once(" = "))
        .filter(|(name, _)| !name.starts_with('#'))
        .map(|(name, _)| format!("ONS_AUDIT_{}", name.to_ascii_uppercase()));
    let settings: Vec<_> = settings.collect();
    let read = variables(&source);
    let missing: Vec<_> = read
        .into_iter()
        .chain(settings.iter().map(String::as_str))
        .filter(|name| !listed.contains(name))
        .collect();
    assert_eq!(missing, [""; 0]);
}

#[test]
fn usage_shows_what_is_read_first() {
    let tool = Tool::new();
    for (command, usage) in [
        ("audit", "audit [INPUT]... --source SOURCE [OPTIONS]"),
        ("plan", "plan [INPUT]... --source SOURCE [OPTIONS]"),
        ("diff", "diff OLD NEW [OPTIONS]"),
        ("expect learn", "expect learn RESULTS... [OPTIONS]"),
        ("inspect", "inspect MSG_ID... [OPTIONS]"),
    ] {
        let help = tool.call(&format!("{command} --help")).ends(0).stdout;
        assert!(
            help.contains(&format!("\nUsage: ons-audit {usage}\n")),
            "{help}"
        );
    }
}

#[test]
fn pages_that_cannot_be_written_are_named() {
    let tool = Tool::new();
    tool.write("file", "");
    let said = tool.call("man --dir file/pages").ends(2).stderr;
    assert!(
        said.contains("can't create the folder file/pages") && said.contains("\nhint: "),
        "{said}"
    );
}
