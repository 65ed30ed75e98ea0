//! Bytes on their way out.

use std::io;
use std::ops::Range;

use engine::file::{FileName, cut_range};
use engine::{Code, Refusal};
use tokio::io::{AsyncRead, AsyncWrite};
use tracing::warn;
use wire::file::{Body, Reply, plain};

use super::Session;
use super::clock::Clock;
use super::peer::CHUNK;
use crate::ended::Ended;
use crate::service::on_disk;
use crate::store::{Store, Stored};
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

/// Bytes to send, and where the file goes on behind them.
struct Outgoing {
    stored: Stored,
    /// How many of the bytes are not the file's.
    header: usize,
    bytes: Vec<u8>,
    rest: Range<u64>,
}

impl<S: AsyncRead + AsyncWrite + Unpin> Session<S> {
    /// `DOWNLOAD`, `RANGE` and `DOWNLOAD:`.
    pub(super) async fn download(&mut self, name: FileName, form: Form) -> Result<(), Ended> {
        let transfer = match Transfer::begin(&self.service, Direction::Download) {
            Ok(transfer) => transfer,
            Err(busy) => return self.refuse(busy, form.body()).await,
        };
        let store = self.service.store.clone();
        match on_disk(move || open(&store, name, form)).await {
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

    async fn refuse_download(&mut self, refusal: Refusal, form: Form) -> Result<(), Ended> {
        if matches!(form, Form::Plain) && refusal.code == Code::NotFound {
            self.service.metrics.refused(refusal.code);
            self.peer.say(plain::NOT_FOUND).await?;
            return Err(Ended::Done);
        }
        self.refuse(refusal, form.body()).await
    }

    /// Sends the bytes, and no others: a file that ends early ends the connection.
    async fn send_out(&mut self, mut outgoing: Outgoing, transfer: Transfer) -> Result<(), Ended> {
        let mut clock = Clock::start(self.peer.patience());
        loop {
            self.peer.send(&outgoing.bytes, &mut clock).await?;
            transfer.moved(outgoing.bytes.len() - outgoing.header);
            if outgoing.rest.is_empty() {
                transfer.done();
                return Ok(());
            }
            outgoing = match on_disk(move || outgoing.next()).await {
                Ok(next) => next,
                Err(error) => {
                    warn!(%error, "a file can't be sent to its end");
                    transfer.failed();
                    return Err(Ended::Broken);
                }
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

/// Opens a file and reads its first bytes behind the header, so that both go in one write.
fn open(store: &Store, name: FileName, form: Form) -> Result<Outgoing, Refusal> {
    let stored = store.read(&name)?;
    let (bytes, rest) = form.header(&stored, name)?;
    let outgoing = Outgoing { stored, header: bytes.len(), bytes, rest };
    outgoing.fill().map_err(|error| {
        warn!(%error, "a file can't be read");
        Refusal::new(Code::Unavailable, "the file can't be read now")
    })
}

impl Outgoing {
    /// The next bytes in place of those that were sent.
    fn next(mut self) -> io::Result<Self> {
        self.bytes.clear();
        self.header = 0;
        self.fill()
    }

    fn fill(mut self) -> io::Result<Self> {
        let room = (CHUNK - self.bytes.len()) as u64;
        let at = self.rest.start;
        self.rest.start = self.rest.end.min(at + room);
        let there = self.bytes.len();
        let taken = usize::try_from(self.rest.start - at).expect("a piece is no longer than a chunk");
        self.bytes.resize(there + taken, 0);
        self.stored.read_exact(&mut self.bytes[there..], at)?;
        Ok(self)
    }
}
