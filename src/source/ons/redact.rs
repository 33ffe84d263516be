//! Text from a gateway made fit for a person: no key ID, no token, no control characters, not endless.
//!
//! Gateways echo what they were sent: the string to sign, the URL with V1's `AccessKeyId` and `SecurityToken`.

use std::cmp::Reverse;
use std::fmt;

use super::percent::encode;

/// How many leading characters give a secret away; what follows them is hidden with them, so that cut and encoded
/// echoes are found too.
const HEAD: usize = 8;

/// Hides the key ID and the token. The default hides nothing.
#[derive(Clone, Default)]
pub struct Redactor {
    heads: Vec<String>,
}

impl Redactor {
    /// Hides each of `secrets`, as it is and percent-encoded once or twice.
    #[must_use]
    pub fn new<'a>(secrets: impl IntoIterator<Item = &'a str>) -> Self {
        let mut heads = Vec::new();
        for secret in secrets.into_iter().filter(|secret| !secret.is_empty()) {
            let head: String = secret.chars().take(HEAD).collect();
            let encoded = encode(&head);
            heads.extend([encode(&encoded), encoded, head]);
        }
        heads.dedup();
        Self { heads }
    }

    /// `text` in one line of at most `limit` characters, secrets hidden, control characters gone.
    #[must_use]
    pub fn excerpt(&self, text: &str, limit: usize) -> String {
        // Control characters first: without those inside of it, a secret would be whole again.
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
        let mut rest = text;
        while let Some((at, length)) = self.find(rest) {
            shown.push_str(&rest[..at]);
            shown.push_str("***");
            rest = rest[at + length..].trim_start_matches(belongs_to_secret);
        }
        shown.push_str(rest);
        shown
    }

    /// Where the first secret begins, and how long its head is.
    fn find(&self, text: &str) -> Option<(usize, usize)> {
        self.heads
            .iter()
            .filter_map(|head| Some((text.find(&**head)?, head.len())))
            .min_by_key(|&(at, length)| (at, Reverse(length)))
    }
}

/// The characters of keys and tokens, raw or percent-encoded.
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
        fn no_secret_survives(before in ".{0,20}", secret in "[ -~]{8,40}", after in ".{0,20}") {
            let redactor = Redactor::new([&*secret]);
            let hidden = redactor.hide(&format!("{before}{secret}{after}"));
            prop_assume!(!format!("{before}***{after}").contains(&secret));
            prop_assert!(!hidden.contains(&secret));
        }
    }
}
