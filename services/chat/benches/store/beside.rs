//! What holds writers up: how long each batch takes by itself, while old messages are forgotten, and while the
//! history is backed up.

use std::path::Path;
use std::thread;
use std::time::Duration;

use chat::Sync;
use chat::alone::{self, Alone, Keep};

use super::{BATCH, fill, million, print, say, timed};

/// Batches in each case at least.
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
    let half = count as u64 / 2;
    forgotten(folder.path(), "by number", Keep { messages: half, ..Keep::EVERYTHING }, half + 8_192).await;
    forgotten(folder.path(), "by age", Keep { age: Duration::from_millis(1), ..Keep::EVERYTHING }, 50_000)
        .await;
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

/// A store opened with a bound that much of it is beyond, until so many are left.
async fn forgotten(data: &Path, how: &str, keep: Keep, left: u64) {
    let store = open(data, keep);
    // Asked twice, it waits for no moment in which nobody speaks.
    store.forget_old().await;
    store.forget_old().await;
    let took = batches(&store, |done| done > 0 && store.messages() <= left).await;
    print(&format!("while they are forgotten {how}"), took);
    store.close().unwrap();
}
