//! Ten peers who upload one file after the other until the server is gone.

use std::collections::HashMap;
use std::io::{BufRead, BufReader, Write};
use std::net::TcpStream;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread;

/// How many there are.
pub(super) const MANY: usize = 10;

/// What one file should be.
#[derive(Debug, Default, Clone)]
pub(super) struct Versions {
    /// The version that was acked last.
    pub(super) acked: Option<u64>,
    /// Every version that was sent. The last may have got through although nobody heard of it.
    pub(super) sent: Vec<u64>,
}

/// What has been uploaded so far, by name.
pub(super) type Uploads = HashMap<String, Versions>;

/// The bytes of one version of a file: as many as its number says, small and large ones by turns.
pub(super) fn bytes(name: &str, version: u64) -> Vec<u8> {
    let mut bytes = vec![0; (version * 7919 % 60_000) as usize + if version % 8 == 3 { 200_000 } else { 0 }];
    let seed = format!("{name} {version}");
    blake3::Hasher::new().update(seed.as_bytes()).finalize_xof().fill(&mut bytes);
    bytes
}

/// Uploads until the server is gone, which `strike` sees to: it is told of each `OK`.
pub(super) fn upload(addr: &str, before: &Uploads, round: u64, strike: impl FnOnce(Receiver<()>)) -> Uploads {
    let (told, oks) = channel();
    thread::scope(|scope| {
        let start = |n| {
            let (mut peer, told) = (Peer::new(n, before.clone()), told.clone());
            scope.spawn(move || {
                // However it ends: the server has gone, as it was to.
                let _ = peer.upload(addr, round, &told);
                peer.own
            })
        };
        let peers: Vec<_> = (0..MANY).map(start).collect();
        drop(told);
        strike(oks);
        peers.into_iter().flat_map(|peer| peer.join().unwrap()).collect()
    })
}

struct Peer {
    number: usize,
    own: Uploads,
}

impl Peer {
    fn new(number: usize, mut own: Uploads) -> Self {
        own.retain(|name, _| owner(name) == number);
        Peer { number, own }
    }

    fn upload(&mut self, addr: &str, round: u64, told: &Sender<()>) -> std::io::Result<()> {
        let stream = TcpStream::connect(addr)?;
        let mut replies = BufReader::new(stream.try_clone()?);
        for n in round * 1000.. {
            let name = self.name(n);
            let content = bytes(&name, n);
            self.own.entry(name.clone()).or_default().sent.push(n);
            (&stream)
                .write_all(&[format!("UPLOAD {} {name}\n", content.len()).as_bytes(), &content].concat())?;
            let mut reply = String::new();
            replies.read_line(&mut reply)?;
            if reply != format!("OK {} {} {name}\n", content.len(), blake3::hash(&content)) {
                assert!(!reply.ends_with('\n') || reply.starts_with("ERROR:unavailable"), "{reply}");
                return Ok(());
            }
            self.own.get_mut(&name).unwrap().acked = Some(n);
            // Nobody may be left to hear it.
            let _ = told.send(());
        }
        Ok(())
    }

    /// Mostly a file of its own; now and then in a folder of its own, or again over an old one.
    fn name(&self, n: u64) -> String {
        match n % 4 {
            0 => format!("{}/again", self.number),
            1 => format!("{}/deep/{n}/file", self.number),
            _ => format!("{}-{n}", self.number),
        }
    }
}

fn owner(name: &str) -> usize {
    let digits = name.split(['-', '/']).next().unwrap();
    digits.parse().unwrap()
}
