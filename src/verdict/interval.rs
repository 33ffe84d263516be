//! The exact interval of a share that was estimated from a sample.

/// The probability that the true share is below the interval, and that it is above.
const TAIL: f64 = 0.025;

/// Bounds of a share, each from 0 to 1.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Interval {
    /// The lower bound.
    pub lower: f64,
    /// The upper bound.
    pub upper: f64,
}

impl Interval {
    /// Returns the exact 95 % interval (Clopper and Pearson) of a share of which `found` were found among `sampled`.
    ///
    /// The lower bound is the share at which `found` or more would be found with a probability of 2.5 %; the upper bound
    /// is the share at which `found` or fewer would be. Nothing sampled says nothing: the interval is from 0 to 1.
    #[must_use]
    pub fn exact_95(found: u64, sampled: u64) -> Self {
        let found = found.min(sampled);
        Self {
            lower: lower_bound(found, sampled),
            upper: 1.0 - lower_bound(sampled - found, sampled),
        }
    }
}

/// Returns the share at which `found` or more of `sampled` have the probability [`TAIL`].
///
/// It is below `found / sampled`, where that probability is at least one half and grows with the share, so halving finds
/// it.
fn lower_bound(found: u64, sampled: u64) -> f64 {
    if found == 0 {
        return 0.0;
    }
    let ways = ln_ways(found, sampled);
    let (mut low, mut high) = (0.0, real(found) / real(sampled));
    loop {
        let middle = f64::midpoint(low, high);
        if middle <= low || middle >= high {
            return low;
        }
        if at_least(found, sampled, ways, middle) < TAIL {
            low = middle;
        } else {
            high = middle;
        }
    }
}

/// Returns the probability of `found` or more, for a share of at most `found / sampled`: from there the terms of the
/// binomial distribution decrease, so the sum ends early.
fn at_least(found: u64, sampled: u64, ways: f64, share: f64) -> f64 {
    let odds = share / (1.0 - share);
    let missing = real(sampled - found);
    let mut term = missing
        .mul_add((-share).ln_1p(), real(found).mul_add(share.ln(), ways))
        .exp();
    let mut sum = term;
    for more in found..sampled {
        term *= real(sampled - more) / real(more + 1) * odds;
        sum += term;
        if term < sum * f64::EPSILON / 16.0 {
            break;
        }
    }
    sum
}

/// Returns the logarithm of the number of ways to choose `found` of `sampled`.
fn ln_ways(found: u64, sampled: u64) -> f64 {
    let fewer = found.min(sampled - found);
    let factor = |nth: u64| (real(sampled - fewer + nth) / real(nth)).ln();
    (1..=fewer).map(factor).sum()
}

#[expect(
    clippy::cast_precision_loss,
    reason = "nobody samples 2^53 messages, and a rounded number would do"
)]
const fn real(number: u64) -> f64 {
    number as f64
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// The sums of the binomial distribution, solved with 50 decimal digits.
    #[test]
    fn known_values() {
        for (found, sampled, lower, upper) in [
            (0, 0, 0.0, 1.0),
            (0, 1, 0.0, 0.975),
            (1, 1, 0.025, 1.0),
            (0, 10, 0.0, 0.308_497_1),
            (10, 10, 0.691_502_9, 1.0),
            (1, 10, 0.002_528_6, 0.445_016_1),
            (5, 10, 0.187_086_0, 0.812_914_0),
            (2, 200, 0.001_213_3, 0.035_654_7),
            (200, 200, 0.981_724_6, 1.0),
            (10, 100, 0.049_004_7, 0.176_222_6),
            (99, 100, 0.945_540_6, 0.999_746_9),
        ] {
            let interval = Interval::exact_95(found, sampled);
            let is_near = |one: f64, other: f64| (one - other).abs() < 5e-7;
            assert!(
                is_near(interval.lower, lower) && is_near(interval.upper, upper),
                "{found} of {sampled}: {interval:?}, expected {lower} to {upper}"
            );
        }
    }

    #[test]
    fn none_and_all_have_closed_forms() {
        for sampled in [1, 7, 200, 5_000, 1_000_000] {
            let tail = TAIL.powf(1.0 / real(sampled));
            let none = Interval::exact_95(0, sampled);
            assert!((none.upper - (1.0 - tail)).abs() < 1e-9, "{none:?}");
            let all = Interval::exact_95(sampled, sampled);
            assert!((all.lower - tail).abs() < 1e-9, "{all:?}");
        }
    }

    #[test]
    fn a_large_sample_has_the_width_of_the_normal_distribution() {
        let interval = Interval::exact_95(500_000, 1_000_000);
        assert!((interval.lower - 0.499_019_5).abs() < 1e-6, "{interval:?}");
        assert!((interval.upper - 0.500_980_5).abs() < 1e-6, "{interval:?}");
    }

    proptest! {
        #[test]
        fn the_share_is_inside_and_its_tails_are_as_wide_as_claimed(
            (found, sampled) in (1_u64..2_000).prop_flat_map(|sampled| (0..=sampled, Just(sampled))),
        ) {
            let Interval { lower, upper } = Interval::exact_95(found, sampled);
            let share = real(found) / real(sampled);
            prop_assert!(0.0 <= lower && lower <= share && share <= upper && upper <= 1.0);
            if found > 0 {
                let tail = at_least(found, sampled, ln_ways(found, sampled), lower);
                prop_assert!((tail - TAIL).abs() < 1e-9, "{tail}");
            }
        }

        #[test]
        fn what_was_not_found_has_the_mirrored_interval(
            (found, sampled) in (1_u64..2_000).prop_flat_map(|sampled| (0..=sampled, Just(sampled))),
        ) {
            let (one, other) = (Interval::exact_95(found, sampled), Interval::exact_95(sampled - found, sampled));
            prop_assert!((one.lower - (1.0 - other.upper)).abs() < 1e-12);
        }
    }
}
