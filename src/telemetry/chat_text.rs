//! Writes texts from outside (names of groups, topics and audits) into notices, so that each chat service shows them and
//! obeys none of them: no mention, no link, no mark-up.
//!
//! Only Slack has an escape, and only for `&`, `<` and `>`. What else could be obeyed is replaced by its full-width form
//! (`@` by `＠`), which looks alike. Letters, digits, `-`, `%`, `|` and `+` stay, and so does `_` inside a word, so names that
//! `RocketMQ` accepts are shown as they are.
//!
//! What each service obeys:
//!
//! - Slack: `<…>` are links and mentions, `*_~` and the backquote are mark-up, `:…:` is an emoji, and addresses become
//!   links (`docs.slack.dev/messaging/formatting-message-text`). Compatible services (Mattermost) read Markdown and
//!   `@all`, too.
//! - `DingTalk`: Markdown with links and images; `@` and a number or ID mentions (`open.dingtalk.com`, custom robots).
//! - Feishu: `<at user_id="all">`, and in newer clients `**`, `<b>` and `[…](…)` (`open.feishu.cn`, custom bots).
//! - `WeCom`: Markdown, `<@userid>`, `<font color="…">` (`developer.work.weixin.qq.com/document/path/91770`).

use super::template::Template;
use crate::humanize::{printable, shortened};

/// The longest text in characters. Brokers accept names of 255 at most, and a notice has room for a few names.
const MAX_LENGTH: usize = 120;

/// Returns a text from outside as the service must receive it. Texts for programs are not changed: JSON escapes them.
pub(super) fn escaped(template: Template, text: &str) -> String {
    let entity: fn(char) -> Option<&'static str> = match template {
        Template::Json => return text.to_owned(),
        Template::Slack => |c| match c {
            '&' => Some("&amp;"),
            '<' => Some("&lt;"),
            '>' => Some("&gt;"),
            _ => None,
        },
        Template::DingTalk | Template::Feishu | Template::WeCom => |_| None,
    };
    let shown: Vec<char> = shortened(&printable(text), MAX_LENGTH).chars().collect();
    let mut escaped = String::with_capacity(shown.len());
    for (at, &c) in shown.iter().enumerate() {
        match entity(c) {
            Some(entity) => escaped.push_str(entity),
            None if is_plain(&shown, at) => escaped.push(c),
            None => escaped.push(full_width(c)),
        }
    }
    escaped
}

/// Returns whether no service obeys the character where it stands.
fn is_plain(text: &[char], at: usize) -> bool {
    let (before, behind) = (&text[..at], &text[at + 1..]);
    match text[at] {
        '-' | '%' | '|' | '+' => true,
        // Underscores between letters or digits begin no mark-up.
        '_' => {
            let ends = [
                before.iter().rev().find(|c| **c != '_'),
                behind.iter().find(|c| **c != '_'),
            ];
            ends.iter()
                .all(|end| end.is_some_and(|c| c.is_alphanumeric()))
        }
        // A dot before a letter could make an address, which clients turn into a link.
        '.' => behind.first().is_none_or(char::is_ascii_digit),
        c => !c.is_ascii_punctuation(),
    }
}

/// Returns the full-width form of an ASCII sign.
fn full_width(sign: char) -> char {
    char::from_u32(u32::from(sign) + 0xFEE0).unwrap_or(sign)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use pulldown_cmark::{Event, Options, Parser};
    use serde_json::Value;

    use super::*;
    use crate::report::locale::{Language, Locale};
    use crate::telemetry::template::Notice;
    use crate::telemetry::tests::missed_by;
    use crate::telemetry::{CallCounts, RunEnd};

    /// Returns the texts that the service shows.
    fn shown(template: Template, body: &Value) -> Vec<&str> {
        let texts: &[&Value] = match template {
            Template::Json => &[],
            Template::Slack => &[&body["text"]],
            Template::DingTalk => &[&body["markdown"]["title"], &body["markdown"]["text"]],
            Template::Feishu => &[&body["content"]["text"]],
            Template::WeCom => &[&body["markdown"]["content"]],
        };
        texts.iter().map(|text| text.as_str().unwrap()).collect()
    }

    fn message(template: Template, language: Language, name: &str) -> Value {
        let locale = Locale {
            language,
            ..Locale::default()
        };
        let mut report = missed_by(&[name, "GID_a"], name);
        report.summary.locale = locale.clone();
        let end = RunEnd {
            status: crate::exit::Status::Findings,
            started: "2026-11-22T12:00:00Z".parse().unwrap(),
            finished: "2026-11-22T12:41:40Z".parse().unwrap(),
            call_counts: CallCounts::default(),
            locale,
            report: Some(report),
        };
        template.message(&Notice { name, end: &end }, None).body
    }

    /// Returns the Markdown structure of a text: everything but its words.
    fn structure(markdown: &str) -> Vec<String> {
        let events = Parser::new_ext(markdown, Options::all());
        let mut structure: Vec<_> = events
            .map(|event| match event {
                Event::Text(_) => "text".to_owned(),
                other => format!("{other:?}"),
            })
            .collect();
        structure.dedup();
        structure
    }

    /// Returns how often the text has each sign that some service could obey.
    fn signs(text: &str) -> Vec<usize> {
        [
            "*", "~", "`", "[", "]", "<", ">", "@", "#", "!", "(", ":", "\\", "://", " _", "_ ",
        ]
        .map(|sign| text.matches(sign).count())
        .to_vec()
    }

    fn assert_not_obeyed(template: Template, language: Language, name: &str) {
        let [hostile, harmless] = [name, "x"].map(|name| message(template, language, name));
        let program = serde_json::to_string(&hostile).unwrap();
        assert_eq!(serde_json::from_str::<Value>(&program).unwrap(), hostile);
        if template == Template::Json {
            assert_eq!(hostile["audit"], name);
        }
        for (text, other) in shown(template, &hostile)
            .iter()
            .zip(shown(template, &harmless))
        {
            assert!(text.len() <= 2003, "{} bytes", text.len());
            assert_eq!(signs(text), signs(other), "{template:?}: {text}");
            let entities = ["&amp;", "&lt;", "&gt;"].map(|entity| text.matches(entity).count());
            let ampersands = text.matches('&').count();
            assert_eq!(
                ampersands,
                entities.iter().sum::<usize>(),
                "{template:?}: {text}"
            );
            assert_eq!(structure(text), structure(other), "{template:?}: {text}");
            let is_obeyed = |c: char| c != '\n' && printable(c.encode_utf8(&mut [0; 4])).len() > 4;
            assert!(!text.contains(is_obeyed), "{template:?}: {text}");
            let mut pairs = text.split('.').skip(1);
            let is_address = pairs.any(|behind| behind.starts_with(char::is_alphabetic));
            assert!(!is_address, "{template:?}: {text}");
        }
    }

    #[test]
    fn names_that_brokers_accept_are_shown_as_they_are() {
        for template in Template::ALL {
            for name in [
                "GID_orders-billing",
                "MQ_INST_1234567890123456_BXdemo%GID_a|b",
                "%RETRY%GID_a+orders",
                "a__b",
                "audit-2026.11.27",
                "消费组 1",
            ] {
                assert_eq!(escaped(template, name), name, "{template:?}");
            }
        }
    }

    #[test]
    fn what_a_service_would_obey_is_replaced() {
        for (text, slack, others) in [
            ("<!channel>", "&lt;！channel&gt;", "＜！channel＞"),
            ("@all", "＠all", "＠all"),
            ("a&b", "a&amp;b", "a＆b"),
            (
                "[a](http://b.c)",
                "［a］（http：／／b．c）",
                "［a］（http：／／b．c）",
            ),
            (
                "_a_ *b* `c` ~d~",
                "＿a＿ ＊b＊ ｀c｀ ～d～",
                "＿a＿ ＊b＊ ｀c｀ ～d～",
            ),
            ("\n# a", "＼n＃ a", "＼n＃ a"),
            ("\u{202e}a", "＼u｛202e｝a", "＼u｛202e｝a"),
        ] {
            assert_eq!(escaped(Template::Slack, text), slack);
            for template in [Template::DingTalk, Template::Feishu, Template::WeCom] {
                assert_eq!(escaped(template, text), others);
            }
        }
    }

    #[test]
    fn a_long_name_is_cut_and_the_notice_stays_whole() {
        for template in Template::ALL {
            for language in Language::ALL {
                assert_not_obeyed(template, language, &"@_<".repeat(64 * 1024 / 3));
            }
        }
        let cut = escaped(Template::WeCom, &"a".repeat(64 * 1024));
        assert_eq!(cut, "a".repeat(MAX_LENGTH) + "…");
    }

    proptest! {
        #[test]
        fn no_chat_obeys_a_name(
            name in "(\\PC|[ -~]|[\0-\x1f\u{85}\u{200b}-\u{202e}]|<!channel>|<@U1\\|b>|@all|\\[a\\]\\(http://b\\.c\\)|https://b\\.cn\
                     |<at user_id=\"all\">a</at>|<font color=\"info\">|\n# |\n- |\n---\n|```|\\*\\*|__|:boom:|&lt;|www\\.b\\.cn){1,12}"
        ) {
            for template in Template::ALL {
                for language in Language::ALL {
                    assert_not_obeyed(template, language, &name);
                }
            }
        }
    }
}
