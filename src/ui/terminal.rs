//! The terminal that progress is drawn on.

use std::io;
use std::sync::atomic::{AtomicBool, Ordering};

use console::Term;
use indicatif::{ProgressDrawTarget, TermLike};

/// How often a second the terminal is drawn at most, as by default.
const DRAWS_PER_SECOND: u8 = 20;

/// Returns stderr as the place to draw on, which is hidden if it is not a terminal that can be drawn on.
pub(super) fn stderr() -> ProgressDrawTarget {
    let target = ProgressDrawTarget::stderr();
    if target.is_hidden() {
        return target;
    }
    let terminal = LosableTerminal {
        term: Term::buffered_stderr(),
        is_lost: AtomicBool::new(false),
    };
    ProgressDrawTarget::term_like_with_hz(Box::new(terminal), DRAWS_PER_SECOND)
}

/// A terminal that may disappear, as with a lost SSH session. After the first error nothing is drawn any more, and no
/// error is returned: indicatif would panic while it holds the lock that the log needs.
#[derive(Debug)]
struct LosableTerminal {
    term: Term,
    is_lost: AtomicBool,
}

impl LosableTerminal {
    fn draw(&self, draw: impl FnOnce(&Term) -> io::Result<()>) {
        if !self.is_lost.load(Ordering::Relaxed) && draw(&self.term).is_err() {
            self.is_lost.store(true, Ordering::Relaxed);
        }
    }
}

impl TermLike for LosableTerminal {
    fn width(&self) -> u16 {
        TermLike::width(&self.term)
    }

    fn height(&self) -> u16 {
        TermLike::height(&self.term)
    }

    fn move_cursor_up(&self, n: usize) -> io::Result<()> {
        self.draw(|term| term.move_cursor_up(n));
        Ok(())
    }

    fn move_cursor_down(&self, n: usize) -> io::Result<()> {
        self.draw(|term| term.move_cursor_down(n));
        Ok(())
    }

    fn move_cursor_right(&self, n: usize) -> io::Result<()> {
        self.draw(|term| term.move_cursor_right(n));
        Ok(())
    }

    fn move_cursor_left(&self, n: usize) -> io::Result<()> {
        self.draw(|term| term.move_cursor_left(n));
        Ok(())
    }

    fn write_line(&self, line: &str) -> io::Result<()> {
        self.draw(|term| term.write_line(line));
        Ok(())
    }

    fn write_str(&self, text: &str) -> io::Result<()> {
        self.draw(|term| term.write_str(text));
        Ok(())
    }

    fn clear_line(&self) -> io::Result<()> {
        self.draw(Term::clear_line);
        Ok(())
    }

    fn flush(&self) -> io::Result<()> {
        self.draw(Term::flush);
        Ok(())
    }
}
