//! What is found, however the index is asked.

use std::future::poll_fn;
use std::task::Poll;

use rusqlite::Connection;

use super::*;
use crate::store::search::{match_all, search_by};

/// Rooms with many hits, with few and with none.
#[tokio::test(flavor = "multi_thread")]
async fn it_is_the_same_however_much_is_taken_at_once() {
    let data = TempDir::new().unwrap();
    let serving = serve(data.path(), Sync::Normal, FOREVER);
    let mut said = Vec::new();
    for n in 0..60 {
        let room = ["a", "b", "c", "d", "b"][n % 5];
        let text = format!("{} {n}", if room == "c" { "pear" } else { "apple" });
        said.push((room, text.clone()));
        serving.id(room, &text).await;
    }
    serving.store.search("apple", vec![name("a")], 1).await.unwrap();
    serving.close().await;

    let db = Connection::open(data.path().join(FILE)).unwrap();
    for rooms in [&["a", "b", "c", "nowhere"][..], &["a", "d"], &["b"], &["c"], &[]] {
        let theirs = said.iter().filter(|(room, text)| rooms.contains(room) && text.starts_with("apple"));
        let wanted: Vec<&str> = theirs.rev().map(|(_, text)| text.as_str()).collect();
        let rooms: Vec<RoomName> = rooms.iter().map(|room| name(room)).collect();
        for at_once in [1, 2, 7, 30, 48, 49, 1000] {
            let found = search_by(at_once, &db, "apple", &rooms, 100).unwrap();
            let texts: Vec<&str> = found.iter().map(|message| message.text.as_str()).collect();
            assert_eq!(texts, wanted, "{at_once} at once in {rooms:?}");
            let newest = search_by(at_once, &db, "apple", &rooms, 2).unwrap();
            assert!(newest.len() <= 2 && found.starts_with(&newest), "{at_once} at once in {rooms:?}");
        }
    }
    db.execute_batch("DROP TABLE words").unwrap();
    for rooms in [&[][..], &[name("nowhere")]] {
        assert_eq!(search_by(1000, &db, "apple", rooms, 100).unwrap(), [], "the index was asked");
    }
}

/// The index goes through its lists once for each word that it is asked for.
#[test]
fn words_said_twice_are_looked_for_once() {
    for (query, wanted) in [
        ("one two one", r#""one" "two""#),
        ("one One ONE one", r#""one""#),
        ("a-b a b a-b", r#""a-b" "a" "b""#),
        ("say \"one\"", r#""say" """one""""#),
        (" \u{0} ", ""),
    ] {
        assert_eq!(match_all(query), wanted, "{query:?}");
    }
}

/// As `docs/PROTOCOL.md` says.
#[tokio::test(flavor = "multi_thread")]
async fn a_word_without_spaces_around_it_is_found_only_as_the_whole_run() {
    let data = TempDir::new().unwrap();
    let serving = serve(data.path(), Sync::Off, FOREVER);
    let said = [serving.id("a", "日本語。").await, serving.id("a", "日本語を話す").await];
    for (query, wanted) in [("日本語", &said[..1]), ("日本語を話す", &said[1..]), ("話す", &[])] {
        let found = serving.store.search(query, vec![name("a")], 5).await.unwrap();
        assert_eq!(found.iter().map(|message| message.id).collect::<Vec<_>>(), wanted, "{query}");
    }
    serving.close().await;
}

/// Somebody who was ended costs those behind them nothing.
#[tokio::test(flavor = "multi_thread")]
async fn what_nobody_waits_for_any_more_is_not_begun() {
    let data = TempDir::new().unwrap();
    let serving = serve(data.path(), Sync::Off, FOREVER);
    let (begun, has_begun) = oneshot::channel();
    let (go_on, held) = mpsc::channel::<()>();
    let store = serving.store.clone();
    let busy = tokio::spawn(async move {
        let work = move |_: &mut Connection| {
            begun.send(()).unwrap();
            held.recv().unwrap();
            Ok(())
        };
        store.read(work).await
    });
    has_begun.await.unwrap();
    let (tell, told) = mpsc::channel();
    let mut gone = Box::pin(serving.store.read(move |_| {
        tell.send(()).unwrap();
        Ok(())
    }));
    assert!(poll_fn(|cx| Poll::Ready(gone.as_mut().poll(cx))).await.is_pending());
    drop(gone);
    go_on.send(()).unwrap();
    busy.await.unwrap().unwrap();
    assert_eq!(serving.store.oldest(&name("a")).await.unwrap(), None, "the reader goes on");
    assert!(told.recv().is_err(), "it was begun");
    serving.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_search_that_takes_too_long_is_given_up_and_the_next_one_answered() {
    let data = TempDir::new().unwrap();
    let mut serving = serve(data.path(), Sync::Off, FOREVER);
    for n in 0..300 {
        serving.id("a", &format!("a b {n}")).await;
    }
    let patience = std::mem::take(&mut serving.store.patience);
    // The first words are found in each message, the others in none.
    for query in ["a b", "a-b-a-b"] {
        let refusal = serving.store.search(query, vec![name("a")], 300).await.unwrap_err();
        assert_eq!(refusal.code, Code::Unavailable);
        assert!(refusal.words.contains("took too long"), "{query}: {refusal:?}");
    }
    serving.store.patience = patience;
    assert_eq!(serving.store.search("a b", vec![name("a")], 300).await.unwrap().len(), 300);
    serving.close().await;
}
