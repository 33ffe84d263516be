//! Messages as brokers keep them: what is read takes up the bytes it says, and properties come out whole.
#![no_main]

use libfuzzer_sys::fuzz_target;
use ons_audit::source::rocketmq::remoting::StoredMessage;

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
    match StoredMessage::read_all(bytes, usize::MAX) {
        Ok(all) => assert_eq!((all, size), (read, bytes.len())),
        Err(error) => assert!(!error.to_string().is_empty()),
    }
});
