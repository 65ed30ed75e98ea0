//! What one user hears, from bytes to the tally. Pure: the bytes and their time are arguments.

use engine::Refusal;
use engine::chat::{Event, Ref, Told};
use memchr::memchr;
use wire::chat::json::decode_event;

use super::glance::{Glance, glance, reference};
use super::heard::Heard;
use super::tally::Tally;
use crate::ledger::{Sighting, Verdict};
use crate::payload::{Header, Unreadable};
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
        while let Some(end) = memchr(b'\n', bytes) {
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

    fn line(&mut self, line: &[u8], moment: &mut Moment<'_>) {
        match glance(line) {
            Glance::Message { room, id, from, text } => {
                self.message(&Heard { room, id, from, text }, moment);
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

    fn message(&mut self, heard: &Heard<'_>, moment: &mut Moment<'_>) {
        if moment.scene.roster.is_slow(self.user) {
            return;
        }
        self.newest_id = self.newest_id.max(Some(heard.id));
        match heard.recognise(moment.scene) {
            Ok((header, number)) => self.delivery(heard, &header, number, moment),
            Err(Unreadable::Foreign) => moment.tally.ledger.foreign(),
            Err(Unreadable::Corrupt) => moment.tally.ledger.corrupt(),
        }
    }

    fn delivery(&self, heard: &Heard<'_>, header: &Header, number: u32, moment: &mut Moment<'_>) {
        let Moment { seen, scene, tally } = moment;
        let took = seen.saturating_sub(scene.began(number));
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
            tally.recorder.note(Series::ChatDelivery, took);
            tally.recorder.note(Series::ChatService, seen.saturating_sub(sent));
            if last {
                tally.recorder.note(Series::ChatFanOut, took);
            }
        }
    }

    fn ack(&mut self, sequence: u32, moment: &mut Moment<'_>) {
        let Moment { seen, scene, tally } = moment;
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
mod tests {
    use std::sync::Arc;

    use proptest::prelude::*;

    use super::*;
    use crate::ledger::{Counts, Ledger};
    use crate::payload;
    use crate::plan::tests::planned;

    /// Two users in one room who say four messages.
    fn scene() -> Scene {
        let (options, plan) = planned("--clients 2 --rate 4 --info-rate 0 --warmup 0s --duration 1s");
        plan.unwrap().scene(&options, 0xbeef)
    }

    /// The payload of a message of user 1.
    fn payload(scene: &Scene, sequence: u32) -> String {
        let due = scene.due(scene.schedule.message(1, sequence).unwrap());
        let mut text = vec![0; 80];
        payload::write(&Header { run: 0xbeef, room: 0, sender: 1, sequence, due }, &mut text);
        String::from_utf8(text).unwrap()
    }

    /// What user 0 has heard after `pieces`, and where it stands.
    fn heard<'a>(scene: &Scene, pieces: impl Iterator<Item = &'a [u8]>) -> (Tally, Standing) {
        let mut tally = Tally::new(Ledger::new(Arc::clone(&scene.roster)));
        let mut inbox = Inbox::new(0);
        for piece in pieces {
            inbox.hear(piece, &mut Moment { seen: 900_000_000, scene, tally: &mut tally });
        }
        (tally, inbox.standing)
    }

    fn transcript(scene: &Scene) -> String {
        let (first, second) = (payload(scene, 0), payload(scene, 1));
        let room = "load-0000beef-0";
        [
            "USERNAME:".to_owned(),
            r#"{"type":"welcome","user":"l0000beef-0","server":"s","version":"0","session":"1"}"#.into(),
            format!(r#"{{"type":"room","room":"{room}","members":[],"last_id":0,"gap":false}}"#),
            format!(r#"{{"type":"joined","room":"{room}","user":"l0000beef-1","at":"2026-11-22T08:10:00.123Z"}}"#),
            format!(
                r#"{{"type":"message","room":"{room}","id":1,"from":"l0000beef-1","text":"{first}","at":"2026-11-22T08:10:00.123Z"}}"#
            ),
            format!(r#"{{"type":"ack","ref":"00000000","room":"{room}","id":2,"at":"2026-11-22T08:10:00.123Z"}}"#),
            r#"{"type":"error","ref":"00000001","code":"no_space","message":"the disk is full"}"#.into(),
            format!(
                r#"{{"at":"2026-11-22T08:10:00.123Z", "text":"\u0070{}","from":"l0000beef-1","id":3,"room":"{room}","type":"message"}}"#,
                &second[1..]
            ),
            r#"{"type":"weather","sunny":true}"#.into(),
            String::new(),
        ]
        .join("\n")
    }

    #[test]
    fn a_session_is_heard_whole() {
        let scene = scene();
        let text = transcript(&scene);
        let (tally, standing) = heard(&scene, std::iter::once(text.as_bytes()));
        assert_eq!(tally.ledger.counts(), &Counts { ok: 2, ..Counts::default() }, "in any order of fields");
        assert_eq!((tally.acked, tally.refused.len(), standing), (1, 1, Standing::Present));
        let row = tally.recorder.row(Series::ChatDelivery);
        assert_eq!((row.n, row.max_ns > Some(300_000_000)), (2, true), "from the due time");
    }

    #[test]
    fn a_goodbye_and_a_refusal_are_understood() {
        let scene = scene();
        let bye = &b"{\"type\":\"bye\",\"reason\":\"shutdown\",\"retry_after_ms\":5}\n"[..];
        assert_eq!(heard(&scene, std::iter::once(bye)).1, Standing::Dismissed(5));
        let taken = &b"{\"type\":\"error\",\"code\":\"name_taken\",\"message\":\"no\"}\n"[..];
        let (tally, standing) = heard(&scene, std::iter::once(taken));
        assert!(matches!(standing, Standing::Rejected(_)));
        assert_eq!(tally.errors.get("name_taken"), Some(&1));
    }

    proptest! {
        #[test]
        fn pieces_do_not_matter(size in 1usize..200, cut in 0usize..600) {
            let scene = scene();
            let text = transcript(&scene);
            let cut = &text.as_bytes()[..cut.min(text.len())];
            let (whole, standing) = heard(&scene, std::iter::once(cut));
            let (pieces, same) = heard(&scene, cut.chunks(size));
            prop_assert_eq!(whole.ledger.counts(), pieces.ledger.counts());
            prop_assert_eq!((whole.acked, whole.refused, standing), (pieces.acked, pieces.refused, same));
        }
    }
}
