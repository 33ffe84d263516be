//! Bars as inline SVG. Horizontal lengths are in percent of the width.

use std::fmt::Write;

use crate::verdict::Verdict;

/// The least width of a part of a bar, in per mille, so that a single message is visible.
const MIN_PERMILLE: u64 = 5;

/// Returns one bar, divided by verdict in the order of [`Verdict::ALL`].
pub(super) fn shares(counts: [u64; Verdict::ALL.len()]) -> String {
    let whole = counts.iter().sum::<u64>();
    let mut svg = String::from("<svg class=bar width=\"100%\" height=20 aria-hidden=true>");
    if whole == 0 {
        return svg + "</svg>";
    }
    let widths = counts.map(|count| match count {
        0 => 0,
        count => permille(count, whole).max(MIN_PERMILLE),
    });
    let all: u64 = widths.iter().sum();
    let mut left = 0;
    for (verdict, width) in Verdict::ALL.into_iter().zip(widths) {
        if width > 0 {
            let (x, width) = (percent(left, all), percent(width, all));
            write!(
                svg,
                "<rect class={verdict} x=\"{x}\" width=\"{width}\" height=20 />"
            )
            .expect("writing to memory cannot fail");
        }
        left += width;
    }
    svg + "</svg>"
}

/// Returns a bar for a number, relative to the highest one.
pub(super) fn meter(number: u64, most: u64) -> String {
    let width = percent(number, most.max(1));
    format!(
        "<svg class=meter width=\"100%\" height=10 aria-hidden=true><rect width=\"{width}\" height=10 /></svg>"
    )
}

fn permille(part: u64, whole: u64) -> u64 {
    u64::try_from(u128::from(part) * 1000 / u128::from(whole)).unwrap_or(1000)
}

/// Returns a part of a whole as a length in SVG: `41.25%`.
pub(super) fn percent(part: u64, whole: u64) -> String {
    let share = u128::from(part) * 10_000 / u128::from(whole);
    match (share / 100, share % 100) {
        (whole, 0) => format!("{whole}%"),
        (whole, rest) => format!("{whole}.{rest:02}%"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_single_message_of_a_million_is_visible() {
        assert_eq!(percent(1, 3), "33.33%");
        let bar = shares([999_999, 0, 1, 0, 0, 0, 0, 0]);
        assert!(
            bar.contains("<rect class=open x=\"99.50%\" width=\"0.49%\""),
            "{bar}"
        );
        assert_eq!(bar.matches("<rect").count(), 2, "{bar}");
        assert_eq!(shares([0; Verdict::ALL.len()]).matches("<rect").count(), 0);
        assert_eq!(
            meter(1, 4),
            "<svg class=meter width=\"100%\" height=10 aria-hidden=true><rect width=\"25%\" height=10 /></svg>"
        );
    }
}
