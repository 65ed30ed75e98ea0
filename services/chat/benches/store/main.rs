//! The store alone: what it keeps in a second, and how fast a million messages are read and searched.
//! `cargo bench -p chat --bench store`.
//!
//! Messages have 100 bytes and come 256 at a time, the next when all of them are kept; rates are with the
//! full-text index, which may be at most 4,096 messages behind. `PARLANCE_BENCH_MESSAGES=100000` makes the
//! million another number; the folder is made in `TMPDIR`.
#![allow(clippy::unwrap_used, reason = "a benchmark that can't go on says so")]

use std::time::{Duration, Instant};

use chat::Sync;
use chat::alone::Alone;
use engine::chat::Page;
use tokio::runtime::Builder;

const BATCH: usize = 256;
/// How long each rate is measured.
const MEASURED: Duration = Duration::from_secs(3);

fn main() {
    let runtime = Builder::new_current_thread().build().unwrap();
    runtime.block_on(async {
        for (sync, name) in [(Sync::Full, "full"), (Sync::Normal, "normal")] {
            for with_refs in [false, true] {
                rate(sync, name, with_refs).await;
            }
        }
        million().await;
    });
}

/// A message of 100 bytes: one word is in each, one in every second, one in every third, one in a thousand.
fn text(n: usize) -> String {
    let half = if n.is_multiple_of(2) { "even" } else { "odd" };
    let third = if n.is_multiple_of(3) { "third" } else { "other" };
    let text = format!(
        "every {half} {third} rare{} unique{n} the quick brown fox jumps over the lazy dog",
        n % 1000
    );
    format!("{text:-<100.100}")
}

async fn rate(sync: Sync, name: &str, with_refs: bool) {
    let folder = tempfile::tempdir().unwrap();
    let store = Alone::open(folder.path(), sync).unwrap();
    let began = Instant::now();
    let mut said = 0;
    while began.elapsed() < MEASURED {
        say(&store, said, BATCH, with_refs).await;
        said += BATCH;
    }
    let rate = said as f64 / began.elapsed().as_secs_f64();
    let refs = if with_refs { "with refs" } else { "" };
    println!("{name:6} {refs:9} {rate:>10.0} messages/s");
    store.close().unwrap();
}

async fn say(store: &Alone, first: usize, count: usize, with_refs: bool) {
    for n in first..first + count {
        let reference = with_refs.then(|| format!("7f3a-{n}"));
        store.say(text(n), reference.as_deref()).await.unwrap();
    }
    store.wait_for(count);
}

async fn million() {
    let count = std::env::var("PARLANCE_BENCH_MESSAGES").map_or(1_000_000, |count| count.parse().unwrap());
    let folder = tempfile::tempdir().unwrap();
    let store = Alone::open(folder.path(), Sync::Normal).unwrap();
    let mut said = 0;
    while said < count {
        say(&store, said, 1000, false).await;
        said += 1000;
    }
    // The first search waits for the index.
    store.search("every", 1).await.unwrap();
    println!("{said} messages in one room:");
    newcomers(&store).await;
    pages(&store, said as u64).await;
    for (words, what) in [
        ("every", "a word of every message"),
        ("rare7", "a word of one in a thousand"),
        ("unique7", "a word of one message"),
        ("even third", "two words of one in six"),
        ("even odd", "two common words never together"),
        ("nowhere", "a word of none"),
    ] {
        searches(&store, words, what).await;
    }
    store.close().unwrap();
}

async fn newcomers(store: &Alone) {
    let mut took = Vec::new();
    for _ in 0..1000 {
        let began = Instant::now();
        assert_eq!(store.page(Page::Newest, 20).await.unwrap().len(), 20);
        took.push(began.elapsed());
    }
    print("the newest 20", took);
}

/// All of it forward, and back again.
async fn pages(store: &Alone, count: u64) {
    let (mut took, mut back) = (Vec::new(), Vec::new());
    for id in (0..count).step_by(10_000) {
        let began = Instant::now();
        assert_eq!(store.page(Page::After(id), 1000).await.unwrap()[0].id, id + 1);
        took.push(began.elapsed());
        let began = Instant::now();
        let page = store.page(Page::Before(count - id + 1), 1000).await.unwrap();
        assert_eq!(page.last().unwrap().id, count - id);
        back.push(began.elapsed());
    }
    print("a page of 1,000 forward", took);
    print("a page of 1,000 back", back);
}

async fn searches(store: &Alone, words: &str, what: &str) {
    let mut took = Vec::new();
    for _ in 0..20 {
        let began = Instant::now();
        store.search(words, 20).await.unwrap();
        took.push(began.elapsed());
    }
    print(&format!("search: {what}"), took);
}

fn print(what: &str, mut took: Vec<Duration>) {
    took.sort();
    let [median, worst] = [took[took.len() / 2], took[took.len() - 1]].map(|time| time.as_secs_f64() * 1e3);
    println!("  {what:42} median {median:>8.3} ms, at most {worst:>8.3} ms");
}
