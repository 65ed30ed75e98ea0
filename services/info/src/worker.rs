//! The loop around one socket: one datagram in, at most one out.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use chassis::Drain;
use tokio::net::UdpSocket;
use tokio::sync::watch;
use tracing::{debug, warn};
use wire::info::{Answers, MAX_REPLY, MAX_REQUEST};

use crate::answerer::{Answerer, Outcome};
use crate::metrics::Tally;

/// A receive error that stays must not become a hot loop.
const PAUSE: Duration = Duration::from_millis(10);

/// What answers on one socket.
pub(crate) struct Worker {
    /// The socket; others may share its port.
    pub(crate) socket: UdpSocket,
    /// Decides, for all workers.
    pub(crate) answerer: Arc<Answerer>,
    /// What is said at present; looked at anew only when it has changed.
    pub(crate) answers: watch::Receiver<Arc<Answers>>,
    /// Counts, for all workers.
    pub(crate) tally: Tally,
    /// When the service began.
    pub(crate) started: Instant,
}

impl Worker {
    /// Answers until the drain begins.
    pub(crate) async fn run(mut self, drain: Drain) {
        // One byte more than a request may have shows that it is too long.
        let mut datagram = [0; MAX_REQUEST + 1];
        let mut space = Vec::with_capacity(MAX_REPLY);
        let mut answers = self.answers.borrow_and_update().clone();
        let ended = drain.signaled();
        tokio::pin!(ended);
        loop {
            let received = tokio::select! {
                () = &mut ended => return,
                received = self.socket.recv_from(&mut datagram) => received,
            };
            if self.answers.has_changed().unwrap_or(false) {
                answers = self.answers.borrow_and_update().clone();
            }
            match received {
                Ok((len, from)) => self.answer(&datagram[..len], from, &answers, &mut space).await,
                Err(error) => survive(&error).await,
            }
        }
    }

    async fn answer(&self, datagram: &[u8], from: SocketAddr, answers: &Answers, space: &mut Vec<u8>) {
        let received = Instant::now();
        let now = received - self.started;
        let outcome = self.answerer.answer(datagram, from, now, answers, space);
        self.tally.heard(datagram.len(), &outcome);
        let (Outcome::Answer(_, reply) | Outcome::Cookie(_, reply)) = outcome else { return };
        match self.socket.send_to(reply, from).await {
            Ok(len) => self.tally.said(&outcome, len, received.elapsed()),
            Err(error) => {
                debug!(%error, "a reply was not sent");
                self.tally.unsent();
            }
        }
    }
}

/// An asker that is gone before its answer comes makes the kernel say so at some later call (ICMP port
/// unreachable); that is no fault of the socket, and neither ends the loop.
async fn survive(error: &io::Error) {
    if error.kind() == io::ErrorKind::ConnectionRefused {
        return;
    }
    warn!(%error, "no datagram could be received");
    tokio::time::sleep(PAUSE).await;
}
