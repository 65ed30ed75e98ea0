//! A line between asker and service that loses, doubles and reorders.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use tokio::net::UdpSocket;
use tokio::task::JoinHandle;
use tokio::time::timeout;

use crate::service::{PATIENCE, Running, start};

/// How long an asker waits before it asks again.
const AGAIN: Duration = Duration::from_millis(20);

/// One direction: of the datagrams that it is given every fifth is lost, every seventh comes twice, and
/// every third is overtaken by the next.
#[derive(Default)]
struct Way {
    given: usize,
    held: Option<Vec<u8>>,
    passed: Arc<AtomicUsize>,
}

impl Way {
    async fn pass(&mut self, datagram: &[u8], on: &UdpSocket) {
        self.given += 1;
        if self.given.is_multiple_of(5) {
            return;
        }
        if self.given.is_multiple_of(3) && self.held.is_none() {
            self.held = Some(datagram.to_vec());
            return;
        }
        let twice = self.given.is_multiple_of(7).then(|| datagram.to_vec());
        for datagram in [Some(datagram.to_vec()), self.held.take(), twice].into_iter().flatten() {
            self.passed.fetch_add(1, Ordering::Relaxed);
            on.send(&datagram).await.unwrap();
        }
    }
}

/// The line to a service, its end for an asker, and how many datagrams have reached and left the service.
struct BadLine {
    asker: UdpSocket,
    asked: Arc<AtomicUsize>,
    answered: Arc<AtomicUsize>,
    relay: JoinHandle<()>,
}

impl BadLine {
    async fn to(running: &Running) -> Self {
        let (near, far) =
            (UdpSocket::bind("127.0.0.1:0").await.unwrap(), UdpSocket::bind("127.0.0.1:0").await.unwrap());
        let asker = UdpSocket::bind("127.0.0.1:0").await.unwrap();
        asker.connect(near.local_addr().unwrap()).await.unwrap();
        near.connect(asker.local_addr().unwrap()).await.unwrap();
        far.connect(running.addr).await.unwrap();
        let (mut there, mut back, answered) = (Way::default(), Way::default(), Arc::default());
        let (asked, counted) = (there.passed.clone(), Arc::<AtomicUsize>::clone(&answered));
        let relay = tokio::spawn(async move {
            let (mut question, mut answer) = ([0; 2_000], [0; 2_000]);
            loop {
                tokio::select! {
                    len = near.recv(&mut question) => there.pass(&question[..len.unwrap()], &far).await,
                    len = far.recv(&mut answer) => {
                        counted.fetch_add(1, Ordering::Relaxed);
                        back.pass(&answer[..len.unwrap()], &near).await;
                    }
                }
            }
        });
        BadLine { asker, asked, answered, relay }
    }

    /// Asks again and again until something comes that is wanted; everything else is shown to `stray`.
    async fn ask(&self, question: &str, wanted: impl Fn(&str) -> bool, stray: impl Fn(&str)) -> String {
        let asking = async {
            let mut reply = [0; 2_000];
            loop {
                self.asker.send(question.as_bytes()).await.unwrap();
                while let Ok(len) = timeout(AGAIN, self.asker.recv(&mut reply)).await {
                    let said = std::str::from_utf8(&reply[..len.unwrap()]).unwrap();
                    if wanted(said) {
                        return said.to_owned();
                    }
                    stray(said);
                }
            }
        };
        timeout(PATIENCE, asking).await.expect("an answer in the end")
    }

    fn hang_up(self) {
        self.relay.abort();
        let (asked, answered) = (self.asked.load(Ordering::Relaxed), self.answered.load(Ordering::Relaxed));
        assert!(answered <= asked, "{answered} answers to {asked} questions");
    }
}

#[tokio::test]
async fn every_question_is_answered_in_the_end_and_none_wrongly() {
    let info = start(&[]).await;
    let line = BadLine::to(&info).await;
    for n in 0..100_u32 {
        let is_older = |said: &str| {
            let token: u32 = said.strip_prefix("PONG ").unwrap().parse().unwrap();
            assert!(token < n, "{token} was not asked yet at {n}");
        };
        line.ask(&format!("PING {n}"), |said| said == format!("PONG {n}"), is_older).await;
    }
    line.hang_up();
    info.stop().await.unwrap();
}

#[tokio::test]
async fn a_stranger_comes_through_too() {
    let info = start(&["--trusted", "none", "--source-rate", "1000"]).await;
    let line = BadLine::to(&info).await;
    let cookie = line.ask("TIME", |said| said.starts_with("COOKIE "), |_| {}).await;
    let again = cookie.replace("COOKIE", "TIME");
    let only_cookies = |said: &str| assert_eq!(said, cookie);
    let time = line.ask(&again, |said| said.starts_with("20"), only_cookies).await;
    assert_eq!(time.len(), "2026-11-22 08:30:00".len());
    line.hang_up();
    info.stop().await.unwrap();
}
