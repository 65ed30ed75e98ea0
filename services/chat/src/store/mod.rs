//! What is kept: messages in SQLite, written in batches by one thread, read by another.
//!
//! A message is acked and delivered only after the transaction that holds it has been committed. One thread
//! writes; another brings what it has written from the log into the database; two read, one the pages of
//! history and one what is searched, so that nobody who comes waits for somebody who looks for words.

mod checkpoint;
mod commit;
mod copy;
mod index;
mod inspect;
mod reader;
mod retention;
mod rooms;
mod schema;
mod search;
mod space;
mod upgrade;
mod writer;

use std::path::Path;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use chassis::Failure;
use clap::ValueEnum;
use engine::chat::{MemberId, Message, Page, Ref};
use engine::names::{RoomName, UserName};
use engine::{Code, Refusal, Timestamp};
use prometheus::Histogram;
use tokio::sync::{mpsc, oneshot};

use checkpoint::{Checkpointer, Side};
pub(crate) use copy::{Copied, copy};
use reader::Reading;
pub(crate) use retention::Retention;
use rusqlite::{Connection, ErrorCode};
use schema::Location;
pub(crate) use schema::{FILE, LOG};
use space::Space;
pub(crate) use writer::now;
use writer::{Job, Parts, Writer};

use crate::delivery::RoomSpace;
use crate::metrics::Metrics;

/// How durable an ack is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Sync {
    /// It survives a power cut: every commit is flushed to the disk.
    Full,
    /// It survives the death of the process.
    Normal,
    /// It survives nothing: history is in memory only.
    Off,
}

/// A message on its way in.
#[derive(Debug)]
pub(crate) struct Post {
    /// Where it is said.
    pub room: RoomName,
    /// Who says it.
    pub from: UserName,
    /// What.
    pub text: String,
    /// The sender's own key.
    pub reference: Option<Ref>,
    /// Whom to ack.
    pub sender: MemberId,
    /// When its turn came, behind what the sender had said before.
    pub received: Instant,
    /// What it takes of its room's space until the room has taken it up.
    pub space: Option<RoomSpace>,
}

/// A message that is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kept {
    /// It was said now.
    New {
        /// Its place in the room.
        id: u64,
        /// When.
        at: Timestamp,
    },
    /// It was said before, under the same key.
    Again {
        /// Its place in the room.
        id: u64,
        /// When.
        at: Timestamp,
    },
}

/// What became of one post.
pub(crate) type Outcome = Result<Kept, Refusal>;

/// Posts that may wait for the writer before senders are held back.
const QUEUE: usize = 4096;

/// An open database, not yet served.
#[derive(Debug)]
pub struct Database {
    location: Location,
    writing: Connection,
    reading: Connection,
    searching: Connection,
    side: Option<Side>,
}

/// The way to the threads that serve a database.
#[derive(Debug, Clone)]
pub(crate) struct Store {
    jobs: mpsc::Sender<Job>,
    readings: mpsc::Sender<Reading>,
    searches: mpsc::Sender<Reading>,
    /// How long a search may take.
    patience: Duration,
}

/// The threads themselves, to be waited for at the end.
#[derive(Debug)]
pub(crate) struct Threads {
    writer: JoinHandle<Result<(), Failure>>,
    readers: [JoinHandle<()>; 2],
}

/// A database that is served.
#[derive(Debug)]
pub(crate) struct Served {
    /// The way in.
    pub store: Store,
    /// To be waited for.
    pub threads: Threads,
    /// Resolves when the writer has ended, which it does by itself only when the disk failed it, or another program
    /// kept the database locked.
    pub writer_ended: oneshot::Receiver<()>,
}

impl Database {
    /// Opens the database in a folder, or one in memory.
    ///
    /// # Errors
    /// [`Failure::Config`] naming `--data` for a folder or a database that can't be used.
    pub fn open(data: &Path, sync: Sync) -> Result<Self, Failure> {
        let mut location = Location::of(data, sync)?;
        let writing = location.open_writer()?;
        let (reading, searching) = (location.open_reader()?, location.open_reader()?);
        let side = location.open_side()?;
        Ok(Database { location, writing, reading, searching, side })
    }

    /// The newest id of every room.
    ///
    /// # Errors
    /// A database that can't be read.
    pub fn heads(&self) -> Result<Vec<(RoomName, u64)>, Failure> {
        reader::heads(&self.reading).map_err(|error| Failure::fatal(format!("can't read the rooms: {error}")))
    }

    /// Starts the threads. `on_commit` is called by the writer with every batch, in commit order.
    ///
    /// # Errors
    /// No threads to be had.
    pub(crate) fn serve(
        self,
        retention: Retention,
        metrics: Metrics,
        on_commit: impl FnMut(Vec<(Post, Outcome)>) + Send + 'static,
    ) -> Result<Served, Failure> {
        let Database { location, writing, reading, searching, side } = self;
        let (jobs, job_queue) = mpsc::channel(QUEUE);
        let (ended, writer_ended) = oneshot::channel();
        let location = Arc::new(location);
        let (readings, reader) = read("chat-reader", reading, location.clone(), &metrics.store.pages)?;
        let (searches, searcher) = read("chat-search", searching, location.clone(), &metrics.store.searches)?;
        let reports = jobs.downgrade();
        let checkpointer = side.map(|side| Checkpointer::start(side, reports, &metrics)).transpose()?;
        let (sync, space) = (location.sync(), Space { folder: location.folder() });
        let parts = Parts { db: writing, sync, space, retention, checkpointer, metrics };
        let writer = spawn("chat-writer", move || {
            let result = Writer::new(parts).and_then(|writer| writer.run(job_queue, on_commit));
            drop(location);
            // Nobody listens any more when the service has ended before its writer.
            let _ = ended.send(());
            result
        })?;
        let store = Store { jobs, readings, searches, patience: search::PATIENCE };
        Ok(Served { store, threads: Threads { writer, readers: [reader, searcher] }, writer_ended })
    }
}

/// Starts a thread that answers questions, and holds the folder meanwhile.
fn read(
    name: &str,
    mut db: Connection,
    location: Arc<Location>,
    duration: &Histogram,
) -> Result<(mpsc::Sender<Reading>, JoinHandle<()>), Failure> {
    let (readings, queue) = mpsc::channel(QUEUE);
    let duration = duration.clone();
    let thread = spawn(name, move || {
        reader::run(&mut db, queue, &duration);
        drop(db);
        drop(location);
    })?;
    Ok((readings, thread))
}

fn spawn<T: Send + 'static>(
    name: &str,
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<JoinHandle<T>, Failure> {
    std::thread::Builder::new()
        .name(name.to_owned())
        .spawn(work)
        .map_err(|error| Failure::fatal(format!("no thread {name}: {error}")))
}

impl Store {
    /// Hands a message to the writer; waits while its queue is full.
    ///
    /// # Errors
    /// [`Code::Unavailable`] when the writer has ended.
    pub(crate) async fn submit(&self, post: Post) -> Result<(), Refusal> {
        self.jobs.send(Job::Post(post)).await.map_err(|_| unavailable())
    }

    /// Lets the writer index, when nobody speaks, also what few messages there are since the last time.
    pub(crate) fn tidy(&self) {
        // A writer that is too busy to hear of it will have much to index anyway.
        let _ = self.jobs.try_send(Job::Tidy);
    }

    /// Lets the writer look, when nobody speaks if there is such a time, for what is not to be kept any longer.
    pub(crate) async fn forget_old(&self) {
        // A writer that has ended forgets nothing.
        let _ = self.jobs.send(Job::Forget).await;
    }

    /// One page of a room's messages, oldest first.
    ///
    /// # Errors
    /// [`Code::Unavailable`].
    pub(crate) async fn page(
        &self,
        room: &RoomName,
        page: Page,
        limit: u32,
    ) -> Result<Vec<Message>, Refusal> {
        let room = room.clone();
        self.read(move |db| reader::page(db, &room, page, limit)).await
    }

    /// The first messages of a room after `since` and up to `last`, oldest first.
    ///
    /// # Errors
    /// [`Code::Unavailable`].
    pub(crate) async fn after(
        &self,
        room: &RoomName,
        since: u64,
        last: u64,
        limit: u32,
    ) -> Result<Vec<Message>, Refusal> {
        let room = room.clone();
        self.read(move |db| reader::after(db, &room, since, last, limit)).await
    }

    /// The oldest id that a room still keeps.
    ///
    /// # Errors
    /// [`Code::Unavailable`].
    pub(crate) async fn oldest(&self, room: &RoomName) -> Result<Option<u64>, Refusal> {
        let room = room.clone();
        self.read(move |db| reader::oldest(db, &room)).await
    }

    /// The newest messages in some rooms that hold all the words, newest first.
    ///
    /// # Errors
    /// [`Code::Unavailable`], also of a search that takes too long.
    pub(crate) async fn search(
        &self,
        query: &str,
        rooms: Vec<RoomName>,
        limit: u32,
    ) -> Result<Vec<Message>, Refusal> {
        let (done, indexed) = oneshot::channel();
        self.jobs.send(Job::Index(done)).await.map_err(|_| unavailable())?;
        indexed.await.map_err(|_| unavailable())?;
        let (query, patience) = (query.to_owned(), self.patience);
        self.read_by(&self.searches, move |db| search::search(db, &query, &rooms, limit, patience)).await
    }

    async fn read<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut Connection) -> rusqlite::Result<T> + Send + 'static,
    ) -> Result<T, Refusal> {
        self.read_by(&self.readings, work).await
    }

    async fn read_by<T: Send + 'static>(
        &self,
        reader: &mpsc::Sender<Reading>,
        work: impl FnOnce(&mut Connection) -> rusqlite::Result<T> + Send + 'static,
    ) -> Result<T, Refusal> {
        let (answer, answered) = oneshot::channel();
        let reading: Reading = Box::new(move |db| {
            let is_wanted = !answer.is_closed();
            if is_wanted {
                // Whoever asked may be gone by then.
                let _ = answer.send(work(db));
            }
            is_wanted
        });
        reader.send(reading).await.map_err(|_| unavailable())?;
        match answered.await {
            Ok(Ok(found)) => Ok(found),
            Ok(Err(error)) if error.sqlite_error_code() == Some(ErrorCode::OperationInterrupted) => {
                let words = "the search took too long; ask for rarer words, or in one room";
                Err(Refusal::new(Code::Unavailable, words))
            }
            Ok(Err(error)) => {
                tracing::error!(%error, "history can't be read");
                Err(unavailable())
            }
            Err(_) => Err(unavailable()),
        }
    }
}

impl Threads {
    /// Waits until all have ended, which they do once every [`Store`] is gone; call it where blocking
    /// is allowed.
    ///
    /// # Errors
    /// What broke the writer.
    pub(crate) fn join(self) -> Result<(), Failure> {
        let bug = |_| Failure::fatal("a thread of the store panicked");
        self.readers.into_iter().try_for_each(|reader| reader.join().map_err(bug))?;
        self.writer.join().map_err(bug)?
    }
}

fn unavailable() -> Refusal {
    Refusal::new(Code::Unavailable, "history is not to be had now")
}

#[cfg(test)]
mod tests;
