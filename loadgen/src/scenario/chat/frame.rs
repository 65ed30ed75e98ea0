//! A `say` line, written once a room and then only stamped.

use engine::chat::{Ref, Request, Tagged};
use engine::names::RoomName;
use memchr::memmem;
use wire::chat::json::encode_request;

use crate::payload::{self, Header, MAGIC, hex};

/// Eight digits: the sequence as the message's own key.
const KEY: &str = "00000000";

/// A line in which the key and the payload have a fixed width and place.
#[derive(Debug, Clone)]
pub(super) struct Frame {
    line: Vec<u8>,
    key: usize,
    payload: usize,
    len: usize,
}

impl Frame {
    /// A frame for messages of `len` bytes to a room, at least [`payload::MIN_LEN`].
    pub(super) fn new(room: &str, len: usize) -> Self {
        let mut text = vec![0; len];
        payload::write(&Header { run: 0, room: 0, sender: 0, sequence: 0, due: 0 }, &mut text);
        let request = Request::Say {
            room: RoomName::parse(room).expect("our room names are valid"),
            text: String::from_utf8(text).expect("a payload is ASCII"),
        };
        let reference = Some(Ref::parse(KEY).expect("our keys are valid"));
        let line = encode_request(&Tagged { reference, request }).into_bytes();
        let payload = memmem::find(&line, MAGIC).expect("the payload is in the line as it was given");
        let marker = format!("\"ref\":\"{KEY}\"");
        let marker_at = memmem::find(&line, marker.as_bytes()).expect("so is the key");
        Frame { key: marker_at + marker.len() - 1 - KEY.len(), payload, len, line }
    }

    /// The line of one message.
    pub(super) fn stamp(&mut self, header: &Header) -> &[u8] {
        hex(header.sequence.into(), &mut self.line[self.key..self.key + KEY.len()]);
        payload::stamp(header, &mut self.line[self.payload..self.payload + self.len]);
        &self.line
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use wire::chat::json::decode_request;

    use super::*;

    proptest! {
        #[test]
        fn a_stamped_line_is_what_the_encoder_would_write(
            run: u32, room: u16, sender: u32, sequence: u32, due: u64,
            len in payload::MIN_LEN..payload::MAX_LEN,
        ) {
            let header = Header { run, room, sender, sequence, due };
            let mut frame = Frame::new("load-0000beef-3", len);
            let line = std::str::from_utf8(frame.stamp(&header)).unwrap().to_owned();
            prop_assert!(line.len() <= wire::lines::MAX_LINE);
            let tagged = decode_request(line.trim_end()).unwrap();
            prop_assert_eq!(encode_request(&tagged), line);
            let key = tagged.reference.unwrap();
            prop_assert_eq!(key.as_str(), format!("{sequence:08x}"));
            let Request::Say { room, text } = tagged.request else { panic!("another request") };
            prop_assert_eq!(room.as_str(), "load-0000beef-3");
            prop_assert_eq!(text.len(), len);
            prop_assert_eq!(payload::read(text.as_bytes()), Ok(header));
        }
    }
}
