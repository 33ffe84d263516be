//! Who may ask what: access keys, from a file or the environment.
//!
//! ```toml
//! [[keys]]
//! id = "nightly"
//! secret = "…"
//! topics = ["orders", "payments"]   # default: all
//! instances = ["*"]                 # default: all
//! security_token = "…"              # a temporary key: every call must bring this token
//! account = "ops"                   # whose quota its calls count against; default: its own
//! active = false                    # default: true
//! ```

use std::collections::{BTreeSet, HashMap};
use std::fs::File;
use std::io::{self, Read};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use thiserror::Error;

use super::proof::Secret;
use crate::exit::Advice;

/// An access key and its rights.
#[derive(Debug)]
pub struct Key {
    /// The key ID.
    pub id: String,
    /// The account whose quota it uses.
    pub account: Arc<str>,
    /// May it be used?
    pub active: bool,
    /// What signs.
    pub secret: Secret,
    /// The token that every call must bring.
    pub token: Option<SecretString>,
    /// What it may ask about.
    pub topics: Scope,
    /// Where.
    pub instances: Scope,
}

/// Names that a key may use: some, or all.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Scope {
    /// `["*"]`
    All,
    /// These, spelled exactly so.
    Only(BTreeSet<String>),
}

impl Scope {
    /// Is this name in it?
    #[must_use]
    pub fn has(&self, name: &str) -> bool {
        match self {
            Self::All => true,
            Self::Only(names) => names.contains(name),
        }
    }

    fn of(names: Option<Vec<String>>) -> Result<Self, String> {
        let Some(names) = names else {
            return Ok(Self::All);
        };
        if names.iter().any(|name| name == "*") {
            return Ok(Self::All);
        }
        match names.iter().find(|name| name.contains('*')) {
            Some(pattern) => Err(format!(
                "`{pattern}`: patterns are not understood, expected exact names or \"*\""
            )),
            None => Ok(Self::Only(names.into_iter().collect())),
        }
    }
}

/// Every key, by ID.
#[derive(Debug, Default)]
pub struct Keys(HashMap<String, Arc<Key>>);

/// Where keys are written down.
#[derive(Debug, Clone)]
pub enum KeySource {
    /// A TOML file, mode 0600.
    File(PathBuf),
    /// `id:secret,…`
    Text(SecretString),
}

/// Why there are no keys.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum KeysError {
    /// The file can't be read.
    #[error("can't read the access keys in {}", path.display())]
    Unreadable {
        /// Which file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// Others than its owner can read the file.
    #[error("{}: mode {mode:04o}, expected 0600: others can read the secrets in it", path.display())]
    Open {
        /// Which file.
        path: PathBuf,
        /// Its permissions.
        mode: u32,
    },
    /// It does not say what keys there are.
    #[error("{place}: {problem}")]
    Malformed {
        /// File and line, or the variable.
        place: String,
        /// What is wrong; no secret is in it.
        problem: String,
    },
}

impl Advice for KeysError {
    fn hint(&self) -> Option<String> {
        Some(match self {
            Self::Unreadable { .. } => "--keys names a TOML file with [[keys]] tables".to_owned(),
            Self::Open { path, .. } => format!("chmod 600 {}", path.display()),
            Self::Malformed { .. } => {
                "each key is a [[keys]] table with id and secret; ONS_AUDIT_SERVE_KEYS is id:secret,…"
                    .to_owned()
            }
        })
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Document {
    keys: Vec<Written>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    id: String,
    secret: SecretString,
    security_token: Option<SecretString>,
    account: Option<String>,
    active: Option<bool>,
    topics: Option<Vec<String>>,
    instances: Option<Vec<String>>,
}

impl Keys {
    /// Reads them from where they are, now.
    pub fn load(from: &KeySource) -> Result<Self, KeysError> {
        match from {
            KeySource::File(path) => Self::of_file(path),
            KeySource::Text(text) => Self::of_text(text.expose_secret()),
        }
    }

    /// The key of this ID.
    #[must_use]
    pub fn get(&self, id: &str) -> Option<&Arc<Key>> {
        self.0.get(id)
    }

    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Are there none?
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    fn of_file(path: &Path) -> Result<Self, KeysError> {
        let unreadable = |source| KeysError::Unreadable {
            path: path.to_owned(),
            source,
        };
        let mut file = File::open(path).map_err(unreadable)?;
        let mode = file.metadata().map_err(unreadable)?.permissions().mode() & 0o777;
        if mode & 0o077 != 0 {
            return Err(KeysError::Open {
                path: path.to_owned(),
                mode,
            });
        }
        let mut text = String::new();
        file.read_to_string(&mut text).map_err(unreadable)?;
        let place = |line: usize| format!("{}:{line}", path.display());
        // The error's own text would quote the line, and a secret may stand in it.
        let document: Document = toml::from_str(&text).map_err(|error| KeysError::Malformed {
            place: place(error.span().map_or(1, |span| line_of(&text, span.start))),
            problem: without_value(error.message()),
        })?;
        Self::of(document.keys, &path.display().to_string())
    }

    fn of_text(text: &str) -> Result<Self, KeysError> {
        let place = "ONS_AUDIT_SERVE_KEYS";
        let written = text.split(',').enumerate().map(|(nth, pair)| {
            let (id, secret) = pair.split_once(':').ok_or_else(|| KeysError::Malformed {
                place: place.to_owned(),
                problem: format!("entry {} has no colon, expected id:secret", nth + 1),
            })?;
            Ok(Written {
                id: id.trim().to_owned(),
                secret: SecretString::from(secret.trim()),
                security_token: None,
                account: None,
                active: None,
                topics: None,
                instances: None,
            })
        });
        Self::of(written.collect::<Result<_, KeysError>>()?, place)
    }

    fn of(written: Vec<Written>, place: &str) -> Result<Self, KeysError> {
        let mut keys = HashMap::with_capacity(written.len());
        for (nth, key) in written.into_iter().enumerate() {
            let key = key.checked().map_err(|problem| KeysError::Malformed {
                place: place.to_owned(),
                problem: format!("key {}: {problem}", nth + 1),
            })?;
            if let Some(twice) = keys.insert(key.id.clone(), Arc::new(key)) {
                return Err(KeysError::Malformed {
                    place: place.to_owned(),
                    problem: format!("key ID `{}` stands there twice", twice.id),
                });
            }
        }
        Ok(Self(keys))
    }
}

impl Written {
    fn checked(self) -> Result<Key, String> {
        if self.id.is_empty() {
            return Err("id is empty".to_owned());
        }
        if self.secret.expose_secret().is_empty() {
            return Err("secret is empty".to_owned());
        }
        Ok(Key {
            account: self.account.as_deref().unwrap_or(&self.id).into(),
            active: self.active.unwrap_or(true),
            secret: Secret::new(self.secret.expose_secret()),
            token: self.security_token,
            topics: Scope::of(self.topics)?,
            instances: Scope::of(self.instances)?,
            id: self.id,
        })
    }
}

/// A value of the wrong type is quoted by the parser, and may be a secret. Bad syntax is not.
fn without_value(problem: &str) -> String {
    let is_quoted = |what: &str| {
        let quoting = ["invalid type: ", "invalid value: ", "invalid length "];
        quoting.iter().any(|start| what.starts_with(start))
    };
    match problem.split_once(", expected ") {
        Some((what, expected)) if is_quoted(what) => {
            format!("a value of the wrong type, expected {expected}")
        }
        _ => problem.to_owned(),
    }
}

fn line_of(text: &str, at: usize) -> usize {
    1 + memchr::memchr_iter(b'\n', &text.as_bytes()[..at.min(text.len())]).count()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::file;
    use std::io::Write;

    fn file_of(text: &str) -> (tempfile::TempDir, PathBuf) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("keys.toml");
        let mut file = file::create_private(&path).unwrap();
        file.write_all(text.as_bytes()).unwrap();
        (folder, path)
    }

    fn refused(text: &str) -> String {
        let (folder, path) = file_of(text);
        let error = Keys::load(&KeySource::File(path)).unwrap_err();
        error
            .to_string()
            .replace(&*folder.path().to_string_lossy(), "")
    }

    #[test]
    fn a_file_says_who_may_ask_what() {
        let (_folder, path) = file_of(
            "[[keys]]\nid = 'a'\nsecret = 's'\n[[keys]]\nid = 'b'\nsecret = 't'\naccount = 'ops'\n\
             active = false\ntopics = ['orders']\ninstances = ['*']\n",
        );
        let keys = Keys::load(&KeySource::File(path)).unwrap();
        assert_eq!(keys.len(), 2);
        let (a, b) = (keys.get("a").unwrap(), keys.get("b").unwrap());
        assert_eq!((&*a.account, a.active, &a.topics), ("a", true, &Scope::All));
        assert_eq!((&*b.account, b.active), ("ops", false));
        assert!(b.topics.has("orders") && !b.topics.has("Orders"));
        assert_eq!(b.instances, Scope::All);
        assert!(keys.get("c").is_none());
    }

    #[test]
    fn the_environment_says_id_and_secret() {
        let keys = Keys::load(&KeySource::Text("a:s:1, b:t".into())).unwrap();
        assert_eq!(keys.len(), 2);
        for (text, problem) in [
            ("a", "entry 1 has no colon"),
            ("a:s,", "entry 2 has no colon"),
            ("a:", "key 1: secret is empty"),
            ("a:s,a:t", "key ID `a` stands there twice"),
        ] {
            let error = Keys::load(&KeySource::Text(text.into())).unwrap_err();
            assert!(error.to_string().contains(problem), "{error}");
        }
    }

    #[test]
    fn what_is_wrong_is_said_with_its_line_and_without_secrets() {
        for (text, problem) in [
            ("[[keys]]\nid = 'a'\nsecret = 'hush' x\n", "/keys.toml:3: "),
            (
                "[[keys]]\nid = 'a'\nsecert = 'hush'\n",
                "unknown field `secert`",
            ),
            ("[[keys]]\nid = 'a'\n", "missing field `secret`"),
            ("[[keys]]\nid = ''\nsecret = 'hush'\n", "key 1: id is empty"),
            (
                "[[keys]]\nid = 'a'\nsecret = 4711\n",
                "wrong type, expected a string",
            ),
            ("", "missing field `keys`"),
            (
                "[[keys]]\nid = 'a'\nsecret = \"hush\n",
                "/keys.toml:3: invalid basic string, expected `\"`",
            ),
            ("[[keys]]\nid = 'a'\nsecret = hush\n", "/keys.toml:3: "),
            (
                "[[keys]]\nid = 'a'\nsecret = \"h\\hush\"\n",
                "/keys.toml:3: ",
            ),
            ("hush", "/keys.toml:1: "),
            (
                "[[keys]]\nid = 'a'\nsecret = 'b'\nactive = 'hush'\n",
                "wrong type, expected a boolean",
            ),
            (
                "[[keys]]\nid = 'a'\nsecret = 'hush'\ntopics = ['or*']\n",
                "`or*`: patterns are not understood",
            ),
        ] {
            let error = refused(text);
            assert!(error.contains(problem), "{error}");
            assert!(
                !error.contains("hush") && !error.contains("4711"),
                "{error}"
            );
        }
    }

    #[test]
    fn a_file_that_others_can_read_is_refused() {
        let (_folder, path) = file_of("keys = []");
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o640)).unwrap();
        let error = Keys::load(&KeySource::File(path.clone())).unwrap_err();
        assert!(error.to_string().contains("mode 0640, expected 0600"));
        assert_eq!(error.hint(), Some(format!("chmod 600 {}", path.display())));
        assert!(matches!(
            Keys::load(&KeySource::File("/nowhere/keys".into())),
            Err(KeysError::Unreadable { .. })
        ));
    }
}
