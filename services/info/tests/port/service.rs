//! A service to be asked, and somebody who asks.

use std::net::SocketAddr;
use std::time::Duration;

pub(crate) use chassis::Running;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpStream, UdpSocket};
use tokio::time::timeout;

/// How long a test waits for what must come; it never waits for what must not.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);

pub(crate) async fn start(args: &[&str]) -> Running {
    start_with("none", args).await
}

pub(crate) async fn start_with(registry: &str, args: &[&str]) -> Running {
    let given = ["--listen", "127.0.0.1:0", "--admin", "127.0.0.1:0", "--registry", registry];
    let (config, flags) = chassis::parse(&info::SERVICE, &[&given, args].concat()).unwrap();
    info::start(config, flags).await.unwrap()
}

/// A service of its own at an address.
pub(crate) async fn at(listen: &str) -> Running {
    let given = ["--listen", listen, "--admin", "127.0.0.1:0", "--registry", "none"];
    let (config, flags) = chassis::parse(&info::SERVICE, &given).unwrap();
    info::start(config, flags).await.unwrap()
}

/// Somebody with a socket of their own.
pub(crate) struct Asker(UdpSocket);

impl Asker {
    pub(crate) async fn of(running: &Running) -> Self {
        Asker::from("127.0.0.1:0", running).await
    }

    pub(crate) async fn from(source: &str, running: &Running) -> Self {
        Asker::to(source, running.addr).await
    }

    pub(crate) async fn to(source: &str, service: SocketAddr) -> Self {
        let socket = UdpSocket::bind(source).await.unwrap();
        socket.connect(service).await.unwrap();
        Asker(socket)
    }

    pub(crate) async fn send(&self, datagram: &[u8]) {
        self.0.send(datagram).await.unwrap();
    }

    pub(crate) async fn next(&self) -> String {
        let mut reply = [0; 2_000];
        let len = timeout(PATIENCE, self.0.recv(&mut reply)).await.expect("an answer").unwrap();
        assert!(len <= wire::info::MAX_REPLY, "{len} bytes");
        String::from_utf8(reply[..len].to_vec()).unwrap()
    }

    pub(crate) async fn ask(&self, question: &str) -> String {
        self.send(question.as_bytes()).await;
        self.next().await
    }
}

pub(crate) async fn admin(at: SocketAddr, path: &str) -> String {
    let mut stream = TcpStream::connect(at).await.unwrap();
    let request = format!("GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    answer
}

/// Waits until the metrics say so; a test that asks for what never comes is ended by its patience.
pub(crate) async fn metrics_with(running: &Running, sample: &str) -> String {
    metrics_when(running, |metrics| metrics.contains(sample)).await
}

/// Waits until the metrics are as they are wanted.
pub(crate) async fn metrics_when(running: &Running, wanted: impl Fn(&str) -> bool) -> String {
    let mut last = String::new();
    let told = async {
        while !wanted(&last) {
            last = admin(running.admin, "/metrics").await;
        }
    };
    let came = timeout(PATIENCE, told).await;
    assert!(came.is_ok(), "it never came to that: {last}");
    last
}
