//! Info: queries over UDP, each with a token, so that every reply is known for the query it answers.

use std::io;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket as StdSocket};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use serde::{Deserialize, Serialize};
use tokio::net::UdpSocket;
use tokio::runtime::Handle;

use super::Scene;
use crate::payload::{hex, unhex};
use crate::recorder::{Recorder, Series};
use crate::shard::Shard;

/// How many sockets ask. Several, because a service that reads with many workers tells them apart by port.
pub const SOCKETS: u32 = 16;

const TOKEN: &[u8; 4] = b"plq1";
/// `PING `, the token's mark, the run and the query.
const QUERY_LEN: usize = 5 + 4 + 8 + 8;
/// How often the service is asked whether it is there, and how long each answer may take.
const PROBES: (u32, Duration) = (3, Duration::from_secs(1));

/// What became of the queries.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Replies {
    /// Answered for the first time, and in time.
    pub ok: u64,
    /// Answered, but too late.
    pub late: u64,
    /// Answered once more.
    pub doubled: u64,
    /// Came, and is no answer to any query of this run.
    pub foreign: u64,
    /// Never answered, as far as is known.
    pub unanswered: u64,
}

impl Replies {
    /// The same, with what is missing to so many queries.
    fn to(self, queries: u64) -> Self {
        Replies { unanswered: queries.saturating_sub(self.ok + self.late), ..self }
    }
}

/// What the sockets' readers note.
#[derive(Debug)]
struct Desk {
    answered: Vec<bool>,
    replies: Replies,
    recorder: Recorder,
}

/// Everybody who asks.
#[derive(Debug, Clone)]
pub struct Askers {
    scene: Arc<Scene>,
    desk: Arc<Mutex<Desk>>,
    sockets: Vec<Arc<UdpSocket>>,
    runtime: Handle,
    query: Vec<u8>,
}

impl Askers {
    /// Asks whether the service is there, then opens the sockets on a shard.
    ///
    /// # Errors
    /// `ConnectionRefused` when nothing listens, `TimedOut` when nothing answers, and the system's own.
    pub async fn start(scene: &Arc<Scene>, info: SocketAddr, shard: &Shard) -> io::Result<Self> {
        let cookie = probe(info).await?;
        let queries = scene.schedule.queries() as usize;
        let desk = Desk {
            answered: vec![false; queries],
            replies: Replies::default(),
            recorder: Recorder::default(),
        };
        let mut query = b"PING plq1".to_vec();
        query.resize(QUERY_LEN, b'0');
        hex(scene.roster.run().into(), &mut query[9..17]);
        if let Some(cookie) = cookie {
            query.push(b' ');
            query.extend_from_slice(&cookie);
        }
        let (scene, desk) = (Arc::clone(scene), Arc::new(Mutex::new(desk)));
        let mut askers = Askers { scene, desk, sockets: Vec::new(), runtime: shard.handle().clone(), query };
        for _ in 0..SOCKETS {
            askers.open(info, shard)?;
        }
        Ok(askers)
    }

    fn open(&mut self, info: SocketAddr, shard: &Shard) -> io::Result<()> {
        let _on_shard = shard.handle().enter();
        let socket = Arc::new(UdpSocket::from_std(connected(info)?)?);
        shard.handle().spawn(self.clone().listen(Arc::clone(&socket)));
        self.sockets.push(socket);
        Ok(())
    }

    /// Asks the query that is operation `number`, woken for it at `woken`; whether its socket took it at once.
    pub fn ask(&mut self, number: u32, query: u32, woken: u64) -> bool {
        hex(query.into(), &mut self.query[17..QUERY_LEN]);
        let socket = &self.sockets[query as usize % self.sockets.len()];
        let sent = &self.scene.sent;
        sent.attempt(number, self.scene.clock.now());
        sent.query_attempted();
        // A refusal that came back for an earlier query is told at the next one, which then is not sent.
        let taken = socket.try_send(&self.query).or_else(|_| socket.try_send(&self.query));
        match taken {
            Ok(_) => return true,
            Err(full) if full.kind() == io::ErrorKind::WouldBlock => {
                self.runtime.spawn(self.clone().ask_later(number, Arc::clone(socket), woken));
            }
            Err(_) => sent.query_refused(),
        }
        false
    }

    /// Asks as soon as the socket has room.
    async fn ask_later(self, number: u32, socket: Arc<UdpSocket>, woken: u64) {
        if socket.send(&self.query).await.is_err() {
            return self.scene.sent.query_refused();
        }
        let now = self.scene.clock.now();
        self.scene.sent.attempt(number, now);
        if self.scene.schedule.counts(number) {
            self.desk().recorder.note(Series::InfoSocket, now.saturating_sub(woken));
        }
    }

    async fn listen(self, socket: Arc<UdpSocket>) {
        let mut reply = [0; 2048];
        loop {
            // An error is a refusal of an earlier query, which then counts as unanswered; the socket lives on.
            if let Ok(len) = socket.recv(&mut reply).await {
                self.hear(&reply[..len], self.scene.clock.now());
            }
        }
    }

    fn hear(&self, reply: &[u8], seen: u64) {
        let mut desk = self.desk();
        let Some((query, number)) = self.answered_by(reply) else {
            desk.replies.foreign += 1;
            return;
        };
        if std::mem::replace(&mut desk.answered[query as usize], true) {
            desk.replies.doubled += 1;
            return;
        }
        let took = seen.saturating_sub(self.scene.due(number));
        let late = took > self.scene.patience;
        let came = if late { &mut desk.replies.late } else { &mut desk.replies.ok };
        *came += 1;
        if self.scene.schedule.counts(number) {
            let sent = self.scene.sent.at(number).unwrap_or(seen);
            desk.recorder.note(Series::InfoQuery, took);
            desk.recorder.note(Series::InfoService, seen.saturating_sub(sent));
        }
    }

    /// Which query of this run a reply answers, and its operation number.
    fn answered_by(&self, reply: &[u8]) -> Option<(u32, u32)> {
        let token = reply.strip_prefix(b"PONG ")?.strip_prefix(TOKEN)?;
        let (run, query) = token.split_at_checked(8)?;
        if query.len() != 8 || unhex(run)? != u64::from(self.scene.roster.run()) {
            return None;
        }
        let query = unhex(query)? as u32;
        Some((query, self.scene.schedule.query(query)?))
    }

    /// Takes away what was recorded since the last time.
    pub fn collect(&self, into: &mut Recorder) {
        let mut taken = Recorder::default();
        std::mem::swap(&mut self.desk().recorder, &mut taken);
        into.merge(&taken);
    }

    /// The ports that the queries come from.
    pub fn ports(&self) -> Vec<u16> {
        let port = |socket: &Arc<UdpSocket>| socket.local_addr().ok().map(|address| address.port());
        self.sockets.iter().filter_map(port).collect()
    }

    /// What became of the queries that were sent so far.
    pub fn replies(&self) -> Replies {
        // The replies first: for each of them the query has been counted by then.
        let replies = self.desk().replies;
        replies.to(self.scene.sent.queries())
    }

    fn desk(&self) -> MutexGuard<'_, Desk> {
        self.desk.lock().expect("nothing panics at a desk")
    }
}

fn connected(info: SocketAddr) -> io::Result<StdSocket> {
    let any: SocketAddr = match info {
        SocketAddr::V4(_) => (Ipv4Addr::UNSPECIFIED, 0).into(),
        SocketAddr::V6(_) => (Ipv6Addr::UNSPECIFIED, 0).into(),
    };
    let socket = StdSocket::bind(any)?;
    socket.set_nonblocking(true)?;
    socket.connect(info)?;
    Ok(socket)
}

/// Asks until something answers; the cookie, when the service wants one from this address.
async fn probe(info: SocketAddr) -> io::Result<Option<Vec<u8>>> {
    let socket = UdpSocket::from_std(connected(info)?)?;
    let mut reply = [0; 64];
    for _ in 0..PROBES.0 {
        socket.send(b"PING probe").await?;
        if let Ok(len) = tokio::time::timeout(PROBES.1, socket.recv(&mut reply)).await {
            return Ok(reply[..len?].strip_prefix(b"COOKIE ").map(<[u8]>::to_vec));
        }
    }
    Err(io::ErrorKind::TimedOut.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_unanswered_is_never_less_than_nothing() {
        let replies = Replies { ok: 2, late: 1, ..Replies::default() };
        assert_eq!([0, 2, 3, 5].map(|queries| replies.to(queries).unanswered), [0, 0, 0, 2]);
    }
}
