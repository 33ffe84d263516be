//! Redaction of text from servers: hides key ID and token, removes control characters, limits the length.
//!
//! Gateways echo parts of the request: the string to sign, or the URL with `AccessKeyId` and `SecurityToken` of
//! V1.

use std::cmp::Reverse;
use std::fmt;
use std::ops::Range;

use super::percent::encode;

/// Number of leading characters that identify a long secret. Everything that follows is hidden too, so that cut
/// or encoded echoes are found.
const HEAD: usize = 8;

/// Minimum length of a long secret. The beginning of a shorter one may be an ordinary word: the key
/// `payments-team` must not hide the topic `payments`.
const LONG: usize = 16;

/// Hides the key ID and the token. The default hides nothing.
#[derive(Clone, Default)]
pub struct Redactor {
    /// Beginnings of the long secrets.
    heads: Vec<String>,
    /// The short secrets.
    wholes: Vec<String>,
}

impl Redactor {
    /// Creates a redactor that hides each of `secrets`: verbatim, and percent-encoded once or twice.
    #[must_use]
    pub fn new<'a>(secrets: impl IntoIterator<Item = &'a str>) -> Self {
        let mut redactor = Self::default();
        for secret in secrets.into_iter().filter(|secret| !secret.is_empty()) {
            let (hidden, shown) = if secret.chars().count() < LONG {
                (&mut redactor.wholes, secret.to_owned())
            } else {
                (&mut redactor.heads, secret.chars().take(HEAD).collect())
            };
            let encoded = encode(&shown);
            hidden.extend([encode(&encoded), encoded, shown]);
        }
        redactor.heads.dedup();
        redactor.wholes.dedup();
        redactor
    }

    /// Returns `text` as one line of at most `limit` characters, without secrets and control characters.
    #[must_use]
    pub fn excerpt(&self, text: &str, limit: usize) -> String {
        // Control characters are removed first: a secret could be hidden by one in its middle.
        let printable = |c: &char| c.is_whitespace() || !c.is_control();
        let text: String = text.chars().filter(printable).collect();
        let mut excerpt = String::new();
        let mut length = 0;
        for word in self.hide(&text).split_whitespace() {
            let blank = (length > 0).then_some(' ');
            for c in blank.into_iter().chain(word.chars()) {
                if length == limit {
                    excerpt.push('…');
                    return excerpt;
                }
                excerpt.push(c);
                length += 1;
            }
        }
        excerpt
    }

    fn hide(&self, text: &str) -> String {
        let mut shown = String::with_capacity(text.len());
        let mut from = 0;
        while let Some(secret) = self.find(text, from) {
            shown.push_str(&text[from..secret.start]);
            shown.push_str("***");
            from = secret.end;
        }
        shown.push_str(&text[from..]);
        shown
    }

    /// Returns the first secret after `from`.
    fn find(&self, text: &str, from: usize) -> Option<Range<usize>> {
        let heads = self.heads.iter().filter_map(|head| {
            let start = from + text[from..].find(&**head)?;
            let rest = text[start + head.len()..].trim_start_matches(belongs_to_secret);
            Some(start..text.len() - rest.len())
        });
        let wholes = self.wholes.iter().filter_map(|whole| {
            let mut places = text[from..].match_indices(&**whole);
            places.find_map(|(at, _)| {
                let range = from + at..from + at + whole.len();
                stands_alone(text, &range).then_some(range)
            })
        });
        heads
            .chain(wholes)
            .min_by_key(|range| (range.start, Reverse(range.end)))
    }
}

/// Returns whether the match is not a part of a longer word. An encoded `=` before it does not count.
fn stands_alone(text: &str, range: &Range<usize>) -> bool {
    let is_word = |c: char| c.is_alphanumeric() || matches!(c, '-' | '_');
    let (before, after) = (&text[..range.start], &text[range.end..]);
    let ends_encoded = before.ends_with("%3D") || before.ends_with("%253D");
    (ends_encoded || !before.ends_with(is_word)) && !after.starts_with(is_word)
}

/// Returns whether a character can occur in a key or token, verbatim or percent-encoded.
fn belongs_to_secret(c: char) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, '+' | '/' | '=' | '%' | '.' | '_' | '~' | '-')
}

impl fmt::Debug for Redactor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Redactor").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn keys_and_tokens_are_hidden_however_they_are_spelled() {
        let redactor = Redactor::new(["LTAI5tExampleKey", "CAIS+strange/token=="]);
        for (text, shown) in [
            ("key LTAI5tExampleKey is unknown", "key *** is unknown"),
            ("?AccessKeyId=LTAI5tExampleKey&A=b", "?AccessKeyId=***&A=b"),
            ("token CAIS%2Bstrange%2Ftoken%3D%3D!", "token ***!"),
            ("token CAIS%252Bstrange%252Ftoken", "token ***"),
            ("cut: CAIS+stran", "cut: ***"),
            ("LTAI5\0tExample\u{1b}Key", "***"),
            ("nothing here", "nothing here"),
        ] {
            assert_eq!(redactor.excerpt(text, 200), shown);
        }
    }

    #[test]
    fn a_short_secret_is_hidden_only_as_a_whole_word() {
        let redactor = Redactor::new(["payments-team", "ops", "short+token="]);
        for (text, shown) in [
            (
                "no message under topic payments",
                "no message under topic payments",
            ),
            ("payments-team may not", "*** may not"),
            ("key 'payments-team': it stops", "key '***': it stops"),
            (
                "payments-teams, my-ops and devops",
                "payments-teams, my-ops and devops",
            ),
            ("?AccessKeyId=ops&A=b", "?AccessKeyId=***&A=b"),
            ("AccessKeyId%3Dops%26Action", "AccessKeyId%3D***%26Action"),
            (
                "AccessKeyId%253Dops%2526Action",
                "AccessKeyId%253D***%2526Action",
            ),
            (
                "Credential=ops,SignedHeaders",
                "Credential=***,SignedHeaders",
            ),
            ("stops, ops", "stops, ***"),
            ("token short%2Btoken%3D&", "token ***&"),
        ] {
            assert_eq!(redactor.excerpt(text, 200), shown);
        }
    }

    #[test]
    fn excerpts_are_one_short_line() {
        let redactor = Redactor::default();
        assert_eq!(
            redactor.excerpt(" a\r\n\tb\u{1b}[31m c\0 ", 200),
            "a b[31m c"
        );
        assert_eq!(redactor.excerpt("中中中中", 3), "中中中…");
        assert_eq!(redactor.excerpt("abc", 3), "abc");
    }

    proptest! {
        #[test]
        fn no_secret_survives(before in ".{0,20}", secret in "[ -~]{16,40}", after in ".{0,20}") {
            let redactor = Redactor::new([&*secret]);
            let hidden = redactor.hide(&format!("{before}{secret}{after}"));
            prop_assume!(!format!("{before}***{after}").contains(&secret));
            prop_assert!(!hidden.contains(&secret));
        }

        #[test]
        fn nor_does_a_short_one_that_stands_alone(secret in "[A-Za-z0-9+/=_-]{1,15}") {
            let redactor = Redactor::new([&*secret]);
            for spelled in [secret.clone(), encode(&secret), encode(&encode(&secret))] {
                let hidden = redactor.hide(&format!("key: {spelled}, 'that'"));
                prop_assert_eq!(hidden, "key: ***, 'that'");
            }
        }
    }
}
