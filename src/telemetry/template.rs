//! The text of a notice in the form of each service. It contains counts and group names, but no message IDs, input
//! columns or addresses.

use std::str::FromStr;
use std::time::Duration;

use data_encoding::BASE64;
use hmac::{Hmac, KeyInit, Mac};
use secrecy::{ExposeSecret, SecretString};
use serde_json::{Value, json};
use sha2::Sha256;

use super::{RunEnd, chat_text};
use crate::clock;
use crate::humanize::{self, count, counted};
use crate::report::locale::{Language, Locale};
use crate::verdict::{BreakKind, MessageVerdict};

/// How many kinds of break a notice names.
const MAX_KINDS: usize = 5;

/// The longest text in bytes. `WeCom` accepts 4096.
const MAX_LENGTH: usize = 2000;

/// The service whose form a notice has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Template {
    /// Our own JSON for programs (schema `ons-audit-notice/1`).
    Json,
    /// Slack's incoming webhooks and compatible services.
    Slack,
    /// `DingTalk`'s custom robots.
    DingTalk,
    /// Feishu's (Lark's) custom bots.
    Feishu,
    /// `WeCom`'s group robots.
    WeCom,
}

impl Template {
    #[cfg(test)]
    pub(super) const ALL: [Self; 5] = [
        Self::Json,
        Self::Slack,
        Self::DingTalk,
        Self::Feishu,
        Self::WeCom,
    ];
}

impl FromStr for Template {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "json" => Ok(Self::Json),
            "slack" => Ok(Self::Slack),
            "dingtalk" => Ok(Self::DingTalk),
            "feishu" => Ok(Self::Feishu),
            "wecom" => Ok(Self::WeCom),
            _ => Err(format!(
                "`{text}` is no template; expected json, slack, dingtalk, feishu or wecom"
            )),
        }
    }
}

/// The end of a run with the audit's name.
#[derive(Debug)]
pub(crate) struct Notice<'a> {
    /// The audit's name: its results file without the ending.
    pub(crate) name: &'a str,
    pub(crate) end: &'a RunEnd,
}

/// The HTTP request to a webhook.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct WebhookMessage {
    pub(crate) body: Value,
    /// Parameters that are added to the address.
    pub(crate) query: Vec<(&'static str, String)>,
}

impl Template {
    /// Returns the notice in this form, signed if the service supports signatures and there is a secret.
    #[must_use]
    pub(crate) fn message(
        self,
        notice: &Notice<'_>,
        secret: Option<&SecretString>,
    ) -> WebhookMessage {
        let lines = notice.lines(self);
        let mut query = Vec::new();
        let body = match self {
            Self::Json => notice.object(),
            Self::Slack => json!({"text": cut(&lines.join("\n"))}),
            Self::DingTalk => {
                if let Some(secret) = secret {
                    let time = notice.end.finished.as_millisecond().to_string();
                    let text = format!("{time}\n{}", secret.expose_secret());
                    query = vec![
                        ("sign", sign(secret.expose_secret(), &text)),
                        ("timestamp", time),
                    ];
                }
                let text = cut(&lines.join("\n\n"));
                json!({"msgtype": "markdown", "markdown": {"title": cut(&lines[0]), "text": text}})
            }
            Self::Feishu => {
                let mut body =
                    json!({"msg_type": "text", "content": {"text": cut(&lines.join("\n"))}});
                if let Some(secret) = secret {
                    let time = notice.end.finished.as_second().to_string();
                    let key = format!("{time}\n{}", secret.expose_secret());
                    body["sign"] = sign(&key, "").into();
                    body["timestamp"] = time.into();
                }
                body
            }
            Self::WeCom => {
                json!({"msgtype": "markdown", "markdown": {"content": cut(&lines.join("\n"))}})
            }
        };
        WebhookMessage { body, query }
    }

    /// Returns whether the service accepted the notice. Three services report a refusal with HTTP 200.
    #[must_use]
    pub(crate) fn is_accepted(self, answer: &[u8]) -> bool {
        let field = match self {
            Self::Json | Self::Slack => return true,
            Self::DingTalk | Self::WeCom => "errcode",
            Self::Feishu => "code",
        };
        let answer: Option<Value> = serde_json::from_slice(answer).ok();
        answer.is_some_and(|answer| answer[field] == 0 || answer["StatusCode"] == 0)
    }
}

impl Notice<'_> {
    /// Returns the lines of the notice, most important first.
    fn lines(&self, template: Template) -> Vec<String> {
        let end = self.end;
        let name = |text: &str| chat_text::escaped(template, text);
        let is_chinese = end.locale.language == Language::Chinese;
        let (audit, state) = (name(self.name), end.status.as_str());
        let Some(report) = &end.report else {
            return vec![self.without_report(&audit)];
        };
        let (tally, headline) = (report.tally(), report.chat_headline(&name));
        let verdicts = MessageVerdict::ALL
            .iter()
            .filter(|&&one| tally.messages(one) > 0);
        let messages: Vec<_> = verdicts
            .map(|&one| {
                let number = count(tally.messages(one));
                if is_chinese {
                    let measure = if one == MessageVerdict::Rejected {
                        "行"
                    } else {
                        "条"
                    };
                    format!("{} {number} {measure}", end.locale.message_verdict(one))
                } else {
                    format!("{number} {one}")
                }
            })
            .collect();
        let messages = end.locale.listed(&messages);
        let took = Duration::try_from(end.finished.duration_since(end.started)).unwrap_or_default();
        let (calls, throttles) = (end.call_counts.calls, count(end.call_counts.throttles));
        let [first, second, last] = if is_chinese {
            let took = end.locale.duration(took);
            [
                format!("ons-audit {audit}：{headline}"),
                format!("{state}；消息：{messages}"),
                format!(
                    "用时 {took}，调用 {} 次，被限流 {throttles} 次",
                    count(calls)
                ),
            ]
        } else {
            let (calls, took) = (counted(calls, "call", "calls"), humanize::duration(took));
            [
                format!("ons-audit {audit}: {headline}"),
                format!("{state}; messages: {messages}"),
                format!("{calls} in {took}, {throttles} throttled"),
            ]
        };
        let mut lines = vec![first, second];
        lines.extend(kinds(&tally.breaks, &end.locale, &name));
        lines.push(last);
        lines
    }

    /// Returns the only line about a run without a complete results file.
    fn without_report(&self, audit: &str) -> String {
        let (end, state) = (self.end, self.end.status.as_str());
        let is_chinese = end.locale.language == Language::Chinese;
        match (is_chinese, end.is_success()) {
            (true, true) => format!("ons-audit {audit}：已结束（{state}）"),
            (true, false) => {
                format!("ons-audit {audit}：没有留下完整的结果文件，请查看日志（{state}）")
            }
            (false, true) => format!("ons-audit {audit}: {state}; it ended"),
            (false, false) => {
                format!("ons-audit {audit}: {state}; it left no whole results file: see its log")
            }
        }
    }

    fn object(&self) -> Value {
        let end = self.end;
        let mut object = json!({
            "schema": "ons-audit-notice/1",
            "audit": self.name,
            "status": end.status.as_str(),
            "exit_status": end.status as u8,
            "complete": end.is_complete(),
            "started_at": clock::rfc3339(end.started),
            "finished_at": clock::rfc3339(end.finished),
            "calls": end.call_counts.calls,
            "retries": end.call_counts.retries,
            "throttles": end.call_counts.throttles,
        });
        if let Some(report) = &end.report {
            let tally = report.tally();
            let messages = MessageVerdict::ALL
                .map(|one| (one.as_str().to_owned(), tally.messages(one).into()));
            object["headline"] = report.headline().into();
            object["messages"] = Value::Object(messages.into_iter().collect());
            object["totals"] = json!(tally.totals);
            object["breaks"] = tally
                .breaks
                .iter()
                .take(MAX_KINDS)
                .map(kind_object)
                .collect();
        }
        object
    }
}

/// Returns the most frequent kinds of break, one line each. No line begins with a name, which could begin a list there.
fn kinds(breaks: &[BreakKind], locale: &Locale, name: &dyn Fn(&str) -> String) -> Vec<String> {
    let mut kinds: Vec<_> = breaks.iter().collect();
    kinds.sort_by_key(|kind| std::cmp::Reverse(kind.count));
    let line = |kind: &&BreakKind| {
        let groups: Vec<_> = kind
            .groups
            .iter()
            .map(|(group, verdict)| format!("{} {}", name(group), locale.verdict(*verdict)))
            .collect();
        let (number, topic) = (count(kind.count), name(&kind.topic));
        let groups = locale.listed(&groups);
        match locale.language {
            Language::English => format!("{number} in {topic}: {groups}"),
            Language::Chinese => format!("主题 {topic} 中 {number} 条：{groups}"),
        }
    };
    kinds.iter().take(MAX_KINDS).map(line).collect()
}

fn kind_object(kind: &BreakKind) -> Value {
    let groups = kind.groups.iter();
    let groups: Vec<_> = groups
        .map(|(group, verdict)| json!({"group": group, "verdict": verdict.as_str()}))
        .collect();
    json!({"topic": kind.topic, "count": kind.count, "groups": groups})
}

fn cut(text: &str) -> String {
    if text.len() <= MAX_LENGTH {
        return text.to_owned();
    }
    let end = (0..=MAX_LENGTH).rev().find(|&at| text.is_char_boundary(at));
    format!("{}…", &text[..end.unwrap_or(0)])
}

/// Returns an HMAC-SHA256 in base64. `DingTalk` signs time and secret with the secret as key; Feishu signs an empty
/// text with time and secret as key.
///
/// Sources: `open.feishu.cn/document/client-docs/bot-v3/add-custom-bot`, and "security settings" of the custom robot at
/// `open.dingtalk.com`.
fn sign(key: &str, text: &str) -> String {
    let mut hmac =
        Hmac::<Sha256>::new_from_slice(key.as_bytes()).expect("HMAC takes keys of every length");
    hmac.update(text.as_bytes());
    BASE64.encode(&hmac.finalize().into_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::telemetry::CallCounts;
    use crate::telemetry::tests::missed_by;

    fn end(report: bool) -> RunEnd {
        RunEnd {
            status: crate::exit::Status::Findings,
            started: "2026-11-22T12:00:00Z".parse().unwrap(),
            finished: "2026-11-22T12:41:40Z".parse().unwrap(),
            call_counts: CallCounts {
                calls: 20_000,
                retries: 3,
                throttles: 1,
            },
            locale: Locale::default(),
            report: report.then(|| missed_by(&["GID_<!channel>"], "orders")),
        }
    }

    #[test]
    fn a_chat_is_written_in_the_language_of_the_reports() {
        let mut end = end(true);
        end.locale.language = Language::Chinese;
        let lines = |end: &RunEnd| Notice { name: "day", end }.lines(Template::WeCom);
        assert_eq!(
            lines(&end)[2..],
            [
                "主题 orders 中 1 条：GID＿＜！channel＞ 未消费（open）",
                "用时 41 分 40 秒，调用 20,000 次，被限流 1 次",
            ]
        );
        end.report = None;
        assert_eq!(lines(&end), ["ons-audit day：已结束（findings）"]);
    }

    #[test]
    fn every_form_has_the_counts_and_no_ids() {
        let end = end(true);
        let notice = Notice {
            name: "nightly",
            end: &end,
        };
        for template in Template::ALL {
            let WebhookMessage { body, query } = template.message(&notice, None);
            let text = body.to_string();
            assert!(text.contains("1 of 1 message was missed"), "{text}");
            assert!(!text.contains("0A15030B") && query.is_empty(), "{text}");
        }
        let text = |group: &str| {
            format!(
                "ons-audit nightly: 1 of 1 message was missed by at least one group that answered: {group} 1 (no \
                 expectations were given)\nfindings; messages: 1 break\n1 in orders: {group} open\n20,000 calls in \
                 41 min 40 s, 1 throttled"
            )
        };
        let slack = Template::Slack.message(&notice, None).body;
        assert_eq!(slack["text"], text("GID＿&lt;！channel&gt;"));
        let wecom = Template::WeCom.message(&notice, None).body;
        assert_eq!(wecom["markdown"]["content"], text("GID＿＜！channel＞"));
        let program = Template::Json.message(&notice, None).body;
        assert_eq!(
            (&program["exit_status"], &program["calls"]),
            (&1.into(), &20_000.into())
        );
        assert_eq!(program["breaks"][0]["groups"][0]["group"], "GID_<!channel>");
    }

    #[test]
    fn a_run_without_results_file_says_so() {
        let end = RunEnd {
            status: crate::exit::Status::Incomplete,
            ..end(false)
        };
        let notice = Notice {
            name: "a *b*",
            end: &end,
        };
        let body = Template::Feishu.message(&notice, None).body;
        assert_eq!(
            body["content"]["text"],
            "ons-audit a ＊b＊: incomplete; it left no whole results file: see its log"
        );
    }

    /// The expected values are those of `printf '…' | openssl dgst -sha256 -hmac KEY -binary | base64`.
    #[test]
    fn dingtalk_and_feishu_are_signed() {
        let end = end(true);
        let notice = Notice {
            name: "nightly",
            end: &end,
        };
        let secret = SecretString::from("SECabc");
        let dingtalk = Template::DingTalk.message(&notice, Some(&secret));
        assert_eq!(
            dingtalk.query,
            [
                (
                    "sign",
                    "84MPMQ/FeANcdHzqTmtlUIVuldJGzOUvGbAhRrzNft4=".to_owned()
                ),
                ("timestamp", "1795351300000".to_owned())
            ]
        );
        let feishu = Template::Feishu.message(&notice, Some(&secret)).body;
        assert_eq!(
            (&feishu["timestamp"], &feishu["sign"]),
            (
                &"1795351300".into(),
                &"nFjlB3PNyjH+HqAqML+++nYtSoCcQJPCBuhP95DtlWU=".into()
            )
        );
        for template in Template::ALL {
            assert!(!format!("{:?}", template.message(&notice, Some(&secret))).contains("SECabc"));
        }
    }

    #[test]
    fn refusals_with_http_200_are_found() {
        for (template, answer, accepted) in [
            (Template::DingTalk, r#"{"errcode":0,"errmsg":"ok"}"#, true),
            (
                Template::DingTalk,
                r#"{"errcode":310000,"errmsg":"keywords not in content"}"#,
                false,
            ),
            (Template::WeCom, r#"{"errcode":93000}"#, false),
            (Template::WeCom, "", false),
            (Template::Feishu, r#"{"code":0,"msg":"success"}"#, true),
            (
                Template::Feishu,
                r#"{"StatusCode":0,"StatusMessage":"success"}"#,
                true,
            ),
            (
                Template::Feishu,
                r#"{"code":19021,"msg":"sign match fail"}"#,
                false,
            ),
            (Template::Slack, "ok", true),
            (Template::Json, "", true),
        ] {
            assert_eq!(
                template.is_accepted(answer.as_bytes()),
                accepted,
                "{answer}"
            );
        }
    }

    #[test]
    fn texts_are_cut_between_characters() {
        let long = cut(&"中".repeat(MAX_LENGTH));
        assert!(long.len() <= MAX_LENGTH + '…'.len_utf8() && long.ends_with("中…"));
        assert_eq!(cut("short"), "short");
    }
}
