//! What the service answers.

use engine::Refusal;
use engine::file::{Entry, FileName, Hash, parse_hash, parse_size};

use super::words::Words;
use crate::time::{parse_rfc3339, rfc3339};

/// One reply line. Bytes and list lines follow it as it says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reply {
    /// `OK <size> <hash> <name>`: the upload is stored for good.
    Stored {
        /// Bytes stored.
        size: u64,
        /// BLAKE3 of them.
        hash: Hash,
        /// What they are called.
        name: FileName,
    },
    /// `CONTINUE <offset>`: the upload goes on from there.
    Continue {
        /// Bytes that the service has already.
        offset: u64,
    },
    /// `FILE <size> <hash> <name>`, then `size` bytes.
    File {
        /// Bytes that follow.
        size: u64,
        /// BLAKE3 of them.
        hash: Hash,
        /// What they are called.
        name: FileName,
    },
    /// `PART <offset> <length> <size> <hash> <name>`, then `length` bytes.
    Part {
        /// Where they begin.
        offset: u64,
        /// Bytes that follow.
        length: u64,
        /// Bytes of the whole file.
        size: u64,
        /// BLAKE3 of the whole file.
        hash: Hash,
        /// What it is called.
        name: FileName,
    },
    /// `STAT <size> <hash> <modified> <name>`.
    Stat(Entry),
    /// `LIST <count>`, then so many lines for [`decode_entry`].
    List {
        /// Lines that follow.
        count: u64,
    },
    /// `OK deleted <name>`.
    Deleted {
        /// What was there.
        name: FileName,
    },
    /// `ERROR:<code> <words>`.
    Error {
        /// What programs look at; a later service may know more codes than [`engine::Code`].
        code: String,
        /// What people read.
        words: String,
    },
}

/// A reply line that makes no sense.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the server answered {0:?}, which is no reply of a file service")]
pub struct BadReply(pub String);

impl From<Refusal> for Reply {
    fn from(refusal: Refusal) -> Self {
        Reply::Error { code: refusal.code.as_str().to_owned(), words: refusal.words.into_owned() }
    }
}

impl Reply {
    /// The line with its end.
    pub fn encode(&self) -> String {
        match self {
            Reply::Stored { size, hash, name } => format!("OK {size} {hash} {name}\n"),
            Reply::Continue { offset } => format!("CONTINUE {offset}\n"),
            Reply::File { size, hash, name } => format!("FILE {size} {hash} {name}\n"),
            Reply::Part { offset, length, size, hash, name } => {
                format!("PART {offset} {length} {size} {hash} {name}\n")
            }
            Reply::Stat(entry) => format!("STAT {}", encode_entry(entry)),
            Reply::List { count } => format!("LIST {count}\n"),
            Reply::Deleted { name } => format!("OK deleted {name}\n"),
            Reply::Error { code, words } => format!("ERROR:{code} {words}\n"),
        }
    }

    /// Reads a line without its end.
    ///
    /// ```
    /// use wire::file::Reply;
    ///
    /// assert_eq!(Reply::decode("CONTINUE 4096"), Ok(Reply::Continue { offset: 4096 }));
    /// ```
    ///
    /// # Errors
    /// [`BadReply`] with the line.
    pub fn decode(line: &str) -> Result<Reply, BadReply> {
        decode(line).ok_or_else(|| BadReply(line.to_owned()))
    }
}

/// One line of a list, with its end: `<size> <hash> <modified> <name>`.
pub fn encode_entry(entry: &Entry) -> String {
    let Entry { size, hash, modified, name } = entry;
    format!("{size} {hash} {} {name}\n", rfc3339(*modified))
}

/// Reads one line of a list without its end.
///
/// # Errors
/// [`BadReply`] with the line.
pub fn decode_entry(line: &str) -> Result<Entry, BadReply> {
    entry(Words::of(line)).ok_or_else(|| BadReply(line.to_owned()))
}

fn decode(line: &str) -> Option<Reply> {
    if let Some(error) = line.strip_prefix("ERROR:") {
        let (code, words) = error.split_once(' ').unwrap_or((error, ""));
        return Some(Reply::Error { code: code.to_owned(), words: words.to_owned() });
    }
    let mut words = Words::of(line);
    match words.next()? {
        "OK" => ok(words),
        "CONTINUE" => Some(Reply::Continue { offset: last_size(words)? }),
        "FILE" => Some(Reply::File { size: size(&mut words)?, hash: hash(&mut words)?, name: name(words)? }),
        "PART" => Some(Reply::Part {
            offset: size(&mut words)?,
            length: size(&mut words)?,
            size: size(&mut words)?,
            hash: hash(&mut words)?,
            name: name(words)?,
        }),
        "STAT" => Some(Reply::Stat(entry(words)?)),
        "LIST" => Some(Reply::List { count: last_size(words)? }),
        _ => None,
    }
}

fn ok(mut words: Words<'_>) -> Option<Reply> {
    match words.next()? {
        "deleted" => Some(Reply::Deleted { name: name(words)? }),
        size => {
            Some(Reply::Stored { size: parse_size(size).ok()?, hash: hash(&mut words)?, name: name(words)? })
        }
    }
}

fn entry(mut words: Words<'_>) -> Option<Entry> {
    Some(Entry {
        size: size(&mut words)?,
        hash: hash(&mut words)?,
        modified: parse_rfc3339(words.next()?)?,
        name: name(words)?,
    })
}

fn size(words: &mut Words<'_>) -> Option<u64> {
    parse_size(words.next()?).ok()
}

fn last_size(words: Words<'_>) -> Option<u64> {
    parse_size(words.rest()?).ok()
}

fn hash(words: &mut Words<'_>) -> Option<Hash> {
    parse_hash(words.next()?).ok()
}

fn name(words: Words<'_>) -> Option<FileName> {
    FileName::parse(words.rest()?).ok()
}

#[cfg(test)]
mod tests {
    use engine::{Code, Timestamp};
    use proptest::prelude::*;

    use super::*;

    const HASH: &str = "6437b3ac38465133ffb63b75273a8db548c558465d79db03fd359c6cd5bd9d85";

    #[test]
    fn every_reply_reads_as_it_is_written() {
        let name = FileName::parse("a b/c.txt").unwrap();
        let hash = parse_hash(HASH).unwrap();
        let entry = Entry { size: 3, hash, modified: Timestamp(1_795_335_000_123), name: name.clone() };
        let replies = [
            (format!("OK 3 {HASH} a b/c.txt"), Reply::Stored { size: 3, hash, name: name.clone() }),
            ("CONTINUE 2".into(), Reply::Continue { offset: 2 }),
            (format!("FILE 3 {HASH} a b/c.txt"), Reply::File { size: 3, hash, name: name.clone() }),
            (
                format!("PART 1 2 3 {HASH} a b/c.txt"),
                Reply::Part { offset: 1, length: 2, size: 3, hash, name: name.clone() },
            ),
            (format!("STAT 3 {HASH} 2026-11-22T08:10:00.123Z a b/c.txt"), Reply::Stat(entry.clone())),
            ("LIST 7".into(), Reply::List { count: 7 }),
            ("OK deleted a b/c.txt".into(), Reply::Deleted { name }),
            ("ERROR:busy try again".into(), Refusal::new(Code::Busy, "try again").into()),
        ];
        for (line, reply) in replies {
            assert_eq!(reply.encode(), format!("{line}\n"));
            assert_eq!(Reply::decode(&line), Ok(reply));
        }
        let line = format!("3 {HASH} 2026-11-22T08:10:00.123Z a b/c.txt");
        assert_eq!(encode_entry(&entry), format!("{line}\n"));
        assert_eq!(decode_entry(&line), Ok(entry));
    }

    #[test]
    fn a_server_that_makes_no_sense_is_told_apart() {
        for bad in [
            "",
            "HELLO",
            "OK",
            "OK 5",
            "OK deleted",
            "OK deleted ../x",
            "CONTINUE",
            "CONTINUE -1",
            "CONTINUE 1 2",
            "LIST",
            &format!("FILE 3 {HASH} /etc/passwd"),
            &format!("FILE 3 {HASH}"),
            &format!("STAT 3 {HASH} yesterday a"),
        ] {
            assert_eq!(Reply::decode(bad), Err(BadReply(bad.to_owned())));
        }
    }

    #[test]
    fn an_error_may_be_terse() {
        let terse = Reply::Error { code: "busy".into(), words: String::new() };
        assert_eq!(Reply::decode("ERROR:busy"), Ok(terse));
    }

    proptest! {
        #[test]
        fn no_line_panics(line in "(OK|FILE|PART|STAT|LIST|CONTINUE|ERROR:)?( |[0-9]{1,20}|[0-9a-f]{64}|\\PC){0,12}") {
            let _ = decode_entry(&line);
            if let Ok(reply) = Reply::decode(&line) {
                let sent = reply.encode();
                prop_assert_eq!(Reply::decode(sent.trim_end_matches('\n')), Ok(reply));
            }
        }
    }
}
