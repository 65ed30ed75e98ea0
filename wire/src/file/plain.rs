//! The form of the original design: colons, no sizes, one request a connection.
//!
//! ```text
//! C: UPLOAD:notes.txt:hello                    C: DOWNLOAD:notes.txt
//! S: File notes.txt uploaded successfully      S: FILE:hello
//! ```

use engine::file::FileName;
use engine::{Code, Refusal};

use super::request::{Body, Rejected, Request};

/// How an upload begins: it ends with a line end, or with a pause where the service was told so.
pub const UPLOAD: &[u8] = b"UPLOAD:";
/// How a download begins.
pub const DOWNLOAD: &[u8] = b"DOWNLOAD:";
/// Longest upload that ends with a pause, name included.
pub const MAX_UPLOAD: usize = 64 * 1024;
/// What goes before the bytes of a download. Nothing comes behind them but the end of the stream.
pub const FILE: &[u8] = b"FILE:";
/// The answer when there is no such file.
pub const NOT_FOUND: &str = "ERROR:File not found\n";

/// The answer to an upload.
pub fn uploaded(name: &FileName) -> String {
    format!("File {name} uploaded successfully\n")
}

/// Reads a whole request without its line end; `None` when it has not this form. The content of an
/// upload may be any bytes.
pub fn decode(request: &[u8]) -> Option<Result<Request, Rejected>> {
    let parsed = if let Some(rest) = request.strip_prefix(UPLOAD) {
        upload(rest)
    } else {
        name(request.strip_prefix(DOWNLOAD)?).map(|name| Request::PlainDownload { name })
    };
    Some(parsed.map_err(|rejected| rejected.before(Body::ToEnd)))
}

fn upload(rest: &[u8]) -> Result<Request, Rejected> {
    let colon = memchr::memchr(b':', rest).ok_or_else(|| {
        Refusal::new(Code::BadRequest, "the content is missing: it is UPLOAD:<name>:<content>")
    })?;
    Ok(Request::PlainUpload { name: name(&rest[..colon])?, content: rest[colon + 1..].to_vec() })
}

fn name(bytes: &[u8]) -> Result<FileName, Rejected> {
    let name = std::str::from_utf8(bytes).map_err(|_| Refusal::new(Code::BadUtf8, "a name must be UTF-8"))?;
    Ok(FileName::parse(name)?)
}

pub(super) fn encode_upload(name: &FileName, content: &[u8]) -> Vec<u8> {
    [UPLOAD, name.as_str().as_bytes(), b":", content].concat()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn content_is_bytes_as_they_stand() {
        let request = decode(b"UPLOAD:a.bin:\xff\0\n:\r\n").unwrap().unwrap();
        let name = FileName::parse("a.bin").unwrap();
        assert_eq!(uploaded(&name), "File a.bin uploaded successfully\n");
        assert_eq!(request, Request::PlainUpload { name, content: b"\xff\0\n:\r\n".to_vec() });
        assert_eq!(request.encode(), b"UPLOAD:a.bin:\xff\0\n:\r\n");
    }

    #[test]
    fn a_name_is_text() {
        assert_eq!(decode(b"DOWNLOAD:\xff").unwrap().unwrap_err().refusal.code, Code::BadUtf8);
        assert_eq!(decode(b"UPLOAD a"), None);
    }
}
