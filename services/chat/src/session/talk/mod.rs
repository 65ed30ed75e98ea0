//! What a member says, answered in the order of the requests.

mod requests;

use std::future::pending;
use std::net::SocketAddr;
use std::sync::Arc;

use engine::Refusal;
use engine::chat::{Dialect, Entry, Flood, Ref, Replay, Request, Tagged};
use engine::names::{RoomName, UserName};
use tokio::time::{Instant, sleep_until, timeout_at};
use wire::chat::text::Typed;
use wire::chat::{json, text};

use super::input::{Input, Said};
use crate::Chat;
use crate::delivery::{Delay, Member};
use crate::ended::Ended;

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
            if self.member.ended().is_some() {
                return;
            }
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
            let patience_ends = self.member.flush().map(|delay| self.patience_ends(delay));
            if patience_ends.is_some_and(|ends| ends <= Instant::now()) {
                // It may be this session that is late, and not the peer.
                if self.member.may_write().await {
                    continue;
                }
                return self.too_late();
            }
            // Whoever does not read the answers is not asked for more questions.
            let may_work = patience_ends.is_none() && !self.is_held();
            if may_work {
                match self.step().await {
                    Step::Done => continue,
                    Step::End(ended) => return ended,
                    Step::Wait => {}
                }
            }
            if let Err(ended) = self.wait(patience_ends, may_work).await {
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
    async fn wait(&mut self, patience_ends: Option<Instant>, may_work: bool) -> Result<(), Ended> {
        let may_read = may_work && self.pending.is_none() && self.ending.is_none();
        // A line that ends with a pause is no reason to wake before it can be taken.
        let pause_ends = self.input.pause_ends().filter(|_| may_read);
        let deadline = [patience_ends, self.held_until, pause_ends].into_iter().flatten().min();
        tokio::select! {
            read = self.input.read(), if may_read => {
                read.map_err(|_| Ended::Lost)?;
                if self.input.is_over() {
                    self.ending = Some(Ended::Quit);
                }
            }
            () = self.member.woken() => {}
            writable = self.member.writable(), if patience_ends.is_some() => writable.map_err(|_| Ended::Lost)?,
            () = at(deadline) => {}
        }
        Ok(())
    }

    /// Until when the peer has to take more of what waits for it. When the server drains there is only a moment for
    /// all of it: what is told may be long, and `since` brings the rest.
    fn patience_ends(&self, delay: Delay) -> Instant {
        let config = &self.chat.config;
        match self.chat.life.drain.begun() {
            Some(begun) => delay.began.max(begun) + config.farewell(Ended::Shutdown),
            None => delay.piece_began + config.patience(),
        }
    }

    /// How somebody ends who has not taken it by then.
    fn too_late(&self) -> Ended {
        if self.chat.life.drain.is_draining() { Ended::Shutdown } else { Ended::Slow }
    }

    /// Waits until the peer has taken what was put in for it alone; whoever does not is ended.
    async fn flushed(&self) {
        while let Some(delay) = self.member.flush()
            && self.member.ended().is_none()
        {
            let taking = async {
                tokio::select! {
                    writable = self.member.writable() => writable,
                    // Somebody may have ended it, or the server drains.
                    () = self.member.woken() => Ok(()),
                }
            };
            match timeout_at(self.patience_ends(delay), taking).await {
                Ok(Ok(())) => {}
                Ok(Err(_)) => return self.member.end(Ended::Lost),
                Err(_) => return self.member.end(self.too_late()),
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
