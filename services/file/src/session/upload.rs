//! Bytes on their way in.

use std::pin::pin;

use bytes::Bytes;
use engine::file::{FileName, Hash, PartialKey};
use engine::{Code, Refusal};
use wire::file::{Body, Reply, plain};

use super::Session;
use super::clock::Clock;
use super::direct::{Direct, stop_reading};
use super::stream::Stream;
use crate::ended::Ended;
use crate::service::on_disk;
use crate::store::{Incoming, Receipt, Resumed};
use crate::transfer::{Direction, Transfer};

/// An upload under way.
pub(super) struct Upload {
    incoming: Incoming,
    name: FileName,
    /// Bytes to come; `None` for all to the end of the stream.
    pub(super) left: Option<u64>,
    /// What the whole must hash to.
    announced: Option<Hash>,
    transfer: Transfer,
}

/// Why an upload did not get all its bytes.
pub(super) enum Stopped {
    /// The peer, not the disk.
    Ended(Ended),
    /// The stream ended in order, after so many of so many bytes.
    Short { came: u64, size: u64 },
    /// A limit or the disk.
    Refused(Refusal),
}

impl<S: Stream> Session<S> {
    /// `UPLOAD`.
    pub(super) async fn upload(&mut self, size: Option<u64>, name: FileName) -> Result<(), Ended> {
        let body = size.map_or(Body::ToEnd, Body::Bytes);
        let transfer = match Transfer::begin(&self.service, Direction::Upload) {
            Ok(transfer) => transfer,
            Err(busy) => return self.refuse(busy, body).await,
        };
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
            Err(refusal) => {
                transfer.refused(&refusal);
                self.refuse(refusal, body).await
            }
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
        match self.store_at_once(&name, content.into(), &transfer).await {
            Ok(_) => {
                transfer.done();
                self.peer.say(plain::uploaded(&name).as_bytes()).await?;
                Err(Ended::Done)
            }
            Err(refusal) => {
                transfer.refused(&refusal);
                self.refuse(refusal, Body::ToEnd).await
            }
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
        let transfer = match Transfer::begin(&self.service, Direction::Upload) {
            Ok(transfer) => transfer,
            Err(busy) => return self.refuse(busy, Body::None).await,
        };
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
            Err(refusal) => {
                transfer.refused(&refusal);
                self.refuse(refusal, Body::None).await
            }
        }
    }

    /// Takes the bytes of an upload in and stores them. A file that did not get all of them goes, or waits
    /// to be resumed.
    async fn take_in(&mut self, upload: Upload) -> Result<(), Ended> {
        let (upload, poured) = self.pour(upload).await;
        match poured {
            Ok(()) => self.store(upload).await,
            Err(stopped) => {
                let stopped = self.really(stopped);
                let body = upload.body();
                let transfer = upload.give_up().await;
                self.tell().await;
                self.stop(stopped, body, transfer).await
            }
        }
    }

    /// Whoever is told to give up when the store closes makes room for nobody.
    fn really(&self, stopped: Stopped) -> Stopped {
        match stopped {
            Stopped::Ended(Ended::Superseded) if self.service.store.is_closing() => {
                Stopped::Ended(Ended::Drain)
            }
            other => other,
        }
    }

    /// Says what became of an upload that is not stored.
    async fn stop(&mut self, stopped: Stopped, body: Body, transfer: Transfer) -> Result<(), Ended> {
        match stopped {
            Stopped::Refused(refusal) => {
                transfer.refused(&refusal);
                self.refuse(refusal, body).await
            }
            Stopped::Short { came, size } => {
                drop(transfer);
                let short = format!("{came} of {size} bytes came");
                self.refuse(Refusal::new(Code::BadRequest, short), Body::None).await?;
                Err(Ended::Lost)
            }
            Stopped::Ended(ended) => {
                drop(transfer);
                let why = match ended {
                    Ended::Slow => Some(Refusal::new(Code::TooSlow, "the upload came too slowly")),
                    Ended::Drain => {
                        Some(Refusal::new(Code::Unavailable, "the server goes away before it has all"))
                    }
                    _ => None,
                };
                if let Some(refusal) = why {
                    self.refuse(refusal, Body::None).await?;
                }
                Err(ended)
            }
        }
    }

    /// Pours the body into the file: what has been read already, and then the rest, on a thread of its own
    /// where there is one.
    async fn pour(&mut self, upload: Upload) -> (Upload, Result<(), Stopped>) {
        if let Err(ended) = self.peer.flush().await {
            return (upload, Err(Stopped::Ended(ended)));
        }
        let ahead = self.peer.body_ahead(upload.left);
        let (upload, written) = upload.write_on_disk(ahead).await;
        if let Err(refusal) = written {
            return (upload, Err(Stopped::Refused(refusal)));
        }
        match self.direct(upload.left) {
            Some(direct) => self.pour_directly(direct, upload).await,
            None => self.pour_by_pieces(upload).await,
        }
    }

    /// Pours the body into the file on a thread that has the socket for itself meanwhile.
    async fn pour_directly(
        &mut self,
        mut direct: Direct,
        mut upload: Upload,
    ) -> (Upload, Result<(), Stopped>) {
        let (socket, give_up) = (direct.watch(), upload.incoming.give_up());
        let wanted = give_up.clone();
        let mut pouring = pin!(on_disk(move || {
            let poured = direct.receive(&mut upload, &wanted);
            (direct, upload, poured)
        }));
        let (direct, upload, poured) = tokio::select! {
            poured = pouring.as_mut() => poured,
            () = give_up.cancelled() => {
                socket.upgrade().iter().for_each(stop_reading);
                pouring.await
            }
        };
        let returned = self.peer.take_back(direct);
        (upload, poured.and(returned.map_err(Stopped::Ended)))
    }

    /// Pours the body into the file as the runtime hears of it.
    async fn pour_by_pieces(&mut self, mut upload: Upload) -> (Upload, Result<(), Stopped>) {
        let mut clock = Clock::start(self.peer.patience());
        let give_up = upload.incoming.give_up();
        while upload.left != Some(0) {
            let bytes = tokio::select! {
                bytes = self.peer.body(upload.left.unwrap_or(u64::MAX), &mut clock) => bytes,
                () = give_up.cancelled() => Err(Ended::Superseded),
            };
            let (bytes, stopped) = match bytes {
                Ok(bytes) if bytes.is_empty() => {
                    let ended = upload.at_end();
                    return (upload, ended);
                }
                Ok(bytes) => (bytes, None),
                // What was read ahead is worth keeping for a resume.
                Err(ended) => (self.peer.body_ahead(upload.left), Some(Stopped::Ended(ended))),
            };
            let written;
            (upload, written) = upload.write_on_disk(bytes).await;
            if let Some(stopped) = written.err().map(Stopped::Refused).or(stopped) {
                return (upload, Err(stopped));
            }
        }
        (upload, Ok(()))
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

impl Upload {
    /// Writes bytes into the file. Without a size they are reserved as they come.
    ///
    /// # Errors
    /// A limit or the disk.
    pub(super) fn write(&mut self, bytes: &[u8]) -> Result<(), Refusal> {
        let len = bytes.len() as u64;
        self.transfer.moved(bytes.len());
        match &mut self.left {
            Some(left) => *left -= len,
            None => self.incoming.reserve_more(len, &self.name)?,
        }
        self.incoming.write(bytes)
    }

    async fn write_on_disk(mut self, bytes: Bytes) -> (Self, Result<(), Refusal>) {
        if bytes.is_empty() {
            return (self, Ok(()));
        }
        on_disk(move || {
            let written = self.write(&bytes);
            (self, written)
        })
        .await
    }

    /// What an orderly end of the stream means here.
    ///
    /// # Errors
    /// [`Stopped::Short`] when more was to come.
    pub(super) fn at_end(&self) -> Result<(), Stopped> {
        let came = self.incoming.len();
        match self.left {
            None | Some(0) => Ok(()),
            Some(left) => Err(Stopped::Short { came, size: came + left }),
        }
    }

    /// What the peer sends all the same when the upload is refused now.
    fn body(&self) -> Body {
        self.left.map_or(Body::ToEnd, Body::Bytes)
    }

    /// Removes the file, or leaves it to a resume.
    async fn give_up(self) -> Transfer {
        let Upload { incoming, transfer, .. } = self;
        on_disk(move || drop(incoming)).await;
        transfer
    }
}
