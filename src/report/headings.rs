//! What the columns of a table are called, each by a name of its own.

use std::borrow::Cow;
use std::collections::HashSet;

/// Says that a column came with the input.
const OF_INPUT: &str = "input_";

/// The names of our columns, of the kept ones, and of the groups, in this order. A kept column that is called like one of
/// ours or like a group gets `input_` before its name: programs that read a table by names take the last of two alike, and
/// a report that is audited again would show yesterday's verdicts for today's.
pub(crate) fn headings<'n>(
    ours: impl IntoIterator<Item = &'n str>,
    kept: &'n [String],
    groups: &'n [String],
) -> Vec<Cow<'n, str>> {
    let ours: Vec<_> = ours.into_iter().map(Cow::Borrowed).collect();
    // Spreadsheets do not tell capital letters.
    let mut taken: HashSet<String> = ours.iter().map(|name| name.to_lowercase()).collect();
    taken.extend(groups.iter().map(|group| group.to_lowercase()));
    let mut own_names: HashSet<String> = kept.iter().map(|name| name.to_lowercase()).collect();
    let kept = kept.iter().map(|name| {
        let mut unique = Cow::Borrowed(name.as_str());
        while taken.contains(&unique.to_lowercase())
            || (unique != *name && own_names.contains(&unique.to_lowercase()))
        {
            unique = Cow::Owned(format!("{OF_INPUT}{unique}"));
        }
        own_names.insert(unique.to_lowercase());
        unique
    });
    let kept: Vec<_> = kept.collect();
    let groups = groups.iter().map(|group| Cow::Borrowed(group.as_str()));
    ours.into_iter().chain(kept).chain(groups).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_kept_column_never_takes_the_name_of_one_of_ours() {
        for (kept, named) in [
            (&["order_id", "customer"][..], &["order_id", "customer"][..]),
            (&["verdict", "Row"], &["input_verdict", "input_Row"]),
            (
                &["input_verdict", "verdict"],
                &["input_verdict", "input_input_verdict"],
            ),
            (
                &["verdict", "input_verdict"],
                &["input_input_verdict", "input_verdict"],
            ),
            (&["gid_a", "a"], &["input_gid_a", "a"]),
        ] {
            let kept: Vec<_> = kept.iter().map(|&name| name.to_owned()).collect();
            let groups = ["GID_a".to_owned()];
            let headings = headings(["row", "verdict"], &kept, &groups);
            let expected: Vec<_> = ["row", "verdict"]
                .iter()
                .chain(named)
                .chain(&["GID_a"])
                .collect();
            assert_eq!(headings.iter().collect::<Vec<_>>(), expected);
        }
    }
}
