//! `put`, `get`, `ls`, `rm` and `stat` against a server that the test plays.

mod folders;
mod get;
mod names;
mod put;

use crate::scripted::{AT, Peer};

pub(crate) const HELLO: &[u8] = b"hello";

pub(crate) fn hash(bytes: &[u8]) -> String {
    // What the service would say; the digest of `hello` is written out so that not both sides can be wrong.
    match bytes {
        HELLO => "ea8f163db38682925e4491c5e58d4bb3506ef8c14eb78a86e908c5624a67200f".into(),
        other => blake3::hash(other).to_string(),
    }
}

pub(crate) fn path(folder: &tempfile::TempDir, name: &str) -> String {
    folder.path().join(name).to_str().unwrap().to_owned()
}

/// More than what is sent at once, and not the same anywhere.
pub(crate) fn large() -> Vec<u8> {
    (0..3_000_000u32).flat_map(|n| (n.wrapping_mul(2_654_435_761)).to_le_bytes()).take(3_000_000).collect()
}

/// Whoever sends a file asks first what has its name there; here nothing has.
pub(crate) fn nothing_there(peer: &mut Peer, name: &str) {
    assert_eq!(peer.line(), format!("STAT {name}"));
    peer.say("ERROR:not_found there is no such file\n");
}

/// The same, where these bytes have it.
pub(crate) fn there(peer: &mut Peer, name: &str, bytes: &[u8]) {
    assert_eq!(peer.line(), format!("STAT {name}"));
    peer.say(format!("STAT {} {} {AT} {name}\n", bytes.len(), hash(bytes)));
}
