//! What one user hears, from bytes to the tally. Pure: the bytes and their time are arguments.

use engine::Refusal;
use engine::chat::{Event, Ref, Told};
use memchr::memchr;
use wire::chat::json::decode_event;

use super::glance::{Glance, glance, reference};
use super::tally::Tally;
use crate::ledger::{Sighting, Verdict};
use crate::payload::{self, Header, Unreadable};
use crate::recorder::Series;
use crate::scenario::Scene;

/// A piece of a line larger than this is not kept in memory once the line is read.
const KEPT: usize = 4096;

/// Where a user stands with the server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Standing {
    /// It has said hello and is not in its room yet.
    Arriving,
    /// The server would not have it.
    Rejected(Refusal),
    /// It is in its room.
    Present,
    /// The server has said goodbye.
    Dismissed,
}

/// A user's ear.
#[derive(Debug)]
pub(super) struct Inbox {
    user: u32,
    standing: Standing,
    /// The beginning of a line whose end has not come.
    carry: Vec<u8>,
    /// The sequence after the last one that was answered: answers keep the order of the requests.
    answered: u32,
}

impl Inbox {
    /// The ear of a user who has just said hello.
    pub(super) fn new(user: u32) -> Self {
        Inbox { user, standing: Standing::Arriving, carry: Vec::new(), answered: 0 }
    }

    /// Where the user stands.
    pub(super) fn standing(&self) -> &Standing {
        &self.standing
    }

    /// Hears what came at `seen`.
    pub(super) fn hear(&mut self, mut bytes: &[u8], seen: u64, scene: &Scene, tally: &mut Tally) {
        while let Some(end) = memchr(b'\n', bytes) {
            let line = &bytes[..end];
            if self.carry.is_empty() {
                self.line(line, seen, scene, tally);
            } else {
                let mut whole = std::mem::take(&mut self.carry);
                whole.extend_from_slice(line);
                self.line(&whole, seen, scene, tally);
                whole.clear();
                whole.shrink_to(KEPT);
                self.carry = whole;
            }
            bytes = &bytes[end + 1..];
        }
        self.carry.extend_from_slice(bytes);
    }

    fn line(&mut self, line: &[u8], seen: u64, scene: &Scene, tally: &mut Tally) {
        match glance(line) {
            Glance::Message { room, id, from, text } => {
                self.message(&Heard { room, id, from, text }, seen, scene, tally);
            }
            Glance::Ack { sequence } => self.ack(sequence, seen, scene, tally),
            Glance::Noise => {}
            Glance::Other => self.parse(line, seen, scene, tally),
        }
    }

    /// Reads a line the long way. What no server of ours says is ignored, as the contract asks of clients.
    fn parse(&mut self, line: &[u8], seen: u64, scene: &Scene, tally: &mut Tally) {
        let told = std::str::from_utf8(line).ok().and_then(|line| decode_event(line).ok());
        let Some(Told { reference: key, event }) = told else { return };
        let sequence = key.as_ref().map(Ref::as_str).and_then(|key| reference(key.as_bytes()));
        match event {
            Event::Message { message, .. } => {
                let (room, from) = (message.room.as_str().as_bytes(), message.from.as_str().as_bytes());
                let heard = Heard { room, id: message.id, from, text: message.text.as_bytes() };
                self.message(&heard, seen, scene, tally);
            }
            Event::Ack { .. } => {
                if let Some(sequence) = sequence {
                    self.ack(sequence, seen, scene, tally);
                }
            }
            Event::Entered { .. } => self.standing = Standing::Present,
            Event::Bye { .. } => self.standing = Standing::Dismissed,
            Event::Refused(refusal) => self.refused(refusal, sequence, tally),
            _ => {}
        }
    }

    fn message(&self, heard: &Heard<'_>, seen: u64, scene: &Scene, tally: &mut Tally) {
        match heard.recognise(scene) {
            Ok((header, number)) => self.delivery(heard, &header, number, seen, scene, tally),
            Err(Unreadable::Foreign) => tally.ledger.foreign(),
            Err(Unreadable::Corrupt) => tally.ledger.corrupt(),
        }
    }

    fn delivery(
        &self,
        heard: &Heard<'_>,
        header: &Header,
        number: u32,
        seen: u64,
        scene: &Scene,
        tally: &mut Tally,
    ) {
        let took = seen.saturating_sub(header.due);
        let sighting = Sighting {
            receiver: self.user,
            room: heard.room_number(scene, self.user),
            sender: header.sender,
            sequence: header.sequence,
            id: heard.id,
            late: took > scene.patience,
        };
        if tally.ledger.enter(&sighting) != Verdict::First {
            return;
        }
        let last = scene.sent.reached_last(number);
        if scene.schedule.counts(number) {
            let sent = scene.sent.at(number).unwrap_or(header.due);
            tally.recorder.note(Series::Delivery, took);
            tally.recorder.note(Series::Service, seen.saturating_sub(sent));
            if last {
                tally.recorder.note(Series::FanOut, took);
            }
        }
    }

    fn ack(&mut self, sequence: u32, seen: u64, scene: &Scene, tally: &mut Tally) {
        let Some(number) = scene.schedule.message(self.user, sequence) else { return };
        if sequence < self.answered {
            return;
        }
        self.answered = sequence + 1;
        tally.acked += 1;
        if scene.schedule.counts(number) {
            tally.recorder.note(Series::Ack, seen.saturating_sub(scene.due(number)));
        }
    }

    fn refused(&mut self, refusal: Refusal, sequence: Option<u32>, tally: &mut Tally) {
        *tally.errors.entry(refusal.code.as_str()).or_default() += 1;
        match sequence {
            Some(sequence) if sequence >= self.answered => {
                self.answered = sequence + 1;
                tally.refused.insert((self.user, sequence));
            }
            _ if self.standing == Standing::Arriving => self.standing = Standing::Rejected(refusal),
            _ => {}
        }
    }
}

/// A message as it came.
struct Heard<'a> {
    room: &'a [u8],
    id: u64,
    from: &'a [u8],
    text: &'a [u8],
}

impl Heard<'_> {
    /// What it says it is, and its operation number, when both the line and the plan agree.
    fn recognise(&self, scene: &Scene) -> Result<(Header, u32), Unreadable> {
        let sender = scene.roster.user_named(self.from).ok_or(Unreadable::Foreign)?;
        let header = payload::read(self.text).map_err(|_| Unreadable::Corrupt)?;
        let number = scene.schedule.message(sender, header.sequence).ok_or(Unreadable::Corrupt)?;
        let genuine = header.run == scene.roster.run()
            && header.sender == sender
            && u32::from(header.room) == scene.roster.room_of(sender)
            && header.due == scene.due(number);
        if genuine { Ok((header, number)) } else { Err(Unreadable::Corrupt) }
    }

    /// The number of the room it came in, when that is the receiver's own; of no room otherwise.
    fn room_number(&self, scene: &Scene, receiver: u32) -> u32 {
        let own = scene.roster.room_of(receiver);
        if scene.roster.room_name(own).as_bytes() == self.room { own } else { u32::MAX }
    }
}
