//! Redaction of text from servers: hides key ID, secret, token and signature, removes control characters, limits
//! the length.
//!
//! Gateways echo parts of the request: the string to sign, or the URL with `AccessKeyId`, `SecurityToken` and
//! `Signature` of V1. Group names and columns of the input are never redacted: they are the subject of the report.

use std::cmp::Reverse;
use std::fmt;
use std::ops::Range;

/// Number of leading characters that identify a long secret, in upper or lower case: host names are echoed in lower
/// case. Everything that follows is hidden too, so that cut echoes are found.
const HEAD: usize = 8;

/// Minimum length of a long secret. The beginning of a shorter one may be an ordinary word: the key
/// `payments-team` must not hide the topic `payments`.
const LONG: usize = 16;

/// Length below which a secret is hidden only as a whole word: the key `ops` must not hide a part of `stops`.
const SHORT: usize = 8;

/// Hides secrets in text. The default hides nothing.
#[derive(Clone, Default)]
pub struct Redactor(Vec<Secret>);

#[derive(Clone, PartialEq, Eq)]
enum Secret {
    /// Beginning of a long secret.
    Head(String),
    /// A secret of medium length.
    Whole(String),
    /// A short secret.
    Word(String),
}

impl Redactor {
    /// Creates a redactor that hides each of `secrets`, also where it is percent-encoded once or twice, or escaped
    /// as in JSON, XML or HTML.
    #[must_use]
    pub fn new<'a>(secrets: impl IntoIterator<Item = &'a str>) -> Self {
        secrets.into_iter().fold(Self::default(), Self::with)
    }

    /// Adds a secret.
    #[must_use]
    pub fn with(mut self, secret: &str) -> Self {
        let secret = match secret.chars().count() {
            0 => return self,
            1..SHORT => Secret::Word(secret.to_owned()),
            SHORT..LONG => Secret::Whole(secret.to_owned()),
            LONG.. => Secret::Head(secret.chars().take(HEAD).collect()),
        };
        self.0.push(secret);
        self
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

    /// Returns the text without its secrets. `None` if there are none in it.
    #[must_use]
    pub fn hidden_in(&self, text: &str) -> Option<String> {
        self.find(text, 0).map(|_| self.hide(text))
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
        let found = self.0.iter().filter_map(|secret| secret.find(text, from));
        found.min_by_key(|range| (range.start, Reverse(range.end)))
    }
}

impl Secret {
    /// Returns the first place after `from` that is to be hidden.
    fn find(&self, text: &str, from: usize) -> Option<Range<usize>> {
        let (Self::Head(shown) | Self::Whole(shown) | Self::Word(shown)) = self;
        let mut starts = text[from..].char_indices().map(|(at, _)| from + at);
        starts.find_map(|start| {
            let any_case = matches!(self, Self::Head(_));
            let found = length_of(&text.as_bytes()[start..], shown.as_bytes(), any_case);
            let end = start + found?;
            match self {
                Self::Head(_) => Some(start..end + length_of_rest(&text[end..])),
                Self::Whole(_) => Some(start..end),
                Self::Word(_) => stands_alone(text, start, end).then_some(start..end),
            }
        })
    }
}

/// Returns the number of bytes that spell `secret` at the beginning of `text`, if they do.
fn length_of(text: &[u8], secret: &[u8], any_case: bool) -> Option<usize> {
    let Some((first, secret)) = secret.split_first() else {
        return Some(0);
    };
    let verbatim = text.first().map(|&byte| (byte, 1));
    let spellings = verbatim
        .into_iter()
        .chain(escape(text))
        .chain(percent_escape(text));
    spellings
        .filter(|(byte, _)| byte == first || (any_case && byte.eq_ignore_ascii_case(first)))
        .find_map(|(_, length)| Some(length + length_of(&text[length..], secret, any_case)?))
}

/// Returns the byte that an escape at the beginning of `text` stands for, and the length of the escape: `%2F` and
/// `%252F` of URLs, `\/` and `\u002f` of JSON, `&#47;`, `&#x2F;` and `&amp;` of XML and HTML.
fn escape(text: &[u8]) -> Option<(u8, usize)> {
    let number = |from: usize, to: usize| hex(text.get(from..to)?);
    match text {
        [b'%', b'2', b'5', ..] if let Some(byte) = number(3, 5) => Some((byte, 5)),
        [b'%', ..] => percent_escape(text),
        [b'\\', b'u', b'0', b'0', ..] => Some((number(4, 6)?, 6)),
        [b'\\', byte @ (b'/' | b'"' | b'\\'), ..] => Some((*byte, 2)),
        [b'&', ..] => {
            let end = text.iter().take(8).position(|&byte| byte == b';')?;
            let byte = match &text[1..end] {
                b"amp" => b'&',
                b"lt" => b'<',
                b"gt" => b'>',
                b"quot" => b'"',
                b"apos" => b'\'',
                [b'#', b'x' | b'X', ..] => number(3, end)?,
                [b'#', digits @ ..] => std::str::from_utf8(digits).ok()?.parse().ok()?,
                _ => return None,
            };
            Some((byte, end + 1))
        }
        _ => None,
    }
}

/// Returns the same for `%2F`, which may also be the beginning of `%252F`.
fn percent_escape(text: &[u8]) -> Option<(u8, usize)> {
    let digits = text.strip_prefix(b"%")?.get(..2)?;
    Some((hex(digits)?, 3))
}

fn hex(digits: &[u8]) -> Option<u8> {
    let digits = std::str::from_utf8(digits).ok()?;
    u8::from_str_radix(digits, 16).ok()
}

/// Returns the number of bytes that continue a long secret.
fn length_of_rest(text: &str) -> usize {
    let bytes = text.as_bytes();
    let mut length = 0;
    while let Some(&byte) = bytes.get(length) {
        match escape(&bytes[length..]) {
            Some((escaped, more)) if belongs_to_secret(escaped) => length += more,
            _ if belongs_to_secret(byte) => length += 1,
            _ => break,
        }
    }
    length
}

/// Returns whether the place is not a part of a longer word. An escape before it is no part of its word.
fn stands_alone(text: &str, start: usize, end: usize) -> bool {
    let is_word = |c: char| c.is_alphanumeric() || matches!(c, '-' | '_');
    let before = &text.as_bytes()[..start];
    let follows_escape = [3, 5, 6].into_iter().any(|length| {
        let tail = before.len().checked_sub(length).map(|at| &before[at..]);
        tail.and_then(escape).is_some_and(|(_, all)| all == length)
    });
    (follows_escape || !text[..start].ends_with(is_word)) && !text[end..].starts_with(is_word)
}

/// Returns whether a byte can occur in a key or token. A percent sign begins an escape, perhaps one that is cut off.
fn belongs_to_secret(byte: u8) -> bool {
    byte.is_ascii_alphanumeric()
        || matches!(byte, b'+' | b'/' | b'=' | b'%' | b'.' | b'_' | b'~' | b'-')
}

impl fmt::Debug for Redactor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Redactor").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::percent::encode;
    use super::*;

    #[test]
    fn keys_and_tokens_are_hidden_however_they_are_spelled() {
        let redactor = Redactor::new(["LTAI5tExampleKey", "CAIS+strange/token=="]);
        for (text, shown) in [
            ("key LTAI5tExampleKey is unknown", "key *** is unknown"),
            ("?AccessKeyId=LTAI5tExampleKey&A=b", "?AccessKeyId=***&A=b"),
            ("token CAIS%2Bstrange%2Ftoken%3D%3D!", "token ***!"),
            ("token CAIS%252Bstrange%252Ftoken", "token ***"),
            ("token CAIS%2bstrange%2ftoken%3d%3d!", "token ***!"),
            (r"token CAIS+strange\/token==!", "token ***!"),
            (r"token CAIS\u002bstrange\u002Ftoken\u003d!", "token ***!"),
            (
                "token CAIS&#43;strange&#x2F;token&#61;&#61;; end",
                "token ***; end",
            ),
            ("token CAIS&#43;strange&amp;more", "token ***&amp;more"),
            ("cut: CAIS+stran", "cut: ***"),
            ("https://ltai5texamplekey/", "https://***"),
            ("LTAI5\0tExample\u{1b}Key", "***"),
            ("nothing here", "nothing here"),
        ] {
            assert_eq!(redactor.excerpt(text, 200), shown);
        }
    }

    #[test]
    fn a_secret_of_less_than_8_characters_is_hidden_only_as_a_whole_word() {
        let redactor = Redactor::new(["payments-team", "ops", "short+token="]);
        for (text, shown) in [
            (
                "no message under topic payments",
                "no message under topic payments",
            ),
            ("payments-team may not", "*** may not"),
            ("key 'payments-team': it stops", "key '***': it stops"),
            // From 8 characters on, a secret is hidden as a part of a word too.
            (
                "payments-teams, my-ops and devops",
                "***s, my-ops and devops",
            ),
            (r"a\u003dops b", r"a\u003d*** b"),
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
        fn nor_does_a_secret_that_is_escaped(secret in "[ -~]{8,40}", wide in any::<bool>()) {
            let redactor = Redactor::new([&*secret]);
            let json = serde_json::to_string(&secret).unwrap().replace('/', "\\/");
            let numeric = |c: char| if wide { format!("&#x{:x};", u32::from(c)) } else { format!("&#{};", u32::from(c)) };
            let html: String = secret.chars().map(|c| if c.is_alphanumeric() { c.to_string() } else { numeric(c) }).collect();
            let head: String = secret.chars().take(8).collect();
            for spelled in [encode(&secret), encode(&encode(&secret)), json, html] {
                let hidden = redactor.hide(&format!("« {spelled} »"));
                prop_assert!(hidden.contains("***"), "{spelled}: {hidden}");
                prop_assert!(!hidden.contains(&head), "{spelled}: {hidden}");
            }
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
