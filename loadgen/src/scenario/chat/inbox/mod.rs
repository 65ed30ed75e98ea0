//! What one user hears, from bytes to the tally. Pure: the bytes and their time are arguments.

use engine::Refusal;
use engine::chat::{Event, Ref, Told};
use memchr::memchr;
use wire::chat::json::decode_event;

use super::familiar::{Familiar, Known};
use super::glance::{Glance, glance, reference};
use super::heard::Heard;
use super::tally::Tally;
use crate::ledger::{Sighting, Verdict};
use crate::payload::Unreadable;
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
    /// The server has said goodbye, and after how many milliseconds to come back.
    Dismissed(u64),
}

/// When bytes came, and where what is heard in them goes.
#[derive(Debug)]
pub(super) struct Moment<'a> {
    /// When they were read.
    pub(super) seen: u64,
    /// What every thread of the run knows.
    pub(super) scene: &'a Scene,
    /// Where it is noted.
    pub(super) tally: &'a mut Tally,
    /// What others have heard lately.
    pub(super) familiar: &'a mut Familiar,
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
    /// The newest id of the room, for whoever comes back and asks for what it missed.
    newest_id: Option<u64>,
}

impl Inbox {
    /// The ear of a user who has just said hello.
    pub(super) fn new(user: u32) -> Self {
        Inbox { user, standing: Standing::Arriving, carry: Vec::new(), answered: 0, newest_id: None }
    }

    /// The same ear on a new connection.
    pub(super) fn again(&mut self) {
        self.standing = Standing::Arriving;
        self.carry.clear();
    }

    /// How many of the user's messages were answered: always its first ones.
    pub(super) fn answered(&self) -> u32 {
        self.answered
    }

    /// The newest id that was heard in the room.
    pub(super) fn newest_id(&self) -> Option<u64> {
        self.newest_id
    }

    /// Where the user stands.
    pub(super) fn standing(&self) -> &Standing {
        &self.standing
    }

    /// Hears what came in a moment, in however small pieces.
    pub(super) fn hear(&mut self, mut bytes: &[u8], moment: &mut Moment<'_>) {
        loop {
            bytes = self.hear_again(bytes, moment);
            let Some(end) = memchr(b'\n', bytes) else { break };
            let line = &bytes[..end];
            if self.carry.is_empty() {
                self.line(line, moment);
            } else {
                let mut whole = std::mem::take(&mut self.carry);
                whole.extend_from_slice(line);
                self.line(&whole, moment);
                whole.clear();
                whole.shrink_to(KEPT);
                self.carry = whole;
            }
            bytes = &bytes[end + 1..];
        }
        self.carry.extend_from_slice(bytes);
    }

    /// Hears what others have heard before, message by message, and gives back what follows.
    fn hear_again<'b>(&mut self, mut bytes: &'b [u8], moment: &mut Moment<'_>) -> &'b [u8] {
        if !self.carry.is_empty() || moment.scene.roster.is_slow(self.user) {
            return bytes;
        }
        let room = moment.scene.roster.room_of(self.user);
        while let Some(newest) = self.newest_id {
            let Some((known, len)) = moment.familiar.recall(room, newest.wrapping_add(1), bytes) else {
                break;
            };
            self.newest_id = Some(newest.max(known.id));
            self.delivery(&known, moment);
            bytes = &bytes[len..];
        }
        bytes
    }

    fn line(&mut self, line: &[u8], moment: &mut Moment<'_>) {
        match glance(line) {
            Glance::Message { room, id, from, text } => {
                if let Some(known) = self.message(&Heard { room, id, from, text }, moment) {
                    moment.familiar.remember(line, known);
                }
            }
            Glance::Ack { sequence } => self.ack(sequence, moment),
            Glance::Noise => {}
            Glance::Other => self.parse(line, moment),
        }
    }

    /// Reads a line the long way. What no server of ours says is ignored, as the contract asks of clients.
    fn parse(&mut self, line: &[u8], moment: &mut Moment<'_>) {
        let told = std::str::from_utf8(line).ok().and_then(|line| decode_event(line).ok());
        let Some(Told { reference: key, event }) = told else { return };
        let sequence = key.as_ref().map(Ref::as_str).and_then(|key| reference(key.as_bytes()));
        match event {
            Event::Message { message, replay } => {
                let (room, from) = (message.room.as_str().as_bytes(), message.from.as_str().as_bytes());
                // Who asks for what it missed is told its own words, too.
                if replay && moment.scene.roster.user_named(from) == Some(self.user) {
                    self.newest_id = self.newest_id.max(Some(message.id));
                    return;
                }
                let heard = Heard { room, id: message.id, from, text: message.text.as_bytes() };
                self.message(&heard, moment);
            }
            Event::Ack { .. } => {
                if let Some(sequence) = sequence {
                    self.ack(sequence, moment);
                }
            }
            Event::Entered { last_id, .. } => {
                // What is replayed has lower ids and comes behind this.
                self.newest_id.get_or_insert(last_id);
                self.standing = Standing::Present;
            }
            Event::Bye { retry_after_ms } => self.standing = Standing::Dismissed(retry_after_ms),
            Event::Refused(refusal) => self.refused(refusal, sequence, moment.tally),
            _ => {}
        }
    }

    /// A message; what is known of it when it is one of the plan's.
    fn message(&mut self, heard: &Heard<'_>, moment: &mut Moment<'_>) -> Option<Known> {
        if moment.scene.roster.is_slow(self.user) {
            return None;
        }
        self.newest_id = self.newest_id.max(Some(heard.id));
        match heard.recognise(moment.scene) {
            Ok(known) => {
                self.delivery(&known, moment);
                return Some(known);
            }
            Err(Unreadable::Foreign) => moment.tally.ledger.foreign(),
            Err(Unreadable::Corrupt) => moment.tally.ledger.corrupt(),
        }
        None
    }

    fn delivery(&self, known: &Known, moment: &mut Moment<'_>) {
        let Moment { seen, scene, tally, .. } = moment;
        let Known { room, id, sender, sequence, number, due } = *known;
        let took = seen.saturating_sub(scene.began(number));
        let late = took > scene.patience;
        let sighting = Sighting { receiver: self.user, room, sender, sequence, id, late };
        if tally.ledger.enter(&sighting) != Verdict::First {
            return;
        }
        let last = scene.sent.reached_last(number);
        if scene.churn {
            scene.sent.seen(number, *seen);
        }
        if scene.schedule.counts(number) {
            let sent = scene.sent.at(number).unwrap_or(due);
            tally.recorder.note(Series::ChatDelivery, took);
            tally.recorder.note(Series::ChatService, seen.saturating_sub(sent));
            if last {
                tally.recorder.note(Series::ChatFanOut, took);
            }
        }
    }

    fn ack(&mut self, sequence: u32, moment: &mut Moment<'_>) {
        let Moment { seen, scene, tally, .. } = moment;
        let Some(number) = scene.schedule.message(self.user, sequence) else { return };
        if sequence < self.answered {
            return;
        }
        self.answered = sequence + 1;
        tally.acked += 1;
        scene.sent.answered(number, *seen);
        if scene.schedule.counts(number) {
            tally.recorder.note(Series::ChatAck, seen.saturating_sub(scene.began(number)));
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

#[cfg(test)]
mod tests;
