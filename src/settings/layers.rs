//! Four layers of one flat table of settings.

use std::collections::BTreeMap;
use std::fmt::{self, Write as _};
use std::fs::File;
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use super::error::SettingsError;
use super::quota_url::masked;
use crate::file;

/// The defaults of all settings.
const DEFAULTS: &str = include_str!("../../samples/settings.toml");

/// Examples of values for settings whose default shows none: it is empty, `auto` or unlimited.
const EXAMPLES: [(&str, &str); 24] = [
    ("source", "ons://cn-hangzhou"),
    ("profile", "default"),
    ("ca_cert", "ca.pem"),
    ("proxy", "http://proxy.example:3128"),
    ("rate", "8/s"),
    ("concurrency", "16"),
    ("quota_file", "ons-quota"),
    ("shared_quota", "redis://redis.example/ons-quota"),
    ("finish_by", "06:00"),
    ("max_time", "2h"),
    ("born_column", "created_at"),
    ("recheck", "2%"),
    ("expect_file", "expected.csv"),
    ("accept", "filtered"),
    ("max_rejects", "5%"),
    ("split", "1000000"),
    ("metrics", "orders.prom"),
    ("notify_url", "https://HOST/PATH"),
    ("keys", "keys.toml"),
    ("tls_cert", "cert.pem"),
    ("tls_key", "key.pem"),
    ("quota", "10/s"),
    ("latency", "200ms"),
    ("fault_rate", "20%"),
];

/// The settings that are secrets. Others must not be able to read a settings file with one of them.
const SECRETS: [&str; 1] = ["notify_url"];

/// The beginning of the variables of this program. Kubernetes sets others that begin so (`ONS_AUDIT_SERVICE_HOST`).
const PREFIX: &str = "ONS_AUDIT_";

/// The variables that are no settings.
pub(super) const OTHER_VARIABLES: [&str; 4] = [
    "ONS_AUDIT_CONFIG",
    "ONS_AUDIT_NOTIFY_SECRET",
    "ONS_AUDIT_REDIS_PASSWORD",
    "ONS_AUDIT_SERVE_KEYS",
];

/// A variable with at most so many edits of a known one is taken for a misspelt one.
const MISSPELT: usize = 2;

/// The origin of a value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Origin {
    /// The command line.
    Flag(String),
    /// An environment variable.
    Environment(String),
    /// The settings file.
    File(PathBuf),
    /// No layer sets it.
    Default,
}

impl Origin {
    /// Returns the value as it is written at its origin.
    pub(super) fn written(&self, key: &str, value: &str) -> String {
        match self {
            Self::Flag(flag) => format!("{flag} {value}"),
            Self::Environment(name) => format!("{name}={value}"),
            Self::File(_) | Self::Default => {
                let is_bare = value.parse::<i64>().is_ok() || value.parse::<bool>().is_ok();
                if is_bare {
                    format!("{key} = {value}")
                } else {
                    format!("{key} = {value:?}")
                }
            }
        }
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Flag(flag) => f.write_str(flag),
            Self::Environment(name) => f.write_str(name),
            Self::File(path) => write!(f, "{}", path.display()),
            Self::Default => f.write_str("default"),
        }
    }
}

/// All layers.
#[derive(Debug)]
pub struct Settings {
    flags: BTreeMap<&'static str, String>,
    environment: BTreeMap<String, String>,
    file: Option<(PathBuf, BTreeMap<String, String>)>,
    defaults: BTreeMap<String, String>,
}

impl Settings {
    /// Reads the layers. `environment` is that of the process, of which only `ONS_AUDIT_…` is used. `file` is
    /// `--config`; without it `ONS_AUDIT_CONFIG` names the settings file. There is no default path.
    ///
    /// # Errors
    ///
    /// If a variable is misspelt, or the settings file cannot be read, is not valid, or holds a secret that others can read.
    pub fn new(
        environment: impl IntoIterator<Item = (String, String)>,
        file: Option<&Path>,
    ) -> Result<Self, SettingsError> {
        let environment: BTreeMap<_, _> = environment
            .into_iter()
            .filter(|(name, value)| name.starts_with(PREFIX) && !value.is_empty())
            .collect();
        environment
            .keys()
            .try_for_each(|name| refuse_misspelt(name))?;
        let path = file
            .map(Path::to_owned)
            .or_else(|| environment.get("ONS_AUDIT_CONFIG").map(PathBuf::from));
        let file = path
            .map(|path| read(&path).map(|table| (path, table)))
            .transpose()?;
        Ok(Self {
            flags: BTreeMap::new(),
            environment,
            file,
            defaults: defaults(),
        })
    }

    /// Returns the path of the settings file, if there is one.
    #[must_use]
    pub fn file(&self) -> Option<&Path> {
        self.file.as_ref().map(|(path, _)| path.as_path())
    }

    /// Sets a flag, which takes precedence over the other layers, if it was given.
    pub fn flag(&mut self, key: &'static str, value: Option<impl ToString>) {
        debug_assert!(self.defaults.contains_key(key), "{key} has no default");
        if let Some(value) = value {
            self.flags.insert(key, value.to_string());
        }
    }

    /// Returns the effective value and its origin.
    #[must_use]
    pub fn text(&self, key: &'static str) -> (&str, Origin) {
        let variable = variable(key);
        if let Some(value) = self.flags.get(key) {
            return (value, Origin::Flag(format!("--{}", key.replace('_', "-"))));
        }
        if let Some(value) = self.environment.get(&variable) {
            return (value, Origin::Environment(variable));
        }
        if let Some((path, value)) = self
            .file
            .as_ref()
            .and_then(|(path, table)| Some((path, table.get(key)?)))
        {
            return (value, Origin::File(path.clone()));
        }
        (
            self.defaults.get(key).map_or("", String::as_str),
            Origin::Default,
        )
    }

    /// Returns the effective value, parsed.
    ///
    /// # Errors
    ///
    /// If the value is not valid.
    pub fn get<T: FromStr>(&self, key: &'static str) -> Result<T, SettingsError>
    where
        T::Err: fmt::Display,
    {
        let (text, origin) = self.text(key);
        text.parse()
            .map_err(|problem: T::Err| SettingsError::Value {
                key,
                origin,
                problem: problem.to_string(),
            })
    }

    /// Returns the effective value, parsed. `None` if it is empty.
    ///
    /// # Errors
    ///
    /// If the value is not valid.
    pub fn optional<T: FromStr>(&self, key: &'static str) -> Result<Option<T>, SettingsError>
    where
        T::Err: fmt::Display,
    {
        if self.text(key).0.is_empty() {
            Ok(None)
        } else {
            self.get(key).map(Some)
        }
    }

    /// Returns all settings as a settings file, each with its origin.
    #[must_use]
    pub fn show(&self) -> String {
        let mut lines = String::new();
        for key in names() {
            let (value, origin) = self.text(key);
            // An address with a password is refused at every origin, and never shown.
            let value = match value.rsplit_once('@') {
                Some((_, host)) if key == "proxy" => format!("***@{host}"),
                _ if key == "shared_quota" => masked(value),
                _ if SECRETS.contains(&key) && !value.is_empty() => "***".to_owned(),
                _ => value.to_owned(),
            };
            let value = toml::Value::String(value);
            writeln!(lines, "{key} = {value}  # {origin}").expect("memory takes all text");
        }
        lines
    }
}

/// Returns the name of every setting, with that of its environment variable.
#[must_use]
pub fn variables() -> Vec<(&'static str, String)> {
    let names = names().into_iter();
    names.map(|key| (key, variable(key))).collect()
}

pub(super) fn variable(key: &str) -> String {
    format!("{PREFIX}{}", key.to_ascii_uppercase())
}

/// Returns the setting whose name resembles `key` most, unless none does.
pub(super) fn nearest(key: &str) -> Option<&'static str> {
    let key = key.to_lowercase().replace('-', "_");
    let distances = names()
        .into_iter()
        .map(|name| (strsim::osa_distance(&key, name), name));
    let (distance, name) = distances.min()?;
    let is_near = distance <= MISSPELT.max(name.len() / 2) && distance < name.len();
    is_near.then_some(name)
}

/// Refuses a variable that is not known and resembles a known one: at most [`MISSPELT`] edits, and not every letter is
/// another.
fn refuse_misspelt(name: &str) -> Result<(), SettingsError> {
    let settings = names().into_iter().map(variable);
    let others = OTHER_VARIABLES.into_iter().map(str::to_owned);
    let known: Vec<_> = settings.chain(others).collect();
    if known.iter().any(|known| known == name) {
        return Ok(());
    }
    let distances = known
        .into_iter()
        .map(|known| (strsim::osa_distance(name, &known), known));
    let misspelt = distances
        .filter(|(distance, known)| *distance <= MISSPELT.min(known.len() - PREFIX.len() - 1));
    match misspelt.min() {
        Some((_, nearest)) => Err(SettingsError::UnknownVariable {
            name: name.to_owned(),
            nearest,
        }),
        None => Ok(()),
    }
}

/// Returns the names of all settings, in the order of the default file.
pub(super) fn names() -> Vec<&'static str> {
    DEFAULTS
        .lines()
        .filter(|line| !line.starts_with('#'))
        .filter_map(|line| line.split_once(" = "))
        .map(|(name, _)| name)
        .collect()
}

/// Returns a valid value: the default, or the example if the default shows none.
pub(super) fn example(key: &str) -> String {
    let (_, example) = EXAMPLES
        .into_iter()
        .find(|(known, _)| *known == key)
        .unwrap_or_default();
    if example.is_empty() {
        defaults().remove(key).unwrap_or_default()
    } else {
        example.to_owned()
    }
}

fn defaults() -> BTreeMap<String, String> {
    flatten(Path::new("samples/settings.toml"), DEFAULTS)
        .expect("the embedded default parses; a test sees to it")
}

fn read(path: &Path) -> Result<BTreeMap<String, String>, SettingsError> {
    let unreadable = |source| SettingsError::Unreadable {
        path: path.to_owned(),
        source,
    };
    let mut file = File::open(path).map_err(unreadable)?;
    let mut text = String::new();
    file.read_to_string(&mut text).map_err(unreadable)?;
    let table = flatten(path, &text)?;
    let holds = |key: &&str| table.get(*key).is_some_and(|value| !value.is_empty());
    if let Some(key) = SECRETS.into_iter().find(holds)
        && let Some(mode) = file::mode_if_shared(&file).map_err(unreadable)?
    {
        let path = path.to_owned();
        return Err(SettingsError::Open { path, mode, key });
    }
    Ok(table)
}

fn flatten(path: &Path, text: &str) -> Result<BTreeMap<String, String>, SettingsError> {
    let table: toml::Table = text.parse().map_err(|error: toml::de::Error| {
        let before = error.span().and_then(|span| text.get(..span.start));
        SettingsError::Syntax {
            path: path.to_owned(),
            line: 1 + before.unwrap_or_default().matches('\n').count(),
            problem: error.message().to_owned(),
        }
    })?;
    let scalar = |(key, value): (String, toml::Value)| {
        let Some(name) = names().into_iter().find(|name| *name == key) else {
            let path = path.to_owned();
            return Err(SettingsError::Unknown { path, key });
        };
        match value {
            toml::Value::String(text) => Ok((key, text)),
            toml::Value::Integer(number) => Ok((key, number.to_string())),
            toml::Value::Boolean(truth) => Ok((key, truth.to_string())),
            other => Err(SettingsError::Value {
                key: name,
                origin: Origin::File(path.to_owned()),
                problem: format!(
                    "expected a text, a whole number, true or false, found: {}",
                    other.type_str()
                ),
            }),
        }
    };
    table.into_iter().map(scalar).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::exit::Advice as _;
    use std::io::Write;

    fn settings(environment: &[(&str, &str)], file: &str) -> Result<Settings, SettingsError> {
        let mut settings = tempfile::NamedTempFile::new().unwrap();
        settings.write_all(file.as_bytes()).unwrap();
        Settings::new(
            environment
                .iter()
                .map(|&(k, v)| (k.to_owned(), v.to_owned())),
            Some(settings.path()),
        )
    }

    #[test]
    fn a_syntax_error_does_not_quote_its_line() {
        let text = "rate = '10/s'\nnotify_url = https://127.0.0.1/s3cret\n";
        let error = flatten(Path::new("a.toml"), text).unwrap_err();
        let shown = format!("{error} {error:?}");
        assert!(error.to_string().starts_with("a.toml:2: "), "{error}");
        assert!(!shown.contains("s3cret"), "{shown}");
    }

    #[test]
    fn flag_then_environment_then_file_then_default() {
        let mut settings = settings(
            &[("ONS_AUDIT_BURST", "3"), ("ONS_AUDIT_RATE", "")],
            "rate = \"7/s\"\nburst = 2\n",
        )
        .unwrap();
        assert_eq!(settings.text("max_attempts"), ("5", Origin::Default));
        assert_eq!(settings.text("rate").0, "7/s", "an empty variable is none");
        assert_eq!(
            settings.text("burst"),
            ("3", Origin::Environment("ONS_AUDIT_BURST".to_owned()))
        );
        settings.flag("burst", Some(4));
        assert_eq!(
            settings.text("burst"),
            ("4", Origin::Flag("--burst".to_owned()))
        );
        settings.flag("rate", None::<String>);
        assert_eq!(settings.get::<u32>("burst").unwrap(), 4);
    }

    #[test]
    fn errors_name_the_place_that_has_to_change() {
        let loaded = settings(&[("ONS_AUDIT_BURST", "many")], "").unwrap();
        let error = loaded.get::<u32>("burst").unwrap_err();
        assert_eq!(
            error.to_string(),
            "burst (from ONS_AUDIT_BURST): invalid digit found in string"
        );
        let error = settings(&[], "raet = \"1/s\"\n").unwrap_err();
        assert!(
            error.to_string().ends_with("`raet` is not a setting"),
            "{error}"
        );
        let hint = |file: &str| settings(&[], file).unwrap_err().hint().unwrap();
        for (key, said) in [
            ("raet", "did you mean rate?"),
            ("Max-Time", "did you mean max_time?"),
            ("notifyurl", "did you mean notify_url?"),
            ("concurency", "did you mean concurrency?"),
            (
                "notify_secret",
                "only the variable ONS_AUDIT_NOTIFY_SECRET sets it",
            ),
        ] {
            assert_eq!(hint(&format!("{key} = 1\n")), said);
        }
        for key in ["colour_of_pages", "x"] {
            assert!(
                hint(&format!("{key} = 1\n")).contains("rate, burst"),
                "{key}"
            );
        }
        let error = settings(&[], "rate = [8]\n").unwrap_err().to_string();
        assert!(
            error.ends_with("): expected a text, a whole number, true or false, found: array"),
            "{error}"
        );
        assert!(
            settings(&[], "rate = \n")
                .unwrap_err()
                .to_string()
                .contains(":1: ")
        );
    }

    #[test]
    fn only_misspelt_variables_are_refused() {
        for (name, nearest) in [
            ("RAET", "RATE"),
            ("RATES", "RATE"),
            ("MAXTIME", "MAX_TIME"),
            ("TX", "TZ"),
            ("CONFG", "CONFIG"),
            ("SERVE_KEY", "SERVE_KEYS"),
            ("NOTIFY_URI", "NOTIFY_URL"),
            ("rate2", ""),
            // Kubernetes sets these for services named ons-audit, ons-audit-serve and ons-audit-db.
            ("SERVICE_HOST", ""),
            ("SERVICE_PORT", ""),
            ("SERVICE_PORT_HTTP", ""),
            ("PORT", ""),
            ("PORT_8181_TCP", ""),
            ("PORT_8181_TCP_PROTO", ""),
            ("PORT_8181_TCP_PORT", ""),
            ("PORT_8181_TCP_ADDR", ""),
            ("SERVE_SERVICE_HOST", ""),
            ("SERVE_PORT", ""),
            ("DB_PORT", ""),
            ("DB", ""),
        ] {
            let variable = format!("{PREFIX}{name}");
            let error = settings(&[(&variable, "x")], "").err();
            let hint = error.and_then(|error| error.hint()).unwrap_or_default();
            let said = format!("did you mean {PREFIX}{nearest}?");
            assert_eq!(hint, if nearest.is_empty() { "" } else { &said }, "{name}");
            assert!(
                settings(&[(&variable, "")], "").is_ok(),
                "an empty one is none"
            );
        }
        for known in names().into_iter().map(variable) {
            assert!(settings(&[(&known, "samples/settings.toml")], "").is_ok());
        }
        for known in OTHER_VARIABLES {
            assert!(settings(&[(known, "samples/settings.toml")], "").is_ok());
        }
    }

    #[test]
    fn a_file_with_a_secret_is_for_its_owner_alone() {
        use std::os::unix::fs::PermissionsExt;
        let read = |text: &str, mode: u32| {
            let mut file = tempfile::NamedTempFile::new().unwrap();
            file.write_all(text.as_bytes()).unwrap();
            let mode = std::fs::Permissions::from_mode(mode);
            file.as_file().set_permissions(mode).unwrap();
            Settings::new([], Some(file.path())).map(drop)
        };
        let secret = "notify_url = \"https://h.example/s3cret\"\n";
        for mode in [0o640, 0o604, 0o660, 0o622] {
            let error = read(secret, mode).unwrap_err();
            let said = format!(
                "mode {mode:04o}, expected 0600: it holds notify_url, and others can read it"
            );
            assert!(error.to_string().ends_with(&said), "{error}");
            assert!(error.hint().unwrap().starts_with("chmod 600 "));
            assert!(read("notify_url = \"\"\nrate = \"1/s\"\n", mode).is_ok());
        }
        for mode in [0o600, 0o400] {
            assert!(read(secret, mode).is_ok(), "{mode:o}");
        }
    }

    #[test]
    fn every_setting_has_an_example_in_the_form_of_its_origin() {
        for key in names() {
            let example = example(key);
            assert!(!example.is_empty() && example != "auto", "{key}: {example}");
        }
        assert!(EXAMPLES.iter().all(|(key, _)| names().contains(key)));
        let hint = |key: &'static str, settings: &Settings| {
            let error = settings.get::<std::net::Ipv4Addr>(key).unwrap_err();
            error.hint().unwrap()
        };
        let mut settings = settings(
            &[("ONS_AUDIT_TZ", "x"), ("ONS_AUDIT_TLS", "x")],
            "rate = \"x\"\nburst = \"x\"\n",
        )
        .unwrap();
        settings.flag("max_time", Some("5x"));
        for (key, said) in [
            ("tz", "for example ONS_AUDIT_TZ=UTC"),
            ("tls", "for example ONS_AUDIT_TLS=false"),
            ("rate", "for example rate = \"8/s\""),
            ("burst", "for example burst = 1"),
            ("max_time", "for example --max-time 2h"),
        ] {
            assert_eq!(hint(key, &settings), said);
        }
    }

    #[test]
    fn the_default_is_complete_and_shown_with_origins() {
        let shown = settings(&[("ONS_AUDIT_RATE", "9/s")], "").unwrap().show();
        assert!(
            shown.contains("rate = \"9/s\"  # ONS_AUDIT_RATE\n"),
            "{shown}"
        );
        assert_eq!(shown.lines().count(), defaults().len());
        shown.parse::<toml::Table>().unwrap();
    }

    proptest! {
        #[test]
        fn what_is_shown_is_a_file_that_says_the_same(
            rate in ".{0,8}|\\PC{0,8}|[\"'\\\\\n\r\t#]{0,6}", burst: i64, raw_csv: bool,
        ) {
            let quoted = toml::Value::String(rate.clone());
            let file = format!("rate = {quoted}\nburst = {burst}\nraw_csv = {raw_csv}\n");
            let first = settings(&[], &file).unwrap();
            prop_assert_eq!(first.text("rate").0, &rate);
            let again = settings(&[], &first.show()).unwrap();
            for key in names() {
                prop_assert_eq!(first.text(key).0, again.text(key).0);
            }
        }

        #[test]
        fn any_file_is_read_or_refused_with_a_hint(
            lines in prop::collection::vec("(rate|burst|x|\"rate\") ?= ?(.{0,6}|\"[^\"]{0,6}\"|[0-9.]{1,22}|\\[\\]|true)|.{0,10}", 0..4),
        ) {
            match settings(&[], &lines.join("\n")) {
                Ok(settings) => drop(settings.show()),
                Err(error) => prop_assert!(!error.to_string().is_empty() && error.hint().is_some()),
            }
        }
    }
}
