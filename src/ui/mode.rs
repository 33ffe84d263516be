//! Bar, lines or silence: one decision, made once.

/// How progress is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// A bar that is redrawn.
    Bar,
    /// A line every ten seconds.
    Lines,
    /// Nothing.
    Silent,
}

impl Mode {
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
            (false, false, false, Mode::Silent),
            (false, false, true, Mode::Silent),
            (false, true, false, Mode::Silent),
            (false, true, true, Mode::Silent),
            (true, false, false, Mode::Lines),
            (true, false, true, Mode::Lines),
            (true, true, false, Mode::Bar),
            (true, true, true, Mode::Lines),
        ] {
            assert_eq!(
                Mode::resolve(wanted, terminal, json_log),
                mode,
                "{wanted} {terminal} {json_log}"
            );
        }
    }
}
