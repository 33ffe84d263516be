//! The language and the time format of reports.
//!
//! `phrases` holds every fixed text with both languages side by side. Sentences with numbers are in `report/text`.
//! Codes (`passed`, `CONSUMED`, column names of the CSV) are never translated, so that a code in one report can be
//! searched for in every other.

pub(crate) mod phrases;
mod time_format;

pub use time_format::{RangePrecision, TimeFormat};

use std::str::FromStr;

use crate::settings::{Settings, SettingsError};
use crate::verdict::{MessageVerdict, Verdict};

/// A language of the reports.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Language {
    /// `en`.
    #[default]
    English,
    /// `zh`: Chinese in simplified characters.
    Chinese,
}

impl Language {
    /// All languages.
    pub const ALL: [Self; 2] = [Self::English, Self::Chinese];

    /// Returns the language tag of a document (BCP 47).
    #[must_use]
    pub const fn tag(self) -> &'static str {
        match self {
            Self::English => "en",
            Self::Chinese => "zh-Hans",
        }
    }
}

impl FromStr for Language {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "en" => Ok(Self::English),
            "zh" => Ok(Self::Chinese),
            _ => Err(format!(
                "`{text}` is no language of the reports; expected en or zh"
            )),
        }
    }
}

/// A fixed text in every language.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Phrase {
    /// The English text.
    pub en: &'static str,
    /// The text in simplified Chinese.
    pub zh: &'static str,
}

impl Phrase {
    /// Returns the text in one language.
    #[must_use]
    pub const fn in_language(self, language: Language) -> &'static str {
        match language {
            Language::English => self.en,
            Language::Chinese => self.zh,
        }
    }
}

/// Language and time format, as `--lang` and `--tz` ask for.
///
/// Machine formats always use the default (English, UTC).
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Locale {
    /// The language of all words.
    pub language: Language,
    /// The format of all times.
    pub time_format: TimeFormat,
}

impl Locale {
    /// Returns the locale of the settings.
    ///
    /// # Errors
    ///
    /// A setting has an invalid value.
    pub fn of(settings: &Settings) -> Result<Self, SettingsError> {
        Ok(Self {
            language: settings.get("lang")?,
            time_format: settings.get("tz")?,
        })
    }

    /// Returns the same time format in English, the only language of the terminal.
    #[must_use]
    pub fn in_english(&self) -> Self {
        Self {
            language: Language::English,
            time_format: self.time_format.clone(),
        }
    }

    /// Returns a fixed text.
    #[must_use]
    pub const fn text(&self, phrase: Phrase) -> &'static str {
        phrase.in_language(self.language)
    }

    /// Returns the name of a verdict about a group with its code: `未消费（open）`.
    #[must_use]
    pub fn verdict(&self, verdict: Verdict) -> String {
        self.with_code(phrases::verdict(verdict))
    }

    /// Returns the name of a verdict about a message with its code.
    #[must_use]
    pub fn message_verdict(&self, verdict: MessageVerdict) -> String {
        self.with_code(phrases::message_verdict(verdict))
    }

    /// In English, the code is the name.
    fn with_code(&self, phrase: Phrase) -> String {
        match self.language {
            Language::English => phrase.en.to_owned(),
            Language::Chinese => format!("{}（{}）", phrase.zh, phrase.en),
        }
    }

    /// Returns a length of time: `41 min 40 s`, `41 分 40 秒`.
    #[must_use]
    pub fn duration(&self, duration: std::time::Duration) -> String {
        let text = crate::humanize::duration(duration);
        let in_chinese = |word| match word {
            "d" => "天",
            "h" => "小时",
            "min" => "分",
            "s" => "秒",
            number => number,
        };
        match self.language {
            Language::English => text,
            Language::Chinese if duration.as_millis() < 500 => "不到 1 秒".to_owned(),
            Language::Chinese => text
                .split(' ')
                .map(in_chinese)
                .collect::<Vec<_>>()
                .join(" "),
        }
    }

    /// Joins several items in a list.
    pub(crate) fn listed(&self, items: &[String]) -> String {
        items.join(match self.language {
            Language::English => ", ",
            Language::Chinese => "、",
        })
    }

    /// Returns how many rows of a list are only in the CSV.
    pub(crate) fn more_in_csv(&self, left_out: u64) -> String {
        let number = crate::humanize::count(left_out);
        match self.language {
            Language::English => format!("and {number} more in the CSV"),
            Language::Chinese => format!("其余 {number} 条见 CSV"),
        }
    }

    /// Puts a remark in brackets.
    pub(crate) fn in_brackets(&self, text: &str) -> String {
        match self.language {
            Language::English => format!(" ({text})"),
            Language::Chinese => format!("（{text}）"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::verdict::UndeterminedReason;

    #[test]
    fn every_phrase_is_written_in_both_languages() {
        let is_chinese = |text: &str| text.chars().any(|c| ('\u{4e00}'..='\u{9fff}').contains(&c));
        let verdicts = Verdict::ALL.map(phrases::verdict);
        let messages = MessageVerdict::ALL.map(phrases::message_verdict);
        let meanings = [
            Verdict::ALL.map(phrases::meaning),
            Verdict::ALL.map(phrases::recorded_meaning),
        ];
        let meanings = meanings.into_iter().flatten();
        let reasons = UndeterminedReason::ALL.map(phrases::undetermined_reason);
        let message_meanings = [true, false].into_iter().flat_map(|has| {
            MessageVerdict::ALL.map(|verdict| phrases::message_meaning(verdict, has))
        });
        let all = phrases::ALL.iter().copied().chain(verdicts).chain(messages);
        for phrase in all.chain(meanings).chain(message_meanings).chain(reasons) {
            assert!(
                !phrase.en.is_empty() && !is_chinese(phrase.en),
                "{phrase:?}"
            );
            let is_punctuation = [phrases::COLON, phrases::SEMICOLON].contains(&phrase);
            assert!(is_chinese(phrase.zh) || is_punctuation, "{phrase:?}");
        }
    }

    #[test]
    fn a_language_is_named_by_its_code() {
        assert_eq!("zh".parse(), Ok(Language::Chinese));
        assert_eq!("en".parse(), Ok(Language::English));
        let error = "fr".parse::<Language>().unwrap_err();
        assert_eq!(
            error,
            "`fr` is no language of the reports; expected en or zh"
        );
    }
}
