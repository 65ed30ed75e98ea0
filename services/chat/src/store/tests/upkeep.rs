//! What the writer does beside messages: it indexes, forgets and lets the log be brought in, a step at a time.

use rusqlite::wal::CheckpointMode;

use super::super::index::Index;
use super::super::rooms::Range;
use super::super::schema::{Location, key};
use super::*;

/// As many messages as several steps take.
const MANY: u64 = 2_000;

/// Says so many at once, each with the same word in it.
async fn say_many(serving: &Serving, room: &str, count: u64) {
    for n in 0..count {
        serving.store.submit(post(room, &format!("apple {n}"), None)).await.unwrap();
    }
    tokio::task::block_in_place(|| {
        (0..count).for_each(|_| assert!(serving.commits.recv().unwrap().1.is_ok()));
    });
}

async fn until(what: &str, mut reached: impl FnMut() -> bool) {
    let waiting = async {
        while !reached() {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(60), waiting).await.unwrap_or_else(|_| panic!("never: {what}"));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_committed_is_found_whatever_the_index_is_behind() {
    let data = TempDir::new().unwrap();
    let serving = serve(data.path(), Sync::Normal, FOREVER);
    for round in 1..=3 {
        say_many(&serving, "a", MANY).await;
        let found = serving.store.search("apple", vec![name("a")], u32::MAX).await.unwrap();
        assert_eq!(found.len() as u64, round * MANY);
    }
    serving.store.tidy();
    until("the index is up to date unasked", || serving.metrics.upkeep.index_lag.get() == 0).await;
    let steps = serving.metrics.upkeep.index_steps.get_sample_count();
    assert!(steps >= 3 * MANY / 1024, "{steps} steps");
    serving.close().await;
}

/// Each message was indexed by itself as soon as it was committed, which cost more than to keep it.
#[tokio::test(flavor = "multi_thread")]
async fn messages_that_come_one_by_one_are_indexed_together() {
    let data = TempDir::new().unwrap();
    let serving = serve(data.path(), Sync::Normal, FOREVER);
    for _ in 0..20 {
        serving.id("a", "apple").await;
    }
    serving.store.tidy();
    let steps = || serving.metrics.upkeep.index_steps.get_sample_count();
    until("they are indexed", || steps() > 0).await;
    until("the index is up to date", || serving.metrics.upkeep.index_lag.get() == 0).await;
    assert_eq!(steps(), 1);
    assert_eq!(serving.store.search("apple", vec![name("a")], u32::MAX).await.unwrap().len(), 20);
    serving.close().await;
}

/// A search that comes while others speak waits for what was said before, not for what they say meanwhile.
#[tokio::test(flavor = "multi_thread")]
async fn a_search_ends_though_others_never_stop_speaking() {
    let data = TempDir::new().unwrap();
    let serving = serve(data.path(), Sync::Normal, FOREVER);
    say_many(&serving, "a", MANY).await;
    let store = serving.store.clone();
    let speaking = tokio::spawn(async move {
        loop {
            store.submit(post("b", "pear", None)).await.unwrap();
        }
    });
    for _ in 0..5 {
        let found = serving.store.search("apple", vec![name("a")], u32::MAX).await.unwrap();
        assert_eq!(found.len() as u64, MANY);
    }
    speaking.abort();
    assert!(speaking.await.unwrap_err().is_cancelled());
    serving.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_log_is_brought_in_beside_the_writer_and_begun_anew() {
    let data = TempDir::new().unwrap();
    let serving = serve(data.path(), Sync::Normal, FOREVER);
    let metrics = serving.metrics.clone();
    let log = data.path().join("chat.db-wal");
    let mut longest = 0;
    for _ in 0..20 {
        say_many(&serving, "a", MANY).await;
        longest = longest.max(log.metadata().unwrap().len());
    }
    until("a pass", || metrics.upkeep.checkpoints_beside.get_sample_count() > 0).await;
    // 16,000 pages, and what one batch and one step add before the writer looks at it.
    assert!(longest < 128 << 20, "{longest}");
    serving.close().await;
    assert!(!log.exists(), "one file is left");
    assert_eq!(serve(data.path(), Sync::Normal, FOREVER).texts("a").await.len(), 1000);
}

/// The bulk of the log is brought in beside the writer.
#[test]
fn a_pass_brings_the_log_in() {
    let data = TempDir::new().unwrap();
    let mut location = Location::of(data.path(), Sync::Normal).unwrap();
    let writer = location.open_writer().unwrap();
    let side = location.open_side().unwrap().unwrap();
    writer.execute_batch("CREATE TABLE t(x); INSERT INTO t VALUES (1);").unwrap();
    let (log, done) = side.db.wal_checkpoint_v2(None::<&str>, CheckpointMode::PASSIVE).unwrap();
    assert!(log > 0 && done == log, "{done} of {log}");
}

/// A pass beside a writer who never rests does not reach the end of the log: the writer does the rest.
#[tokio::test(flavor = "multi_thread")]
async fn what_a_pass_leaves_is_done_by_the_writer() {
    let data = TempDir::new().unwrap();
    let serving = serve(data.path(), Sync::Normal, FOREVER);
    let store = serving.store.clone();
    let speaking = tokio::spawn(async move {
        loop {
            store.submit(post("a", &"apple ".repeat(100), None)).await.unwrap();
        }
    });
    until("the rest", || serving.metrics.upkeep.checkpoints_between.get_sample_count() > 0).await;
    speaking.abort();
    assert!(speaking.await.unwrap_err().is_cancelled());
    serving.close().await;
}

/// What somebody looks at can't be brought in further, and that was tried over and over.
#[tokio::test(flavor = "multi_thread")]
async fn a_pass_is_made_when_something_was_added_to_the_log() {
    let data = TempDir::new().unwrap();
    let serving = serve(data.path(), Sync::Normal, FOREVER);
    let looking = rusqlite::Connection::open(data.path().join(FILE)).unwrap();
    looking.execute_batch("BEGIN; SELECT count(*) FROM rooms").unwrap();
    while data.path().join(LOG).metadata().unwrap().len() < 6 << 20 {
        say_many(&serving, "a", MANY).await;
    }
    let upkeep = &serving.metrics.upkeep;
    let passes =
        || upkeep.checkpoints_beside.get_sample_count() + upkeep.checkpoints_between.get_sample_count();
    let steps = || upkeep.index_steps.get_sample_count() + upkeep.merge_steps.get_sample_count();
    let before = (passes(), steps());
    for _ in 0..200 {
        // The writer looks at the log after each.
        serving.store.search("apple", vec![name("a")], 1).await.unwrap();
    }
    let (passes, steps) = (passes() - before.0, steps() - before.1);
    assert!(passes <= 2 * (steps + 2), "{passes} passes, and {steps} steps that add to the log");
    drop(looking);
    serving.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_oldest_of_all_rooms_go_first() {
    let data = TempDir::new().unwrap();
    let serving = serve(data.path(), Sync::Normal, FOREVER);
    for n in 0..30 {
        serving.id(["a", "b", "c"][n % 3], &format!("apple {n}")).await;
    }
    serving.close().await;
    let serving = serve(data.path(), Sync::Normal, Retention { messages: 10, ..FOREVER });
    until("ten are left", || serving.metrics.store.history_messages.get() == 10).await;
    assert_eq!(serving.texts("a").await, ["apple 21", "apple 24", "apple 27"]);
    assert_eq!(serving.texts("b").await, ["apple 22", "apple 25", "apple 28"]);
    assert_eq!(serving.texts("c").await, ["apple 20", "apple 23", "apple 26", "apple 29"]);
    assert_eq!(serving.metrics.store.forgotten.get(), 20);
    let rooms = vec![name("a"), name("b"), name("c")];
    assert_eq!(serving.store.search("apple", rooms, 50).await.unwrap().len(), 10);
    serving.close().await;
}

/// Nobody stops speaking, and the room stays within its bound all the same.
#[tokio::test(flavor = "multi_thread")]
async fn it_is_forgotten_also_while_others_never_stop_speaking() {
    let data = TempDir::new().unwrap();
    let serving = serve(data.path(), Sync::Normal, Retention { messages: 100, ..FOREVER });
    for _ in 0..10 {
        say_many(&serving, "a", MANY).await;
        // What may wait for a quiet moment, and the batches that are under way.
        assert!(serving.metrics.store.history_messages.get() < 100 + 4096 + 2 * 1024);
    }
    serving.store.forget_old().await;
    until("a hundred are left", || serving.metrics.store.history_messages.get() == 100).await;
    let texts = serving.texts("a").await;
    assert_eq!((texts.len(), texts[99].as_str()), (100, "apple 1999"));
    serving.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_outlives_its_message() {
    let data = TempDir::new().unwrap();
    let short = Retention { age: Duration::ZERO, ..FOREVER };
    let serving = serve(data.path(), Sync::Normal, short);
    let Ok(Kept::New { id, at }) = serving.say("a", "once", Some("k")).await else { panic!("not kept") };
    while !serving.texts("a").await.is_empty() {
        serving.store.forget_old().await;
    }
    assert_eq!(serving.say("a", "once", Some("k")).await, Ok(Kept::Again { id, at }));
    assert_eq!(serving.say("a", "twice", Some("k")).await.unwrap_err().code, Code::RefReused);
    serving.close().await;
    let serving = serve(data.path(), Sync::Normal, short);
    assert_eq!(serving.say("a", "once", Some("k")).await, Ok(Kept::Again { id, at }), "after a restart");
    assert_eq!(serving.id("a", "next").await, 2);
    serving.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_is_forgotten_after_its_day() {
    let data = TempDir::new().unwrap();
    let serving = serve(data.path(), Sync::Normal, FOREVER);
    for n in 0..600 {
        serving.say("a", "once", Some(&n.to_string())).await.unwrap();
    }
    serving.close().await;
    let db = rusqlite::Connection::open(data.path().join("chat.db")).unwrap();
    db.execute_batch("UPDATE refs SET at = at - 24 * 60 * 60 * 1000 WHERE ref <> '7'").unwrap();
    drop(db);
    let serving = serve(data.path(), Sync::Normal, FOREVER);
    assert!(matches!(serving.say("a", "once", Some("7")).await, Ok(Kept::Again { id: 8, .. })));
    assert!(matches!(serving.say("a", "twice", Some("8")).await, Ok(Kept::New { id: 601, .. })));
    serving.close().await;
    let db = rusqlite::Connection::open(data.path().join("chat.db")).unwrap();
    let left: i64 = db.query_row("SELECT count(*) FROM refs", [], |row| row.get(0)).unwrap();
    assert_eq!(left, 2);
}

/// Every message whose room came before the last one's began a segment of the index.
#[test]
fn a_step_of_the_index_is_one_segment_whatever_rooms_it_is_of() {
    let mut db = Location::of(Path::new(""), Sync::Off).unwrap().open_writer().unwrap();
    let mut index = Index::load(&db).unwrap();
    for id in 1..=10 {
        for room in [3, 1, 2] {
            let message = (key(room, id), "alice", format!("apple {id}"));
            db.execute("INSERT INTO messages VALUES (?, 0, ?, ?, 0)", message).unwrap();
            index.add([Range { room, first: id, last: id }]);
        }
    }
    for (most, segments) in [(25, 1), (25, 2)] {
        let transaction = db.transaction().unwrap();
        let indexed = index.step(&transaction, most).unwrap();
        transaction.commit().unwrap();
        index.advance(indexed);
        let count = "SELECT count(DISTINCT segid) FROM words_idx";
        assert_eq!(db.query_row(count, [], |row| row.get(0)), Ok(segments));
    }
    assert_eq!(index.lag(), 0);
}

/// A disk that was full and is not any more was used for a step a second until somebody spoke.
#[test]
fn a_step_that_succeeds_shows_that_there_is_room_again() {
    let db = Location::of(Path::new(""), Sync::Off).unwrap().open_writer().unwrap();
    let mut index = Index::load(&db).unwrap();
    index.add([Range { room: 1, first: 1, last: 5_000 }]);
    index.give_up();
    assert!(!index.is_behind() && !index.is_overdue());
    index.advance(256);
    assert!(index.is_behind() && index.is_overdue());
}
