//! Lines: UTF-8, ended by LF, one CR before it dropped, at most so many bytes with their end.

use engine::{Code, Refusal};
use memchr::memchr;

/// Longest line a client may send to chat and file, with its end.
pub const MAX_LINE: usize = 4096;
/// Longest line a client may send to the registry, with its end.
pub const MAX_REGISTRY_LINE: usize = 65_536;

/// What the splitter found.
#[derive(Debug, PartialEq, Eq)]
pub enum Line<'a> {
    /// A whole line without its end.
    Text(&'a str),
    /// A whole line that is not UTF-8; it is dropped.
    BadUtf8,
    /// A line longer than the limit; nothing after it can be trusted, the connection ends.
    TooLong,
}

/// Finds lines in a growing buffer, and remembers how far it has looked so that no byte is scanned twice.
#[derive(Debug)]
pub struct Splitter {
    max: usize,
    scanned: usize,
}

impl Splitter {
    /// A splitter for lines of at most `max` bytes, end included.
    pub fn new(max: usize) -> Self {
        Splitter { max, scanned: 0 }
    }

    /// The next line at the front of `buf` and how many bytes it takes there, which the caller then
    /// drops before it asks again; `None` when more bytes are needed.
    pub fn next<'a>(&mut self, buf: &'a [u8]) -> Option<(Line<'a>, usize)> {
        let end = memchr(b'\n', &buf[self.scanned..]).map(|at| self.scanned + at);
        match end {
            Some(end) if end < self.max => {
                self.scanned = 0;
                Some((decode(&buf[..end]), end + 1))
            }
            None if buf.len() < self.max => {
                self.scanned = buf.len();
                None
            }
            _ => {
                self.scanned = 0;
                Some((Line::TooLong, buf.len()))
            }
        }
    }

    /// Takes what is there as a whole line, for peers that send no line end; `None` when nothing is.
    pub fn take_rest<'a>(&mut self, buf: &'a [u8]) -> Option<(Line<'a>, usize)> {
        self.scanned = 0;
        (!buf.is_empty()).then(|| (decode(buf), buf.len()))
    }
}

/// One line's bytes as text: without the CR before its end.
fn decode(bytes: &[u8]) -> Line<'_> {
    let bytes = bytes.strip_suffix(b"\r").unwrap_or(bytes);
    std::str::from_utf8(bytes).map_or(Line::BadUtf8, Line::Text)
}

impl<'a> Line<'a> {
    /// The text, or the refusal that the peer is told.
    ///
    /// # Errors
    /// [`Code::BadUtf8`], [`Code::LineTooLong`].
    pub fn text(self) -> Result<&'a str, Refusal> {
        match self {
            Line::Text(text) => Ok(text),
            Line::BadUtf8 => Err(Refusal::new(Code::BadUtf8, "a line must be UTF-8")),
            Line::TooLong => Err(Refusal::new(Code::LineTooLong, "the line is longer than this port takes")),
        }
    }
}

/// An error as a text line, with its end: `ERROR:<code> <words>`.
pub fn error_line(refusal: &Refusal) -> String {
    format!("ERROR:{} {}\n", refusal.code, refusal.words)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Feeds `input` in pieces and collects what the splitter says, each line as its owned form.
    fn split(max: usize, pieces: &[&[u8]]) -> (Vec<Result<String, Code>>, Vec<u8>) {
        let (mut splitter, mut buf, mut said) = (Splitter::new(max), Vec::new(), Vec::new());
        for piece in pieces {
            buf.extend_from_slice(piece);
            while let Some((line, used)) = splitter.next(&buf) {
                let over = line == Line::TooLong;
                said.push(line.text().map(str::to_owned).map_err(|r| r.code));
                buf.drain(..used);
                if over {
                    return (said, buf);
                }
            }
        }
        (said, buf)
    }

    #[test]
    fn ends_are_dropped_and_the_rest_waits() {
        let (said, rest) = split(64, &[b"a\r\n\nb\r\r\nc"]);
        assert_eq!(said, [Ok("a".into()), Ok(String::new()), Ok("b\r".into())]);
        assert_eq!(rest, b"c");
    }

    #[test]
    fn bad_utf8_is_one_line_and_the_next_one_is_read() {
        let (said, _) = split(64, &[b"\xc0\xaf\n\xed\xa0\x80\nok\n"]);
        assert_eq!(said, [Err(Code::BadUtf8), Err(Code::BadUtf8), Ok("ok".into())]);
    }

    #[test]
    fn the_limit_counts_the_end() {
        assert_eq!(split(4, &[b"abc\n"]).0, [Ok("abc".into())]);
        assert_eq!(split(4, &[b"abcd\n"]).0, [Err(Code::LineTooLong)]);
        assert_eq!(split(4, &[b"abc"]).0, []);
        assert_eq!(split(4, &[b"abcd"]).0, [Err(Code::LineTooLong)], "without waiting for its end");
    }

    #[test]
    fn a_pause_can_end_a_line() {
        let mut splitter = Splitter::new(64);
        assert!(splitter.next(b"alice").is_none());
        assert_eq!(splitter.take_rest(b"alice"), Some((Line::Text("alice"), 5)));
        assert_eq!(splitter.take_rest(b""), None);
    }

    proptest! {
        #[test]
        fn pieces_do_not_matter(input in proptest::collection::vec(any::<u8>(), 0..200), cut in 1usize..20) {
            let pieces: Vec<&[u8]> = input.chunks(cut).collect();
            prop_assert_eq!(split(32, &[&input]).0, split(32, &pieces).0);
        }
    }
}
