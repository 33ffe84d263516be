//! Settings: a file that is accepted is shown as a file that says the same, and every value is understood or refused.
#![no_main]

use std::cell::RefCell;
use std::num::{NonZeroU32, NonZeroUsize};
use std::path::Path;
use std::time::Duration;

use jiff::Timestamp;
use libfuzzer_sys::fuzz_target;
use ons_audit::engine::{Pacer, Rate};
use ons_audit::exit::Advice;
use ons_audit::input::{ColumnRef, InputFormat};
use ons_audit::message::Zone;
use ons_audit::settings::{Accept, Auto, LogFormat, MaxRejects, Settings, SettingsError, Span};
use ons_audit::source::ons::Signature;
use ons_audit_fuzz::Reused;

thread_local! {
    static FILES: RefCell<[Reused; 2]> = RefCell::default();
}

fuzz_target!(|bytes: &[u8]| {
    FILES.with_borrow_mut(|[file, shown]| {
        let path = file.holding(bytes);
        match merged_settings(&path) {
            Ok(first) => {
                read_all(&first);
                let again = merged_settings(&shown.holding(first.show().as_bytes()))
                    .expect("what is shown is a settings file");
                assert_eq!(values(&first), values(&again));
            }
            Err(error) => assert!(!error.to_string().is_empty() && error.hint().is_some()),
        }
    });
    if let Ok(text) = str::from_utf8(bytes) {
        text.lines().for_each(understand);
    }
});

fn merged_settings(path: &Path) -> Result<Settings, SettingsError> {
    Settings::new([], Some(path))
}

fn values(settings: &Settings) -> toml::Table {
    settings.show().parse().expect("what is shown is TOML")
}

/// As the commands do.
fn read_all(settings: &Settings) {
    let errors = [
        settings.get::<Signature>("signature").err(),
        settings.get::<Span>("timeout").err(),
        settings.get::<bool>("allow_http").err(),
        settings.get::<Auto<Rate>>("rate").err(),
        settings.get::<NonZeroU32>("burst").err(),
        settings.get::<Auto<NonZeroUsize>>("concurrency").err(),
        settings.get::<NonZeroU32>("max_attempts").err(),
        settings.optional::<Accept>("accept").err(),
        settings.get::<MaxRejects>("max_rejects").err(),
        settings.get::<Zone>("producer_zone").err(),
        settings.get::<LogFormat>("log_format").err(),
    ];
    for error in errors.into_iter().flatten() {
        assert!(!error.to_string().is_empty() && error.hint().is_some());
    }
}

/// One text as every kind of value.
fn understand(text: &str) {
    if let Ok(rate) = text.parse::<Rate>() {
        assert_eq!(rate.to_string().parse(), Ok(rate));
        assert!(rate.time_for(u32::MAX.into()) >= rate.time_for(1));
        let _slow = Pacer::new(rate, NonZeroU32::MIN);
        let _fast = Pacer::new(rate, NonZeroU32::MAX);
    }
    if let Ok(Span(span)) = text.parse() {
        assert!(span > Duration::ZERO);
    }
    if let Ok(most) = text.parse::<MaxRejects>() {
        let rows = [0, 1, 2, 1000, u64::from(u32::MAX)];
        for (few, many) in rows.iter().zip(&rows[1..]) {
            assert!(!most.exceeded(0, *few), "none is never too many");
            assert!(
                !most.exceeded(*few, 1 << 33) || most.exceeded(*many, 1 << 33),
                "more is not better"
            );
        }
    }
    if let Ok(zone) = text.parse::<Zone>() {
        assert_eq!(zone.name, text);
        for time in [Timestamp::MIN, Timestamp::UNIX_EPOCH, Timestamp::MAX] {
            assert!(zone.zone.to_offset(time).seconds().abs() < 26 * 3600);
        }
    }
    if let Ok(format) = text.parse::<InputFormat>() {
        assert_eq!(format.as_str(), text);
    }
    if let ColumnRef::Name(name) = ColumnRef::from(text) {
        assert_eq!(name, text);
    }
}
