//! The style and the script of the page, and the policy that allows nothing else.

use data_encoding::BASE64;
use ring::digest::{SHA256, digest};

/// The page's style sheet.
pub(super) const STYLE: &str = include_str!("style.css");

/// The page's script.
pub(super) const SCRIPT: &str = include_str!("list.js");

/// Returns the page's content security policy: only the page's own style and script, and no requests.
pub(super) fn policy() -> String {
    let [style, script] = [STYLE, SCRIPT].map(|text| {
        format!(
            "'sha256-{}'",
            BASE64.encode(digest(&SHA256, text.as_bytes()).as_ref())
        )
    });
    format!(
        "default-src 'none'; style-src {style}; script-src {script}; base-uri 'none'; form-action 'none'"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    const PAGE: &str = include_str!("page.html");

    fn colours(block: &str) -> std::collections::BTreeMap<&str, [f64; 3]> {
        let variables = block
            .split(';')
            .filter_map(|part| part.trim().strip_prefix("--")?.split_once(": #"));
        let channel = |hex: &str, at: usize| {
            let value = f64::from(u8::from_str_radix(&hex[at..at + 2], 16).unwrap()) / 255.0;
            if value <= 0.03928 {
                value / 12.92
            } else {
                ((value + 0.055) / 1.055).powf(2.4)
            }
        };
        variables
            .map(|(name, hex)| (name, [0, 2, 4].map(|at| channel(hex, at))))
            .collect()
    }

    /// Returns the contrast as WCAG 2 defines it.
    fn contrast(a: [f64; 3], b: [f64; 3]) -> f64 {
        let luminance = |[r, g, b]: [f64; 3]| 0.2126 * r + 0.7152 * g + 0.0722 * b;
        let (a, b) = (luminance(a), luminance(b));
        (a.max(b) + 0.05) / (a.min(b) + 0.05)
    }

    #[test]
    fn every_theme_has_readable_colours() {
        let themes: Vec<_> = STYLE
            .split("/* theme */")
            .skip(1)
            .map(|rest| colours(&rest[..rest.find('}').unwrap()]))
            .collect();
        assert_eq!(themes.len(), 3);
        for theme in themes {
            for (name, least) in [
                ("text", 7.0),
                ("quiet", 4.5),
                ("link", 4.5),
                ("bad", 4.5),
                ("good", 4.5),
            ] {
                for ground in ["paper", "panel"] {
                    let found = contrast(theme[name], theme[ground]);
                    assert!(found >= least, "{name} on {ground}: {found:.2}");
                }
            }
            for part in [
                "passed",
                "filtered",
                "open",
                "undetermined",
                "absent",
                "dead_lettered",
                "retrying",
                "failed",
            ] {
                for ground in ["paper", "panel"] {
                    let found = contrast(theme[part], theme[ground]);
                    assert!(found >= 3.0, "{part} on {ground}: {found:.2}");
                }
            }
        }
    }

    #[test]
    fn the_page_makes_no_requests() {
        for text in [PAGE, STYLE, SCRIPT] {
            let text = text.replace("url(#", "");
            for word in [
                "http:", "https:", "//", "url(", "@import", "src=", "<link", " style=",
            ] {
                assert!(!text.contains(word), "{word}");
            }
        }
        let policy = policy();
        assert!(policy.starts_with("default-src 'none'; "), "{policy}");
        assert!(!policy.contains("unsafe"), "{policy}");
    }
}
