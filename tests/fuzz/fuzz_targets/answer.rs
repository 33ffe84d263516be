//! Answers in JSON and XML under any status: groups with names, or one line of text that gives no secret away.
#![no_main]

use std::collections::HashSet;

use libfuzzer_sys::fuzz_target;
use ons_audit::source::ons::answer::parse;
use ons_audit::source::ons::redact::Redactor;
use ons_audit::source::{Failure, Trace};

/// What the redactor hides, and as much of each as gives it away.
const SECRETS: [(&str, &str); 2] = [
    ("LTAI5tExampleKey", "LTAI5tEx"),
    ("CAIStokentokentoken", "CAIStoke"),
];

fuzz_target!(|body: &[u8]| {
    let redactor = Redactor::new(SECRETS.map(|(secret, _)| secret));
    for status in [200, 404, 429, 503] {
        match parse(status, body, &redactor) {
            Ok(trace) => {
                assert!((200..300).contains(&status));
                check_trace(&trace);
            }
            Err(failure) => {
                assert_eq!(failure.http_status, Some(status));
                check_failure(&failure);
            }
        }
    }
});

fn check_trace(trace: &Trace) {
    let mut seen = HashSet::new();
    for track in &trace.tracks {
        assert!(!track.group.trim().is_empty() && !track.track_type.as_str().trim().is_empty());
        assert!(
            seen.insert((&track.group, &track.track_type)),
            "{track:?} twice"
        );
    }
}

fn check_failure(failure: &Failure) {
    assert!(!failure.message.is_empty());
    let texts = [
        Some(&*failure.message),
        failure.code.as_deref(),
        failure.request_id.as_deref(),
    ];
    for text in texts.into_iter().flatten() {
        assert!(!text.contains(char::is_control), "{text:?}");
        assert!(text.chars().count() <= 600, "{text:?}");
        for (_, head) in SECRETS {
            assert!(!text.contains(head), "{text:?}");
        }
    }
}
