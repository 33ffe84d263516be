//! Errors of the settings, and what to type instead.

use std::io;
use std::path::PathBuf;

use super::layers::{OTHER_VARIABLES, Origin, example, names, nearest, variable};
use crate::exit::Advice;

/// The settings are not valid.
#[derive(Debug, thiserror::Error)]
pub enum SettingsError {
    /// The settings file cannot be read.
    #[error("can't read the settings file {}", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// The error of the operating system.
        source: io::Error,
    },
    /// The settings file holds a secret, and others than its owner can read it.
    #[error("{}: mode {mode:04o}, expected 0600: it holds {key}, and others can read it", path.display())]
    Open {
        /// The file.
        path: PathBuf,
        /// The mode of the file.
        mode: u32,
        /// The setting that is secret.
        key: &'static str,
    },
    /// The settings file is not TOML.
    #[error("{}:{line}: {problem}", path.display())]
    Syntax {
        /// The file.
        path: PathBuf,
        /// The line, from 1.
        line: usize,
        /// What the parser expected. The line itself may hold a secret, so it is not quoted.
        problem: String,
    },
    /// The settings file has an unknown setting.
    #[error("{}: `{key}` is not a setting", path.display())]
    Unknown {
        /// The file.
        path: PathBuf,
        /// The name found.
        key: String,
    },
    /// A variable is nearly one of this program's.
    #[error("{name}: there is no such variable")]
    UnknownVariable {
        /// The variable found.
        name: String,
        /// The variable that it resembles.
        nearest: String,
    },
    /// A value is not valid.
    #[error("{key} (from {origin}): {problem}")]
    Value {
        /// The setting.
        key: &'static str,
        /// The origin of the value.
        origin: Origin,
        /// What was found and what was expected.
        problem: String,
    },
    /// A setting without default is not set.
    #[error("no {key} is given")]
    Missing {
        /// The setting.
        key: &'static str,
        /// The flag to type.
        hint: &'static str,
    },
}

impl Advice for SettingsError {
    fn hint(&self) -> Option<String> {
        match self {
            Self::Unreadable { .. } => {
                Some("name a file that exists with --config or ONS_AUDIT_CONFIG".to_owned())
            }
            Self::Syntax { .. } => {
                Some("a line is NAME = VALUE; text stands in \"quotes\"".to_owned())
            }
            Self::Open { path, .. } => Some(format!("chmod 600 {}", path.display())),
            Self::Unknown { key, .. } => Some(match nearest(key) {
                _ if OTHER_VARIABLES.contains(&&*variable(key)) => {
                    format!("only the variable {} sets it", variable(key))
                }
                Some(name) => format!("did you mean {name}?"),
                None => format!("the settings are: {}", names().join(", ")),
            }),
            Self::UnknownVariable { nearest, .. } => Some(format!("did you mean {nearest}?")),
            Self::Value { key, origin, .. } => Some(format!(
                "for example {}",
                origin.written(key, &example(key))
            )),
            Self::Missing { hint, .. } => Some((*hint).to_owned()),
        }
    }
}
