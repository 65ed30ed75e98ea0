//! Bytes on their way in.

use bytes::Bytes;
use engine::file::{FileName, Hash};
use engine::{Code, Refusal};
use tokio::io::{AsyncRead, AsyncWrite};
use wire::file::{Body, Reply, plain};

use super::Session;
use super::clock::Clock;
use crate::ended::Ended;
use crate::service::on_disk;
use crate::store::{Incoming, Receipt, Resumed};
use crate::transfer::{Direction, Transfer};

/// What is to come of an upload.
struct Plan {
    name: FileName,
    /// Bytes to come; `None` for all to the end of the stream.
    left: Option<u64>,
    /// What the whole must hash to.
    announced: Option<Hash>,
}

/// Why an upload did not get all its bytes.
enum Stopped {
    /// The peer, not the disk.
    Ended(Ended),
    /// The stream ended in order, after so many of so many bytes.
    Short { came: u64, size: u64 },
    /// A limit or the disk.
    Refused(Refusal),
}

impl<S: AsyncRead + AsyncWrite + Unpin> Session<S> {
    /// `UPLOAD`.
    pub(super) async fn upload(&mut self, size: Option<u64>, name: FileName) -> Result<(), Ended> {
        let body = size.map_or(Body::ToEnd, Body::Bytes);
        let transfer = match Transfer::begin(&self.service, Direction::Upload) {
            Ok(transfer) => transfer,
            Err(busy) => return self.refuse(busy, body).await,
        };
        let (store, wanted) = (self.service.store.clone(), name.clone());
        match on_disk(move || store.receive(size.unwrap_or(0), &wanted)).await {
            Ok(incoming) => {
                self.take_in(incoming, Plan { name, left: size, announced: None }, transfer).await?;
                if size.is_none() { Err(Ended::Done) } else { Ok(()) }
            }
            Err(refusal) => {
                transfer.refused(&refusal);
                self.refuse(refusal, body).await
            }
        }
    }

    /// `RESUME`. The peer waits for the offset, so nothing follows a refusal.
    pub(super) async fn resume(&mut self, size: u64, hash: Hash, name: FileName) -> Result<(), Ended> {
        let transfer = match Transfer::begin(&self.service, Direction::Upload) {
            Ok(transfer) => transfer,
            Err(busy) => return self.refuse(busy, Body::None).await,
        };
        let claim = self.service.store.claim(hash).await;
        let (store, wanted) = (self.service.store.clone(), name.clone());
        match on_disk(move || store.resume(size, &wanted, claim)).await {
            Ok(Resumed::Stored(receipt)) => {
                self.reply(Reply::Continue { offset: size }).await?;
                self.stored(receipt, name, transfer).await
            }
            Ok(Resumed::Partial(incoming)) => {
                let offset = incoming.len();
                self.reply(Reply::Continue { offset }).await?;
                let plan = Plan { name, left: Some(size - offset), announced: Some(hash) };
                self.take_in(incoming, plan, transfer).await
            }
            Err(refusal) => {
                transfer.refused(&refusal);
                self.refuse(refusal, Body::None).await
            }
        }
    }

    /// `UPLOAD:`, whose content has arrived whole.
    pub(super) async fn upload_plain(&mut self, name: FileName, content: Vec<u8>) -> Result<(), Ended> {
        let transfer = match Transfer::begin(&self.service, Direction::Upload) {
            Ok(transfer) => transfer,
            Err(busy) => return self.refuse(busy, Body::ToEnd).await,
        };
        transfer.moved(content.len());
        let (service, wanted) = (self.service.clone(), name.clone());
        let stored = on_disk(move || {
            let mut incoming = service.store.receive(content.len() as u64, &wanted)?;
            incoming.write(&content)?;
            incoming.store(&wanted, None)?;
            service.tell();
            Ok(())
        });
        match stored.await {
            Ok(()) => {
                transfer.done();
                self.peer.say(&plain::uploaded(&name)).await?;
                Err(Ended::Done)
            }
            Err(refusal) => {
                transfer.refused(&refusal);
                self.refuse(refusal, Body::ToEnd).await
            }
        }
    }

    /// Takes the bytes of an upload in and stores them.
    async fn take_in(&mut self, incoming: Incoming, mut plan: Plan, transfer: Transfer) -> Result<(), Ended> {
        match self.pour(incoming, &mut plan, &transfer).await {
            Ok(incoming) => self.store(incoming, plan, transfer).await,
            Err(Stopped::Refused(refusal)) => {
                self.tell().await;
                transfer.refused(&refusal);
                self.refuse(refusal, plan.body()).await
            }
            Err(Stopped::Short { came, size }) => {
                self.tell().await;
                drop(transfer);
                let short = format!("{came} of {size} bytes came");
                self.refuse(Refusal::new(Code::BadRequest, short), Body::None).await?;
                Err(Ended::Lost)
            }
            Err(Stopped::Ended(ended)) => {
                self.tell().await;
                drop(transfer);
                if ended == Ended::Slow {
                    self.refuse(Refusal::new(Code::TooSlow, "the upload came too slowly"), Body::None)
                        .await?;
                }
                Err(ended)
            }
        }
    }

    /// Pours the body into the file. A file that did not get all of it goes, or waits to be resumed.
    async fn pour(
        &mut self,
        mut incoming: Incoming,
        plan: &mut Plan,
        transfer: &Transfer,
    ) -> Result<Incoming, Stopped> {
        let mut clock = Clock::start(self.peer.patience());
        while plan.left != Some(0) {
            let bytes = tokio::select! {
                bytes = self.peer.body(plan.left.unwrap_or(u64::MAX), &mut clock) => bytes,
                () = superseded(&incoming) => Err(Ended::Superseded),
            };
            let stopped = match (bytes, plan.left) {
                (Ok(bytes), _) if !bytes.is_empty() => {
                    incoming = write(incoming, bytes, plan, transfer).await?;
                    continue;
                }
                (Ok(_), None) => break,
                (Ok(_), Some(left)) => Stopped::Short { came: incoming.len(), size: incoming.len() + left },
                (Err(ended), _) => Stopped::Ended(ended),
            };
            // What was read ahead is worth keeping for a resume.
            let rest = self.peer.rest_of_body(plan.left.unwrap_or(0));
            let incoming = write(incoming, rest, plan, transfer).await?;
            on_disk(move || drop(incoming)).await;
            return Err(stopped);
        }
        Ok(incoming)
    }

    /// Stores a file that has all its bytes.
    async fn store(&mut self, incoming: Incoming, plan: Plan, transfer: Transfer) -> Result<(), Ended> {
        let (name, announced) = (plan.name.clone(), plan.announced);
        let stored = on_disk(move || incoming.store(&name, announced)).await;
        self.tell().await;
        match stored {
            Ok(receipt) => self.stored(receipt, plan.name, transfer).await,
            Err(refusal) => {
                transfer.refused(&refusal);
                self.refuse(refusal, Body::None).await
            }
        }
    }

    async fn stored(&mut self, receipt: Receipt, name: FileName, transfer: Transfer) -> Result<(), Ended> {
        transfer.done();
        self.reply(Reply::Stored { size: receipt.size, hash: receipt.hash, name }).await
    }

    /// Tells those who watch what the folder holds now.
    async fn tell(&self) {
        let service = self.service.clone();
        on_disk(move || service.tell()).await;
    }
}

impl Plan {
    /// What the peer sends all the same when the upload is refused now.
    fn body(&self) -> Body {
        self.left.map_or(Body::ToEnd, Body::Bytes)
    }
}

/// Writes bytes into the file. Without a size they are reserved as they come.
async fn write(
    mut incoming: Incoming,
    bytes: Bytes,
    plan: &mut Plan,
    transfer: &Transfer,
) -> Result<Incoming, Stopped> {
    let len = bytes.len() as u64;
    transfer.moved(bytes.len());
    let unannounced = plan.left.is_none().then(|| plan.name.clone());
    plan.left = plan.left.map(|left| left - len);
    let written = on_disk(move || {
        if let Some(name) = unannounced {
            incoming.reserve(len, &name)?;
        }
        incoming.write(&bytes)?;
        Ok(incoming)
    });
    written.await.map_err(Stopped::Refused)
}

/// Waits until another connection goes on with the same upload.
async fn superseded(incoming: &Incoming) {
    match incoming.claim() {
        Some(claim) => claim.wanted().await,
        None => std::future::pending().await,
    }
}
