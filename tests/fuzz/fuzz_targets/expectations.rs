//! Expectations, from flags and from a file: no group without a name, none lost on the way through the results file.
#![no_main]

use std::cell::RefCell;

use jiff::tz::TimeZone;
use libfuzzer_sys::fuzz_target;
use ons_audit::exit::Advice;
use ons_audit::verdict::{Expectations, ExpectationsError};
use ons_audit_fuzz::Reused;

thread_local! {
    static FILE: RefCell<Reused> = RefCell::default();
}

fuzz_target!(|bytes: &[u8]| {
    if let Ok(text) = str::from_utf8(bytes) {
        let mut expectations = Expectations::default();
        let added = text.lines().try_for_each(|value| expectations.add(value));
        assert!(added.is_err() || expectations.is_empty() == text.is_empty());
        check(&expectations, added.err());
    }
    FILE.with_borrow_mut(|file| {
        let mut expectations = Expectations::default();
        let added = expectations.add_file(&file.holding(bytes), &TimeZone::UTC);
        check(&expectations, added.err());
    });
});

fn check(expectations: &Expectations, error: Option<ExpectationsError>) {
    assert!(expectations.groups().all(|group| !group.is_empty()));
    assert_eq!(
        expectations.is_empty(),
        expectations.groups().next().is_none()
    );
    let json = serde_json::to_string(expectations).expect("expectations can be written as JSON");
    let read: Expectations = serde_json::from_str(&json).expect("and read back");
    assert_eq!(read, *expectations);
    if let Some(error) = error {
        assert!(!error.to_string().is_empty() && error.hint().is_some());
    }
}
