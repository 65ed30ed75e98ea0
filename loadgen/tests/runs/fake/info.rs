//! An info server, and an admin port.

use std::net::SocketAddr;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, UdpSocket};

/// An info server that answers each PING `times(number)` times, numbered from 0 behind the probe.
pub(crate) async fn info(times: impl Fn(u64) -> u32 + Send + 'static) -> SocketAddr {
    let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    let address = socket.local_addr().unwrap();
    tokio::spawn(async move {
        let (mut buffer, mut number) = ([0; 512], 0);
        while let Ok((len, peer)) = socket.recv_from(&mut buffer).await {
            let asked = buffer[..len].strip_prefix(b"PING ").unwrap();
            let reply = [b"PONG ", asked].concat();
            let probe = asked == b"probe";
            for _ in 0..if probe { 1 } else { times(number) } {
                socket.send_to(&reply, peer).await.unwrap();
            }
            number += u64::from(!probe);
        }
    });
    address
}

/// An admin port that tells these figures, one after the other, and the last of them for ever.
pub(crate) async fn metrics(figures: &'static [&'static str]) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        let mut asked = 0;
        while let Ok((mut stream, _)) = listener.accept().await {
            let mut request = [0; 1024];
            assert!(stream.read(&mut request).await.unwrap() > 0, "somebody asks");
            let body = figures[asked.min(figures.len() - 1)];
            asked += 1;
            stream.write_all(format!("HTTP/1.0 200 OK\r\n\r\n{body}").as_bytes()).await.unwrap();
        }
    });
    address
}
