//! What a message carries so that whoever receives it can account for it.
//!
//! ```text
//! plg1 RRRRRRRR RRRR SSSSSSSS QQQQQQQQ DDDDDDDDDDDDDDDD CCCCCCCC the harbour lights ...
//!      run      room sender   sequence due (ns)         crc32    padding
//! ```
//! Fixed width, lower-case hexadecimal, without the blanks before the padding: it needs no escape in
//! JSON, is found by its magic, and read without a search. The CRC is over everything else, padding included.

/// How every payload of every run begins.
pub const MAGIC: &[u8; 4] = b"plg1";
/// The least a payload can be, in bytes.
pub const MIN_LEN: usize = 56;
/// The most a payload can be: a line of chat has 4,096 bytes, and needs some for itself.
pub const MAX_LEN: usize = 3_800;

const CRC_AT: usize = MIN_LEN - 8;
/// Ordinary words, because a server that indexes text would find random bytes unfairly dear.
const PADDING: &[u8] =
    b" the harbour lights came on one after the other while the boats were still out and nobody \
on the quay said a word about the weather or the hour until the first of them turned in past the mole";

/// What a payload says about its message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Header {
    /// Which run of which load tester.
    pub run: u32,
    /// The room's number.
    pub room: u16,
    /// The sender's number.
    pub sender: u32,
    /// Which of the sender's messages, from 0.
    pub sequence: u32,
    /// When it was due: nanoseconds from the first instant of the warm-up.
    pub due: u64,
}

/// Why a text is no payload.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unreadable {
    /// It does not begin as one: somebody else's words.
    Foreign,
    /// It begins as one, and is not what was sent.
    Corrupt,
}

/// Fills `out`, at least [`MIN_LEN`] bytes, with a payload.
pub fn write(header: &Header, out: &mut [u8]) {
    pad(&mut out[MIN_LEN..]);
    stamp(header, out);
}

/// Puts another header on a payload that [`write()`] has made: the padding stays.
pub fn stamp(header: &Header, out: &mut [u8]) {
    out[..4].copy_from_slice(MAGIC);
    hex(header.run.into(), &mut out[4..12]);
    hex(header.room.into(), &mut out[12..16]);
    hex(header.sender.into(), &mut out[16..24]);
    hex(header.sequence.into(), &mut out[24..32]);
    hex(header.due, &mut out[32..CRC_AT]);
    let crc = checksum(out);
    hex(crc.into(), &mut out[CRC_AT..MIN_LEN]);
}

/// Reads a payload.
///
/// # Errors
/// [`Unreadable`].
pub fn read(text: &[u8]) -> Result<Header, Unreadable> {
    if !text.starts_with(MAGIC) {
        return Err(Unreadable::Foreign);
    }
    parse(text).ok_or(Unreadable::Corrupt)
}

fn parse(text: &[u8]) -> Option<Header> {
    if text.len() < MIN_LEN || unhex(&text[CRC_AT..MIN_LEN])? != u64::from(checksum(text)) {
        return None;
    }
    Some(Header {
        run: unhex(&text[4..12])? as u32,
        room: unhex(&text[12..16])? as u16,
        sender: unhex(&text[16..24])? as u32,
        sequence: unhex(&text[24..32])? as u32,
        due: unhex(&text[32..CRC_AT])?,
    })
}

fn checksum(text: &[u8]) -> u32 {
    let mut crc = crc32fast::Hasher::new();
    crc.update(&text[..CRC_AT]);
    crc.update(&text[MIN_LEN..]);
    crc.finalize()
}

fn pad(out: &mut [u8]) {
    for (byte, &letter) in out.iter_mut().zip(PADDING.iter().cycle()) {
        *byte = letter;
    }
    // A service may trim what ends in white space; that would be no corruption.
    if let Some(last) = out.last_mut() {
        *last = b'.';
    }
}

/// Writes a number as wide as `out`, in lower-case hexadecimal.
pub fn hex(number: u64, out: &mut [u8]) {
    let mut rest = number;
    for digit in out.iter_mut().rev() {
        *digit = b"0123456789abcdef"[(rest & 15) as usize];
        rest >>= 4;
    }
}

/// Reads lower-case hexadecimal of at most 16 digits; `None` when it is anything else.
pub fn unhex(digits: &[u8]) -> Option<u64> {
    digits.iter().try_fold(0, |number, digit| {
        let value = match digit {
            b'0'..=b'9' => digit - b'0',
            b'a'..=b'f' => digit - b'a' + 10,
            _ => return None,
        };
        Some(number << 4 | u64::from(value))
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn any_header() -> impl Strategy<Value = Header> {
        any::<(u32, u16, u32, u32, u64)>().prop_map(|(run, room, sender, sequence, due)| Header {
            run,
            room,
            sender,
            sequence,
            due,
        })
    }

    fn written(header: &Header, len: usize) -> Vec<u8> {
        let mut out = vec![0; len];
        write(header, &mut out);
        out
    }

    #[test]
    fn a_payload_looks_as_documented() {
        let header = Header { run: 0xabcd, room: 3, sender: 17, sequence: 42, due: 1_000_000_000 };
        let text = String::from_utf8(written(&header, 74)).unwrap();
        assert_eq!(&text[..CRC_AT], "plg10000abcd0003000000110000002a000000003b9aca00");
        assert_eq!(&text[MIN_LEN..], " the harbour ligh.");
    }

    #[test]
    fn other_peoples_words_are_foreign() {
        assert_eq!(read(b"hello"), Err(Unreadable::Foreign));
        assert_eq!(read(b""), Err(Unreadable::Foreign));
        assert_eq!(read(b"plg1 is a magic word"), Err(Unreadable::Corrupt));
    }

    proptest! {
        #[test]
        fn what_is_written_is_read(header in any_header(), len in MIN_LEN..600) {
            let text = written(&header, len);
            prop_assert_eq!(read(&text), Ok(header));
            prop_assert!(text.iter().all(|byte| byte.is_ascii_alphanumeric() || b" .".contains(byte)));
            prop_assert!(!text.ends_with(b" "));
        }

        #[test]
        fn stamping_again_is_writing(first in any_header(), second in any_header(), len in MIN_LEN..200) {
            let mut text = written(&first, len);
            stamp(&second, &mut text);
            prop_assert_eq!(text, written(&second, len));
        }

        #[test]
        fn one_other_bit_is_found(header in any_header(), at in 4usize..128, bit in 0u32..8) {
            let mut text = written(&header, 128);
            text[at] ^= 1 << bit;
            prop_assert_eq!(read(&text), Err(Unreadable::Corrupt));
        }

        #[test]
        fn a_cut_payload_is_corrupt(header in any_header(), len in 4usize..128) {
            prop_assert_eq!(read(&written(&header, 128)[..len]), Err(Unreadable::Corrupt));
        }
    }
}
