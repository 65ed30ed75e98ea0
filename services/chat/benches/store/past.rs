//! How a million messages are opened, read and searched: in one room, and spread over as many as one may be in.

use std::time::Instant;

use chat::Sync;
use chat::alone::{Alone, Keep};
use engine::chat::Page;

use super::{fill, million, print, timed};

/// As many rooms as one may be in, by default.
const MANY: usize = 100;

const WORDS: [(&str, &str); 6] = [
    ("every", "a word of every message"),
    ("rare7", "a word of one in a thousand"),
    ("unique7", "a word of one message"),
    ("even third", "two words of one in six"),
    ("even odd", "two common words never together"),
    ("nowhere", "a word of none"),
];

pub(super) async fn measure() {
    for rooms in [1, MANY] {
        in_rooms(million(), rooms).await;
    }
}

async fn in_rooms(count: usize, rooms: usize) {
    let folder = tempfile::tempdir().unwrap();
    let open = || Alone::open(folder.path(), Sync::Normal, Keep::EVERYTHING).unwrap();
    let store = open();
    fill(&store, count, rooms).await;
    store.close().unwrap();
    println!("{count} messages in {rooms} rooms:");
    let began = Instant::now();
    let store = open();
    print("opened", vec![began.elapsed()]);
    newcomers(&store).await;
    if rooms == 1 {
        pages(&store, count as u64).await;
    }
    for searched in [1, rooms] {
        for (words, what) in WORDS {
            searches(&store, searched, words, what).await;
        }
        if rooms == 1 {
            break;
        }
    }
    store.close().unwrap();
}

async fn newcomers(store: &Alone) {
    let mut took = Vec::new();
    for _ in 0..1000 {
        let (time, page) = timed(store.page(0, Page::Newest, 20)).await;
        assert_eq!(page.unwrap().len(), 20);
        took.push(time);
    }
    print("the newest 20", took);
}

/// All of it forward, and back again.
async fn pages(store: &Alone, count: u64) {
    let (mut forward, mut back) = (Vec::new(), Vec::new());
    for id in (0..count).step_by(10_000) {
        let (time, page) = timed(store.page(0, Page::After(id), 1000)).await;
        assert_eq!(page.unwrap()[0].id, id + 1);
        forward.push(time);
        let (time, page) = timed(store.page(0, Page::Before(count - id + 1), 1000)).await;
        assert_eq!(page.unwrap().last().unwrap().id, count - id);
        back.push(time);
    }
    print("a page of 1,000 forward", forward);
    print("a page of 1,000 back", back);
}

async fn searches(store: &Alone, rooms: usize, words: &str, what: &str) {
    let mut took = Vec::new();
    for _ in 0..20 {
        let (time, found) = timed(store.search(rooms, words, 20)).await;
        found.unwrap();
        took.push(time);
    }
    print(&format!("search in {rooms}: {what}"), took);
}
