//! A snapshot: one line that may be as long as a crowd is large, and so is written in pieces.

use std::ops::Bound::{Excluded, Unbounded};
use std::sync::Arc;

use engine::names::UserName;
use engine::registry::{Roster, ServiceReport};
use serde::Serialize;

use super::listing::{self, UserLine};

/// A snapshot on its way to a watcher. It is of one revision, whatever happens while it is written: it
/// holds that roster and nobody's lock.
#[derive(Debug)]
pub struct Snapshot {
    epoch: Arc<str>,
    age: u64,
    roster: Arc<Roster>,
    services: Vec<ServiceReport>,
    place: Place,
}

/// How far a snapshot is written.
#[derive(Debug)]
enum Place {
    Before,
    /// Up to this user.
    After(UserName),
    Done,
}

/// The line's fields before the users.
#[derive(Serialize)]
struct Head<'a> {
    event: &'a str,
    rev: u64,
    epoch: &'a str,
    age_ms: u64,
}

impl Snapshot {
    /// Everybody and every service at the roster's revision, with the services' figures. `epoch` is the
    /// run of the registry that the revision is of, `age` for how many milliseconds that run has lasted.
    pub fn new(epoch: Arc<str>, age: u64, roster: Arc<Roster>, services: Vec<ServiceReport>) -> Self {
        Snapshot { epoch, age, roster, services, place: Place::Before }
    }

    /// Appends the next piece of the line: about `most` bytes of users, or the rest. Says whether there is
    /// more to come.
    pub fn write_piece(&mut self, out: &mut Vec<u8>, most: usize) -> bool {
        let mut last = match std::mem::replace(&mut self.place, Place::Done) {
            Place::Done => return false,
            Place::After(user) => Some(user),
            Place::Before => {
                self.write_head(out);
                None
            }
        };
        // Each piece has a user, so that it is a step on.
        let full = out.len() + most.max(1);
        let from = last.as_ref().map_or(Unbounded, Excluded);
        for (name, user) in self.roster.users.range::<_, UserName>((from, Unbounded)) {
            if out.len() >= full {
                self.place = Place::After(last.expect("each piece has a user"));
                return true;
            }
            if last.is_some() {
                out.push(b',');
            }
            write(out, &UserLine::new(name, user));
            last = Some(name.clone());
        }
        self.write_tail(out);
        false
    }

    /// Appends all that is left of the line.
    pub fn write(&mut self, out: &mut Vec<u8>) {
        while self.write_piece(out, usize::MAX / 2) {}
    }

    fn write_head(&self, out: &mut Vec<u8>) {
        let (rev, epoch, age_ms) = (self.roster.rev, &*self.epoch, self.age);
        write(out, &Head { event: "snapshot", rev, epoch, age_ms });
        // The object goes on.
        out.pop();
        out.extend_from_slice(b",\"users\":[");
    }

    fn write_tail(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(b"],\"services\":");
        write(out, &listing::services(&self.services));
        out.extend_from_slice(b"}\n");
    }
}

fn write(out: &mut Vec<u8>, part: &impl Serialize) {
    serde_json::to_writer(out, part).expect("our own lines have string keys, and a buffer takes all");
}

#[cfg(test)]
mod tests {
    use engine::Timestamp;
    use engine::registry::{Label, User};

    use super::super::client::{Said, decode};
    use super::*;

    fn snapshot(users: usize) -> Snapshot {
        let mut roster = Roster { rev: 7, ..Roster::default() };
        for n in 0..users {
            let user = User {
                instance: Label::parse("chat-1").unwrap(),
                since: Timestamp(n as u64),
                generation: n as u64,
                held: n % 2 == 0,
                rooms: Default::default(),
            };
            roster.users.insert(UserName::parse(&format!("u{n}")).unwrap(), user);
        }
        Snapshot::new("9\"c0e".into(), 3, roster.into(), Vec::new())
    }

    #[test]
    fn the_pieces_are_one_line_whatever_their_size() {
        for users in [0, 1, 2, 100] {
            let mut whole = Vec::new();
            snapshot(users).write(&mut whole);
            let line = std::str::from_utf8(&whole).unwrap().strip_suffix('\n').unwrap();
            let (epoch, roster) = ("9\"c0e".into(), Arc::unwrap_or_clone(snapshot(users).roster));
            assert_eq!(decode(line), Ok(Said::Snapshot { epoch, age: 3, roster, services: Vec::new() }));
            for most in [1, 50, 1_000] {
                let (mut snapshot, mut pieces, mut longest) = (snapshot(users), Vec::new(), 0);
                let mut more = true;
                while more {
                    let before = pieces.len();
                    more = snapshot.write_piece(&mut pieces, most);
                    longest = longest.max(pieces.len() - before);
                }
                assert_eq!(pieces, whole, "{users} users in pieces of {most}");
                assert!(longest < most + 400, "{longest} bytes where {most} were asked for");
            }
        }
    }

    #[test]
    fn nothing_follows_the_end() {
        let (mut snapshot, mut out) = (snapshot(3), Vec::new());
        snapshot.write(&mut out);
        let length = out.len();
        snapshot.write(&mut out);
        assert_eq!(out.len(), length);
    }
}
