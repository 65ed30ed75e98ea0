//! Peers that have taken the port for another protocol's, as an operator sees them.

use std::io::BufRead;

use super::process::{Client, Process};

#[test]
fn the_log_says_why_they_were_let_go() {
    let folder = tempfile::tempdir().unwrap();
    let (process, log) = Process::start_logging(folder.path(), &["--sync", "off"]);
    let mut client = Client::connect(process.addr).unwrap();
    client.send("POST / HTTP/1.1\r\nContent-Length: 5\r\n\r\nhello").unwrap();
    assert_eq!(client.line().unwrap(), "USERNAME:");
    assert_eq!(client.next().unwrap(), None, "nothing is said behind the prompt");
    let mut lines = log.lines().map(Result::unwrap);
    let said = lines.find(|line| line.contains("connection ended")).unwrap();
    assert!(said.contains("INFO") && said.contains("http") && said.contains("127.0.0.1"), "{said}");
}
