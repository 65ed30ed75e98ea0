//! A line between asker and service that loses, doubles and reorders.

mod kernel;
mod relay;

use std::cell::Cell;
use std::net::SocketAddr;
use std::time::Duration;

use tokio::net::UdpSocket;
use tokio::time::timeout;

use crate::service::PATIENCE;

/// How long an asker waits before it asks again.
const AGAIN: Duration = Duration::from_millis(20);

/// Somebody who asks again and again until the answer comes.
struct Stubborn {
    socket: UdpSocket,
    asked: Cell<usize>,
    /// What came beside the answers.
    strays: Cell<usize>,
}

impl Stubborn {
    async fn at(source: &str, addr: SocketAddr) -> Self {
        let socket = UdpSocket::bind(source).await.unwrap();
        socket.connect(addr).await.unwrap();
        Stubborn { socket, asked: Cell::default(), strays: Cell::default() }
    }

    /// Asks until something comes that is wanted; everything else is shown to `stray`.
    async fn ask(&self, question: &str, wanted: impl Fn(&str) -> bool, stray: impl Fn(&str)) -> String {
        let asking = async {
            let mut reply = [0; 2_000];
            loop {
                self.asked.update(|asked| asked + 1);
                self.socket.send(question.as_bytes()).await.unwrap();
                while let Ok(len) = timeout(AGAIN, self.socket.recv(&mut reply)).await {
                    let said = std::str::from_utf8(&reply[..len.unwrap()]).unwrap();
                    if wanted(said) {
                        return said.to_owned();
                    }
                    self.strays.update(|strays| strays + 1);
                    stray(said);
                }
            }
        };
        timeout(PATIENCE, asking).await.expect("an answer in the end")
    }

    /// Sends a hundred tokens, and each comes back; what comes beside it was sent before.
    async fn ask_a_hundred(&self) {
        for n in 0..100_u32 {
            let is_older = |said: &str| {
                let token: u32 = said.strip_prefix("PONG ").unwrap().parse().unwrap();
                assert!(token < n, "{token} was not asked yet at {n}");
            };
            self.ask(&format!("PING {n}"), |said| said == format!("PONG {n}"), is_older).await;
        }
    }

    /// Is given a cookie, and with it an answer.
    async fn prove_itself(&self) {
        let cookie = self.ask("TIME", |said| said.starts_with("COOKIE "), |_| {}).await;
        let again = cookie.replace("COOKIE", "TIME");
        let only_cookies = |said: &str| assert_eq!(said, cookie);
        let time = self.ask(&again, |said| said.starts_with("20"), only_cookies).await;
        assert_eq!(time.len(), "2026-11-22 08:30:00".len());
    }
}
