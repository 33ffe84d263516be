//! Percent-encoding for the POP gateway (`docs/facts/ons-api.md` §3.3): keeps only `A-Z a-z 0-9 - _ . ~`,
//! encodes a blank as `%20`, and uses upper-case hex.

/// Appends `text`, percent-encoded, to `out`.
pub fn encode_into(out: &mut String, text: &str) {
    const HEX: &[u8; 16] = b"0123456789ABCDEF";
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.' | b'~') {
            out.push(char::from(byte));
        } else {
            out.push('%');
            out.push(char::from(HEX[usize::from(byte >> 4)]));
            out.push(char::from(HEX[usize::from(byte & 0xF)]));
        }
    }
}

/// Returns `text`, percent-encoded.
#[must_use]
pub fn encode(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 8);
    encode_into(&mut out, text);
    out
}

/// Returns the canonical query of both signatures: encoded `key=value` pairs, sorted by key in byte order and
/// joined with `&`. A parameter without a value is `key=`.
#[must_use]
pub fn canonical_query<K: AsRef<str>, V: AsRef<str>>(parameters: &[(K, V)]) -> String {
    let mut sorted: Vec<(&str, &str)> = parameters
        .iter()
        .map(|(key, value)| (key.as_ref(), value.as_ref()))
        .collect();
    sorted.sort_unstable();
    let mut query = String::with_capacity(sorted.iter().map(|(k, v)| k.len() + v.len() + 10).sum());
    for (key, value) in sorted {
        if !query.is_empty() {
            query.push('&');
        }
        encode_into(&mut query, key);
        query.push('=');
        encode_into(&mut query, value);
    }
    query
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_unreserved_characters_stay() {
        for (plain, encoded) in [
            ("AZaz09-_.~", "AZaz09-_.~"),
            ("a b+c*d", "a%20b%2Bc%2Ad"),
            ("e%f/g=h&i:", "e%25f%2Fg%3Dh%26i%3A"),
            ("中", "%E4%B8%AD"),
            ("'!()", "%27%21%28%29"),
            ("", ""),
        ] {
            assert_eq!(encode(plain), encoded);
        }
    }

    #[test]
    fn a_query_is_sorted_by_bytes_and_keeps_empty_values() {
        assert_eq!(
            canonical_query(&[("b", "2"), ("a", ""), ("B", "1")]),
            "B=1&a=&b=2"
        );
        assert_eq!(canonical_query::<&str, &str>(&[]), "");
    }
}
