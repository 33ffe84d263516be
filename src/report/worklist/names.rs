//! File names for groups, whatever the groups are called.

use std::collections::HashSet;

use crate::file::Sha256;

/// The longest encoded name; longer ones are shortened and get a hash. With verdict and ending, a file name has at most
/// 255 bytes.
const MAX_LENGTH: usize = 200;

const HEX: &[u8; 16] = b"0123456789ABCDEF";

/// Returns a unique file name for each group, also on file systems that ignore case.
pub(super) fn names(groups: &[String]) -> Vec<String> {
    let mut reserved = HashSet::new();
    groups
        .iter()
        .map(|group| {
            let name = encoded(group);
            let mut unique = name.clone();
            let mut nth = 2;
            while !reserved.insert(unique.to_lowercase()) {
                unique = format!("{name}~{nth}");
                nth += 1;
            }
            unique
        })
        .collect()
}

/// Encodes a name. Letters, digits, `_`, `.` and `-` are kept, except a leading `.` or `-`; all else is
/// percent-encoded, as in `%25RETRY%25GID_a`.
fn encoded(group: &str) -> String {
    let mut name = String::with_capacity(group.len());
    for (nth, &byte) in group.as_bytes().iter().enumerate() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'_' => name.push(char::from(byte)),
            b'-' | b'.' if nth > 0 => name.push(char::from(byte)),
            _ => {
                name.push('%');
                name.extend(
                    [byte >> 4, byte & 15].map(|digit| char::from(HEX[usize::from(digit)])),
                );
            }
        }
    }
    if name.len() > MAX_LENGTH {
        let mut hash = Sha256::new();
        hash.update(group.as_bytes());
        name.truncate(MAX_LENGTH - 17);
        name.push('~');
        name.push_str(&hash.hex()[..16]);
    }
    if name.is_empty() {
        name.push('~'); // no group name contains it
    }
    name
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn groups_with_plain_names_keep_them() {
        for (group, name) in [
            ("GID_billing", "GID_billing"),
            ("%RETRY%GID_billing", "%25RETRY%25GID_billing"),
            ("../../etc/passwd", "%2E.%2F..%2Fetc%2Fpasswd"),
            ("-rf", "%2Drf"),
            ("a b|c", "a%20b%7Cc"),
            ("組", "%E7%B5%84"),
            ("", "~"),
        ] {
            assert_eq!(encoded(group), name, "{group}");
        }
        assert_eq!(
            names(&["GID_A".to_owned(), "GID_a".to_owned(), "gid_A".to_owned()]),
            ["GID_A", "GID_a~2", "gid_A~3"]
        );
    }

    proptest! {
        #[test]
        fn every_group_has_a_unique_file_name(groups in prop::collection::hash_set("(\\PC|[\0-\x1f/.%A-a-]){0,90}", 1..8)) {
            let groups: Vec<_> = groups.into_iter().collect();
            let names = names(&groups);
            let distinct: HashSet<_> = names.iter().map(|name| name.to_lowercase()).collect();
            prop_assert_eq!(distinct.len(), groups.len());
            for name in names {
                prop_assert!(name.len() <= MAX_LENGTH + 3 && !name.starts_with(['.', '-']), "{}", name);
                prop_assert!(name.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'/'), "{}", name);
            }
        }
    }
}
