//! Bar, lines or silence: one decision, made once.

/// How progress is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ProgressMode {
    /// A bar that is redrawn.
    Bar,
    /// A line every ten seconds.
    Lines,
    /// Nothing.
    Silent,
}

impl ProgressMode {
    /// | wanted | stderr is a terminal | JSON log | mode |
    /// |---|---|---|---|
    /// | no (`--quiet`, `--no-progress`) | – | – | silent |
    /// | yes | yes | no | bar |
    /// | yes | no, or JSON log | – | lines |
    #[must_use]
    pub const fn resolve(wanted: bool, terminal: bool, json_log: bool) -> Self {
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
    fn the_whole_table() {
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
