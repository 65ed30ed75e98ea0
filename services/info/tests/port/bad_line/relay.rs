//! The line is a relay of ours, which knows what has passed.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::net::UdpSocket;
use tokio::task::JoinHandle;

use super::Stubborn;
use crate::service::{Running, start};

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

/// The line to a service, with somebody at its end, and how many datagrams have reached and left the service.
struct BadLine {
    asker: Stubborn,
    asked: Arc<AtomicUsize>,
    answered: Arc<AtomicUsize>,
    relay: JoinHandle<()>,
}

impl BadLine {
    async fn to(running: &Running) -> Self {
        let (near, far) =
            (UdpSocket::bind("127.0.0.1:0").await.unwrap(), UdpSocket::bind("127.0.0.1:0").await.unwrap());
        let asker = Stubborn::at("127.0.0.1:0", near.local_addr().unwrap()).await;
        near.connect(asker.socket.local_addr().unwrap()).await.unwrap();
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
    line.asker.ask_a_hundred().await;
    line.hang_up();
    info.stop().await.unwrap();
}

#[tokio::test]
async fn a_stranger_comes_through_too() {
    let info = start(&["--trusted", "none", "--source-rate", "1000"]).await;
    let line = BadLine::to(&info).await;
    line.asker.prove_itself().await;
    line.hang_up();
    info.stop().await.unwrap();
}
