//! Messages as brokers keep them: what is read takes up the bytes it says, properties come out whole, and bodies are
//! decompressed or are not.
#![no_main]

use libfuzzer_sys::fuzz_target;
use ons_audit::source::rocketmq::remoting::{StoredMessage, WithBody};

fuzz_target!(|bytes: &[u8]| {
    let mut rest = bytes;
    let (mut read, mut size) = (Vec::new(), 0);
    while !rest.is_empty() {
        let before = rest.len();
        let Ok(message) = StoredMessage::read(&mut rest) else {
            break;
        };
        assert_eq!(before - rest.len(), message.size as usize);
        assert!(message.body_length < message.size);
        for (name, _) in message.properties.iter() {
            assert!(message.properties.get(name).is_some());
        }
        size += message.size as usize;
        read.push(message);
    }
    // The same messages are read with their bodies, whatever these are.
    let with_bodies = WithBody::read_all(bytes, usize::MAX);
    let messages =
        with_bodies.map(|all| all.into_iter().map(|one| one.message).collect::<Vec<_>>());
    assert_eq!(
        messages.ok(),
        StoredMessage::read_all(bytes, usize::MAX).ok()
    );
    match StoredMessage::read_all(bytes, usize::MAX) {
        Ok(all) => assert_eq!((all, size), (read, bytes.len())),
        Err(error) => assert!(!error.to_string().is_empty()),
    }
});
