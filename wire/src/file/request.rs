//! What a client asks for.

use engine::file::{BadName, FileName, Hash, Prefix, parse_hash, parse_size};
use engine::{Code, Refusal};

use super::plain;
use super::words::Words;

/// One request. The bytes of a body follow its line and are not part of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Request {
    /// `UPLOAD <size>|? <name>`: store the bytes that follow; without a size all to the end of the stream.
    Upload {
        /// Bytes that follow; `None` is written `?`.
        size: Option<u64>,
        /// What to store them as.
        name: FileName,
    },
    /// `RESUME <size> <hash> <name>`: go on with an upload that was cut off.
    Resume {
        /// Bytes of the whole file.
        size: u64,
        /// BLAKE3 of the whole file.
        hash: Hash,
        /// What to store it as.
        name: FileName,
    },
    /// `DOWNLOAD <name>`.
    Download {
        /// Which file.
        name: FileName,
    },
    /// `RANGE <offset> <length> <name>`.
    Range {
        /// The first byte wanted, counted from 0.
        offset: u64,
        /// Bytes wanted; cut at the end of the file.
        length: u64,
        /// Which file.
        name: FileName,
    },
    /// `STAT <name>`.
    Stat {
        /// Which file.
        name: FileName,
    },
    /// `LIST [<prefix>]`.
    List {
        /// What the names begin with.
        prefix: Prefix,
    },
    /// `DELETE <name>`.
    Delete {
        /// Which file.
        name: FileName,
    },
    /// `UPLOAD:<name>:<content>`, the original's form.
    PlainUpload {
        /// What to store it as; it can't hold a colon.
        name: FileName,
        /// The whole file.
        content: Vec<u8>,
    },
    /// `DOWNLOAD:<name>`, the original's form.
    PlainDownload {
        /// Which file.
        name: FileName,
    },
}

/// What the client sends behind a request's line without being asked to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Body {
    /// Nothing: the next request.
    None,
    /// So many raw bytes.
    Bytes(u64),
    /// Everything to the end of the stream, or nobody can tell how much: no request can follow.
    ToEnd,
}

/// A line that is no request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rejected {
    /// What the client is told.
    pub refusal: Refusal,
    /// The rule that a name broke, when that was it.
    pub bad_name: Option<BadName>,
    /// What the client will send all the same.
    pub body: Body,
}

impl Request {
    /// Reads a line without its end. Verbs are taken in any case, as people type them.
    ///
    /// # Errors
    /// [`Code::BadRequest`] for a verb, a field or a size that is none, [`Code::BadName`]; and what
    /// follows the line all the same.
    pub fn decode(line: &str) -> Result<Request, Rejected> {
        if let Some(plain) = plain::decode(line.as_bytes()) {
            return plain;
        }
        let mut words = Words::of(line);
        let verb = words.next().unwrap_or_default().to_ascii_uppercase();
        match verb.as_str() {
            "UPLOAD" => upload(words),
            "RESUME" => resume(words),
            "DOWNLOAD" => Ok(Request::Download { name: name(words)? }),
            "RANGE" => range(words),
            "STAT" => Ok(Request::Stat { name: name(words)? }),
            "LIST" => list(words),
            "DELETE" => Ok(Request::Delete { name: name(words)? }),
            _ => Err(unknown().into()),
        }
    }

    /// The line as a client sends it, with its end; of the plain upload the whole request.
    ///
    /// ```
    /// use engine::file::FileName;
    /// use wire::file::Request;
    ///
    /// let request = Request::Upload { size: Some(5), name: FileName::parse("a b.txt").expect("a good name") };
    /// assert_eq!(request.encode(), b"UPLOAD 5 a b.txt\n");
    /// ```
    pub fn encode(&self) -> Vec<u8> {
        let line = match self {
            Request::Upload { size: Some(size), name } => format!("UPLOAD {size} {name}\n"),
            Request::Upload { size: None, name } => format!("UPLOAD ? {name}\n"),
            Request::Resume { size, hash, name } => format!("RESUME {size} {hash} {name}\n"),
            Request::Download { name } => format!("DOWNLOAD {name}\n"),
            Request::Range { offset, length, name } => format!("RANGE {offset} {length} {name}\n"),
            Request::Stat { name } => format!("STAT {name}\n"),
            Request::List { prefix } if prefix.as_str().is_empty() => "LIST\n".to_owned(),
            Request::List { prefix } => format!("LIST {prefix}\n"),
            Request::Delete { name } => format!("DELETE {name}\n"),
            Request::PlainUpload { name, content } => return plain::encode_upload(name, content),
            Request::PlainDownload { name } => format!("DOWNLOAD:{name}\n"),
        };
        line.into_bytes()
    }

    /// What the client sends behind the line without waiting for an answer.
    pub fn body(&self) -> Body {
        match self {
            Request::Upload { size: Some(size), .. } => Body::Bytes(*size),
            Request::Upload { size: None, .. } => Body::ToEnd,
            Request::PlainUpload { .. } | Request::PlainDownload { .. } => Body::ToEnd,
            _ => Body::None,
        }
    }
}

impl Rejected {
    /// A line that is not UTF-8. What follows it depends on its size, which may well be readable.
    pub fn bad_utf8(line: &[u8]) -> Self {
        let body = match Request::decode(&String::from_utf8_lossy(line)) {
            Ok(request) => request.body(),
            Err(rejected) => rejected.body,
        };
        Rejected::from(Refusal::new(Code::BadUtf8, "a line must be UTF-8")).before(body)
    }

    /// The same, with what follows the line.
    pub(super) fn before(self, body: Body) -> Self {
        Rejected { body, ..self }
    }
}

impl From<Refusal> for Rejected {
    fn from(refusal: Refusal) -> Self {
        Rejected { refusal, bad_name: None, body: Body::None }
    }
}

impl From<BadName> for Rejected {
    fn from(bad: BadName) -> Self {
        Rejected { refusal: bad.into(), bad_name: Some(bad), body: Body::None }
    }
}

fn upload(mut words: Words<'_>) -> Result<Request, Rejected> {
    // Without a size that can be read nobody knows where the next request begins.
    let lost = |refusal: Refusal| Rejected::from(refusal).before(Body::ToEnd);
    let size = match field(&mut words).map_err(lost)? {
        "?" => None,
        size => Some(parse_size(size).map_err(lost)?),
    };
    let body = size.map_or(Body::ToEnd, Body::Bytes);
    Ok(Request::Upload { size, name: name(words).map_err(|rejected| rejected.before(body))? })
}

fn resume(mut words: Words<'_>) -> Result<Request, Rejected> {
    let size = parse_size(field(&mut words)?)?;
    let hash = parse_hash(field(&mut words)?)?;
    Ok(Request::Resume { size, hash, name: name(words)? })
}

fn range(mut words: Words<'_>) -> Result<Request, Rejected> {
    let offset = parse_size(field(&mut words)?)?;
    let length = parse_size(field(&mut words)?)?;
    Ok(Request::Range { offset, length, name: name(words)? })
}

fn list(words: Words<'_>) -> Result<Request, Rejected> {
    Ok(Request::List { prefix: Prefix::parse(words.rest().unwrap_or_default())? })
}

fn field<'a>(words: &mut Words<'a>) -> Result<&'a str, Refusal> {
    words.next().ok_or_else(missing)
}

fn name(words: Words<'_>) -> Result<FileName, Rejected> {
    Ok(FileName::parse(words.rest().ok_or_else(missing)?)?)
}

fn missing() -> Refusal {
    Refusal::new(Code::BadRequest, "something is missing in this request")
}

fn unknown() -> Refusal {
    Refusal::new(Code::BadRequest, "requests are UPLOAD, RESUME, DOWNLOAD, RANGE, STAT, LIST and DELETE")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const HASH: &str = "6437b3ac38465133ffb63b75273a8db548c558465d79db03fd359c6cd5bd9d85";

    fn named(name: &str) -> FileName {
        FileName::parse(name).unwrap()
    }

    fn hash() -> Hash {
        parse_hash(HASH).unwrap()
    }

    #[test]
    fn every_request_reads_as_it_is_written() {
        let name = || named("a b/c.txt");
        let requests = [
            ("UPLOAD 5 a b/c.txt", Request::Upload { size: Some(5), name: name() }, Body::Bytes(5)),
            ("UPLOAD ? a b/c.txt", Request::Upload { size: None, name: name() }, Body::ToEnd),
            (
                &format!("RESUME 5 {HASH} a b/c.txt"),
                Request::Resume { size: 5, hash: hash(), name: name() },
                Body::None,
            ),
            ("DOWNLOAD a b/c.txt", Request::Download { name: name() }, Body::None),
            ("RANGE 1 2 a b/c.txt", Request::Range { offset: 1, length: 2, name: name() }, Body::None),
            ("STAT a b/c.txt", Request::Stat { name: name() }, Body::None),
            ("LIST", Request::List { prefix: Prefix::default() }, Body::None),
            ("LIST a b/", Request::List { prefix: Prefix::parse("a b/").unwrap() }, Body::None),
            ("DELETE a b/c.txt", Request::Delete { name: name() }, Body::None),
            (
                "UPLOAD:a b/c.txt:x:y",
                Request::PlainUpload { name: name(), content: b"x:y".into() },
                Body::ToEnd,
            ),
            ("DOWNLOAD:a b/c.txt", Request::PlainDownload { name: name() }, Body::ToEnd),
        ];
        for (line, request, body) in requests {
            assert_eq!(Request::decode(line).as_ref(), Ok(&request), "{line}");
            assert_eq!(request.body(), body, "{line}");
            let sent = request.encode();
            assert_eq!(sent.strip_suffix(b"\n").unwrap_or(&sent), line.as_bytes());
        }
    }

    #[test]
    fn people_may_type_as_they_like() {
        assert_eq!(Request::decode("stat a"), Ok(Request::Stat { name: named("a") }));
        assert_eq!(Request::decode("LIST "), Ok(Request::List { prefix: Prefix::default() }));
        assert_eq!(
            Request::decode("STAT  a "),
            Ok(Request::Stat { name: named(" a ") }),
            "spaces are the name's"
        );
    }

    #[test]
    fn what_is_no_request_says_why_and_what_follows() {
        use Body::*;
        use Code::*;
        let cases = [
            ("", BadRequest, None),
            (" ", BadRequest, None),
            ("HELLO", BadRequest, None),
            ("STATS a", BadRequest, None),
            ("STAT", BadRequest, None),
            ("STAT ", BadName, None),
            ("DOWNLOAD", BadRequest, None),
            ("DOWNLOAD ../x", BadName, None),
            ("DELETE /etc/passwd", BadName, None),
            ("UPLOAD", BadRequest, ToEnd),
            ("UPLOAD 5", BadRequest, Bytes(5)),
            ("UPLOAD a", BadRequest, ToEnd),
            ("UPLOAD -1 a", BadRequest, ToEnd),
            ("UPLOAD +5 a", BadRequest, ToEnd),
            ("UPLOAD 0x10 a", BadRequest, ToEnd),
            ("UPLOAD 1e3 a", BadRequest, ToEnd),
            ("UPLOAD 18446744073709551616 a", BadRequest, ToEnd),
            ("UPLOAD ٣ a", BadRequest, ToEnd),
            ("UPLOAD  a", BadRequest, ToEnd),
            ("UPLOAD 7 ../a", BadName, Bytes(7)),
            ("UPLOAD ? .a", BadName, ToEnd),
            ("RESUME 5 a", BadRequest, None),
            ("RESUME 5 00 a", BadRequest, None),
            ("RANGE 0 a", BadRequest, None),
            ("RANGE -1 5 a", BadRequest, None),
            ("LIST \t", BadName, None),
            ("UPLOAD:a", BadRequest, ToEnd),
            ("UPLOAD:../a:x", BadName, ToEnd),
            ("DOWNLOAD:/a", BadName, ToEnd),
            ("DOWNLOAD:", BadName, ToEnd),
        ];
        for (line, code, body) in cases {
            let rejected = Request::decode(line).unwrap_err();
            assert_eq!((rejected.refusal.code, rejected.body), (code, body), "{line}");
            assert_eq!(rejected.bad_name.is_some(), code == BadName, "{line}");
        }
    }

    #[test]
    fn a_line_that_is_not_utf8_may_stand_in_front_of_a_body() {
        let rejected = Rejected::bad_utf8(b"UPLOAD 5 \xff\n");
        assert_eq!((rejected.refusal.code, rejected.body), (Code::BadUtf8, Body::Bytes(5)));
        assert_eq!(Rejected::bad_utf8(b"STAT \xff\n").body, Body::None);
        assert_eq!(Rejected::bad_utf8(b"\xff\xfe\n").body, Body::None);
        assert_eq!(Rejected::bad_utf8(b"UPLOAD \xff a\n").body, Body::ToEnd);
    }

    proptest! {
        #[test]
        fn no_line_panics_and_what_passes_survives_the_trip(
            verb in "(UPLOAD|RESUME|DOWNLOAD|RANGE|STAT|LIST|DELETE|UPLOAD:|DOWNLOAD:)?",
            rest in "( |:|[0-9]{1,20}|[0-9a-f]{64}|[a-z./?]|\\PC){0,20}",
        ) {
            let line = format!("{verb}{rest}");
            if let Ok(request) = Request::decode(&line) {
                let sent = String::from_utf8(request.encode()).unwrap();
                prop_assert_eq!(Request::decode(sent.strip_suffix('\n').unwrap_or(&sent)), Ok(request));
            }
        }
    }
}
