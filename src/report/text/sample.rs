//! What a sample of messages says about all of them.

use crate::humanize::{count, percent};
use crate::report::locale::Language;
use crate::verdict::Interval;

/// Returns the share of failed messages in a sample, with its exact 95 % interval: `of 200 sampled messages, 2 had failed:
/// 1.0 % (0.1 to 3.6 %)`.
#[must_use]
pub fn sampled_failures(failed: u64, sampled: u64, language: Language) -> String {
    let share = percent(failed, sampled);
    let (lower, upper) = rounded(Interval::exact_95(failed, sampled));
    let (failed, messages) = (count(failed), count(sampled));
    match language {
        Language::English => {
            let noun = if sampled == 1 { "message" } else { "messages" };
            format!(
                "of {messages} sampled {noun}, {failed} had failed: {share} ({lower:.1} to {upper:.1} %)"
            )
        }
        Language::Chinese => format!(
            "抽样的 {messages} 条消息中，{failed} 条处理失败：{share}（{lower:.1} 至 {upper:.1} %）"
        ),
    }
}

/// Returns the bounds in percent with one decimal, rounded outwards: the interval is never narrower than it is.
fn rounded(interval: Interval) -> (f64, f64) {
    /// Less than the error of the bounds, more than that of the multiplication: 97.5 % stays what it is.
    const ERROR: f64 = 1e-9;
    let per_mille = |bound: f64| bound * 1000.0;
    (
        (per_mille(interval.lower) + ERROR).floor() / 10.0,
        (per_mille(interval.upper) - ERROR).ceil() / 10.0,
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_share_has_its_interval_in_both_languages() {
        for (failed, sampled, english) in [
            (
                2,
                200,
                "of 200 sampled messages, 2 had failed: 1.0 % (0.1 to 3.6 %)",
            ),
            (
                0,
                200,
                "of 200 sampled messages, 0 had failed: 0.0 % (0.0 to 1.9 %)",
            ),
            (
                1,
                1,
                "of 1 sampled message, 1 had failed: 100.0 % (2.5 to 100.0 %)",
            ),
            (
                0,
                1,
                "of 1 sampled message, 0 had failed: 0.0 % (0.0 to 97.5 %)",
            ),
            (
                1_234,
                20_000,
                "of 20,000 sampled messages, 1,234 had failed: 6.1 % (5.8 to 6.6 %)",
            ),
        ] {
            assert_eq!(
                sampled_failures(failed, sampled, Language::English),
                english
            );
        }
        assert_eq!(
            sampled_failures(2, 200, Language::Chinese),
            "抽样的 200 条消息中，2 条处理失败：1.0 %（0.1 至 3.6 %）"
        );
    }
}
