//! How lines on stderr look: one decision for help, usage errors and the log.

use crate::settings::LogFormat;

/// Returns whether to use colours: on a terminal that supports them, unless `NO_COLOR` is set (`no-color.org`).
#[must_use]
pub(crate) fn is_coloured(terminal: bool, variable: impl Fn(&str) -> Option<String>) -> bool {
    terminal && variable("NO_COLOR").is_none() && variable("TERM").as_deref() != Some("dumb")
}

/// How the log looks.
#[derive(Debug, Clone, Copy)]
pub(crate) struct LogStyle {
    pub(crate) format: LogFormat,
    /// Whether only warnings and errors are logged.
    pub(crate) quiet: bool,
    /// The result of [`is_coloured`]. JSON lines have no colours.
    pub(crate) colours: bool,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn colours_are_for_terminals_that_want_them() {
        for (terminal, name, value, coloured) in [
            (true, "TERM", "xterm", true),
            (true, "", "", true),
            (true, "TERM", "dumb", false),
            (true, "NO_COLOR", "1", false),
            (false, "TERM", "xterm", false),
        ] {
            let variable = |asked: &str| (asked == name).then(|| value.to_owned());
            assert_eq!(
                is_coloured(terminal, variable),
                coloured,
                "{terminal} {name}={value}"
            );
        }
    }
}
