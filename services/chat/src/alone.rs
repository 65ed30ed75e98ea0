//! The store alone, without sockets and members: what its benchmark measures.

use std::path::Path;
use std::sync::mpsc;
use std::time::{Duration, Instant};

use chassis::{Failure, Life};
use engine::Refusal;
use engine::chat::{MemberId, Message, Page, Ref};
use engine::names::{RoomName, UserName};

use crate::metrics::Metrics;
use crate::store::{Database, Post, Retention, Served, Store, Sync, Threads};

/// A store that is served, and one who speaks in one room.
#[derive(Debug)]
pub struct Alone {
    store: Store,
    threads: Threads,
    /// How many messages each batch has kept.
    kept: mpsc::Receiver<usize>,
    room: RoomName,
    user: UserName,
}

impl Alone {
    /// Opens and serves a folder that keeps everything.
    ///
    /// # Errors
    /// A folder that can't be used.
    pub fn open(data: &Path, sync: Sync) -> Result<Self, Failure> {
        let (tell, kept) = mpsc::channel();
        let metrics = Metrics::new(&Life::new(&crate::SERVICE).metrics);
        let retention = Retention { age: Duration::MAX, messages: u64::MAX };
        let Served { store, threads, .. } =
            Database::open(data, sync)?.serve(retention, metrics, move |batch| {
                // Nobody may be interested any more.
                let _ = tell.send(batch.iter().filter(|(_, outcome)| outcome.is_ok()).count());
            })?;
        let room = RoomName::parse("lobby").map_err(Failure::fatal)?;
        let user = UserName::parse("alice").map_err(Failure::fatal)?;
        Ok(Alone { store, threads, kept, room, user })
    }

    /// Hands a message in, with a key where one is given.
    ///
    /// # Errors
    /// A writer that has ended.
    pub async fn say(&self, text: String, reference: Option<&str>) -> Result<(), Refusal> {
        let post = Post {
            room: self.room.clone(),
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

    /// A page of the room.
    ///
    /// # Errors
    /// A database that can't be read.
    pub async fn page(&self, page: Page, limit: u32) -> Result<Vec<Message>, Refusal> {
        self.store.page(&self.room, page, limit).await
    }

    /// What is found in the room.
    ///
    /// # Errors
    /// A database that can't be read.
    pub async fn search(&self, query: &str, limit: u32) -> Result<Vec<Message>, Refusal> {
        self.store.search(query, vec![self.room.clone()], limit).await
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
