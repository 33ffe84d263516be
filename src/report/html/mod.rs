//! HTML: one page that opens from a mail attachment and asks nobody for anything.
//!
//! The workers tell of each break in a line ([`rows`]); [`gathered`] counts them by topic, producer and time and keeps
//! the first ten thousand; [`timeline`] draws when the missed messages were made; [`page`] puts all of it, with the
//! totals of the same tally as every other format, into the template beside it.

mod gathered;
mod page;
mod rows;
mod timeline;

pub(super) use page::Page;
pub(super) use rows::Html;
