//! The first words: in which dialect, and under which name.

use std::sync::Arc;

use engine::chat::{Dialect, Entry, Event, Hello, Ref, Replay, Style};
use engine::names::{RoomName, UserName};
use engine::{Code, Refusal};
use presence::Claim;
use tokio::time::{Instant, sleep_until};
use wire::chat::foreign::Foreign;
use wire::chat::json::{self, Opening};
use wire::chat::text;

use super::input::{Input, Said};
use crate::Chat;
use crate::delivery::{Member, Socket};
use crate::ended::Ended;
use crate::store::now;

/// Names that may be refused before the connection ends.
const ATTEMPTS: u32 = 3;

/// Somebody who has a name now.
pub(super) struct Newcomer {
    pub(super) member: Arc<Member>,
    pub(super) name: UserName,
    /// Where to go first.
    pub(super) rooms: Vec<Entry>,
    pub(super) client: Option<String>,
}

/// Asks for a name until one is good. Whoever ends without one has no place in the hub.
pub(super) async fn login(
    chat: &Arc<Chat>,
    input: &mut Input,
    socket: &Arc<dyn Socket>,
) -> Result<Newcomer, (Arc<Member>, Ended)> {
    let id = chat.hub.next_member();
    let (bounds, metrics) = (chat.hub.bounds().clone(), chat.metrics.clone());
    let member = Member::new(id, Dialect::Text, false, socket.clone(), bounds, metrics);
    let mut login = Login { chat, member, attempts: 0 };
    login.member.put(|out| out.extend_from_slice(text::PROMPT.as_bytes()));
    let deadline = Instant::now() + chat.config.login;
    let ended = loop {
        let said = match login.next(input, deadline).await {
            Ok(said) => said,
            Err(ended) => break ended,
        };
        match login.attempt(said).await {
            Ok(newcomer) => return Ok(newcomer),
            Err(Some(ended)) => break ended,
            Err(None) => {}
        }
    };
    Err((login.member, ended))
}

struct Login<'a> {
    chat: &'a Arc<Chat>,
    /// As whom the connection is spoken to: as a person until it shows to be a program.
    member: Arc<Member>,
    attempts: u32,
}

impl Login<'_> {
    async fn next(&mut self, input: &mut Input, deadline: Instant) -> Result<Said, Ended> {
        loop {
            let is_behind = self.member.flush().is_some();
            // Every line that is no name is an attempt: before the first of them, nothing has been taken.
            if self.attempts == 0
                && let Some(protocol) = Foreign::recognise(input.rest())
            {
                return Err(Ended::Foreign(protocol));
            }
            if let Some(said) = input.next() {
                return Ok(said);
            }
            if input.is_over() {
                return Err(Ended::Quit);
            }
            let pause = input.pause_ends().unwrap_or(deadline);
            tokio::select! {
                read = input.read() => read.map_err(|_| Ended::Lost)?,
                writable = self.member.writable(), if is_behind => writable.map_err(|_| Ended::Lost)?,
                () = sleep_until(pause.min(deadline)) => if Instant::now() >= deadline {
                    return Err(Ended::LoginTimeout);
                },
                () = self.chat.life.drain.signaled() => return Err(Ended::Shutdown),
            }
        }
    }

    /// One line: somebody with a name, a refusal and another try, or the end.
    async fn attempt(&mut self, said: Said) -> Result<Newcomer, Option<Ended>> {
        let (reference, hello) = match said {
            Said::TooLong => return Err(Some(Ended::LineTooLong)),
            Said::Spoiled(refusal) => (None, Err(refusal)),
            Said::Line(line) => self.read(&line),
        };
        let welcomed = match hello {
            Ok(hello) => self.welcome(reference.clone(), hello).await,
            Err(refusal) => Err(refusal),
        };
        welcomed.map_err(|refusal| self.refuse(reference, refusal))
    }

    fn read(&mut self, line: &str) -> (Option<Ref>, Result<Hello, Refusal>) {
        let is_program = self.member.dialect == Dialect::Json;
        if !is_program && !line.starts_with('{') {
            let rooms =
                vec![Entry { room: RoomName::lobby(), replay: Replay::Last(self.chat.config.history) }];
            let hello = |user| Hello { user, rooms, echo: false, client: None };
            return (None, text::decode_name(line).map(hello));
        }
        if !is_program {
            self.member = self.member.becoming(Dialect::Json, false);
        }
        match json::decode_hello(line) {
            Ok(Opening { reference, hello }) => (reference, Ok(hello)),
            Err(spoiled) => (spoiled.reference, Err(spoiled.refusal)),
        }
    }

    async fn welcome(&mut self, reference: Option<Ref>, hello: Hello) -> Result<Newcomer, Refusal> {
        let Hello { user, rooms, echo, client } = hello;
        let style = match self.member.dialect {
            Dialect::Text => Style::OneRoom,
            Dialect::Json => Style::ManyRooms,
        };
        if echo != self.member.echo {
            self.member = self.member.becoming(Dialect::Json, echo);
        }
        let member = self.member.clone();
        self.chat.hub.login(member.id, user.clone(), style)?;
        let first_room = rooms.first().map(|entry| &entry.room);
        if self.chat.presence.claim(&user, first_room).await == Claim::Taken {
            self.chat.hub.logout(member.id, Ended::Quit, now());
            let words = format!("{user}, or a name that looks the same, is taken on another server");
            return Err(Refusal::new(Code::NameTaken, words));
        }
        let welcome = Event::Welcome {
            user: user.clone(),
            server: self.chat.server_name(),
            version: chassis::VERSION.to_owned(),
            session: format!("{:x}", member.id.0),
        };
        self.chat.hub.welcome(&member, reference, welcome);
        Ok(Newcomer { member, name: user, rooms, client })
    }

    fn refuse(&mut self, reference: Option<Ref>, refusal: Refusal) -> Option<Ended> {
        self.chat.metrics.rejected(refusal.code);
        self.member.answer(reference, Event::Refused(refusal));
        self.attempts += 1;
        if self.attempts == ATTEMPTS {
            return Some(Ended::TooManyAttempts);
        }
        if self.member.dialect == Dialect::Text {
            self.member.put(|out| out.extend_from_slice(text::PROMPT.as_bytes()));
        }
        None
    }
}
