//! HTML: one page that opens from a mail attachment and asks nobody for anything.
//!
//! The workers tell of each break in a line ([`rows`]); [`gathered`] counts them by topic, producer and time and keeps
//! the first ten thousand; [`timeline`] lays out when the missed messages were made and [`drawing`] draws it; [`bars`]
//! draws numbers beside each other. [`page`] puts all of it ([`view`], [`origins`], [`list`]), with the totals of the same
//! tally as every other format, into the template `page.html`. Style and script stand beside it and go into the page; its
//! policy names their hashes, so nothing else runs there.

mod assets;
mod bars;
mod collected;
mod drawing;
mod list;
mod origins;
mod rows;
mod sink;
mod timeline;
mod view;

pub(super) use rows::HtmlRows;
pub(super) use sink::HtmlSink;
