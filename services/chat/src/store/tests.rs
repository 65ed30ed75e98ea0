//! The store on a real disk: what is kept, what is found, what is forgotten, and what is refused.

use std::path::Path;
use std::sync::mpsc;
use std::time::Duration;

use engine::Code;
use tempfile::TempDir;

use super::*;

mod memory;
mod search;
mod upgrade;
mod upkeep;

const FOREVER: Retention = Retention { age: Duration::from_secs(u64::MAX), messages: u64::MAX };

/// A served database and what it has committed.
struct Serving {
    store: Store,
    threads: Threads,
    commits: mpsc::Receiver<(Post, Outcome)>,
    metrics: Metrics,
}

fn serve(data: &Path, sync: Sync, retention: Retention) -> Serving {
    let (sender, commits) = mpsc::channel();
    let metrics = Metrics::new(&chassis::Life::new(&crate::SERVICE).metrics);
    let served = Database::open(data, sync)
        .unwrap()
        .serve(retention, metrics.clone(), move |batch| {
            // Nobody may be interested any more.
            batch.into_iter().for_each(|one| drop(sender.send(one)));
        })
        .unwrap();
    Serving { store: served.store, threads: served.threads, commits, metrics }
}

impl Serving {
    async fn say(&self, room: &str, text: &str, reference: Option<&str>) -> Outcome {
        self.store.submit(post(room, text, reference)).await.unwrap();
        tokio::task::block_in_place(|| self.commits.recv().unwrap().1)
    }

    async fn id(&self, room: &str, text: &str) -> u64 {
        match self.say(room, text, None).await {
            Ok(Kept::New { id, .. }) => id,
            other => panic!("{text} was not kept: {other:?}"),
        }
    }

    async fn texts(&self, room: &str) -> Vec<String> {
        let kept = self.store.page(&name(room), Page::Newest, 1000).await.unwrap();
        kept.into_iter().map(|message| message.text).collect()
    }

    async fn close(self) {
        drop(self.store);
        tokio::task::block_in_place(|| self.threads.join()).unwrap();
    }
}

fn post(room: &str, text: &str, reference: Option<&str>) -> Post {
    Post {
        room: name(room),
        from: UserName::parse("alice").unwrap(),
        text: text.into(),
        reference: reference.map(|written| Ref::parse(written).unwrap()),
        sender: MemberId(1),
        received: Instant::now(),
        space: None,
    }
}

fn name(room: &str) -> RoomName {
    RoomName::parse(room).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn ids_go_on_without_gap_after_a_restart() {
    for sync in [Sync::Full, Sync::Normal] {
        let data = TempDir::new().unwrap();
        let kept = serve(data.path(), sync, FOREVER);
        assert_eq!(
            [kept.id("a", "one").await, kept.id("b", "uno").await, kept.id("a", "two").await],
            [1, 1, 2]
        );
        kept.close().await;
        let kept = serve(data.path(), sync, FOREVER);
        assert_eq!(kept.id("a", "three").await, 3);
        assert_eq!(kept.texts("a").await, ["one", "two", "three"]);
        assert_eq!(kept.store.after(&name("a"), 1, 2, 10).await.unwrap().len(), 1);
        assert_eq!(kept.store.page(&name("a"), Page::Before(3), 1).await.unwrap()[0].text, "two");
        kept.close().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn in_memory_it_is_the_same_until_the_end() {
    let data = TempDir::new().unwrap();
    let kept = serve(data.path(), Sync::Off, FOREVER);
    kept.id("a", "one").await;
    assert_eq!(kept.texts("a").await, ["one"]);
    assert_eq!(kept.store.search("ONE", vec![name("a")], 5).await.unwrap().len(), 1);
    kept.close().await;
    assert_eq!(std::fs::read_dir(data.path()).unwrap().count(), 0, "nothing is written");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_stands_for_one_message_also_after_a_restart() {
    let data = TempDir::new().unwrap();
    let kept = serve(data.path(), Sync::Normal, FOREVER);
    let Ok(Kept::New { id, at }) = kept.say("a", "once", Some("k")).await else { panic!("not kept") };
    kept.close().await;
    let kept = serve(data.path(), Sync::Normal, FOREVER);
    assert_eq!(kept.say("a", "once", Some("k")).await, Ok(Kept::Again { id, at }));
    for (room, text) in [("a", "twice"), ("b", "once")] {
        assert_eq!(kept.say(room, text, Some("k")).await.unwrap_err().code, Code::RefReused);
    }
    assert_eq!(kept.texts("a").await, ["once"]);
    assert_eq!(kept.id("a", "next").await, 2, "a refusal uses no id up");
    kept.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn words_are_found_and_are_never_operators() {
    let data = TempDir::new().unwrap();
    let kept = serve(data.path(), Sync::Normal, FOREVER);
    for text in ["the quick fox", "a quick \"brown\" fox OR dog", "Robert'); DROP TABLE messages;--"] {
        kept.id("a", text).await;
    }
    kept.id("b", "quick elsewhere").await;
    let found = async |query: &str| -> Vec<u64> {
        let found = kept.store.search(query, vec![name("a")], 10).await.unwrap();
        found.iter().map(|message| message.id).collect()
    };
    assert_eq!(found("quick").await, [2, 1]);
    assert_eq!(found("QUICK brown").await, [2]);
    assert_eq!(found("fox OR dog").await, [2]);
    assert_eq!(found("drop table").await, [3]);
    for nothing in ["", "\"", "NEAR(", "* -", "lazy"] {
        assert_eq!(found(nothing).await, [0; 0], "{nothing:?}");
    }
    kept.close().await;
}

/// Messages of one batch share a millisecond, and ids are each room's own: neither tells which is newer.
#[tokio::test(flavor = "multi_thread")]
async fn what_is_found_in_many_rooms_is_newest_first() {
    let data = TempDir::new().unwrap();
    let serving = serve(data.path(), Sync::Normal, FOREVER);
    for n in 0..20 {
        serving.id(if n % 3 == 0 { "a" } else { "b" }, &format!("apple {n}")).await;
    }
    serving.close().await;
    let serving = serve(data.path(), Sync::Normal, FOREVER);
    for n in 20..30 {
        serving.id("a", &format!("apple {n}")).await;
    }
    let found = serving.store.search("apple", vec![name("a"), name("b")], 25).await.unwrap();
    let texts: Vec<String> = found.into_iter().map(|message| message.text).collect();
    let wanted: Vec<String> = (5..30).rev().map(|n| format!("apple {n}")).collect();
    assert_eq!(texts, wanted);
    serving.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_oldest_go_first_and_their_words_with_them() {
    let data = TempDir::new().unwrap();
    let kept = serve(data.path(), Sync::Normal, FOREVER);
    for n in 1..=5 {
        kept.id("a", &format!("number {n}")).await;
    }
    assert_eq!(kept.store.search("number", vec![name("a")], 10).await.unwrap().len(), 5);
    kept.close().await;
    let kept = serve(data.path(), Sync::Normal, Retention { messages: 3, ..FOREVER });
    kept.id("a", "number 6").await;
    // The writer forgets before it answers the next question to it.
    kept.store.forget_old().await;
    while kept.texts("a").await.len() > 3 {
        kept.store.forget_old().await;
    }
    assert_eq!(kept.texts("a").await, ["number 4", "number 5", "number 6"]);
    assert_eq!(kept.store.oldest(&name("a")).await.unwrap(), Some(4));
    assert_eq!(kept.store.search("number", vec![name("a")], 10).await.unwrap().len(), 3);
    assert_eq!(kept.id("a", "number 7").await, 7, "forgotten ids are not given again");
    kept.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_too_old_goes() {
    let data = TempDir::new().unwrap();
    let kept = serve(data.path(), Sync::Normal, Retention { age: Duration::ZERO, ..FOREVER });
    kept.id("a", "soon gone").await;
    while !kept.texts("a").await.is_empty() {
        kept.store.forget_old().await;
    }
    assert_eq!(kept.store.oldest(&name("a")).await.unwrap(), None);
    kept.close().await;
}

/// The words of the refusal to open.
fn refusal(data: &Path) -> String {
    match Database::open(data, Sync::Full) {
        Err(failure @ Failure::Config { flag: "--data", .. }) => failure.to_string(),
        other => panic!("opened: {other:?}"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_that_is_not_ours_is_left_alone() {
    let data = TempDir::new().unwrap();
    let path = data.path().join("chat.db");
    std::fs::write(&path, "this was somebody's diary, kept for many years and longer than a header").unwrap();
    let before = std::fs::read(&path).unwrap();
    assert!(refusal(data.path()).contains("no database"));
    assert_eq!(std::fs::read(&path).unwrap(), before);

    std::fs::remove_file(&path).unwrap();
    rusqlite::Connection::open(&path).unwrap().execute_batch("CREATE TABLE recipes (cake)").unwrap();
    assert!(refusal(data.path()).contains("another program's"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_newer_or_a_shared_database_is_refused() {
    let data = TempDir::new().unwrap();
    let kept = serve(data.path(), Sync::Full, FOREVER);
    assert!(refusal(data.path()).contains("another chat service"));
    kept.close().await;
    let db = rusqlite::Connection::open(data.path().join("chat.db")).unwrap();
    db.pragma_update(None, "user_version", 99).unwrap();
    drop(db);
    assert!(refusal(data.path()).contains("version 99"));
}
