//! Access keys and their rights, from a file or the environment.
//!
//! ```toml
//! [[keys]]
//! id = "nightly"
//! secret = "…"
//! topics = ["orders", "payments"]   # default: all
//! instances = ["*"]                 # default: all
//! security_token = "…"              # a temporary key: every call must carry this token
//! account = "ops"                   # whose quota its calls count against; default: its own
//! active = false                    # default: true
//! ```

use std::collections::{BTreeSet, HashMap};
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use thiserror::Error;

use super::request_signature::SigningSecret;
use crate::exit::Advice;
use crate::file;

/// An access key and its rights.
#[derive(Debug)]
pub struct AccessKey {
    /// The access key ID.
    pub id: String,
    /// The account whose quota its calls count against.
    pub account: Arc<str>,
    /// Whether it may be used.
    pub active: bool,
    /// The secret that signs.
    pub secret: SigningSecret,
    /// The token that every call must carry.
    pub token: Option<SecretString>,
    /// The topics it may use.
    pub topics: Scope,
    /// The instances it may use.
    pub instances: Scope,
}

/// The topics or instances that a key may use.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Scope {
    /// `["*"]`
    All,
    /// Exactly these names.
    Only(BTreeSet<String>),
}

impl Scope {
    /// Returns whether the name is in the scope.
    #[must_use]
    pub fn contains(&self, name: &str) -> bool {
        match self {
            Self::All => true,
            Self::Only(names) => names.contains(name),
        }
    }

    fn from_names(names: Option<Vec<String>>) -> Result<Self, String> {
        let Some(names) = names else {
            return Ok(Self::All);
        };
        if names.iter().any(|name| name == "*") {
            return Ok(Self::All);
        }
        match names.iter().find(|name| name.contains('*')) {
            Some(pattern) => Err(format!(
                "`{pattern}`: patterns are not supported, expected exact names or \"*\""
            )),
            None => Ok(Self::Only(names.into_iter().collect())),
        }
    }
}

/// All access keys by ID.
#[derive(Debug, Default)]
pub struct AccessKeys(HashMap<String, Arc<AccessKey>>);

/// Where access keys are configured.
#[derive(Debug, Clone)]
pub enum KeySource {
    /// A TOML file, mode 0600.
    File(PathBuf),
    /// `id:secret,…`
    Text(SecretString),
}

/// Why access keys cannot be read.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum KeysError {
    /// The file can't be read.
    #[error("can't read the access keys in {}", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// The error of the system.
        source: io::Error,
    },
    /// The file can be read by others than its owner.
    #[error("{}: mode {mode:04o}, expected 0600: others can read the secrets in it", path.display())]
    Open {
        /// The file.
        path: PathBuf,
        /// The mode of the file.
        mode: u32,
    },
    /// The text is not a valid list of keys.
    #[error("{place}: {problem}")]
    Malformed {
        /// File and line, or the name of the variable.
        place: String,
        /// What is wrong. It contains no secret.
        problem: String,
    },
}

impl Advice for KeysError {
    fn hint(&self) -> Option<String> {
        Some(match self {
            Self::Unreadable { .. } => {
                "--keys names a TOML file with [[keys]] tables; a pipe could not be read again on SIGHUP".to_owned()
            }
            Self::Open { path, .. } => format!("chmod 600 {}", path.display()),
            Self::Malformed { .. } => {
                "each key is a [[keys]] table with id and secret; ONS_AUDIT_SERVE_KEYS is id:secret,…; unset it to \
                 serve without keys"
                    .to_owned()
            }
        })
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct KeysFile {
    keys: Vec<KeyEntry>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct KeyEntry {
    id: String,
    secret: SecretString,
    security_token: Option<SecretString>,
    account: Option<String>,
    active: Option<bool>,
    topics: Option<Vec<String>>,
    instances: Option<Vec<String>>,
}

impl AccessKeys {
    /// Reads the keys from their source.
    ///
    /// # Errors
    ///
    /// The file is unreadable, readable by others, or malformed.
    pub fn load(from: &KeySource) -> Result<Self, KeysError> {
        match from {
            KeySource::File(path) => Self::from_file(path),
            KeySource::Text(text) => Self::from_text(text.expose_secret()),
        }
    }

    /// Returns the key with this ID.
    #[must_use]
    pub fn get(&self, id: &str) -> Option<&Arc<AccessKey>> {
        self.0.get(id)
    }

    /// Returns the number of keys.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Returns whether there are no keys.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    fn from_file(path: &Path) -> Result<Self, KeysError> {
        let unreadable = |source| KeysError::Unreadable {
            path: path.to_owned(),
            source,
        };
        let mut file = file::open_regular(path).map_err(unreadable)?;
        if let Some(mode) = file::mode_if_shared(&file).map_err(unreadable)? {
            return Err(KeysError::Open {
                path: path.to_owned(),
                mode,
            });
        }
        let mut text = String::new();
        file.read_to_string(&mut text).map_err(unreadable)?;
        let place = |line: usize| format!("{}:{line}", path.display());
        // The error's own text would quote the line, which may contain a secret.
        let file: KeysFile = toml::from_str(&text).map_err(|error| KeysError::Malformed {
            place: place(error.span().map_or(1, |span| line_of(&text, span.start))),
            problem: without_value(error.message()),
        })?;
        Self::from_entries(file.keys, &path.display().to_string())
    }

    fn from_text(text: &str) -> Result<Self, KeysError> {
        let place = "ONS_AUDIT_SERVE_KEYS";
        if text.trim().is_empty() {
            return Err(KeysError::Malformed {
                place: place.to_owned(),
                problem: "it is empty, expected id:secret,…".to_owned(),
            });
        }
        let entries = text.split(',').enumerate().map(|(nth, pair)| {
            let (id, secret) = pair.split_once(':').ok_or_else(|| KeysError::Malformed {
                place: place.to_owned(),
                problem: format!("entry {} has no colon, expected id:secret", nth + 1),
            })?;
            Ok(KeyEntry {
                id: id.trim().to_owned(),
                secret: SecretString::from(secret.trim()),
                security_token: None,
                account: None,
                active: None,
                topics: None,
                instances: None,
            })
        });
        Self::from_entries(entries.collect::<Result<_, KeysError>>()?, place)
    }

    fn from_entries(entries: Vec<KeyEntry>, place: &str) -> Result<Self, KeysError> {
        let mut keys = HashMap::with_capacity(entries.len());
        for (nth, key) in entries.into_iter().enumerate() {
            let key = key.into_key().map_err(|problem| KeysError::Malformed {
                place: place.to_owned(),
                problem: format!("key {}: {problem}", nth + 1),
            })?;
            if let Some(first) = keys.insert(key.id.clone(), Arc::new(key)) {
                return Err(KeysError::Malformed {
                    place: place.to_owned(),
                    problem: format!("key ID `{}` is given twice", first.id),
                });
            }
        }
        Ok(Self(keys))
    }
}

impl KeyEntry {
    fn into_key(self) -> Result<AccessKey, String> {
        if self.id.is_empty() {
            return Err("id is empty".to_owned());
        }
        if self.secret.expose_secret().is_empty() {
            return Err("secret is empty".to_owned());
        }
        Ok(AccessKey {
            account: self.account.as_deref().unwrap_or(&self.id).into(),
            active: self.active.unwrap_or(true),
            secret: SigningSecret::new(self.secret.expose_secret()),
            token: self.security_token,
            topics: Scope::from_names(self.topics)?,
            instances: Scope::from_names(self.instances)?,
            id: self.id,
        })
    }
}

/// Removes the value that the parser quotes if it has the wrong type: it may be a secret. Bad syntax is not quoted.
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
    use std::os::unix::fs::PermissionsExt;

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
        let error = AccessKeys::load(&KeySource::File(path)).unwrap_err();
        error
            .to_string()
            .replace(&*folder.path().to_string_lossy(), "")
    }

    #[test]
    fn a_file_has_keys_and_their_rights() {
        let (_folder, path) = file_of(
            "[[keys]]\nid = 'a'\nsecret = 's'\n[[keys]]\nid = 'b'\nsecret = 't'\naccount = 'ops'\n\
             active = false\ntopics = ['orders']\ninstances = ['*']\n",
        );
        let keys = AccessKeys::load(&KeySource::File(path)).unwrap();
        assert_eq!(keys.len(), 2);
        let (a, b) = (keys.get("a").unwrap(), keys.get("b").unwrap());
        assert_eq!((&*a.account, a.active, &a.topics), ("a", true, &Scope::All));
        assert_eq!((&*b.account, b.active), ("ops", false));
        assert!(b.topics.contains("orders") && !b.topics.contains("Orders"));
        assert_eq!(b.instances, Scope::All);
        assert!(keys.get("c").is_none());
    }

    #[test]
    fn the_environment_has_ids_and_secrets() {
        let keys = AccessKeys::load(&KeySource::Text("a:s:1, b:t".into())).unwrap();
        assert_eq!(keys.len(), 2);
        for (text, problem) in [
            ("a", "entry 1 has no colon"),
            ("a:s,", "entry 2 has no colon"),
            ("a:", "key 1: secret is empty"),
            ("a:s,a:t", "key ID `a` is given twice"),
        ] {
            let error = AccessKeys::load(&KeySource::Text(text.into())).unwrap_err();
            assert!(error.to_string().contains(problem), "{error}");
        }
    }

    #[test]
    fn errors_name_the_line_and_no_secret() {
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
                "`or*`: patterns are not supported",
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
    fn a_file_readable_by_others_is_refused() {
        let (_folder, path) = file_of("keys = []");
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o640)).unwrap();
        let error = AccessKeys::load(&KeySource::File(path.clone())).unwrap_err();
        assert!(error.to_string().contains("mode 0640, expected 0600"));
        assert_eq!(error.hint(), Some(format!("chmod 600 {}", path.display())));
        assert!(matches!(
            AccessKeys::load(&KeySource::File("/nowhere/keys".into())),
            Err(KeysError::Unreadable { .. })
        ));
    }
}
