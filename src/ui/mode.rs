//! Decides how progress is shown.

/// How progress is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ProgressMode {
    /// A bar that is redrawn.
    Bar,
    /// A line every ten seconds.
    Lines,
    Silent,
}

impl ProgressMode {
    /// Returns the mode by this table:
    ///
    /// | wanted | stderr is a terminal | JSON log | mode |
    /// |---|---|---|---|
    /// | no (`--quiet`, `--no-progress`) | – | – | silent |
    /// | yes | yes | no | bar |
    /// | yes | no, or JSON log | – | lines |
    #[must_use]
    pub(crate) const fn resolve(wanted: bool, terminal: bool, json_log: bool) -> Self {
        match (wanted, terminal, json_log) {
            (false, ..) => Self::Silent,
            (true, true, false) => Self::Bar,
            (true, ..) => Self::Lines,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn modes_follow_the_table() {
        for (wanted, terminal, json_log, mode) in [
            (false, false, false, ProgressMode::Silent),
            (false, false, true, ProgressMode::Silent),
            (false, true, false, ProgressMode::Silent),
            (false, true, true, ProgressMode::Silent),
            (true, false, false, ProgressMode::Lines),
            (true, false, true, ProgressMode::Lines),
            (true, true, false, ProgressMode::Bar),
            (true, true, true, ProgressMode::Lines),
        ] {
            assert_eq!(
                ProgressMode::resolve(wanted, terminal, json_log),
                mode,
                "{wanted} {terminal} {json_log}"
            );
        }
    }
}
