//! What holds writers up: how long each batch takes by itself, while old messages are forgotten, and while the
//! history is backed up.

use std::path::Path;
use std::thread;
use std::time::Duration;

use chat::Sync;
use chat::alone::{self, Alone, Keep};

use super::{BATCH, fill, million, print, say, timed};

/// Batches in each case but that of the backup, which takes as many as it takes.
const BATCHES: usize = 1000;

pub(super) async fn measure() {
    let folder = tempfile::tempdir().unwrap();
    let count = million();
    let store = open(folder.path(), Keep::EVERYTHING);
    fill(&store, count, 1).await;
    println!("a batch of {BATCH} with --sync full beside {count} messages:");
    print("alone", batches(&store, |done| done == BATCHES).await);
    print("while it is backed up", backed_up(&store, folder.path()).await);
    store.close().unwrap();
    forgotten(folder.path(), "by number", Keep { messages: count as u64 / 2, ..Keep::EVERYTHING }).await;
    forgotten(folder.path(), "by age", Keep { age: Duration::from_millis(1), ..Keep::EVERYTHING }).await;
}

fn open(data: &Path, keep: Keep) -> Alone {
    Alone::open(data, Sync::Full, keep).unwrap()
}

/// Says one batch after another.
async fn batches(store: &Alone, mut is_over: impl FnMut(usize) -> bool) -> Vec<Duration> {
    let mut took = Vec::new();
    while !is_over(took.len()) {
        took.push(timed(say(store, took.len() * BATCH, BATCH, 1, false)).await.0);
    }
    took
}

async fn backed_up(store: &Alone, data: &Path) -> Vec<Duration> {
    let (data, file) = (data.to_owned(), data.join("backup.db"));
    let backup = thread::spawn(move || alone::back_up(&data, &file).unwrap());
    let took = batches(store, |_| backup.is_finished()).await;
    backup.join().unwrap();
    took
}

/// A store opened with a bound that most of it is beyond: as many are forgotten as come.
async fn forgotten(data: &Path, how: &str, keep: Keep) {
    let store = open(data, keep);
    // Asked twice, it waits for no moment in which nobody speaks.
    store.forget_old().await;
    store.forget_old().await;
    print(&format!("while they are forgotten {how}"), batches(&store, |done| done == BATCHES).await);
    store.close().unwrap();
}
