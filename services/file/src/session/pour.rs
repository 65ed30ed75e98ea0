//! The body of an upload on its way from the socket into the file.

use std::pin::pin;

use bytes::Bytes;
use engine::Refusal;
use engine::file::{FileName, Hash};
use wire::file::Body;

use super::Session;
use super::clock::Clock;
use super::direct::{Direct, Interrupt};
use super::stream::Stream;
use crate::ended::Ended;
use crate::service::on_disk;
use crate::store::Incoming;
use crate::transfer::Transfer;

/// An upload under way.
pub(super) struct Upload {
    pub(super) incoming: Incoming,
    pub(super) name: FileName,
    /// Bytes to come; `None` for all to the end of the stream.
    pub(super) left: Option<u64>,
    /// What the whole must hash to.
    pub(super) announced: Option<Hash>,
    pub(super) transfer: Transfer,
}

/// Why an upload did not get all its bytes.
pub(super) enum Stopped {
    /// The peer, not the disk.
    Ended(Ended),
    /// The stream ended in order, after so many of so many bytes.
    Short { came: u64, size: u64 },
    /// A limit or the disk.
    Refused(Refusal),
    /// Another connection goes on with it, or the store closes.
    GivenUp,
}

impl<S: Stream> Session<S> {
    /// Pours the body into the file: what has been read already, and then the rest, on a thread of its own
    /// where there is one.
    pub(super) async fn pour(&mut self, upload: Upload) -> (Upload, Result<(), Stopped>) {
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
        let interrupt = Interrupt::on(upload.incoming.give_up());
        let heard = interrupt.clone();
        let mut pouring = pin!(on_disk(move || {
            let poured = direct.receive(&mut upload, &heard);
            (direct, upload, poured)
        }));
        let (direct, upload, poured) = tokio::select! {
            poured = pouring.as_mut() => poured,
            () = interrupt.raised() => pouring.await,
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
                bytes = self.peer.body(upload.left.unwrap_or(u64::MAX), &mut clock) => {
                    bytes.map_err(Stopped::Ended)
                }
                () = give_up.cancelled() => Err(Stopped::GivenUp),
            };
            let (bytes, stopped) = match bytes {
                Ok(bytes) if bytes.is_empty() => {
                    let ended = upload.at_end();
                    return (upload, ended);
                }
                Ok(bytes) => (bytes, None),
                // What was read ahead is worth keeping for a resume.
                Err(stopped) => (self.peer.body_ahead(upload.left), Some(stopped)),
            };
            let written;
            (upload, written) = upload.write_on_disk(bytes).await;
            if let Some(stopped) = written.err().map(Stopped::Refused).or(stopped) {
                return (upload, Err(stopped));
            }
        }
        (upload, Ok(()))
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
    pub(super) fn body(&self) -> Body {
        self.left.map_or(Body::ToEnd, Body::Bytes)
    }

    /// Removes the file, or leaves it to a resume.
    pub(super) async fn give_up(self) -> Transfer {
        let Upload { incoming, transfer, .. } = self;
        on_disk(move || drop(incoming)).await;
        transfer
    }
}
