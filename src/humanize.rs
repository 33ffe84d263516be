//! Numbers and the names of streams in texts for people.

use std::path::Path;
use std::time::Duration;

/// Formats a count with separated thousands: `20,000`.
#[must_use]
pub fn count(count: u64) -> String {
    let digits = count.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (nth, digit) in digits.chars().enumerate() {
        if nth > 0 && (digits.len() - nth).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// Returns a number with its noun: `1 message`, `12,345 messages`.
#[must_use]
pub fn counted(number: u64, one: &str, many: &str) -> String {
    format!("{} {}", count(number), if number == 1 { one } else { many })
}

/// Returns a text, or its first `most` characters and an ellipsis.
#[must_use]
pub fn shortened(text: &str, most: usize) -> String {
    match text.char_indices().nth(most) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}

/// Escapes every character that a terminal or a page would obey instead of showing it, as `\u{1b}`: controls, line ends
/// included, and the invisible characters that reorder or hide text.
#[must_use]
pub fn printable(text: &str) -> String {
    escape_where(text, is_obeyed)
}

/// Escapes the same characters in a text of several lines, whose line ends and tabs are kept.
#[must_use]
pub fn printable_lines(text: &str) -> String {
    escape_where(text, |c| is_obeyed(c) && !matches!(c, '\n' | '\t'))
}

/// Escapes the same characters in lines of the log, whose line ends and colours are kept.
#[must_use]
pub fn printable_log(lines: &str) -> String {
    let mut parts = lines.split("\x1b[");
    let mut text = printable_lines(parts.next().unwrap_or_default());
    for part in parts {
        let parameters = part.trim_start_matches(|c: char| c.is_ascii_digit() || c == ';');
        let is_colour = parameters.starts_with('m');
        text.push_str(if is_colour { "\x1b[" } else { r"\u{1b}[" });
        text.push_str(&printable_lines(part));
    }
    text
}

fn escape_where(text: &str, is_escaped: impl Fn(char) -> bool) -> String {
    let mut shown = String::with_capacity(text.len());
    for c in text.chars() {
        if is_escaped(c) {
            shown.extend(c.escape_default());
        } else {
            shown.push(c);
        }
    }
    shown
}

fn is_obeyed(c: char) -> bool {
    c.is_control()
        || matches!(
            c,
            '\u{ad}'
                | '\u{61c}'
                | '\u{115f}'..='\u{1160}'
                | '\u{180b}'..='\u{180f}'
                | '\u{3164}'
                | '\u{ffa0}'
                | '\u{fff9}'..='\u{fffb}'
                | '\u{fffe}'..='\u{ffff}'
                | '\u{200b}'..='\u{200f}'
                | '\u{2028}'..='\u{202e}'
                | '\u{2060}'..='\u{2069}'
                | '\u{feff}'
                | '\u{e0000}'..='\u{e007f}'
        )
}

/// Removes ` (os error 13)`, which Rust adds to errors of the system: the words before it say the same.
#[must_use]
pub fn without_os_codes(text: &str) -> String {
    const START: &str = " (os error ";

    let mut parts = text.split(START);
    let mut plain = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        match part.split_once(')') {
            Some((code, rest)) if code.parse::<i32>().is_ok() => plain.push_str(rest),
            _ => plain.extend([START, part]),
        }
    }
    plain
}

/// Formats a length of time as `3 days`, or as [`duration`] does if it is not a whole number of days.
#[must_use]
pub fn days(length: Duration) -> String {
    match (length.as_secs() / 86_400, length.as_secs() % 86_400) {
        (0, _) | (_, 1..) => duration(length),
        (1, 0) => "1 day".to_owned(),
        (days, 0) => format!("{} days", count(days)),
    }
}

/// Formats a length of time by its two largest units: `41 min 40 s`, `27 h 47 min`.
#[must_use]
pub fn duration(duration: Duration) -> String {
    let seconds = duration.as_secs() + u64::from(duration.subsec_nanos() >= 500_000_000);
    let parts = [
        (seconds / 86_400, "d"),
        (seconds / 3600 % 24, "h"),
        (seconds / 60 % 60, "min"),
        (seconds % 60, "s"),
    ];
    let shown = parts
        .iter()
        .skip_while(|(number, _)| *number == 0)
        .take(2)
        .filter(|(number, _)| *number > 0);
    let words: Vec<_> = shown
        .map(|(number, unit)| format!("{number} {unit}"))
        .collect();
    if words.is_empty() {
        "less than a second".to_owned()
    } else {
        words.join(" ")
    }
}

/// Formats a share with one decimal: `41.2 %`. Only the whole is 100 %.
#[must_use]
pub fn percent(part: u64, whole: u64) -> String {
    let thousandths = u128::from(part) * 1000 / u128::from(whole.max(1));
    format!("{}.{} %", thousandths / 10, thousandths % 10)
}

/// Returns the name of a file that is written; `-` is standard output.
#[must_use]
pub fn output(path: &Path) -> String {
    stream(path, "standard output")
}

/// Returns the name of a file that is read; `-` is standard input.
#[must_use]
pub fn input(path: &Path) -> String {
    stream(path, "standard input")
}

/// Returns a path as a word of a shell command that is no option.
#[must_use]
pub fn shell_word(path: &Path) -> String {
    let text = path.display().to_string();
    if text.starts_with('-') && text != "-" {
        return shell_quoted(&format!("./{text}"));
    }
    shell_quoted(&text)
}

/// Returns a text as a part of a shell command, in quotes if it needs them.
#[must_use]
pub fn shell_quoted(text: &str) -> String {
    let is_plain = |char: char| char.is_alphanumeric() || "/._-+=:,@%".contains(char);
    if !text.is_empty() && text.chars().all(is_plain) {
        text.to_owned()
    } else {
        format!("'{}'", text.replace('\'', r"'\''"))
    }
}

fn stream(path: &Path, name: &str) -> String {
    if path == Path::new("-") {
        name.to_owned()
    } else {
        printable(&path.display().to_string())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_of_system_errors_are_left_out() {
        for (text, plain) in [
            ("Permission denied (os error 13)", "Permission denied"),
            ("a: x (os error 2): y (os error -1)", "a: x: y"),
            ("no (os error", "no (os error"),
            ("no (os error x) (os error 5)", "no (os error x)"),
            ("no (os error 5", "no (os error 5"),
            ("", ""),
        ] {
            assert_eq!(without_os_codes(text), plain);
        }
    }

    #[test]
    fn nothing_is_left_that_a_terminal_obeys() {
        let hostile = "a\x1b[31mb\x1b]0;x\x07\r\0\u{9b}\u{202e}\u{2028}\tc\nd 消费";
        let escaped = r"a\u{1b}[31mb\u{1b}]0;x\u{7}\r\u{0}\u{9b}\u{202e}\u{2028}";
        assert_eq!(printable(hostile), format!(r"{escaped}\tc\nd 消费"));
        assert_eq!(printable_lines(hostile), format!("{escaped}\tc\nd 消费"));
        let coloured = "\x1b[2;31mERROR\x1b[0m \x1b[2J\x1b]0;x\x07\n";
        let kept = "\x1b[2;31mERROR\x1b[0m ";
        assert_eq!(
            printable_log(coloured),
            format!("{kept}{}\n", r"\u{1b}[2J\u{1b}]0;x\u{7}")
        );
        assert_eq!(printable_log("m\x1b["), r"m\u{1b}[");
    }

    #[test]
    fn thousands_are_set_apart() {
        for (number, text) in [
            (0, "0"),
            (999, "999"),
            (1_000, "1,000"),
            (20_000, "20,000"),
            (1_234_567, "1,234,567"),
        ] {
            assert_eq!(count(number), text);
        }
    }

    #[test]
    fn a_share_is_never_rounded_up() {
        for (part, whole, text) in [
            (0, 0, "0.0 %"),
            (1, 3, "33.3 %"),
            (999_999, 1_000_000, "99.9 %"),
            (7, 7, "100.0 %"),
        ] {
            assert_eq!(percent(part, whole), text);
        }
    }

    #[test]
    fn durations_have_two_units_at_most() {
        for (millis, text) in [
            (0, "less than a second"),
            (499, "less than a second"),
            (1_500, "2 s"),
            (60_000, "1 min"),
            (2_500_000, "41 min 40 s"),
            (3_600_000, "1 h"),
            (3_605_000, "1 h"),
            (100_000_000, "1 d 3 h"),
        ] {
            assert_eq!(duration(Duration::from_millis(millis)), text, "{millis} ms");
        }
    }
}
