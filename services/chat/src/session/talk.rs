//! What a member says, answered in the order of the requests.

use std::future::pending;
use std::net::SocketAddr;
use std::sync::Arc;

use engine::chat::{Dialect, Entry, Event, Flood, Message, Ref, Replay, Request, Tagged};
use engine::names::{RoomName, UserName};
use engine::{Code, Refusal};
use presence::Claim;
use tokio::time::{Instant, sleep_until, timeout_at};
use wire::chat::text::Typed;
use wire::chat::{json, text};

use super::input::{Input, Said};
use super::past::Past;
use crate::Chat;
use crate::delivery::Member;
use crate::ended::Ended;
use crate::hub::Entered;
use crate::store::{Post, now};

/// Messages that one request may ask for.
const MOST: u32 = 1000;

/// So many people of one name find another.
const NAMESAKES: u32 = 1_000;

/// One member's conversation.
pub(super) struct Talk {
    pub(super) chat: Arc<Chat>,
    pub(super) input: Input,
    pub(super) member: Arc<Member>,
    name: UserName,
    /// Where somebody in text mode is.
    room: RoomName,
    flood: Option<Flood>,
    started: Instant,
    /// Nothing is done before this moment.
    held_until: Option<Instant>,
    /// What waits until the messages before it have been answered.
    pending: Option<Box<Work>>,
    /// How it will end once all that was read has been answered.
    ending: Option<Ended>,
}

/// What one line means.
enum Work {
    Ask(Tagged),
    Refuse(Option<Ref>, Refusal),
    Help,
    End(Ended),
}

/// What became of one step.
enum Step {
    Done,
    /// Nothing can be done before something else happens.
    Wait,
    End(Ended),
}

impl Talk {
    pub(super) fn new(
        chat: Arc<Chat>,
        input: Input,
        member: Arc<Member>,
        name: UserName,
        peer: SocketAddr,
    ) -> Self {
        let is_stranger = !chat.config.trusted.contains(peer.ip());
        let flood = chat.config.flood.0.filter(|_| is_stranger).map(Flood::new);
        Talk {
            chat,
            input,
            member,
            name,
            room: RoomName::lobby(),
            flood,
            started: Instant::now(),
            held_until: None,
            pending: None,
            ending: None,
        }
    }

    /// Goes to the first rooms.
    pub(super) async fn arrive(&mut self, rooms: Vec<Entry>) {
        for (index, entry) in rooms.into_iter().enumerate() {
            if index > 0 {
                self.chat.presence.join(&self.name, &entry.room);
            }
            // In text mode the first room needs no announcement to oneself.
            let announce = self.member.dialect == Dialect::Json;
            if let Err(refusal) = self.enter(None, entry, announce).await {
                self.refuse(None, refusal).await;
            }
        }
    }

    /// Does what is asked until the end.
    pub(super) async fn converse(&mut self) -> Ended {
        let ended = self.answer_all().await;
        self.chat.presence.release(&self.name);
        ended
    }

    async fn answer_all(&mut self) -> Ended {
        loop {
            if let Some(ended) = self.member.ended() {
                return ended;
            }
            if self.chat.life.drain.is_draining() {
                self.ending.get_or_insert(Ended::Shutdown);
            }
            if self.chat.presence.has_lost(&self.name) {
                Box::pin(self.give_way()).await;
            }
            let behind_since = self.member.flush();
            if behind_since.is_some_and(|since| since.elapsed() >= self.chat.config.slow) {
                // It may be this session that is late, and not the peer.
                if self.member.may_write().await {
                    continue;
                }
                return Ended::Slow;
            }
            // Whoever does not read the answers is not asked for more questions.
            let may_work = behind_since.is_none() && !self.is_held();
            if may_work {
                match self.step().await {
                    Step::Done => continue,
                    Step::End(ended) => return ended,
                    Step::Wait => {}
                }
            }
            if let Err(ended) = self.wait(behind_since, may_work).await {
                return ended;
            }
        }
    }

    /// Does the next thing that has been asked for. Answers keep the order of the requests, and a message
    /// is answered by its commit: all but further messages wait for that.
    async fn step(&mut self) -> Step {
        let Some(work) = self.pending.take().map(|work| *work).or_else(|| self.next_work()) else {
            return match self.ending {
                Some(ended) if self.member.all_committed() => Step::End(ended),
                _ => Step::Wait,
            };
        };
        let is_message = matches!(&work, Work::Ask(Tagged { request: Request::Say { .. }, .. }));
        if !is_message && !self.member.all_committed() {
            self.pending = Some(Box::new(work));
            return Step::Wait;
        }
        match work {
            Work::Ask(Tagged { reference, request }) => {
                // On the heap while it lasts: an idle session must not hold the room for it.
                Box::pin(self.answer(reference, request)).await;
            }
            Work::Refuse(reference, refusal) => Box::pin(self.refuse(reference, refusal)).await,
            Work::Help => self.member.put(text::encode_help),
            Work::End(ended) => return Step::End(ended),
        }
        Step::Done
    }

    /// What the next line means; empty lines mean nothing.
    fn next_work(&mut self) -> Option<Work> {
        loop {
            let line = match self.input.next()? {
                Said::Line(line) => line,
                Said::Spoiled(refusal) => return Some(Work::Refuse(None, refusal)),
                Said::TooLong => return Some(Work::End(Ended::LineTooLong)),
            };
            let work = match self.member.dialect {
                Dialect::Json => Some(decode_object(&line)),
                Dialect::Text => self.decode_typed(&line),
            };
            if work.is_some() {
                return work;
            }
        }
    }

    fn decode_typed(&self, line: &str) -> Option<Work> {
        match text::decode(line, &self.room, Replay::Last(self.chat.config.history)) {
            Ok(Typed::Request(request)) => Some(Work::Ask(Tagged { reference: None, request })),
            Ok(Typed::Help) => Some(Work::Help),
            Ok(Typed::Quit) => Some(Work::End(Ended::Quit)),
            Ok(Typed::Nothing) => None,
            Err(refusal) => Some(Work::Refuse(None, refusal)),
        }
    }

    async fn answer(&mut self, reference: Option<Ref>, request: Request) {
        if let Err(refusal) = self.handle(reference.clone(), request).await {
            self.refuse(reference, refusal).await;
        }
    }

    async fn handle(&mut self, reference: Option<Ref>, request: Request) -> Result<(), Refusal> {
        let chat = self.chat.clone();
        let (hub, store) = (&chat.hub, &chat.store);
        let event = match request {
            Request::Say { room, text } => return self.say(reference, room, text).await,
            Request::Join(entry) => {
                self.count_message();
                self.chat.presence.join(&self.name, &entry.room);
                return self.enter(reference, entry, true).await;
            }
            Request::Leave { room } => {
                self.count_message();
                // Nothing of the room comes behind the answer.
                hub.leave(self.member.id, &room, now())?.wait().await;
                self.chat.presence.leave(&self.name, &room);
                Event::LeftRoom { room }
            }
            Request::Direct { to, text } => {
                let at = now();
                self.count_message();
                self.chat.metrics.received_direct.inc();
                hub.direct(self.member.id, &to, text, at)?;
                Event::Ack { place: None, at }
            }
            Request::History { room, page, limit } => {
                hub.check_in(self.member.id, &room)?;
                let messages = store.page(&room, page, limit.min(MOST)).await?;
                Event::History { room, messages }
            }
            Request::Search { query, room, limit } => {
                let messages = self.search(&query, room, limit).await?;
                Event::Search { messages }
            }
            Request::Who { room } => {
                let users = hub.who(room.as_ref())?;
                Event::Who { room, users }
            }
            Request::Rooms => Event::Rooms { rooms: hub.rooms() },
            Request::Nick { user } => {
                self.count_message();
                return self.rename(reference, user).await;
            }
            Request::Ping => Event::Pong,
        };
        self.member.answer(reference, event);
        Ok(())
    }

    async fn say(&mut self, reference: Option<Ref>, room: RoomName, text: String) -> Result<(), Refusal> {
        let sender = self.member.id;
        let (from, hearing) = self.chat.hub.speaks(sender, &room)?;
        self.count_message();
        self.chat.metrics.received_room.inc();
        let received = Instant::now().into_std();
        let space = Some(hearing.space_for(&text).await);
        let post = Post { room, from, text, reference, sender, received, space };
        self.member.begin_commit();
        self.chat.store.submit(post).await.inspect_err(|_| self.member.end_commits(1))
    }

    async fn search(&self, query: &str, room: Option<RoomName>, limit: u32) -> Result<Vec<Message>, Refusal> {
        let rooms = match room {
            Some(room) => {
                self.chat.hub.check_in(self.member.id, &room)?;
                vec![room]
            }
            None => self.chat.hub.rooms_of(self.member.id),
        };
        self.chat.store.search(query, rooms, limit.min(MOST)).await
    }

    /// Goes to a room: what it is, its past, and from then on everything live.
    async fn enter(&mut self, reference: Option<Ref>, entry: Entry, announce: bool) -> Result<(), Refusal> {
        let Entry { room, replay } = entry;
        let entered = self.chat.hub.enter(&self.member, &room, announce, now());
        let mut entered = entered.inspect_err(|_| self.chat.presence.leave(&self.name, &room))?;
        if let Some(left) = entered.left.take() {
            left.wait().await;
        }
        if let Some(left) = &entered.arrival.left {
            self.chat.presence.leave(&self.name, left);
        }
        self.room = room.clone();
        // Whoever is here already gets everything live: repeating it would only double it.
        let replay = if entered.arrival.is_new { replay } else { Replay::Nothing };
        let told = self.tell_past(reference, &entered, &room, replay, announce).await;
        // What comes live comes also when the past can't be read.
        if entered.arrival.is_new {
            entered.room.start(self.member.id);
        }
        told
    }

    async fn tell_past(
        &self,
        reference: Option<Ref>,
        entered: &Entered,
        room: &RoomName,
        replay: Replay,
        announce: bool,
    ) -> Result<(), Refusal> {
        let mut past = Past::find(&self.chat.store, room, replay, entered.last_id).await?;
        if announce {
            let (members, last_id) = (entered.others.clone(), entered.last_id);
            self.member
                .answer(reference, Event::Entered { room: room.clone(), members, last_id, gap: past.gap });
        }
        loop {
            let page = past.next_page().await?;
            if page.is_empty() || self.member.ended().is_some() {
                return Ok(());
            }
            page.into_iter().for_each(|event| self.member.answer(None, event));
            self.flushed().await;
        }
    }

    async fn rename(&mut self, reference: Option<Ref>, to: UserName) -> Result<(), Refusal> {
        if to == self.name {
            // As with IRC's servers nobody hears of it; a program has its answer.
            self.member.answer(reference, Event::Renamed { user: to.clone(), to, at: now() });
            return Ok(());
        }
        self.chat.hub.check_free(self.member.id, &to)?;
        if self.chat.presence.rename(&self.name, &to).await == Claim::Taken {
            let words = format!("{to}, or a name that looks the same, is taken on another server");
            return Err(Refusal::new(Code::NameTaken, words));
        }
        let at = now();
        let (user, told) = match self.chat.hub.rename(self.member.id, &to, at) {
            Ok(renamed) => renamed,
            Err(refusal) => {
                // Somebody here was faster: the registry gets the old name back.
                self.chat.presence.rename(&to, &self.name).await;
                return Err(refusal);
            }
        };
        self.name = to.clone();
        for room in told {
            room.wait().await;
        }
        self.member.answer(reference, Event::Renamed { user, to, at });
        Ok(())
    }

    /// Another server's user has had the name for longer: this one goes on with a free name.
    async fn give_way(&mut self) {
        let lost = self.name.clone();
        for number in 2..=NAMESAKES {
            let free = lost.numbered(number);
            if self.rename(None, free).await.is_ok() {
                let words = format!(
                    "{lost} has been somebody's on another server for longer; you are {} now",
                    self.name
                );
                return self.refuse(None, Refusal::new(Code::NameLost, words)).await;
            }
        }
        // Nobody is sent away for it: the name stays theirs on this server, and the next event tries again.
    }

    /// Answers with a refusal; one to a message waits for the messages before it.
    async fn refuse(&self, reference: Option<Ref>, refusal: Refusal) {
        while !self.member.all_committed() {
            self.member.woken().await;
        }
        self.chat.metrics.rejected(refusal.code);
        self.member.answer(reference, Event::Refused(refusal));
    }

    /// Counts what a room, or one person, is told for this member.
    fn count_message(&mut self) {
        if let Some(flood) = &mut self.flood {
            let now = self.started.elapsed();
            let next = flood.count(now);
            self.held_until = (next > now).then(|| self.started + next);
            self.chat.metrics.limits.flood_holds.inc_by(u64::from(next > now));
        }
    }

    /// Whether flood control wants a rest. What has been read when the server drains is done at once.
    fn is_held(&mut self) -> bool {
        if self.is_draining() || self.held_until.is_some_and(|until| until <= Instant::now()) {
            self.held_until = None;
        }
        self.held_until.is_some()
    }

    fn is_draining(&self) -> bool {
        self.ending == Some(Ended::Shutdown)
    }

    /// Waits until something has changed: bytes came, the socket takes more, another task woke this one, or
    /// a time is over. All that an idle session is, beside its fields, waits here.
    async fn wait(&mut self, behind_since: Option<Instant>, may_work: bool) -> Result<(), Ended> {
        let may_read = may_work && self.pending.is_none() && self.ending.is_none();
        // A line that ends with a pause is no reason to wake before it can be taken.
        let pause_ends = self.input.pause_ends().filter(|_| may_read);
        let deadline = [behind_since.map(|since| since + self.chat.config.slow), self.held_until, pause_ends];
        let deadline = deadline.into_iter().flatten().min();
        tokio::select! {
            read = self.input.read(), if may_read => {
                read.map_err(|_| Ended::Lost)?;
                if self.input.is_over() {
                    self.ending = Some(Ended::Quit);
                }
            }
            () = self.member.woken() => {}
            writable = self.member.writable(), if behind_since.is_some() => writable.map_err(|_| Ended::Lost)?,
            () = at(deadline) => {}
        }
        Ok(())
    }

    /// Waits until the peer has taken what was put in for it alone; whoever does not is ended.
    async fn flushed(&self) {
        while let Some(since) = self.member.flush()
            && self.member.ended().is_none()
        {
            let taking = async {
                tokio::select! {
                    writable = self.member.writable() => writable,
                    // Somebody may have ended it.
                    () = self.member.woken() => Ok(()),
                }
            };
            match timeout_at(since + self.chat.config.slow, taking).await {
                Ok(Ok(())) => {}
                Ok(Err(_)) => return self.member.end(Ended::Lost),
                Err(_) => return self.member.end(Ended::Slow),
            }
        }
    }
}

/// Waits for a moment, or for ever; without one it takes no place for a timer.
async fn at(deadline: Option<Instant>) {
    match deadline {
        Some(deadline) => Box::pin(sleep_until(deadline)).await,
        None => pending().await,
    }
}

fn decode_object(line: &str) -> Work {
    match json::decode_request(line) {
        Ok(tagged) => Work::Ask(tagged),
        Err(spoiled) => Work::Refuse(spoiled.reference, spoiled.refusal),
    }
}
