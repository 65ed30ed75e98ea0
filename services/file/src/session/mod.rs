//! One connection: requests one after the other until it ends.

mod clock;
mod direct;
mod download;
mod peer;
mod pour;
mod stream;
#[cfg(test)]
mod tests;
mod upload;

use std::pin::pin;
use std::sync::Arc;

use engine::file::{FileName, Owner, Prefix};
use engine::{Code, Refusal};
use tracing::warn;
use wire::file::{Body, Rejected, Reply, Request, encode_entry};

use crate::ended::Ended;
use crate::service::{Service, on_disk};
use crate::transfer::{Direction, Transfer};
use clock::Clock;
use direct::Direct;
pub(crate) use direct::LANES;
use download::Form;
use peer::Peer;
pub(crate) use stream::Socket;
use stream::Stream;

/// What a peer hears as the service goes away.
const GOING_AWAY: &[u8] = b"INFO:server is going away\n";
/// Most bytes of a refused body that are read and thrown away.
const MAX_DISCARD: u64 = 1024 * 1024;
/// Bytes from which on a transfer gets a thread of its own.
const WORTH_A_THREAD: u64 = 128 * 1024;

/// One connection at work.
struct Session<S> {
    service: Arc<Service>,
    /// Whose the uploads are that are cut off.
    owner: Owner,
    peer: Peer<S>,
}

/// Answers a peer's requests until one of both has had enough, or `drain` says that the service is going
/// away; what has been asked by then is answered.
pub(crate) async fn serve<S, D>(stream: S, owner: Owner, service: Arc<Service>, drain: D) -> Ended
where
    S: Stream,
    D: Future<Output = ()>,
{
    let peer = Peer::new(stream, service.terms);
    let mut session = Session { service, owner, peer };
    let mut drain = pin!(drain);
    loop {
        let answered = match session.peer.request(drain.as_mut()).await {
            Ok(Ok(request)) => session.answer(request).await,
            Ok(Err(rejected)) => session.reject(rejected).await,
            Err(ended) => Err(ended),
        };
        if let Err(ended) = answered {
            session.end(ended).await;
            return ended;
        }
    }
}

impl<S: Stream> Session<S> {
    async fn answer(&mut self, request: Request) -> Result<(), Ended> {
        match request {
            Request::Upload { size, name } => self.upload(size, name).await,
            Request::Resume { size, hash, name } => self.resume(size, hash, name).await,
            Request::PlainUpload { name, content } => self.upload_plain(name, content).await,
            Request::Download { name } => self.download(name, Form::Whole).await,
            Request::Range { offset, length, name } => {
                self.download(name, Form::Part { offset, length }).await
            }
            Request::PlainDownload { name } => self.download(name, Form::Plain).await,
            Request::Stat { name } => self.stat(name).await,
            Request::List { prefix } => self.list(prefix).await,
            Request::Delete { name } => self.delete(name).await,
        }
    }

    async fn stat(&mut self, name: FileName) -> Result<(), Ended> {
        if let Some(stored) = self.service.store.read_cached(&name) {
            return self.reply(Reply::Stat(stored.entry(name))).await;
        }
        let store = self.service.store.clone();
        match on_disk(move || store.read(&name).map(|stored| stored.entry(name))).await {
            Ok(entry) => self.reply(Reply::Stat(entry)).await,
            Err(refusal) => self.refuse(refusal, Body::None).await,
        }
    }

    async fn list(&mut self, prefix: Prefix) -> Result<(), Ended> {
        let store = self.service.store.clone();
        let mut listing = match on_disk(move || store.list(&prefix, encode_entry)).await {
            Ok(listing) => listing,
            Err(refusal) => return self.refuse(refusal, Body::None).await,
        };
        self.reply(Reply::List { count: listing.count }).await?;
        loop {
            let (next, piece) = on_disk(move || {
                let piece = listing.next();
                (listing, piece)
            })
            .await;
            listing = next;
            match piece {
                Ok(piece) if piece.is_empty() => return Ok(()),
                Ok(piece) => self.peer.say(&piece).await?,
                Err(error) => {
                    warn!(%error, "a list can't be sent to its end");
                    return Err(Ended::Broken);
                }
            }
        }
    }

    async fn delete(&mut self, name: FileName) -> Result<(), Ended> {
        let service = self.service.clone();
        let removed = on_disk(move || {
            service.store.remove(&name)?;
            service.tell();
            Ok(name)
        });
        match removed.await {
            Ok(name) => self.reply(Reply::Deleted { name }).await,
            Err(refusal) => self.refuse(refusal, Body::None).await,
        }
    }

    /// Begins a transfer; `None` when there are too many, which the peer has been told.
    async fn begin(&mut self, direction: Direction, body: Body) -> Result<Option<Transfer>, Ended> {
        match Transfer::begin(&self.service, direction) {
            Ok(transfer) => Ok(Some(transfer)),
            Err(busy) => self.refuse(busy, body).await.map(|()| None),
        }
    }

    /// Ends a transfer with a refusal.
    async fn refuse_transfer(
        &mut self,
        transfer: Transfer,
        refusal: Refusal,
        body: Body,
    ) -> Result<(), Ended> {
        transfer.refused(&refusal);
        self.refuse(refusal, body).await
    }

    /// A thread's place at the socket, for so many bytes: a few are not worth one, and there may be none.
    fn direct(&mut self, bytes: Option<u64>) -> Option<Direct> {
        if bytes.is_some_and(|bytes| bytes < WORTH_A_THREAD) {
            return None;
        }
        let lane = self.service.lanes.clone().try_acquire_owned().ok()?;
        Some(Direct::new(self.peer.lend()?, Clock::start(self.peer.patience()), lane))
    }

    async fn reply(&mut self, reply: Reply) -> Result<(), Ended> {
        self.peer.say(reply.encode().as_bytes()).await
    }

    async fn reject(&mut self, rejected: Rejected) -> Result<(), Ended> {
        if let Some(reason) = rejected.bad_name {
            self.service.metrics.bad_name(reason);
        }
        self.refuse(rejected.refusal, rejected.body).await
    }

    /// Says why not, and skips the body that comes all the same; one that is too long ends the connection.
    async fn refuse(&mut self, refusal: Refusal, body: Body) -> Result<(), Ended> {
        self.service.metrics.refused(refusal.code);
        let told = self.reply(refusal.into()).await;
        if self.service.store.has_failed() {
            let _ = self.peer.flush().await;
            self.service.failed.cancel();
            return Err(Ended::Broken);
        }
        told?;
        match body {
            Body::None => Ok(()),
            Body::Bytes(left) if left <= MAX_DISCARD => self.peer.discard(left).await,
            Body::Bytes(_) | Body::ToEnd => Err(Ended::Refused),
        }
    }

    /// The last words, where there are any to say.
    async fn end(mut self, ended: Ended) {
        match ended {
            Ended::Idle => {
                let refusal = Refusal::new(Code::IdleTimeout, "nothing was asked for too long");
                self.service.metrics.refused(refusal.code);
                // The peer may be gone, which is why it was silent.
                let _ = self.reply(refusal.into()).await;
                self.peer.hang_up().await;
            }
            Ended::Drain => {
                if self.peer.say(GOING_AWAY).await.is_ok() {
                    self.peer.leave().await;
                }
            }
            // Whoever is slow or superseded may send on all the same.
            Ended::Done | Ended::Refused | Ended::Slow | Ended::Superseded => self.peer.hang_up().await,
            Ended::Quit | Ended::Lost | Ended::Broken => {
                // Whoever sends no more may still read why.
                let _ = self.peer.flush().await;
            }
        }
    }
}
