//! The service on port 0 with a folder of its own.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use chassis::Running;
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

pub(crate) use super::client::{Client, MUCH, kept, message, replayed, within};

/// A running service.
pub(crate) struct World {
    folder: TempDir,
    running: Running,
}

impl World {
    pub(crate) async fn new() -> Self {
        Self::with(&[]).await
    }

    /// A service with these flags beside the usual ones.
    pub(crate) async fn with(args: &[&str]) -> Self {
        Self::on(tempfile::tempdir().unwrap(), args).await
    }

    pub(crate) async fn on(folder: TempDir, args: &[&str]) -> Self {
        let running = start(folder.path(), args).await;
        World { folder, running }
    }

    /// Ends the service in good order; the folder stays.
    pub(crate) async fn stop(self) -> TempDir {
        within("the end", self.running.stop()).await.unwrap();
        self.folder
    }

    /// Ends it and starts it again on the same folder.
    pub(crate) async fn restart(self) -> Self {
        Self::on(self.stop().await, &[]).await
    }

    pub(crate) fn begin_drain(&self) {
        self.running.begin_drain();
    }

    pub(crate) fn addr(&self) -> SocketAddr {
        self.running.addr
    }

    pub(crate) fn database(folder: &TempDir) -> PathBuf {
        folder.path().join("chat.db")
    }

    /// A connection that has said nothing yet and has read the prompt.
    pub(crate) async fn stranger(&self) -> Client {
        let mut client = Client::connect(self.addr()).await;
        client.expect("USERNAME:").await;
        client
    }

    /// Somebody in text mode, in the lobby, who has read the past.
    pub(crate) async fn person(&self, name: &str) -> Client {
        self.newcomer(name).await.0
    }

    /// Somebody in text mode, in the lobby, and the past that they were told.
    pub(crate) async fn newcomer(&self, name: &str) -> (Client, Vec<String>) {
        let mut client = self.stranger().await;
        client.send(name).await;
        let told = client.settle().await;
        (client, told)
    }

    /// A program in these rooms, with nothing unread.
    pub(crate) async fn program(&self, user: &str, rooms: &[&str]) -> Client {
        let rooms: Vec<Value> = rooms.iter().map(|room| json!({"room": room})).collect();
        let mut client = self.hello(json!({"user": user, "rooms": rooms})).await;
        for _ in rooms {
            assert_eq!(client.object().await["type"], "room");
        }
        client
    }

    /// A program that has said hello with these fields and was welcomed.
    pub(crate) async fn hello(&self, mut hello: Value) -> Client {
        let mut client = self.stranger().await;
        hello["type"] = "hello".into();
        client.tell(hello).await;
        assert_eq!(client.object().await["type"], "welcome");
        client
    }

    /// What the admin port answers.
    pub(crate) async fn admin(&self, path: &str) -> String {
        let mut stream = TcpStream::connect(self.running.admin).await.unwrap();
        let request = format!("GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut answer = String::new();
        within("the admin port", stream.read_to_string(&mut answer)).await.unwrap();
        answer
    }

    /// The value of one sample.
    pub(crate) async fn metric(&self, sample: &str) -> f64 {
        let metrics = self.admin("/metrics").await;
        let value = metrics.lines().find_map(|line| line.strip_prefix(sample)?.strip_prefix(' '));
        value.unwrap_or_else(|| panic!("{sample} is not exported")).parse().unwrap()
    }

    /// Waits until a sample is as wanted.
    pub(crate) async fn metric_is(&self, sample: &str, wanted: impl Fn(f64) -> bool) {
        let reached = async { while !wanted(self.metric(sample).await) {} };
        within(sample, reached).await;
    }
}

/// Starts the service as a command line would.
async fn start(data: &Path, args: &[&str]) -> Running {
    let data = data.to_str().unwrap();
    let usual = [
        ["--listen", "127.0.0.1:0"],
        ["--admin", "127.0.0.1:0"],
        ["--registry", "none"],
        ["--data", data],
        // The slow part of durability has tests of its own.
        ["--sync", "normal"],
    ];
    let usual = usual.iter().filter(|flag| !args.contains(&flag[0])).flatten().copied();
    let args: Vec<&str> = usual.chain(args.iter().copied()).collect();
    let (config, flags) = chassis::parse(&chat::SERVICE, &args).unwrap();
    chat::start(config, flags).await.unwrap()
}
