//! The task of one room: it alone has the log and everybody's cursor.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use engine::chat::{Batch, Dialect, Event, Log, MemberId, Skip, Told};
use tokio::task::yield_now;
use tokio::time::sleep_until;

use super::member::{Member, Wrote};
use super::room::{Op, Room};
use crate::ended::Ended;
use crate::metrics::Metrics;

/// Members that are written to before other rooms of the thread get their turn.
const TURN: usize = 256;
/// How long a room rests at most.
const LONGEST_REST: Duration = Duration::from_millis(3);
/// Below this a rest is not worth a timer, which knows no finer than a millisecond.
const SHORTEST_REST: Duration = Duration::from_micros(300);

/// How long a room rests after a walk that so many messages shared.
///
/// A walk costs one write a member, whatever the write holds. When messages come faster than that, a rest of
/// a third of the walk lets the answers to this one arrive too and share the next: half the cost for each
/// delivery, and more of them a second. A message that came alone shows that there is no such hurry.
fn rest_after(walk: Duration, messages: usize) -> Duration {
    let rest = walk.mul_f64(0.3).min(LONGEST_REST);
    if messages < 2 || rest < SHORTEST_REST { Duration::ZERO } else { rest }
}

/// What serves a room.
pub(super) struct Flusher {
    room: Arc<Room>,
    metrics: Metrics,
    log: Log,
    slots: Vec<Slot>,
    index: HashMap<MemberId, usize>,
    /// How many read each dialect; nothing is encoded for nobody.
    text_readers: usize,
    json_readers: usize,
    /// Members to write to although nothing is new.
    awake: Vec<MemberId>,
    has_news: bool,
    /// When the messages of this turn were received.
    received: Vec<Instant>,
    /// Until when the room rests from its last walk.
    rested: Instant,
    scratch: Vec<u8>,
    closed: bool,
}

struct Slot {
    member: Arc<Member>,
    cursor: u64,
    state: State,
}

#[derive(PartialEq, Eq)]
enum State {
    /// Is still getting the past.
    Replaying,
    /// Gets everything as it comes.
    Live,
    /// Its socket is full.
    Stalled,
}

impl Flusher {
    pub(super) fn new(room: Arc<Room>) -> Self {
        Flusher {
            metrics: room.metrics().clone(),
            log: Log::new(room.bounds().each()),
            room,
            slots: Vec::new(),
            index: HashMap::new(),
            text_readers: 0,
            json_readers: 0,
            awake: Vec::new(),
            has_news: false,
            received: Vec::new(),
            rested: Instant::now(),
            scratch: Vec::new(),
            closed: false,
        }
    }

    /// Serves the room until it is closed.
    pub(super) async fn run(mut self) {
        while !self.closed {
            self.room.stirred().await;
            self.rest().await;
            self.apply(self.room.take());
            self.walk().await;
        }
    }

    /// Waits until messages have had the time to gather.
    async fn rest(&self) {
        if Instant::now() < self.rested {
            sleep_until(self.rested.into()).await;
        }
    }

    /// Does what has happened, in order; lines become one batch of the log.
    fn apply(&mut self, ops: Vec<Op>) {
        self.has_news = false;
        let mut batch = Batch::default();
        for op in ops {
            match op {
                Op::Line(line) => {
                    self.received.extend(line.received);
                    // The next may be said: this one is not on its way any more.
                    drop(line.space);
                    self.encode(&mut batch, line.event, line.skip);
                }
                Op::Attach(member) => self.attach(member, batch.len()),
                Op::Start(id) => self.rouse(id, State::Replaying),
                Op::Resume(id) => self.rouse(id, State::Stalled),
                Op::Detach(id, _done) => {
                    // Whoever goes has heard all that was told before.
                    self.append(std::mem::take(&mut batch));
                    self.finish(id);
                }
                Op::Hear(_done) => {}
                Op::Count(answer) => {
                    // Nobody who has asked has lost anything by not hearing it.
                    let _ = answer.send(self.needs());
                }
                Op::Close => self.closed = true,
            }
        }
        self.append(batch);
    }

    fn append(&mut self, batch: Batch) {
        if !batch.is_empty() {
            self.has_news = true;
            self.log.append(batch);
        }
    }

    fn encode(&self, batch: &mut Batch, event: Event, skip: Skip) {
        batch.push(skip, |text, json| {
            if self.text_readers > 0 {
                wire::chat::text::encode(&event, text);
            }
            if self.json_readers > 0 {
                wire::chat::json::encode_event(&Told { reference: None, event }, json);
            }
        });
    }

    fn attach(&mut self, member: Arc<Member>, lines_before: u64) {
        *self.readers(member.dialect) += 1;
        self.index.insert(member.id, self.slots.len());
        self.slots.push(Slot { member, cursor: self.log.head() + lines_before, state: State::Replaying });
    }

    /// Goes on with somebody who has been in this state. Whoever has left meanwhile and come back may be in
    /// another one, and is not to be woken out of that.
    fn rouse(&mut self, id: MemberId, from: State) {
        let Some(&at) = self.index.get(&id) else { return };
        let slot = &mut self.slots[at];
        if slot.cursor == self.log.head() {
            slot.member.has_all();
        }
        if slot.state == from {
            slot.state = State::Live;
            self.awake.push(id);
        }
    }

    /// Writes the last lines to somebody who goes.
    fn finish(&mut self, id: MemberId) {
        if let Some(&at) = self.index.get(&id)
            && self.write(at)
        {
            self.detach(id);
        }
    }

    fn detach(&mut self, id: MemberId) {
        if let Some(at) = self.index.remove(&id) {
            let slot = self.slots.swap_remove(at);
            let missed = self.log.lines_for(slot.cursor, slot.member.reader());
            self.metrics.deliveries_dropped.inc_by(missed);
            *self.readers(slot.member.dialect) -= 1;
            if let Some(moved) = self.slots.get(at) {
                self.index.insert(moved.member.id, at);
            }
        }
    }

    fn readers(&mut self, dialect: Dialect) -> &mut usize {
        match dialect {
            Dialect::Text => &mut self.text_readers,
            Dialect::Json => &mut self.json_readers,
        }
    }

    /// Writes to everybody there is something for.
    async fn walk(&mut self) {
        let awake = std::mem::take(&mut self.awake);
        if self.has_news {
            self.walk_all().await;
        } else {
            for id in awake {
                if let Some(&at) = self.index.get(&id) {
                    self.write(at);
                }
            }
        }
        self.forget();
        self.metrics.observe_deliveries(&self.received);
        self.received.clear();
    }

    async fn walk_all(&mut self) {
        let began = Instant::now();
        let mut at = 0;
        while at < self.slots.len() {
            // Whoever has gone has left their place to the last one.
            at += usize::from(self.write(at));
            if at % TURN == TURN - 1 {
                yield_now().await;
            }
        }
        let ended = Instant::now();
        self.rested = ended + rest_after(ended - began, self.received.len());
    }

    /// Writes all that one member has not got; false when the member is gone.
    fn write(&mut self, at: usize) -> bool {
        let slot = &mut self.slots[at];
        let reader = slot.member.reader();
        while slot.state == State::Live && slot.cursor < self.log.head() {
            let next = self.log.gather(slot.cursor, reader, &mut self.scratch);
            let wrote = if next.bytes.is_empty() {
                slot.member.has_all();
                Wrote::All
            } else {
                slot.member.write_lines(next.bytes, &self.room)
            };
            let (lines, end) = (next.lines, next.cursor);
            match wrote {
                Wrote::All => {
                    slot.cursor = end;
                    self.metrics.deliveries_written.inc_by(lines);
                }
                Wrote::Lines(lines) => {
                    slot.cursor = self.log.after_lines(slot.cursor, reader, lines);
                    slot.state = State::Stalled;
                    self.metrics.deliveries_written.inc_by(lines);
                }
                Wrote::Gone => return self.drop_gone(at),
            }
        }
        true
    }

    /// Parts with whoever is further behind than the log is to keep. Only after a walk, when everybody has
    /// been written to: before it, those behind would be the ones to whom nobody has come yet.
    fn part_with_slow(&mut self) {
        let tail = self.log.tail();
        let mut at = 0;
        while at < self.slots.len() {
            at += usize::from(self.slots[at].cursor >= tail || self.keeps_up(at, tail));
        }
    }

    /// Whether somebody who is before the tail is there for our own delay: their session may not have heard
    /// yet that the socket takes more, or not have told the whole past yet. False when the member is gone.
    fn keeps_up(&mut self, at: usize, tail: u64) -> bool {
        let slot = &mut self.slots[at];
        let has_read_all = slot.member.retry();
        if slot.state == State::Replaying && has_read_all {
            return true;
        }
        if slot.state == State::Stalled {
            slot.state = State::Live;
        }
        if !self.write(at) {
            return false;
        }
        if self.slots[at].cursor < tail {
            self.slots[at].member.end(Ended::Slow);
            return self.drop_gone(at);
        }
        true
    }

    /// For whom how much of the log is kept; whoever is about to go is not counted any more.
    fn needs(&self) -> Vec<(MemberId, usize)> {
        let behind =
            self.slots.iter().filter(|slot| slot.state != State::Live && slot.member.ended().is_none());
        let needs = behind.map(|slot| (slot.member.id, self.log.kept_for(slot.cursor)));
        needs.filter(|(_, bytes)| *bytes > 0).collect()
    }

    fn drop_gone(&mut self, at: usize) -> bool {
        self.detach(self.slots[at].member.id);
        false
    }

    /// Forgets what everybody has got; an idle room keeps nothing.
    fn forget(&mut self) {
        if self.needed() < self.log.tail() {
            self.part_with_slow();
        }
        let needed = self.needed();
        self.log.forget_before(needed);
        self.room.keeps(self.log.kept_for(needed));
    }

    /// The oldest line that somebody has not got yet.
    fn needed(&self) -> u64 {
        self.slots.iter().map(|slot| slot.cursor).min().unwrap_or(self.log.head())
    }
}

/// Also after a bug.
impl Drop for Flusher {
    fn drop(&mut self) {
        self.room.keeps(0);
        self.room.end();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_long_walk_that_messages_shared_is_followed_by_a_rest() {
        let ms = Duration::from_millis;
        assert_eq!(rest_after(ms(5), 50), Duration::from_micros(1500));
        assert_eq!(rest_after(ms(5), 1), Duration::ZERO, "a message that came alone");
        assert_eq!(rest_after(Duration::from_micros(900), 50), Duration::ZERO, "a small room");
        assert_eq!(rest_after(ms(60), 50), LONGEST_REST);
    }
}
