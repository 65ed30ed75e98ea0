//! Files: a request and the bytes behind it are told apart the same way on both ends.

use engine::Code;
use wire::file::{Body, Rejected, Reply, Request, decode_entry, encode_entry, plain};

use crate::lines::{arriving, only_line};
use crate::rules;

/// A line of a client: whatever is wrong with it, both ends know where the next one begins.
pub fn requests(input: &[u8]) {
    if let Some(whole) = plain::decode(input) {
        judge(input, whole);
    }
    let line = input.split(|byte| *byte == b'\n').next().unwrap_or_default();
    match std::str::from_utf8(line) {
        Ok(text) => judge(line, Request::decode(text)),
        Err(_) => {
            let rejected = Rejected::bad_utf8(line);
            rules::refusal(&rejected.refusal, &[Code::BadUtf8]);
            assert_eq!(rejected.body, behind(line));
        }
    }
}

fn judge(input: &[u8], decoded: Result<Request, Rejected>) {
    match decoded {
        Ok(request) => {
            assert_eq!(request.body(), behind(input));
            asked(&request, input.len());
        }
        Err(rejected) => {
            rules::refusal(&rejected.refusal, &[Code::BadRequest, Code::BadName, Code::BadUtf8]);
            assert_eq!(rejected.bad_name.is_some(), rejected.refusal.code == Code::BadName);
            assert_eq!(rejected.body, behind(input));
        }
    }
}

/// What a client sends behind a line, told by its first two words alone.
fn behind(line: &[u8]) -> Body {
    if line.starts_with(b"UPLOAD:") || line.starts_with(b"DOWNLOAD:") {
        return Body::ToEnd;
    }
    let mut words = line.split(|byte| *byte == b' ');
    if !words.next().is_some_and(|verb| verb.eq_ignore_ascii_case(b"upload")) {
        return Body::None;
    }
    let digits = words.next().filter(|word| !word.is_empty() && word.iter().all(u8::is_ascii_digit));
    let size = digits.and_then(|digits| std::str::from_utf8(digits).ok()?.parse().ok());
    size.map_or(Body::ToEnd, Body::Bytes)
}

/// A request's names keep the rules, and it goes there and back.
fn asked(request: &Request, came: usize) {
    match request {
        Request::List { prefix } => rules::prefix(prefix),
        Request::PlainUpload { name, content } => {
            rules::file(name);
            assert!(content.len() <= came, "no more is kept than has come");
            assert_eq!(plain::decode(&request.encode()).as_ref(), Some(&Ok(request.clone())));
            return;
        }
        Request::Upload { name, .. }
        | Request::Resume { name, .. }
        | Request::Download { name }
        | Request::Range { name, .. }
        | Request::Stat { name }
        | Request::Delete { name }
        | Request::PlainDownload { name } => rules::file(name),
    }
    assert_eq!(Request::decode(only_line(&request.encode())).as_ref(), Ok(request));
}

/// A line of a server as a client reads it: what makes sense goes there and back.
pub fn replies(input: &[u8]) {
    let Some(line) = arriving(input) else { return };
    match Reply::decode(line) {
        Ok(reply) => {
            stored(&reply);
            let sent = reply.encode();
            assert_eq!(Reply::decode(only_line(sent.as_bytes())), Ok(reply));
        }
        Err(bad) => assert_eq!(bad.0, line),
    }
    if let Ok(entry) = decode_entry(line) {
        rules::file(&entry.name);
        let sent = encode_entry(&entry);
        assert_eq!(decode_entry(only_line(sent.as_bytes())), Ok(entry));
    }
}

/// Not even a server can give a file a name that leads out of the folder it is saved in.
fn stored(reply: &Reply) {
    match reply {
        Reply::Stored { name, .. }
        | Reply::File { name, .. }
        | Reply::Part { name, .. }
        | Reply::Deleted { name } => rules::file(name),
        Reply::Stat(entry) => rules::file(&entry.name),
        Reply::Continue { .. } | Reply::List { .. } | Reply::Error { .. } => {}
    }
}
