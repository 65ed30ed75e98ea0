//! Lines: how a stream is cut does not matter, nothing is lost, and nothing piles up.

use engine::Code;
use wire::lines::{Line, Splitter};

/// The least limit that lets a line pass, and some that few bytes reach.
const LIMITS: [usize; 3] = [1, 16, 256];

/// The lines of a stream, and what still waits for its end.
type Found = (Vec<Result<String, Code>>, Vec<u8>);

/// A stream comes out as the same lines however it is cut into pieces.
///
/// The input's first line says how the rest is cut: each of its bytes is the length of a piece, and what is
/// left is the last one. A piece of no bytes is a pause, which ends a line where lines may lack their end.
/// An input of one line is cut as it says itself.
pub fn split(input: &[u8]) {
    let mut parts = input.splitn(2, |byte| *byte == b'\n');
    let lengths = parts.next().unwrap_or_default();
    let stream = parts.next().unwrap_or(lengths);
    let pieces = pieces(lengths, stream);
    for max in LIMITS {
        assert_eq!(fed(max, &[stream]), wanted(max, &[stream]), "whole, at most {max}");
        let bytes: Vec<&[u8]> = stream.chunks(1).collect();
        assert_eq!(fed(max, &bytes), wanted(max, &[stream]), "byte by byte, at most {max}");
        assert_eq!(fed(max, &pieces), wanted(max, &pieces), "in pieces, at most {max}");
    }
}

fn pieces<'a>(lengths: &[u8], mut stream: &'a [u8]) -> Vec<&'a [u8]> {
    let mut pieces = Vec::new();
    for length in lengths {
        let (piece, rest) = stream.split_at(stream.len().min(usize::from(*length)));
        pieces.push(piece);
        stream = rest;
    }
    pieces.push(stream);
    pieces
}

/// What a session makes of the pieces. Its buffer never holds a whole line's length while it waits.
fn fed(max: usize, pieces: &[&[u8]]) -> Found {
    let (mut splitter, mut found, mut buf) = (Splitter::new(max), Vec::new(), Vec::new());
    for piece in pieces {
        buf.extend_from_slice(piece);
        while let Some((line, used)) = match splitter.next(&buf) {
            None if piece.is_empty() => splitter.take_rest(&buf),
            next => next,
        } {
            assert!((1..=buf.len()).contains(&used), "a line takes what is there");
            found.push(line.text().map(str::to_owned).map_err(|refusal| refusal.code));
            if found.last() == Some(&Err(Code::LineTooLong)) {
                return (found, Vec::new());
            }
            buf.drain(..used);
        }
        assert!(buf.len() < max, "{} bytes wait for the end of a line of at most {max}", buf.len());
    }
    (found, buf)
}

/// The same by the words of the protocol: a line is what stands in front of an LF or a pause.
fn wanted(max: usize, pieces: &[&[u8]]) -> Found {
    let (mut found, mut rest) = (Vec::new(), Vec::new());
    for until_pause in pieces.split(|piece| piece.is_empty()).map(<[_]>::concat) {
        found.extend((!rest.is_empty()).then(|| text(&rest)));
        rest.clear();
        for line in until_pause.split_inclusive(|byte| *byte == b'\n') {
            let ended = line.strip_suffix(b"\n");
            if line.len() > max || (ended.is_none() && line.len() == max) {
                found.push(Err(Code::LineTooLong));
                return (found, Vec::new());
            }
            match ended {
                Some(line) => found.push(text(line)),
                None => rest = line.to_vec(),
            }
        }
    }
    (found, rest)
}

fn text(line: &[u8]) -> Result<String, Code> {
    let line = line.strip_suffix(b"\r").unwrap_or(line);
    String::from_utf8(line.to_vec()).map_err(|_| Code::BadUtf8)
}

/// The input as the text of one line, which is all that a decoder is ever given.
pub(crate) fn arriving(input: &[u8]) -> Option<&str> {
    std::str::from_utf8(input).ok().filter(|text| !text.contains('\n'))
}

/// What was written is exactly one line, and this is its text as it arrives.
pub(crate) fn only_line(written: &[u8]) -> &str {
    match Splitter::new(usize::MAX).next(written) {
        Some((Line::Text(text), used)) if used == written.len() => text,
        _ => panic!("{:?} is not one line", String::from_utf8_lossy(written)),
    }
}
