//! What is found, however the index is asked.

use rusqlite::Connection;

use super::*;
use crate::store::search::search_by;

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
}
