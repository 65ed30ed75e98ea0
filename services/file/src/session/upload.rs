//! Requests that bring a file.

use bytes::Bytes;
use engine::file::{FileName, Hash, PartialKey};
use engine::{Code, Refusal};
use wire::file::{Body, Reply, plain};

use super::Session;
use super::pour::{Stopped, Upload};
use super::stream::Stream;
use crate::ended::Ended;
use crate::service::on_disk;
use crate::store::{Receipt, Resumed};
use crate::transfer::{Direction, Transfer};

impl<S: Stream> Session<S> {
    /// `UPLOAD`.
    pub(super) async fn upload(&mut self, size: Option<u64>, name: FileName) -> Result<(), Ended> {
        let body = size.map_or(Body::ToEnd, Body::Bytes);
        let Some(transfer) = self.begin(Direction::Upload, body).await? else { return Ok(()) };
        if let Some(size) = size
            && let Some(content) = self.peer.whole_body(size).await
        {
            return self.upload_at_once(name, content, transfer).await;
        }
        let (store, wanted) = (self.service.store.clone(), name.clone());
        match on_disk(move || store.receive(size.unwrap_or(0), &wanted)).await {
            Ok(incoming) => {
                let upload = Upload { incoming, name, left: size, announced: None, transfer };
                self.take_in(upload).await?;
                if size.is_none() { Err(Ended::Done) } else { Ok(()) }
            }
            Err(refusal) => self.refuse_transfer(transfer, refusal, body).await,
        }
    }

    /// `UPLOAD` of which everything has arrived with its line.
    async fn upload_at_once(
        &mut self,
        name: FileName,
        content: Bytes,
        transfer: Transfer,
    ) -> Result<(), Ended> {
        match self.store_at_once(&name, content, &transfer).await {
            Ok(receipt) => self.stored(receipt, name, transfer).await,
            Err(refusal) => self.refuse_transfer(transfer, refusal, Body::None).await,
        }
    }

    /// `UPLOAD:`, whose content has arrived whole.
    pub(super) async fn upload_plain(&mut self, name: FileName, content: Vec<u8>) -> Result<(), Ended> {
        let Some(transfer) = self.begin(Direction::Upload, Body::ToEnd).await? else { return Ok(()) };
        match self.store_at_once(&name, content.into(), &transfer).await {
            Ok(_) => {
                transfer.done();
                self.peer.say(plain::uploaded(&name).as_bytes()).await?;
                Err(Ended::Done)
            }
            Err(refusal) => self.refuse_transfer(transfer, refusal, Body::ToEnd).await,
        }
    }

    /// Stores what is in memory, in one go.
    async fn store_at_once(
        &self,
        name: &FileName,
        content: Bytes,
        transfer: &Transfer,
    ) -> Result<Receipt, Refusal> {
        transfer.moved(content.len());
        let (service, name) = (self.service.clone(), name.clone());
        let waits = service.store.may_wait();
        let store = move || {
            let mut incoming = service.store.receive(content.len() as u64, &name)?;
            incoming.write(&content)?;
            let stored = incoming.store(&name, None)?;
            service.tell();
            Ok(stored)
        };
        // A thread of its own costs half as much as the work.
        if waits { on_disk(store).await } else { store() }
    }

    /// `RESUME`. The peer waits for the offset, so nothing follows a refusal.
    pub(super) async fn resume(&mut self, size: u64, hash: Hash, name: FileName) -> Result<(), Ended> {
        let Some(transfer) = self.begin(Direction::Upload, Body::None).await? else { return Ok(()) };
        let claim = self.service.store.claim(PartialKey { hash, owner: self.owner }).await;
        let (store, wanted) = (self.service.store.clone(), name.clone());
        match on_disk(move || store.resume(size, &wanted, claim)).await {
            Ok(Resumed::Stored(receipt)) => {
                self.reply(Reply::Continue { offset: size }).await?;
                self.stored(receipt, name, transfer).await
            }
            Ok(Resumed::Partial(incoming)) => {
                let offset = incoming.len();
                self.reply(Reply::Continue { offset }).await?;
                let left = Some(size - offset);
                self.take_in(Upload { incoming, name, left, announced: Some(hash), transfer }).await
            }
            Err(refusal) => self.refuse_transfer(transfer, refusal, Body::None).await,
        }
    }

    /// Takes the bytes of an upload in and stores them. A file that did not get all of them goes, or waits
    /// to be resumed.
    async fn take_in(&mut self, upload: Upload) -> Result<(), Ended> {
        let (upload, poured) = self.pour(upload).await;
        match poured {
            Ok(()) => self.store(upload).await,
            Err(stopped) => {
                let body = upload.body();
                let transfer = upload.give_up().await;
                self.tell().await;
                self.stop(stopped, body, transfer).await
            }
        }
    }

    /// Says what became of an upload that is not stored.
    async fn stop(&mut self, stopped: Stopped, body: Body, transfer: Transfer) -> Result<(), Ended> {
        match stopped {
            Stopped::Refused(refusal) => self.refuse_transfer(transfer, refusal, body).await,
            Stopped::Short { came, size } => {
                drop(transfer);
                let short = format!("{came} of {size} bytes came");
                self.refuse(Refusal::new(Code::BadRequest, short), Body::None).await?;
                Err(Ended::Lost)
            }
            Stopped::GivenUp => {
                drop(transfer);
                let (ended, code, words) = if self.service.store.is_closing() {
                    (Ended::Drain, Code::Unavailable, "the server goes away before it has all")
                } else {
                    (Ended::Superseded, Code::Busy, "another connection goes on with this upload")
                };
                self.refuse(Refusal::new(code, words), Body::None).await?;
                Err(ended)
            }
            Stopped::Ended(ended) => {
                drop(transfer);
                if ended == Ended::Slow {
                    let slow = Refusal::new(Code::TooSlow, "the upload came too slowly");
                    self.refuse(slow, Body::None).await?;
                }
                Err(ended)
            }
        }
    }

    /// Stores a file that has all its bytes.
    async fn store(&mut self, upload: Upload) -> Result<(), Ended> {
        let Upload { incoming, name, announced, transfer, .. } = upload;
        let (service, wanted) = (self.service.clone(), name.clone());
        let stored = on_disk(move || {
            let stored = incoming.store(&wanted, announced);
            service.tell();
            stored
        });
        match stored.await {
            Ok(receipt) => self.stored(receipt, name, transfer).await,
            Err(refusal) => self.refuse_transfer(transfer, refusal, Body::None).await,
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
