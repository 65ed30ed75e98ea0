//! What each request does, and its answer.

use std::pin::pin;

use engine::chat::{Entry, Event, Page, Ref, Replay, Request};
use engine::names::{RoomName, UserName};
use engine::{Code, Refusal};
use presence::Claim;
use tokio::time::Instant;

use super::Talk;
use crate::hub::Entered;
use crate::session::past::Past;
use crate::store::{Post, now};

/// Messages that one request may ask for.
const MOST: u32 = 1000;

/// So many people of one name find another.
const NAMESAKES: u32 = 1_000;

impl Talk {
    pub(super) async fn answer(&mut self, reference: Option<Ref>, request: Request) {
        if let Err(refusal) = self.handle(reference.clone(), request).await {
            self.refuse(reference, refusal).await;
        }
    }

    async fn handle(&mut self, reference: Option<Ref>, request: Request) -> Result<(), Refusal> {
        let event = match request {
            Request::Say { room, text } => return self.say(reference, room, text).await,
            Request::Join(entry) => return self.join(reference, entry).await,
            Request::Search { query, room, limit } => {
                return self.search(reference, &query, room, limit).await;
            }
            Request::Nick { user } => return self.nick(reference, user).await,
            Request::Leave { room } => self.leave(room).await?,
            Request::Direct { to, text } => self.direct(&to, text)?,
            Request::History { room, page, limit } => self.history(room, page, limit).await?,
            Request::Who { room } => Event::Who { users: self.chat.hub.who(room.as_ref())?, room },
            Request::Rooms => Event::Rooms { rooms: self.chat.hub.rooms() },
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

    async fn leave(&mut self, room: RoomName) -> Result<Event, Refusal> {
        self.count_message();
        // Nothing of the room comes behind the answer.
        self.chat.hub.leave(self.member.id, &room, now())?.wait().await;
        self.chat.presence.leave(&self.name, &room);
        Ok(Event::LeftRoom { room })
    }

    fn direct(&mut self, to: &UserName, text: String) -> Result<Event, Refusal> {
        let at = now();
        self.count_message();
        self.chat.metrics.received_direct.inc();
        self.chat.hub.direct(self.member.id, to, text, at)?;
        Ok(Event::Ack { place: None, at })
    }

    async fn history(&self, room: RoomName, page: Page, limit: u32) -> Result<Event, Refusal> {
        self.chat.hub.check_in(self.member.id, &room)?;
        let messages = self.chat.store.page(&room, page, limit.min(MOST)).await?;
        Ok(Event::History { room, messages })
    }

    async fn search(
        &mut self,
        reference: Option<Ref>,
        query: &str,
        room: Option<RoomName>,
        limit: u32,
    ) -> Result<(), Refusal> {
        self.count_message();
        let rooms = match room {
            Some(room) => {
                self.chat.hub.check_in(self.member.id, &room)?;
                vec![room]
            }
            None => self.chat.hub.rooms_of(self.member.id),
        };
        let search = self.chat.store.search(query, rooms, limit.min(MOST));
        if let Some(messages) = self.unless_ended(search).await {
            self.member.answer(reference, Event::Search { messages: messages? });
        }
        Ok(())
    }

    /// Waits for what others may keep waiting, but not when the member has been ended meanwhile.
    async fn unless_ended<T>(&self, work: impl Future<Output = T>) -> Option<T> {
        let mut work = pin!(work);
        while self.member.ended().is_none() {
            tokio::select! {
                done = &mut work => return Some(done),
                () = self.member.woken() => {}
            }
        }
        None
    }

    async fn join(&mut self, reference: Option<Ref>, entry: Entry) -> Result<(), Refusal> {
        self.count_message();
        self.chat.presence.join(&self.name, &entry.room);
        self.enter(reference, entry, true).await
    }

    /// Goes to a room: what it is, its past, and from then on everything live.
    pub(super) async fn enter(
        &mut self,
        reference: Option<Ref>,
        entry: Entry,
        announce: bool,
    ) -> Result<(), Refusal> {
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
                .answer(reference, Event::Entered { room: room.clone(), members, last_id, gap: past.gap() });
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

    async fn nick(&mut self, reference: Option<Ref>, user: UserName) -> Result<(), Refusal> {
        self.count_message();
        self.rename(reference, user).await
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
    pub(super) async fn give_way(&mut self) {
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
    pub(super) async fn refuse(&self, reference: Option<Ref>, refusal: Refusal) {
        while !self.member.all_committed() {
            self.member.woken().await;
        }
        self.chat.metrics.rejected(refusal.code);
        self.member.answer(reference, Event::Refused(refusal));
    }

    /// Counts what a room, or one person, is told for this member, and a search, for which others wait.
    fn count_message(&mut self) {
        if let Some(flood) = &mut self.flood {
            let now = self.started.elapsed();
            let next = flood.count(now);
            self.held_until = (next > now).then(|| self.started + next);
            self.chat.metrics.limits.flood_holds.inc_by(u64::from(next > now));
        }
    }
}
