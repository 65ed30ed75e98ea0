//! What was kept, beside what people were told.

use std::collections::HashMap;
use std::fmt;
use std::net::SocketAddr;
use std::ops::AddAssign;
use std::path::Path;

use rusqlite::Connection;
use serde_json::json;

use super::crowd::{Crowd, Listener, Told, Writer};
use crate::process::Client;

/// What was seen.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(super) struct Tally {
    /// How often the fault struck.
    pub(super) strikes: usize,
    /// Messages that were said, each counted once.
    pub(super) said: usize,
    pub(super) acked: usize,
    pub(super) kept: usize,
    /// Messages that listeners were told.
    pub(super) heard: usize,
    /// Acked, and not kept under that id.
    pub(super) lost: usize,
    /// Told to a listener, and not kept under that id.
    pub(super) taken_back: usize,
    /// Kept or told a second time.
    pub(super) doubled: usize,
    /// Kept or told before what was said earlier, or never said.
    pub(super) out_of_order: usize,
    /// Ids that nothing is kept under, or that a listener was not told.
    pub(super) missing: usize,
}

impl Tally {
    /// Compares what a room keeps with what was said to it, and with what its listeners were told.
    pub(super) fn of<'a>(
        writers: impl IntoIterator<Item = &'a Writer>,
        listeners: impl IntoIterator<Item = &'a Listener>,
        kept: &[Told],
    ) -> Self {
        let ids: Vec<u64> = kept.iter().map(|message| message.id).collect();
        let mut tally =
            Tally { kept: kept.len(), missing: holes(&ids), doubled: repeated(kept), ..Self::default() };
        for writer in writers {
            tally.count_writer(writer, kept);
        }
        for listener in listeners {
            tally.count_listener(listener, kept);
        }
        tally
    }

    fn count_writer(&mut self, writer: &Writer, kept: &[Told]) {
        let is_kept = |(number, id): (&u64, &u64)| {
            at(kept, *id).is_some_and(|message| {
                (&message.from, &message.text) == (&writer.name, &writer.text(*number))
            })
        };
        self.said += writer.said.iter().max().map_or(0, |last| *last as usize + 1);
        self.acked += writer.acked.len();
        self.lost += writer.acked.iter().filter(|one| !is_kept(*one)).count();
        // What is kept is what was said, with parts left out.
        let mut said = writer.said.iter().map(|number| writer.text(*number));
        let theirs = kept.iter().filter(|message| message.from == writer.name);
        self.out_of_order += theirs.filter(|message| !said.any(|text| text == message.text)).count();
    }

    fn count_listener(&mut self, listener: &Listener, kept: &[Told]) {
        let ids: Vec<u64> = listener.heard.iter().map(|message| message.id).collect();
        let steps = ids.windows(2);
        self.heard += ids.len();
        self.taken_back += listener.heard.iter().filter(|told| at(kept, told.id) != Some(told)).count();
        self.doubled += steps.clone().filter(|step| step[1] == step[0]).count();
        self.out_of_order += steps.filter(|step| step[1] < step[0]).count();
        self.missing += holes(&ids) + listener.gaps;
    }

    /// Nothing was lost, nothing doubled, and all in order.
    pub(super) fn assert_clean(&self) {
        let wrong = [self.lost, self.taken_back, self.doubled, self.out_of_order, self.missing];
        assert_eq!(wrong, [0; 5], "{self}");
    }
}

/// Whatever is kept under an id, where nothing is missing.
fn at(kept: &[Told], id: u64) -> Option<&Told> {
    let index = kept.binary_search_by_key(&id, |message| message.id).ok()?;
    Some(&kept[index])
}

/// How many ids from 1 on are left out.
fn holes(ids: &[u64]) -> usize {
    let first = ids.first().map_or(0, |id| id - 1);
    let between = ids.windows(2).map(|step| step[1].saturating_sub(step[0] + 1));
    (first + between.sum::<u64>()) as usize
}

fn repeated(kept: &[Told]) -> usize {
    let mut seen = HashMap::new();
    for message in kept {
        *seen.entry((&message.from, &message.text)).or_insert(0) += 1;
    }
    seen.values().map(|times| times - 1).sum()
}

impl AddAssign for Tally {
    fn add_assign(&mut self, more: Self) {
        self.strikes += more.strikes;
        self.said += more.said;
        self.acked += more.acked;
        self.kept += more.kept;
        self.heard += more.heard;
        self.lost += more.lost;
        self.taken_back += more.taken_back;
        self.doubled += more.doubled;
        self.out_of_order += more.out_of_order;
        self.missing += more.missing;
    }
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Tally { strikes, said, acked, kept, heard, .. } = self;
        write!(f, "{strikes} times: {said} said, {acked} acked, {kept} kept, {heard} heard; ")?;
        let Tally { lost, taken_back, doubled, out_of_order, missing, .. } = self;
        write!(f, "lost {lost}, taken back {taken_back}, doubled {doubled}, out of order {out_of_order}, ")?;
        write!(f, "missing {missing}")
    }
}

/// Lets a server that is up again take what is still open, and compares.
pub(super) fn settle(crowd: &mut Crowd, addr: SocketAddr) -> Tally {
    crowd.finish(addr);
    Tally::of(&crowd.writers, &crowd.listeners, &everything(addr, "lobby"))
}

/// All that a room keeps.
pub(super) fn everything(addr: SocketAddr, room: &str) -> Vec<Told> {
    let (mut reader, is) =
        Client::enter(addr, &format!("{room}-reader"), json!({"room": room, "since": 0})).unwrap();
    assert_eq!(is["gap"], false);
    let last = is["last_id"].as_u64().unwrap();
    let mut kept: Vec<Told> = Vec::new();
    while kept.last().map_or(0, |message| message.id) < last {
        kept.push(Told::new(&reader.until("message").unwrap()));
    }
    kept
}

/// SQLite must find nothing wrong with the database of a server that is gone.
pub(super) fn assert_sound(data: &Path) {
    let db = Connection::open(data.join("chat.db")).unwrap();
    let found: String = db.query_row("PRAGMA integrity_check", [], |row| row.get(0)).unwrap();
    assert_eq!(found, "ok");
}
