//! An info server, and an admin port.

use std::iter;
use std::net::SocketAddr;
use std::sync::Arc;
use std::thread;

use loadgen::reconcile::sockets::drops;
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

/// An info server that answers the probe and reads nothing from then on, and its socket, in which little fits.
pub(crate) async fn deaf_info() -> (SocketAddr, Arc<UdpSocket>) {
    let socket = Arc::new(UdpSocket::bind("127.0.0.1:0").await.unwrap());
    rustix::net::sockopt::set_socket_recv_buffer_size(&socket, 0).unwrap();
    let (address, heard) = (socket.local_addr().unwrap(), Arc::clone(&socket));
    tokio::spawn(async move {
        let (len, peer) = heard.recv_from(&mut [0; 512]).await.unwrap();
        assert_eq!(len, b"PING probe".len());
        heard.send_to(b"PONG probe", peer).await.unwrap();
    });
    (address, socket)
}

/// An info server that answers each PING but number `at`, from 0 behind the probe: whoever asks that gets so
/// much else that its own kernel drops some of it.
pub(crate) fn flooding_info(at: u64) -> SocketAddr {
    let socket = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
    let address = socket.local_addr().unwrap();
    thread::spawn(move || {
        let (mut buffer, mut number) = ([0; 512], 0);
        while let Ok((len, peer)) = socket.recv_from(&mut buffer) {
            let asked = buffer[..len].strip_prefix(b"PING ").unwrap();
            let probe = asked == b"probe";
            if !probe && number == at {
                flood(&socket, peer);
            } else {
                socket.send_to(&[b"PONG ", asked].concat(), peer).unwrap();
            }
            number += u64::from(!probe);
        }
    });
    address
}

/// Sends from four threads, faster than one can read, until something was dropped.
fn flood(socket: &std::net::UdpSocket, peer: SocketAddr) {
    thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                while drops(&[peer.port()]) == Some(0) {
                    for _ in 0..1_000 {
                        socket.send_to(&[b'x'; 1_000], peer).unwrap();
                    }
                }
            });
        }
    });
}

/// An admin port that tells these figures, one after the other, and the last of them for ever.
pub(crate) async fn metrics(figures: &'static [&'static str]) -> SocketAddr {
    let last = figures.last().expect("it has something to tell");
    telling(figures.iter().chain(iter::repeat(last))).await
}

/// An admin port that tells each of these figures once, and is gone.
pub(crate) async fn passing_metrics(figures: &'static [&'static str]) -> SocketAddr {
    telling(figures.iter()).await
}

async fn telling(figures: impl Iterator<Item = &'static &'static str> + Send + 'static) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        for body in figures {
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut request = [0; 1024];
            assert!(stream.read(&mut request).await.unwrap() > 0, "somebody asks");
            stream.write_all(format!("HTTP/1.0 200 OK\r\n\r\n{body}").as_bytes()).await.unwrap();
        }
    });
    address
}
