//! What `docs/architecture.md` says about the source code holds: the order of the modules, and that a name of a type means
//! one thing. References in comments point at documentation that exists, and files that the documentation names exist.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn read(path: &Path) -> String {
    std::fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// Returns all Rust files below `folder`, as paths relative to the repository.
fn rust_files(folder: &str) -> Vec<PathBuf> {
    let mut files = Vec::new();
    let mut folders = vec![root().join(folder)];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                files.push(path.strip_prefix(root()).unwrap().to_owned());
            }
        }
    }
    files.sort();
    files
}

/// The lines of a file before its unit tests, with their numbers.
fn code_lines(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let lines = (1..).zip(text.lines());
    lines.take_while(|(_, line)| !line.starts_with("#[cfg(test)]") || line.contains("mod tests;"))
}

fn is_test_file(path: &Path) -> bool {
    let parts: Vec<_> = path.iter().map(|part| part.to_string_lossy()).collect();
    parts
        .iter()
        .any(|part| part == "tests" || part == "tests.rs" || part == "simulation.rs")
}

/// The module of the crate that a file belongs to: `src/engine/run.rs` and `src/clock.rs` give `engine` and `clock`.
fn module_of(path: &Path) -> String {
    let part = path.iter().nth(1).unwrap().to_string_lossy();
    part.trim_end_matches(".rs").to_owned()
}

/// Reads the module order from the list between the two markers in `docs/architecture.md`, lowest first. Modules in one
/// line are of one level.
fn module_levels() -> BTreeMap<String, usize> {
    let text = read(&root().join("docs/architecture.md"));
    let (_, list) = text
        .split_once("<!-- module order: lowest first -->")
        .expect("docs/architecture.md has the list of modules");
    let (list, _) = list.split_once("<!-- end -->").unwrap();
    let names = |line: &str| -> Vec<String> {
        let words = line.split('`').skip(1).step_by(2);
        words.map(str::to_owned).collect()
    };
    let lines = list.lines().map(names).filter(|names| !names.is_empty());
    lines
        .enumerate()
        .flat_map(|(level, names)| names.into_iter().map(move |name| (name, level)))
        .collect()
}

/// The modules that a line imports: those in `use crate::NAME` and in `use crate::{NAME, …}`, and those named in a path.
fn imported(line: &str) -> BTreeSet<String> {
    let mut modules = BTreeSet::new();
    let is_name = |c: char| c.is_ascii_alphanumeric() || c == '_';
    for (at, _) in line.match_indices("crate::") {
        let is_path = !line[..at].ends_with(is_name) && !line[..at].ends_with('$');
        let rest = &line[at + "crate::".len()..];
        if !is_path {
            continue;
        }
        if let Some(list) = rest.strip_prefix('{') {
            let mut depth = 0;
            let mut name = String::new();
            for c in list.chars() {
                match c {
                    '{' => depth += 1,
                    '}' => depth -= 1,
                    _ => {}
                }
                if depth == 0 && is_name(c) {
                    name.push(c);
                } else if !name.is_empty() {
                    modules.insert(std::mem::take(&mut name));
                }
                if depth < 0 {
                    break;
                }
            }
        } else {
            modules.insert(rest.chars().take_while(|&c| is_name(c)).collect());
        }
    }
    modules
}

#[test]
fn modules_import_only_lower_modules() {
    let levels = module_levels();
    let mut wrong = Vec::new();
    for path in rust_files("src") {
        let module = module_of(&path);
        if ["lib", "main"].contains(&&*module) || is_test_file(&path) {
            continue;
        }
        let level = levels
            .get(&module)
            .unwrap_or_else(|| panic!("docs/architecture.md does not name the module {module}"));
        let text = read(&root().join(&path));
        for (number, line) in code_lines(&text) {
            if line.trim_start().starts_with("//") {
                continue;
            }
            for import in imported(line) {
                if import == module {
                    continue;
                }
                match levels.get(&import) {
                    Some(other) if other < level => {}
                    Some(_) => wrong.push(format!(
                        "{}:{number}: {module} imports {import}",
                        path.display()
                    )),
                    None => wrong.push(format!(
                        "{}:{number}: {import} is no module",
                        path.display()
                    )),
                }
            }
        }
    }
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}

#[test]
fn every_module_is_in_the_list() {
    let levels = module_levels();
    let modules: BTreeSet<_> = rust_files("src")
        .iter()
        .map(|path| module_of(path))
        .collect();
    let listed: BTreeSet<_> = levels
        .into_keys()
        .chain(["lib".into(), "main".into()])
        .collect();
    assert_eq!(listed, modules);
}

/// The Rust files, other files in folders, and folders that a page names in backticks: `src/main.rs`, `report/`.
fn named_paths(text: &str) -> impl Iterator<Item = &str> {
    let is_path = |word: &&str| {
        let is_plain = |c: char| c.is_ascii_alphanumeric() || "-_/.".contains(c);
        let ending = Path::new(word).extension();
        let is_file = ending.is_some_and(|ending| {
            ending == "rs" || (word.contains('/') && (ending == "md" || ending == "toml"))
        });
        word.chars().all(is_plain) && (is_file || word.ends_with('/'))
    };
    text.split('`').skip(1).step_by(2).filter(is_path)
}

#[test]
fn the_files_that_the_documentation_names_exist() {
    let mut named = 0;
    for page in ["docs/architecture.md", "CONTRIBUTING.md"] {
        let text = read(&root().join(page));
        for path in named_paths(&text) {
            named += 1;
            let places = [root().join(path), root().join("src").join(path)];
            assert!(
                places.iter().any(|place| place.exists()),
                "{page}: {path} does not exist"
            );
        }
    }
    assert!(named > 50, "found only {named} paths");
}

/// Names that may stand several times: the arguments of each command and the data of each action of `serve` have one
/// role.
const ROLES: [&str; 2] = ["Args", "Data"];

#[test]
fn a_type_name_means_one_thing() {
    let mut places: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for path in rust_files("src").iter().filter(|path| !is_test_file(path)) {
        let text = read(&root().join(path));
        for (_, line) in code_lines(&text) {
            // Types inside functions and associated types are indented.
            let line = line.strip_prefix("pub ").unwrap_or(line);
            let line = match line.strip_prefix("pub(") {
                Some(rest) => rest.split_once(") ").map_or(line, |(_, rest)| rest),
                None => line,
            };
            let kinds = ["struct ", "enum ", "trait ", "type "];
            let Some(rest) = kinds.iter().find_map(|kind| line.strip_prefix(kind)) else {
                continue;
            };
            let name: String = rest
                .chars()
                .take_while(char::is_ascii_alphanumeric)
                .collect();
            places
                .entry(name)
                .or_default()
                .insert(path.display().to_string());
        }
    }
    let twice: Vec<_> = places
        .iter()
        .filter(|(name, files)| files.len() > 1 && !ROLES.contains(&&***name))
        .map(|(name, files)| format!("{name}: {files:?}"))
        .collect();
    assert!(twice.is_empty(), "\n{}", twice.join("\n"));
}

/// The operations of the cloud that this program names. All of them only read.
const READING: [&str; 11] = [
    "OnsConsumerTimeSpan",
    "OnsDLQMessageGetById",
    "OnsDLQMessagePageQueryByGroupId",
    "OnsInstanceInServiceList",
    "OnsMessageGetByMsgId",
    "OnsMessageTrace",
    "OnsRegionList",
    "OnsTopicList",
    "OnsTopicSubDetail",
    "OnsTraceGetResult",
    "OnsTraceQueryByMsgId",
];

/// Operations that change something: none of them is named anywhere in the program.
const WRITING: [&str; 12] = [
    "OnsConsumerResetOffset",
    "OnsDLQMessageResendById",
    "OnsGroupConsumerUpdate",
    "OnsGroupCreate",
    "OnsGroupDelete",
    "OnsInstanceCreate",
    "OnsInstanceDelete",
    "OnsInstanceUpdate",
    "OnsMessagePush",
    "OnsTopicCreate",
    "OnsTopicDelete",
    "OnsTopicUpdate",
];

/// Every operation is named by a text that begins with `Ons`, and so is a field, which ends with `Do`.
#[test]
fn no_operation_that_writes_is_named() {
    let mut named = BTreeSet::new();
    for path in rust_files("src").iter().filter(|path| !is_test_file(path)) {
        let text = read(&root().join(path));
        for name in WRITING {
            assert!(!text.contains(name), "{}: {name}", path.display());
        }
        for (at, _) in text.match_indices("\"Ons") {
            let name = text[at + 1..].split('"').next().unwrap().to_owned();
            if name.ends_with("Do") {
                continue;
            }
            assert!(READING.contains(&&*name), "{}: {name}", path.display());
            named.insert(name);
        }
    }
    assert_eq!(named.len(), READING.len(), "{named:?}");
}

/// The section numbers of the headings of a Markdown file (`8`, `8.1`, `3b`), and the titles of all headings.
fn headings(path: &Path) -> (BTreeSet<String>, String) {
    let text = read(path);
    let titles: Vec<_> = text.lines().filter(|line| line.starts_with('#')).collect();
    let number = |title: &&str| {
        let title = title.trim_start_matches('#').trim();
        let first = title.split(' ').next().unwrap_or_default();
        first.trim_end_matches('.').to_owned()
    };
    (titles.iter().map(number).collect(), titles.join("\n"))
}

/// The section numbers behind a reference: `§4.2`, `§§3.1, 3.3`, `§3b`.
fn sections(text: &str) -> Vec<String> {
    let Some(rest) = text
        .trim_start_matches(['`', ','])
        .trim_start()
        .strip_prefix('§')
    else {
        return Vec::new();
    };
    let mut sections = Vec::new();
    let mut rest = rest.trim_start_matches('§');
    loop {
        let digits = |text: &str| text.chars().take_while(char::is_ascii_digit).count();
        let mut length = digits(rest);
        if length == 0 {
            return sections;
        }
        if rest[length..].starts_with('.') {
            let more = digits(&rest[length + 1..]);
            length += if more > 0 { more + 1 } else { 0 };
        }
        // A letter is part of the number (`3b`) unless it begins a word.
        let mut letters = rest[length..].chars();
        if letters.next().is_some_and(|c| c.is_ascii_lowercase())
            && !letters.next().is_some_and(char::is_alphanumeric)
        {
            length += 1;
        }
        sections.push(rest[..length].to_owned());
        rest = rest[length..].trim_start_matches(',').trim_start();
        rest = rest
            .strip_prefix("and ")
            .unwrap_or(rest)
            .trim_start_matches('§');
    }
}

#[test]
fn references_in_comments_point_at_headings() {
    let mut wrong = Vec::new();
    let mut references = 0;
    let files = ["src", "tests/it", "benches"]
        .into_iter()
        .flat_map(rust_files);
    let files = files.filter(|path| !path.ends_with("architecture.rs"));
    for path in files.chain(["Cargo.toml".into(), ".ci/run".into()]) {
        // A reference may continue in the next line of a comment.
        let text = read(&root().join(&path));
        let lines: Vec<_> = text
            .lines()
            .map(|line| line.trim_start().trim_start_matches(['/', '!', '#']))
            .collect();
        let text = lines.join("");
        for (at, _) in text.match_indices(".md") {
            let is_part = |c: char| c.is_ascii_alphanumeric() || "-_/.".contains(c);
            let start = text[..at]
                .rfind(|c| !is_part(c))
                .map_or(0, |before| before + 1);
            let target = &text[start..at + ".md".len()];
            if !target.contains("facts/") && !target.starts_with("docs/") && target != "DESIGN.md" {
                continue;
            }
            references += 1;
            let file = root().join(target);
            if !target.starts_with("docs/") || !file.is_file() {
                wrong.push(format!("{}: {target} does not exist", path.display()));
                continue;
            }
            let (numbers, _) = headings(&file);
            for section in sections(&text[at + ".md".len()..]) {
                if !numbers.contains(&section) {
                    wrong.push(format!(
                        "{}: {target} has no section {section}",
                        path.display()
                    ));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
    assert!(references > 50, "found only {references} references");
}
