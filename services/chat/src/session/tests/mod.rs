//! Sessions over an 8-byte pipe.

mod ends;
mod pipe;
mod rooms;
mod slow;
mod together;
mod transcripts;

use std::sync::Arc;
use std::time::Duration;

use chassis::Life;
use tokio::task::JoinHandle;

use super::serve;
use crate::chores::spread_drain;
use crate::delivery::{Late, Metered, Threads};
use crate::ended::Ended;
use crate::store::Database;
use crate::{Chat, Config, SERVICE, relief};
use pipe::{Far, pipe};

/// Smaller than any line, so that everything comes and goes in pieces.
const PIPE: usize = 8;

/// A service without a port, its history in memory.
struct House(Arc<Chat>);

impl House {
    fn new() -> Self {
        Self::with(&[])
    }

    /// A house with these flags.
    fn with(args: &[&str]) -> Self {
        Self::on(Threads::of_caller(), args)
    }

    /// A house whose rooms get no time before they are let go.
    fn late(args: &[&str]) -> (Self, Late) {
        let (threads, late) = Threads::late();
        (Self::on(threads, args), late)
    }

    fn on(threads: Threads, args: &[&str]) -> Self {
        let usual = ["--registry", "none", "--sync", "off", "--instance", "chat-1"];
        let (config, _) = chassis::parse::<Config>(&SERVICE, &[&usual, args].concat()).unwrap();
        let database = Database::open(&config.data, config.sync).unwrap();
        let addr = "127.0.0.1:9001".parse().unwrap();
        let chat = Chat::open(config, threads, addr, database, Life::new(&SERVICE)).unwrap().chat;
        tokio::spawn(relief::watch(chat.hub.clone(), chat.metrics.clone()));
        tokio::spawn(spread_drain(chat.clone()));
        House(chat)
    }

    /// A connection from a trusted address.
    fn dial(&self) -> Caller {
        self.dial_over("127.0.0.1:50000", PIPE)
    }

    fn dial_over(&self, peer: &str, size: usize) -> Caller {
        let (near, far) = pipe(size);
        let (chat, peer) = (self.0.clone(), peer.parse().unwrap());
        let near = Metered::new(near, chat.metrics.clone());
        let ended = tokio::spawn(serve(chat, Arc::new(near), peer));
        Caller { far, ended }
    }

    /// Somebody in text mode, in the lobby, who has read everything.
    async fn person(&self, name: &str) -> Caller {
        self.welcome(name, self.dial()).await
    }

    async fn welcome(&self, name: &str, caller: Caller) -> Caller {
        assert_eq!(caller.far.line().await, "USERNAME:");
        caller.far.send(format!("{name}\n/who\n")).await;
        while !caller.far.line().await.starts_with("INFO:lobby: ") {}
        caller
    }

    /// A connection that takes whatever comes.
    fn wide(&self) -> Caller {
        self.dial_over("127.0.0.1:50000", 8 * 1024 * 1024)
    }

    /// A program in one room, which has read what the room is.
    async fn program(&self, name: &str, room: &str, caller: Caller) -> Caller {
        let hello =
            format!("{{\"type\":\"hello\",\"user\":\"{name}\",\"rooms\":[{{\"room\":\"{room}\"}}]}}\n");
        caller.far.send(hello).await;
        while !caller.far.line().await.starts_with("{\"type\":\"room\"") {}
        caller
    }

    /// Waits until a sample is as wanted.
    async fn metric_is(&self, sample: &str, wanted: impl Fn(f64) -> bool) {
        let reached = async {
            while !wanted(self.metric(sample)) {
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
        };
        tokio::time::timeout(Duration::from_secs(30), reached)
            .await
            .unwrap_or_else(|_| panic!("{sample} stays {}", self.metric(sample)));
    }

    /// One sample of the metrics.
    fn metric(&self, sample: &str) -> f64 {
        let text = self.0.life.metrics.render(true);
        let line = text.lines().find_map(|line| line.strip_prefix(sample)?.strip_prefix(' '));
        line.unwrap_or_else(|| panic!("{sample} is exported")).parse().unwrap()
    }
}

/// One open connection, and how it will have ended.
struct Caller {
    far: Far,
    ended: JoinHandle<Ended>,
}

impl Caller {
    /// Reads to the end of the stream.
    async fn end(self) -> (Vec<String>, Ended) {
        let mut lines = Vec::new();
        while let Some(line) = self.far.next().await {
            lines.push(line);
        }
        // Its own end, so that the server need not wait for it.
        self.far.finish();
        (lines, self.ended.await.unwrap())
    }

    /// Goes away without a word.
    async fn vanish(self) -> Ended {
        drop(self.far);
        self.ended.await.unwrap()
    }
}
