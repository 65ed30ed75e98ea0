//! A database of version 1 is brought up to date, with all that it promised.

use rusqlite::Connection;

use super::*;

/// The tables of version 1, and what a chat of that version had kept: three messages, the last of them not
/// indexed yet, a key for the first, and a key whose message retention has removed.
const VERSION_1: &str = "
CREATE TABLE rooms (
    number INTEGER PRIMARY KEY,
    name TEXT NOT NULL UNIQUE,
    last_id INTEGER NOT NULL,
    indexed_id INTEGER NOT NULL
);
CREATE TABLE messages (
    key INTEGER PRIMARY KEY,
    turn INTEGER NOT NULL,
    sender TEXT NOT NULL,
    text TEXT NOT NULL,
    at INTEGER NOT NULL
);
CREATE TABLE refs (
    user TEXT NOT NULL,
    ref TEXT NOT NULL,
    key INTEGER NOT NULL,
    at INTEGER NOT NULL,
    PRIMARY KEY (user, ref)
) WITHOUT ROWID;
CREATE INDEX refs_by_age ON refs (at);
CREATE VIRTUAL TABLE words USING fts5(text, content='messages', content_rowid='key');
PRAGMA application_id = 0x5061726c;
PRAGMA user_version = 1;
INSERT INTO rooms VALUES (1, 'a', 4, 3);
INSERT INTO messages VALUES
    ((1 << 40) + 2, 2, 'alice', 'apple pie', unixepoch() * 1000),
    ((1 << 40) + 3, 3, 'alice', 'apple juice', unixepoch() * 1000),
    ((1 << 40) + 4, 4, 'alice', 'an apple', unixepoch() * 1000);
INSERT INTO words (rowid, text) SELECT key, text FROM messages WHERE key <= (1 << 40) + 3;
INSERT INTO refs VALUES
    ('alice', 'gone', (1 << 40) + 1, unixepoch() * 1000),
    ('alice', 'k', (1 << 40) + 2, unixepoch() * 1000);
";

fn of_version_1() -> TempDir {
    let data = TempDir::new().unwrap();
    Connection::open(data.path().join("chat.db")).unwrap().execute_batch(VERSION_1).unwrap();
    data
}

#[tokio::test(flavor = "multi_thread")]
async fn it_keeps_messages_keys_and_words() {
    let data = of_version_1();
    for _ in 0..2 {
        let kept = serve(data.path(), Sync::Full, FOREVER);
        assert_eq!(kept.texts("a").await, ["apple pie", "apple juice", "an apple"]);
        assert!(matches!(kept.say("a", "apple pie", Some("k")).await, Ok(Kept::Again { id: 2, .. })));
        assert_eq!(kept.say("a", "another", Some("k")).await.unwrap_err().code, Code::RefReused);
        let found = kept.store.search("apple", vec![name("a")], 9).await.unwrap();
        assert_eq!(found.iter().map(|message| message.id).collect::<Vec<_>>(), [4, 3, 2]);
        kept.close().await;
    }
    let kept = serve(data.path(), Sync::Normal, FOREVER);
    assert_eq!(kept.id("a", "on we go").await, 5);
    kept.close().await;
    let db = Connection::open(data.path().join("chat.db")).unwrap();
    let number = |sql: &str| db.query_row(sql, [], |row| row.get::<_, i64>(0)).unwrap();
    assert_eq!(number("PRAGMA user_version"), 2);
    assert_eq!(number("SELECT v FROM words_config WHERE k = 'automerge'"), 0);
    assert_eq!(number("SELECT count(*) FROM sqlite_schema WHERE name LIKE 'refs%1'"), 0);
}

/// The new tables are there whole or not at all.
#[test]
fn an_upgrade_that_fails_has_not_been_begun() {
    let data = of_version_1();
    let path = data.path().join("chat.db");
    let db = Connection::open(&path).unwrap();
    db.execute_batch("ALTER TABLE refs RENAME COLUMN at TO moment").unwrap();
    drop(db);
    assert!(refusal(data.path()).contains("at"));
    let db = Connection::open(&path).unwrap();
    let version: i64 = db.query_row("PRAGMA user_version", [], |row| row.get(0)).unwrap();
    let keys: i64 = db.query_row("SELECT count(*) FROM refs", [], |row| row.get(0)).unwrap();
    assert_eq!((version, keys), (1, 2));
}
