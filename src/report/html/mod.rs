//! The HTML report: one page that opens from a mail attachment and makes no requests.
//!
//! The workers write each break as a line ([`rows`]). [`collected`] counts the breaks by topic, producer and time, and keeps
//! the first ten thousand. [`timeline`] lays out when the missed messages were produced, [`drawing`] draws the timeline, and
//! [`bars`] draws other numbers. [`sink`] fills the template `page.html` with all of it ([`view`], [`origins`], [`list`]).
//! Style and script are embedded in the page, and its policy names their hashes ([`assets`]), so nothing else can run.

mod assets;
mod bars;
mod collected;
mod drawing;
mod escaper;
mod list;
mod origins;
mod rows;
mod sink;
mod timeline;
mod view;

pub(in crate::report) use escaper::PageEscaper;
pub(super) use rows::HtmlRows;
pub(super) use sink::HtmlSink;
