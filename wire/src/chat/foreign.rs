//! Peers that speak another protocol, known by their first bytes.
//!
//! Somebody has taken the port for another one. They are let go at once: every line they send would only be
//! refused as a name, and the log would say that of them instead of what happened.

use memchr::memchr;

/// Another protocol than the port's own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Foreign {
    /// A handshake record of TLS (RFC 8446, section 5.1).
    Tls,
    /// The request line of HTTP (RFC 9112, section 3), also that of HTTP/2's preface (RFC 9113, section 3.4).
    Http,
    /// The version exchange of SSH (RFC 4253, sections 4.2 and 5.1).
    Ssh,
}

impl Foreign {
    /// Every one of them.
    pub const ALL: [Foreign; 3] = [Foreign::Tls, Foreign::Http, Foreign::Ssh];

    /// Recognises it by everything that a connection has sent so far; to be asked until its first line is
    /// whole. No chat client is mistaken: none sends control characters or a name with spaces, and a user may
    /// be called `GET`. Only `SSH-2.0-` and `SSH-1.99-` begin what could be a name.
    pub fn recognise(sent: &[u8]) -> Option<Foreign> {
        match sent {
            [0x16, 3, 0..=4, ..] => Some(Foreign::Tls),
            _ if sent.starts_with(b"SSH-2.0-") || sent.starts_with(b"SSH-1.99-") => Some(Foreign::Ssh),
            _ if is_http(sent) => Some(Foreign::Http),
            _ => None,
        }
    }

    /// As it stands in the log and the metrics.
    pub fn as_str(self) -> &'static str {
        match self {
            Foreign::Tls => "tls",
            Foreign::Http => "http",
            Foreign::Ssh => "ssh",
        }
    }
}

/// Whether the first line is `METHOD target HTTP/1.1`.
fn is_http(sent: &[u8]) -> bool {
    let Some(end) = memchr(b'\n', sent) else { return false };
    let line = sent[..end].strip_suffix(b"\r").unwrap_or(&sent[..end]);
    let mut words = line.splitn(3, |&byte| byte == b' ');
    let (Some(method), Some(target), Some(version)) = (words.next(), words.next(), words.next()) else {
        return false;
    };
    let is_method =
        !method.is_empty() && method.iter().all(|byte| byte.is_ascii_uppercase() || *byte == b'-');
    is_method && !target.is_empty() && matches!(version, [b'H', b'T', b'T', b'P', b'/', b'1' | b'2', b'.', _])
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::chat::text;

    /// How a TLS 1.3 hello begins: a record of version 3.1 with a handshake message of type 1.
    const HELLO: &[u8] = b"\x16\x03\x01\x00\xf4\x01\x00\x00\xf0\x03\x03\n";

    /// What is recognised, and after how many bytes, when they come one by one.
    fn byte_by_byte(sent: &[u8]) -> Option<(Foreign, usize)> {
        (1..=sent.len()).find_map(|len| Foreign::recognise(&sent[..len]).map(|foreign| (foreign, len)))
    }

    #[test]
    fn each_is_known_as_soon_as_it_shows() {
        let cases: [(&[u8], Foreign, usize); 7] = [
            (HELLO, Foreign::Tls, 3),
            (b"\x16\x03\x03\n\n", Foreign::Tls, 3),
            (b"SSH-2.0-OpenSSH_9.2\r\n", Foreign::Ssh, 8),
            (b"SSH-1.99-x\n", Foreign::Ssh, 9),
            (b"GET / HTTP/1.1\r\nHost: x\r\n\r\n", Foreign::Http, 16),
            (b"M-SEARCH * HTTP/1.1\n", Foreign::Http, 20),
            (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", Foreign::Http, 16),
        ];
        for (sent, foreign, len) in cases {
            assert_eq!(byte_by_byte(sent), Some((foreign, len)), "{:?}", sent.escape_ascii().to_string());
            assert_eq!(Foreign::recognise(sent), Some(foreign), "all at once");
        }
        for method in ["GET", "POST", "HEAD", "OPTIONS", "PUT", "DELETE", "CONNECT", "TRACE", "PATCH"] {
            let line = format!("{method} example.org:443 HTTP/1.0\n");
            assert_eq!(Foreign::recognise(line.as_bytes()), Some(Foreign::Http), "{line}");
        }
    }

    #[test]
    fn whoever_may_chat_is_not_taken_for_another() {
        let lines: [&[u8]; 16] = [
            b"GET\n",
            b"GET\r\nPOST / HTTP/1.1\r\n",
            b"GET /\n",
            b"GET / HTTP/1.1",
            b"GET  HTTP/1.1\n",
            b"get / HTTP/1.1\n",
            b"GET / x HTTP/1.1\n",
            b"GET / HTTP/3\n",
            b"HTTP\n",
            b"SSH\n",
            b"SSH-2.0\n",
            b"\x16\n",
            b"\x16\x03\n",
            b"\x15\x03\x01\x00\x02\x02\x28",
            b"{\"type\":\"hello\",\"user\":\"GET / HTTP/1.1\"}\n",
            b"\n\n",
        ];
        for sent in lines {
            assert_eq!(byte_by_byte(sent), None, "{:?}", sent.escape_ascii().to_string());
        }
    }

    proptest! {
        #[test]
        fn what_comes_behind_does_not_matter(more in proptest::collection::vec(any::<u8>(), 0..40)) {
            for (sent, foreign) in
                [(HELLO, Foreign::Tls), (b"GET / HTTP/1.1\r\n", Foreign::Http), (b"SSH-2.0-", Foreign::Ssh)]
            {
                prop_assert_eq!(Foreign::recognise(&[sent, &more].concat()), Some(foreign));
            }
        }

        /// But for what SSH itself begins with.
        #[test]
        fn no_name_is_foreign(name in "(GET|SSH-2|[A-Za-z0-9_./ -]){1,20}( HTTP/1[.]1)?") {
            if text::decode_name(&name).is_ok() && !name.starts_with("SSH-") {
                prop_assert_eq!(byte_by_byte(format!("{name}\n").as_bytes()), None);
            }
        }
    }
}
