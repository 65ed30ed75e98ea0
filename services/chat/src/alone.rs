//! The store alone, without sockets and members: what its benchmark measures.

use std::path::Path;
use std::sync::mpsc;
use std::time::{Duration, Instant};

use chassis::{Failure, Life};
use engine::Refusal;
use engine::chat::{MemberId, Message, Page, Ref};
use engine::names::{RoomName, UserName};

use crate::metrics::Metrics;
use crate::store::{self, Database, Post, Retention, Served, Store, Sync, Threads};

/// A store that is served, and one who speaks in any number of rooms, which are known by their numbers.
#[derive(Debug)]
pub struct Alone {
    store: Store,
    threads: Threads,
    /// How many messages each batch has kept.
    kept: mpsc::Receiver<usize>,
    user: UserName,
}

/// How much is kept.
#[derive(Debug, Clone, Copy)]
pub struct Keep {
    /// As `--keep`.
    pub age: Duration,
    /// As `--keep-messages`.
    pub messages: u64,
}

impl Keep {
    /// Nothing is forgotten.
    pub const EVERYTHING: Keep = Keep { age: Duration::MAX, messages: u64::MAX };
}

impl Alone {
    /// Opens and serves a folder.
    ///
    /// # Errors
    /// A folder that can't be used.
    pub fn open(data: &Path, sync: Sync, keep: Keep) -> Result<Self, Failure> {
        let (tell, kept) = mpsc::channel();
        let metrics = Metrics::new(&Life::new(&crate::SERVICE).metrics);
        let retention = Retention { age: keep.age, messages: keep.messages };
        let database = Database::open(data, sync)?;
        let Served { store, threads, .. } = database.serve(retention, metrics, move |batch| {
            // Nobody may be interested any more.
            let _ = tell.send(batch.iter().filter(|(_, outcome)| outcome.is_ok()).count());
        })?;
        let user = UserName::parse("alice").map_err(Failure::fatal)?;
        Ok(Alone { store, threads, kept, user })
    }

    /// Hands a message in, with a key where one is given.
    ///
    /// # Errors
    /// A writer that has ended.
    pub async fn say(&self, room: usize, text: String, reference: Option<&str>) -> Result<(), Refusal> {
        let post = Post {
            room: name(room)?,
            from: self.user.clone(),
            text,
            reference: reference.map(Ref::parse).transpose()?,
            sender: MemberId(1),
            received: Instant::now(),
            space: None,
        };
        self.store.submit(post).await
    }

    /// Waits until so many more have been kept.
    ///
    /// # Panics
    /// When the writer has ended.
    pub fn wait_for(&self, mut count: usize) {
        while count > 0 {
            count -= self.kept.recv().expect("the writer goes on");
        }
    }

    /// A page of a room.
    ///
    /// # Errors
    /// A database that can't be read.
    pub async fn page(&self, room: usize, page: Page, limit: u32) -> Result<Vec<Message>, Refusal> {
        self.store.page(&name(room)?, page, limit).await
    }

    /// What is found in the first so many rooms.
    ///
    /// # Errors
    /// A database that can't be read.
    pub async fn search(&self, rooms: usize, query: &str, limit: u32) -> Result<Vec<Message>, Refusal> {
        let rooms = (0..rooms).map(name).collect::<Result<_, _>>()?;
        self.store.search(query, rooms, limit).await
    }

    /// Lets it look for what is not to be kept, as it does every minute.
    pub async fn forget_old(&self) {
        self.store.forget_old().await;
    }

    /// Ends it.
    ///
    /// # Errors
    /// What broke the writer.
    pub fn close(self) -> Result<(), Failure> {
        drop(self.store);
        self.threads.join()
    }
}

/// Copies the database of a folder to a file, as `chat backup` does.
///
/// # Errors
/// A folder or a file that can't be used.
pub fn back_up(data: &Path, file: &Path) -> Result<(), Failure> {
    store::copy(data, file).map(|_| ())
}

fn name(room: usize) -> Result<RoomName, Refusal> {
    RoomName::parse(&format!("room{room}"))
}
