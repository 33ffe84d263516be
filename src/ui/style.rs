//! How lines on stderr look: one decision for help, usage errors and the log.

use crate::settings::LogFormat;

/// Colours are for a terminal only, and not for one that has none or whose owner wants none (`no-color.org`).
#[must_use]
pub fn is_coloured(terminal: bool, variable: impl Fn(&str) -> Option<String>) -> bool {
    terminal && variable("NO_COLOR").is_none() && variable("TERM").as_deref() != Some("dumb")
}

/// How the log looks.
#[derive(Debug, Clone, Copy)]
pub struct LogStyle {
    /// For a person or for a program.
    pub format: LogFormat,
    /// Warnings and errors only.
    pub quiet: bool,
    /// [`is_coloured`]; of no matter for a program.
    pub colours: bool,
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
