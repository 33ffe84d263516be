//! Unique names for the columns of a table.

use std::borrow::Cow;
use std::collections::HashSet;

/// The prefix of a kept column whose name is taken.
const INPUT_PREFIX: &str = "input_";

/// Returns the names of our columns, the kept columns and the groups, in this order.
///
/// A kept column with the name of one of ours or of a group gets the prefix `input_`. Programs that read a table by
/// names use the last of two equal ones, so an audited report would show yesterday's verdicts as today's.
pub(crate) fn headings<'n>(
    ours: impl IntoIterator<Item = &'n str>,
    kept: &'n [String],
    groups: &'n [String],
) -> Vec<Cow<'n, str>> {
    let ours: Vec<_> = ours.into_iter().map(Cow::Borrowed).collect();
    // Spreadsheets ignore the case of names.
    let mut taken: HashSet<String> = ours.iter().map(|name| name.to_lowercase()).collect();
    taken.extend(groups.iter().map(|group| group.to_lowercase()));
    let mut own_names: HashSet<String> = kept.iter().map(|name| name.to_lowercase()).collect();
    let kept = kept.iter().map(|name| {
        let mut unique = Cow::Borrowed(name.as_str());
        while taken.contains(&unique.to_lowercase())
            || (unique != *name && own_names.contains(&unique.to_lowercase()))
        {
            unique = Cow::Owned(format!("{INPUT_PREFIX}{unique}"));
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
    fn kept_columns_never_take_our_names() {
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
