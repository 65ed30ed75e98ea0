//! What is kept in a second.

use std::time::{Duration, Instant};

use chat::Sync;
use chat::alone::{Alone, Keep};

use super::{BATCH, say};

/// How long each rate is measured.
const MEASURED: Duration = Duration::from_secs(3);

pub(super) async fn measure() {
    for (sync, name) in [(Sync::Full, "full"), (Sync::Normal, "normal")] {
        for with_refs in [false, true] {
            for rooms in [1, 100] {
                rate(sync, name, with_refs, rooms).await;
            }
        }
    }
}

async fn rate(sync: Sync, name: &str, with_refs: bool, rooms: usize) {
    let folder = tempfile::tempdir().unwrap();
    let store = Alone::open(folder.path(), sync, Keep::EVERYTHING).unwrap();
    let began = Instant::now();
    let mut said = 0;
    while began.elapsed() < MEASURED {
        say(&store, said, BATCH, rooms, with_refs).await;
        said += BATCH;
    }
    let rate = said as f64 / began.elapsed().as_secs_f64();
    let refs = if with_refs { "with refs" } else { "" };
    println!("{name:6} {refs:9} {rooms:>3} rooms {rate:>10.0} messages/s");
    store.close().unwrap();
}
