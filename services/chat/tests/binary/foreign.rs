//! Peers that have taken the port for another protocol's, as an operator sees them.

use std::io::BufRead;

use super::process::{Client, Process};

/// How each begins, and what the log calls it.
const FOREIGN: [(&[u8], &str); 3] = [
    (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", "tls"),
    (b"POST / HTTP/1.1\r\nContent-Length: 5\r\n\r\nhello\n", "http"),
    (b"SSH-2.0-OpenSSH_9.2\r\n", "ssh"),
];

#[test]
fn the_log_says_why_they_were_let_go() {
    let folder = tempfile::tempdir().unwrap();
    let (process, log) = Process::start_logging(folder.path(), &["--sync", "off"]);
    let mut lines = log.lines().map(Result::unwrap);
    for (hello, reason) in FOREIGN {
        let mut client = Client::connect(process.addr).unwrap();
        client.send_bytes(hello).unwrap();
        assert_eq!(client.line().unwrap(), "USERNAME:");
        assert_eq!(client.next().unwrap(), None, "nothing is said behind the prompt");
        let said = lines.find(|line| line.contains("connection ended")).unwrap();
        assert!(said.contains("INFO") && said.contains("127.0.0.1"), "{said}");
        assert!(said.contains(reason), "{reason}: {said}");
    }
}
