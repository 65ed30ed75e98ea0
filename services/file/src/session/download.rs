//! Bytes on their way out.

use std::io;
use std::ops::Range;

use engine::file::{FileName, cut_range};
use engine::{Code, Refusal};
use tracing::warn;
use wire::file::{Body, Reply, plain};

use super::clock::Clock;
use super::direct::{Direct, Sent};
use super::peer::CHUNK;
use super::stream::Stream;
use super::{Session, WORTH_A_THREAD};
use crate::ended::Ended;
use crate::service::on_disk;
use crate::store::Stored;
use crate::transfer::{Direction, Transfer};

/// What is asked of a file, and what stands in front of its bytes.
#[derive(Debug, Clone, Copy)]
pub(super) enum Form {
    /// `DOWNLOAD`.
    Whole,
    /// `RANGE`.
    Part {
        /// The first byte wanted.
        offset: u64,
        /// Bytes wanted.
        length: u64,
    },
    /// `DOWNLOAD:`.
    Plain,
}

/// A part of a file to send, and the line in front of it.
struct Outgoing {
    stored: Stored,
    header: Vec<u8>,
    part: Range<u64>,
}

impl<S: Stream> Session<S> {
    /// `DOWNLOAD`, `RANGE` and `DOWNLOAD:`.
    pub(super) async fn download(&mut self, name: FileName, form: Form) -> Result<(), Ended> {
        let Some(transfer) = self.begin(Direction::Download, form.body()).await? else { return Ok(()) };
        match self.find(name, form).await {
            Ok(outgoing) => self.send_out(outgoing, transfer).await?,
            Err(refusal) => {
                transfer.refused(&refusal);
                return self.refuse_download(refusal, form).await;
            }
        }
        match form {
            Form::Plain => Err(Ended::Done),
            Form::Whole | Form::Part { .. } => Ok(()),
        }
    }

    async fn find(&self, name: FileName, form: Form) -> Result<Outgoing, Refusal> {
        if let Some(stored) = self.service.store.read_cached(&name) {
            return Outgoing::new(stored, name, form);
        }
        let store = self.service.store.clone();
        on_disk(move || Outgoing::new(store.read(&name)?, name, form)).await
    }

    async fn refuse_download(&mut self, refusal: Refusal, form: Form) -> Result<(), Ended> {
        if matches!(form, Form::Plain) && refusal.code == Code::NotFound {
            self.service.metrics.refused(refusal.code);
            self.peer.say(plain::NOT_FOUND.as_bytes()).await?;
            return Err(Ended::Done);
        }
        self.refuse(refusal, form.body()).await
    }

    /// Sends the bytes, and no others: a file that ends early ends the connection.
    async fn send_out(&mut self, outgoing: Outgoing, transfer: Transfer) -> Result<(), Ended> {
        let bytes = outgoing.part.end - outgoing.part.start;
        if bytes < WORTH_A_THREAD && self.send_cached(&outgoing) {
            transfer.moved(bytes.try_into().unwrap_or(usize::MAX));
            transfer.done();
            return self.peer.flush_when_full().await;
        }
        self.peer.flush().await?;
        match self.direct(Some(bytes)) {
            Some(direct) => self.send_directly(direct, outgoing, transfer).await,
            None => self.send_by_pieces(outgoing, transfer).await,
        }
    }

    /// Puts a file that is in memory among the replies that wait; whether it is.
    fn send_cached(&mut self, outgoing: &Outgoing) -> bool {
        let replies = self.peer.replies();
        let before = replies.len();
        replies.extend_from_slice(&outgoing.header);
        let read = outgoing.stored.read_cached(replies, outgoing.part.clone());
        if !read {
            replies.truncate(before);
        }
        read
    }

    async fn send_directly(
        &mut self,
        mut direct: Direct,
        outgoing: Outgoing,
        transfer: Transfer,
    ) -> Result<(), Ended> {
        let (direct, outgoing, transfer, sent) = on_disk(move || {
            let file = &outgoing.stored.file;
            let sent = direct
                .send_header(&outgoing.header)
                .and_then(|()| direct.send_file(file, outgoing.part.clone(), |bytes| transfer.moved(bytes)));
            (direct, outgoing, transfer, sent)
        })
        .await;
        self.peer.take_back(direct)?;
        match sent {
            Ok(Sent::Whole) => {
                transfer.done();
                Ok(())
            }
            Ok(Sent::Unsupported) => {
                self.send_by_pieces(Outgoing { header: Vec::new(), ..outgoing }, transfer).await
            }
            Err(Ended::Broken) => {
                transfer.failed();
                Err(Ended::Broken)
            }
            Err(ended) => Err(ended),
        }
    }

    /// Sends a file through this process' memory.
    async fn send_by_pieces(&mut self, mut outgoing: Outgoing, transfer: Transfer) -> Result<(), Ended> {
        let mut clock = Clock::start(self.peer.patience());
        loop {
            let (next, read) = on_disk(move || outgoing.next_piece()).await;
            outgoing = next;
            let (piece, of_file) = match read {
                Ok(piece) => piece,
                Err(error) => {
                    warn!(%error, "a file can't be sent to its end");
                    transfer.failed();
                    return Err(Ended::Broken);
                }
            };
            self.peer.send(&piece, &mut clock).await?;
            transfer.moved(of_file);
            if outgoing.part.is_empty() {
                transfer.done();
                return Ok(());
            }
        }
    }
}

impl Form {
    fn body(self) -> Body {
        if matches!(self, Form::Plain) { Body::ToEnd } else { Body::None }
    }

    /// What stands in front of the bytes, and which bytes they are.
    fn header(self, file: &Stored, name: FileName) -> Result<(Vec<u8>, Range<u64>), Refusal> {
        let (size, hash) = (file.size, file.hash);
        Ok(match self {
            Form::Whole => (Reply::File { size, hash, name }.encode().into_bytes(), 0..size),
            Form::Plain => (plain::FILE.to_vec(), 0..size),
            Form::Part { offset, length } => {
                let range = cut_range(offset, length, size)?;
                let length = range.end - range.start;
                (Reply::Part { offset, length, size, hash, name }.encode().into_bytes(), range)
            }
        })
    }
}

impl Outgoing {
    fn new(stored: Stored, name: FileName, form: Form) -> Result<Self, Refusal> {
        let (header, part) = form.header(&stored, name)?;
        Ok(Outgoing { stored, header, part })
    }

    /// The next bytes to send, and how many of them are the file's: the line goes with the first.
    fn next_piece(mut self) -> (Self, io::Result<(Vec<u8>, usize)>) {
        let mut piece = std::mem::take(&mut self.header);
        let there = piece.len();
        let left = usize::try_from(self.part.end - self.part.start).unwrap_or(usize::MAX);
        let of_file = left.min(CHUNK - there);
        piece.resize(there + of_file, 0);
        let read = self.stored.read_exact(&mut piece[there..], self.part.start);
        self.part.start += of_file as u64;
        (self, read.map(|()| (piece, of_file)))
    }
}
