//! The store alone: what it keeps in a second, how fast a million messages are opened, read and searched, and
//! what holds writers up meanwhile. `cargo bench -p chat --bench store`, with a part's name for that part alone.
//!
//! Messages have 100 bytes and come 256 at a time, the next when all of them are kept; rates are with the
//! full-text index, which may be at most 4,096 messages behind. `PARLANCE_BENCH_MESSAGES=100000` makes the
//! million another number; the folder is made in `TMPDIR`.
#![allow(clippy::unwrap_used, reason = "a benchmark that can't go on says so")]

mod beside;
mod past;
mod rate;

use std::time::{Duration, Instant};

use chat::alone::Alone;
use tokio::runtime::Builder;

/// Messages that come at a time.
const BATCH: usize = 256;

fn main() {
    // Cargo adds flags of its own.
    let wanted = std::env::args().skip(1).find(|argument| !argument.starts_with('-'));
    let is_wanted = |part: &str| wanted.as_deref().is_none_or(|wanted| wanted == part);
    let runtime = Builder::new_current_thread().build().unwrap();
    runtime.block_on(async {
        if is_wanted("rate") {
            rate::measure().await;
        }
        if is_wanted("past") {
            past::measure().await;
        }
        if is_wanted("beside") {
            beside::measure().await;
        }
    });
}

/// The million, or what was asked for instead.
fn million() -> usize {
    std::env::var("PARLANCE_BENCH_MESSAGES").map_or(1_000_000, |count| count.parse().unwrap())
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

/// Says messages in so many rooms in turn, and waits until they are kept.
async fn say(store: &Alone, first: usize, count: usize, rooms: usize, with_refs: bool) {
    for n in first..first + count {
        let reference = with_refs.then(|| format!("7f3a-{n}"));
        store.say(n % rooms, text(n), reference.as_deref()).await.unwrap();
    }
    store.wait_for(count);
}

/// Fills an empty store, and waits for its index.
async fn fill(store: &Alone, count: usize, rooms: usize) {
    for first in (0..count).step_by(1000) {
        say(store, first, 1000.min(count - first), rooms, false).await;
    }
    store.search(1, "every", 1).await.unwrap();
}

/// How long something takes.
async fn timed<T>(work: impl Future<Output = T>) -> (Duration, T) {
    let began = Instant::now();
    let done = work.await;
    (began.elapsed(), done)
}

fn print(what: &str, mut took: Vec<Duration>) {
    took.sort();
    let at = |share: f64| took[((took.len() - 1) as f64 * share) as usize].as_secs_f64() * 1e3;
    let (median, late, worst) = (at(0.5), at(0.99), at(1.0));
    println!("  {what:52} median {median:>8.3} ms, 99 % {late:>8.3} ms, at most {worst:>8.3} ms");
}
