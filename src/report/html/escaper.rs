//! Escapes every value that the template shows.

use std::fmt::{self, Write};

use askama::filters::{Escaper, Html};

use crate::humanize::printable_lines;

/// Escapes markup, and the characters that hide or reorder text.
#[derive(Debug, Clone, Copy, Default)]
pub(in crate::report) struct PageEscaper;

impl Escaper for PageEscaper {
    fn write_escaped_str<W: Write>(&self, out: W, text: &str) -> fmt::Result {
        Html.write_escaped_str(out, &printable_lines(text))
    }
}
