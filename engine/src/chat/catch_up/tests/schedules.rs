//! A room with its store and its log, in which everything happens at random moments: whoever comes gets each
//! message once and in order, the past from the store and the rest live, with nothing missing between.

use std::collections::VecDeque;
use std::ops::RangeInclusive;

use proptest::collection::vec;
use proptest::prelude::*;

use super::{ids, messages};
use crate::chat::{Ask, Batch, CatchUp, Dialect, Log, MemberId, Reader, Replay, Skip};

/// What happens next. Members are numbered as they come, modulo how many there are.
#[derive(Debug, Clone)]
enum Step {
    /// A message is in the store; the room is yet to be told.
    Commit,
    /// The room is told the oldest message that it has not been told; its sender hears it elsewhere.
    Publish { sender: usize },
    /// The room is told something that is no message: places in the log are not ids.
    Notice,
    /// The store forgets so many of its oldest messages.
    Forget(u64),
    /// Somebody comes.
    Enter(Replay),
    /// The store answers a member, with a page of so many messages at most.
    Answer { who: usize, page: usize },
    /// The room's task takes up what has happened.
    TakeUp,
    /// A member's socket takes so many lines at most.
    Write { who: usize, lines: u64 },
    /// A member goes and comes back for what it has missed.
    Return(usize),
}

fn step() -> impl Strategy<Value = Step> {
    let who = any::<prop::sample::Index>().prop_map(|index| index.index(1 << 16));
    let replay = prop_oneof![
        1 => Just(Replay::Nothing),
        4 => (0..16u64).prop_map(Replay::Since),
        2 => (0..8u32).prop_map(Replay::Last),
    ];
    prop_oneof![
        5 => Just(Step::Commit),
        5 => who.clone().prop_map(|sender| Step::Publish { sender }),
        1 => Just(Step::Notice),
        1 => (1..5u64).prop_map(Step::Forget),
        2 => replay.prop_map(Step::Enter),
        4 => (who.clone(), 1..4usize).prop_map(|(who, page)| Step::Answer { who, page }),
        3 => Just(Step::TakeUp),
        4 => (who.clone(), 0..4u64).prop_map(|(who, lines)| Step::Write { who, lines }),
        1 => who.prop_map(Step::Return),
    ]
}

/// What the room's task has still to take up.
enum Op {
    /// A message's id, or a notice.
    Line(String, Skip),
    Attach(usize),
    Start(usize),
    Detach(usize),
}

struct Member {
    wanted: Replay,
    last_id: u64,
    catch_up: CatchUp,
    /// What it is still to be told of the past; known with the store's first answer, or at once where
    /// the store is not asked.
    owed: Option<VecDeque<u64>>,
    /// Where it is in the log, while it is in the room.
    cursor: Option<u64>,
    is_live: bool,
    has_left: bool,
    got: Vec<u64>,
}

struct Room {
    /// The oldest id that is not forgotten, and the newest that is committed.
    kept: (u64, u64),
    /// Who said each message that the room was told, by id from 1 on.
    senders: Vec<MemberId>,
    queue: Vec<Op>,
    log: Log,
    members: Vec<Member>,
}

impl Room {
    fn new() -> Self {
        let (queue, members) = Default::default();
        Room { kept: (1, 0), senders: Vec::new(), queue, log: Log::new(usize::MAX), members }
    }

    /// The newest id that the room was told.
    fn last_id(&self) -> u64 {
        self.senders.len() as u64
    }

    fn run(&mut self, step: Step) {
        match step {
            Step::Commit => self.kept.1 += 1,
            Step::Publish { sender } => self.publish(sender),
            Step::Notice => self.queue.push(Op::Line("somebody has come\n".into(), Skip::Nobody)),
            Step::Forget(count) => self.kept.0 = (self.kept.0 + count).min(self.kept.1 + 1),
            Step::Enter(wanted) => self.enter(wanted),
            Step::TakeUp => self.take_up(),
            _ if self.members.is_empty() => {}
            Step::Answer { who, page } => self.answer(who % self.members.len(), page),
            Step::Write { who, lines } => self.write(who % self.members.len(), lines),
            Step::Return(who) => self.come_back(who % self.members.len()),
        }
    }

    fn publish(&mut self, sender: usize) {
        if self.last_id() < self.kept.1 {
            // The last of these is nobody who is here.
            let sender = MemberId((sender % (self.members.len() + 1)) as u64);
            self.senders.push(sender);
            self.queue.push(Op::Line(format!("{}\n", self.last_id()), Skip::One(sender)));
        }
    }

    /// The place in the log and the newest id are taken at one moment.
    fn enter(&mut self, wanted: Replay) {
        let (who, last_id) = (self.members.len(), self.last_id());
        self.queue.push(Op::Attach(who));
        self.members.push(Member::new(wanted, last_id));
        if self.members[who].catch_up.wants().is_none() {
            let promise = self.promise(who);
            self.members[who].is_told(Vec::new(), promise, self.kept.0);
        }
        self.start_when_told(who);
    }

    fn come_back(&mut self, who: usize) {
        let member = &mut self.members[who];
        if !member.has_left {
            member.has_left = true;
            let since = member.got.last().copied().unwrap_or(member.last_id);
            self.queue.push(Op::Detach(who));
            self.enter(Replay::Since(since));
        }
    }

    /// The messages after one id and up to another that are kept.
    fn stored(&self, since: u64, last: u64) -> RangeInclusive<u64> {
        (since + 1).max(self.kept.0)..=last.min(self.kept.1)
    }

    /// The newest so many up to an id that are kept.
    fn newest(&self, last: u64, count: u32) -> VecDeque<u64> {
        let past: VecDeque<_> = self.stored(0, last).collect();
        past.iter().copied().skip(past.len().saturating_sub(count as usize)).collect()
    }

    /// What a member is to be told of the past as it is now, and whether that is less than it has asked for.
    fn promise(&self, who: usize) -> (VecDeque<u64>, bool) {
        let last_id = self.members[who].last_id;
        match self.members[who].wanted {
            Replay::Nothing => (VecDeque::new(), false),
            Replay::Last(count) => (self.newest(last_id, count), false),
            Replay::Since(since) if since > last_id => (self.stored(0, last_id).collect(), true),
            Replay::Since(since) => {
                let owed: VecDeque<_> = self.stored(since, last_id).collect();
                let is_short = (owed.len() as u64) < last_id - since;
                (owed, is_short)
            }
        }
    }

    /// The store answers what a member wants of it, with so many messages of what it pages.
    fn answer(&mut self, who: usize, page: usize) {
        let promise = self.promise(who);
        let told = match self.members[who].catch_up.wants() {
            None => return,
            Some(Ask::Oldest) => {
                let oldest = (self.kept.0 <= self.kept.1).then_some(self.kept.0);
                self.members[who].catch_up.oldest(oldest);
                Vec::new()
            }
            Some(Ask::Newest { before, limit }) => self.tell(who, self.newest(before - 1, limit)),
            Some(Ask::After { since, last }) => self.tell(who, self.stored(since, last).take(page)),
        };
        self.members[who].is_told(told, promise, self.kept.0);
        self.start_when_told(who);
    }

    fn tell(&mut self, who: usize, page: impl IntoIterator<Item = u64>) -> Vec<u64> {
        ids(self.members[who].catch_up.page(messages(page)))
    }

    /// From then on the room's lines come.
    fn start_when_told(&mut self, who: usize) {
        if !self.members[who].has_left && self.members[who].catch_up.wants().is_none() {
            self.queue.push(Op::Start(who));
        }
    }

    fn take_up(&mut self) {
        let mut batch = Batch::default();
        for op in std::mem::take(&mut self.queue) {
            match op {
                Op::Line(line, skip) => batch.push(skip, |text, _| text.extend_from_slice(line.as_bytes())),
                Op::Attach(who) => self.members[who].cursor = Some(self.log.head() + batch.len()),
                Op::Start(who) => self.members[who].is_live = true,
                Op::Detach(who) => self.members[who].cursor = None,
            }
        }
        if !batch.is_empty() {
            self.log.append(batch);
        }
        self.forget_lines();
    }

    /// A member reads on in the log, as far as its socket takes it.
    fn write(&mut self, who: usize, lines: u64) {
        let (member, mut scratch) = (&mut self.members[who], Vec::new());
        let Some(cursor) = member.cursor.filter(|_| member.is_live) else { return };
        let reader = Reader { member: MemberId(who as u64), dialect: Dialect::Text };
        let next = self.log.gather(cursor, reader, &mut scratch);
        let taken = lines.min(next.lines);
        let text = std::str::from_utf8(next.bytes).unwrap().lines().take(taken as usize);
        member.got.extend(text.filter_map(|line| line.parse::<u64>().ok()));
        let took_all = taken == next.lines;
        member.cursor =
            Some(if took_all { next.cursor } else { self.log.after_lines(cursor, reader, taken) });
        self.forget_lines();
    }

    fn forget_lines(&mut self) {
        let needed = self.members.iter().filter_map(|member| member.cursor).min();
        self.log.forget_before(needed.unwrap_or(self.log.head()));
    }

    /// Everything that has begun comes to its end.
    fn settle(&mut self) {
        while self.last_id() < self.kept.1 {
            self.publish(self.members.len());
        }
        for who in 0..self.members.len() {
            while !self.members[who].has_left && self.members[who].catch_up.wants().is_some() {
                self.answer(who, 2);
            }
        }
        self.take_up();
        (0..self.members.len()).for_each(|who| self.write(who, u64::MAX));
    }

    /// Whether each has got what it should have; whoever has left, the beginning of it.
    fn check(&self) {
        for (who, member) in self.members.iter().enumerate() {
            assert!(member.got.is_sorted_by(|before, after| before < after), "{:?}", member.got);
            let others = |&id: &u64| self.senders[id as usize - 1] != MemberId(who as u64);
            let due: Vec<_> = (member.last_id + 1..=self.last_id()).filter(others).collect();
            let live = &member.got[member.got.partition_point(|&id| id <= member.last_id)..];
            assert!(if member.has_left { due.starts_with(live) } else { due == live }, "{due:?} {live:?}");
        }
    }
}

impl Member {
    fn new(wanted: Replay, last_id: u64) -> Self {
        Member {
            wanted,
            last_id,
            catch_up: CatchUp::new(wanted, last_id),
            owed: None,
            cursor: None,
            is_live: false,
            has_left: false,
            got: Vec::new(),
        }
    }

    /// Of the past it gets the next that it is owed, which is all that was kept when the store first answered,
    /// but for what is forgotten before it is read.
    fn is_told(&mut self, told: Vec<u64>, (promise, is_short): (VecDeque<u64>, bool), oldest: u64) {
        let is_first = self.owed.is_none();
        let owed = self.owed.get_or_insert(promise);
        if is_first {
            assert_eq!(self.catch_up.gap(), is_short, "a gap, of {owed:?}");
        }
        owed.retain(|&id| id >= oldest);
        for id in told {
            assert_eq!(owed.pop_front(), Some(id));
            self.got.push(id);
        }
        assert!(self.catch_up.wants().is_some() || owed.is_empty(), "{owed:?} is not told");
    }
}

proptest! {
    #[test]
    fn everybody_gets_each_message_once_and_in_order(steps in vec(step(), 1..120)) {
        let mut room = Room::new();
        steps.into_iter().for_each(|step| room.run(step));
        room.settle();
        room.check();
    }
}
