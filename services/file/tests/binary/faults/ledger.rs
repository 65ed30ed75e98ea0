//! What is stored, beside what was acked.

use std::collections::HashMap;
use std::fmt;
use std::fs;
use std::ops::AddAssign;
use std::path::Path;

use super::uploaders::{Uploads, bytes};
use crate::process::Process;

/// What was seen.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(super) struct Tally {
    /// How often the fault struck.
    pub(super) strikes: usize,
    /// Files that were acked, each time they were.
    pub(super) acked: usize,
    /// Acked, and neither that version nor a later one is there.
    pub(super) lost: usize,
    /// There, and no version that was ever sent.
    pub(super) torn: usize,
    /// Temporary files that a restart left.
    pub(super) left: usize,
}

impl Tally {
    /// Compares what a server that is up again stores with what was uploaded. What is found then is what is
    /// expected from there on, so that every loss is counted once.
    pub(super) fn take(uploads: &mut Uploads, process: &Process, data: &Path) -> Self {
        let mut tally = Tally { left: temporaries(data), ..Tally::default() };
        let stored = list(process);
        tally.torn = stored.iter().filter(|(name, hash)| hash_on_disk(data, name) != **hash).count();
        tally.torn += stored.keys().filter(|name| !uploads.contains_key(*name)).count();
        for (name, file) in uploads.iter_mut() {
            let hash = stored.get(name);
            let found = file.sent.iter().copied().find(|&version| hash == Some(&hash_of(name, version)));
            tally.torn += usize::from(hash.is_some() && found.is_none());
            tally.lost += usize::from(file.acked > found);
            (file.acked, file.sent) = (found, found.into_iter().collect());
        }
        tally
    }

    /// Nothing acked was lost, nothing torn, nothing left.
    pub(super) fn assert_clean(&self) {
        assert_eq!([self.lost, self.torn, self.left], [0; 3], "{self}");
    }
}

fn hash_of(name: &str, version: u64) -> String {
    blake3::hash(&bytes(name, version)).to_string()
}

fn hash_on_disk(data: &Path, name: &str) -> String {
    blake3::hash(&fs::read(data.join(name)).unwrap()).to_string()
}

fn temporaries(data: &Path) -> usize {
    let names = fs::read_dir(data).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
    names.filter(|name| name.starts_with('.')).count()
}

/// Names and hashes of what is stored, as the server tells them.
fn list(process: &Process) -> HashMap<String, String> {
    let heard = process.talk(b"LIST\n");
    let entry = |line: &str| {
        let words: Vec<&str> = line.splitn(4, ' ').collect();
        (words[3].to_owned(), words[1].to_owned())
    };
    heard.lines().skip(1).map(entry).collect()
}

impl AddAssign for Tally {
    fn add_assign(&mut self, more: Self) {
        self.strikes += more.strikes;
        self.acked += more.acked;
        self.lost += more.lost;
        self.torn += more.torn;
        self.left += more.left;
    }
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Tally { strikes, acked, lost, torn, left } = self;
        write!(f, "{strikes} times: {acked} acked; lost {lost}, torn {torn}, temporaries left {left}")
    }
}
