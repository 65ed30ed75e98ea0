//! What was said before: read to its end, and then it is over.

use engine::chat::{Event, Message, Page, Replay, Request, Told};
use engine::names::{RoomName, UserName};

use super::model::Note;
use super::plain::PIPE_PATIENCE;
use super::printer::Printer;
use super::session::{Front, Manner, Session};
use super::{Options, verdict};
use crate::errors::Outcome;
use crate::signals::or_interrupted;

/// Messages that are asked for at a time: as many as a server gives.
const PAGE: u32 = 1000;

/// Shows what was said in a room, from `replay` to the newest message.
pub(crate) async fn read(options: &Options, replay: Replay) -> Outcome {
    let patience = Some(options.timeout.max(PIPE_PATIENCE));
    let mut session =
        Session::open(options, Manner { replay: Replay::Nothing, many: false, patience }).await?;
    let mut past = Past::new(options, replay);
    let outcome = or_interrupted(turn_pages(&mut session, &mut past, options)).await;
    session.say_goodbye().await;
    outcome
}

async fn turn_pages(session: &mut Session<'_>, past: &mut Past, options: &Options) -> Outcome {
    loop {
        match past.next.take() {
            Some(Next::Ask(request)) => {
                session.model.ask(request);
            }
            Some(Next::Finish) => session.model.finish(),
            None => {}
        }
        if let Some(end) = session.carry_out(past)? {
            return verdict(end, options, past.printer.refusal.take());
        }
        if past.next.is_none() {
            session.turn().await;
        }
    }
}

/// What follows a page.
enum Next {
    Ask(Request),
    Finish,
}

/// The way through a room's past.
struct Past {
    room: RoomName,
    printer: Printer,
    next: Option<Next>,
    /// On the way back: how many messages are still wanted.
    left: u32,
    /// On the way back: the pages that were read, the newest first; they are shown when it is at its end.
    pages: Vec<Vec<Message>>,
}

impl Past {
    fn new(options: &Options, replay: Replay) -> Self {
        let printer = Printer::for_messages(options.json);
        let mut past = Past { room: options.room.clone(), printer, next: None, left: 0, pages: Vec::new() };
        match replay {
            Replay::Nothing => past.next = Some(Next::Finish),
            Replay::Since(since) => past.ask(Page::After(since), PAGE),
            Replay::Last(count) => {
                past.left = count;
                past.ask(Page::Newest, count.min(PAGE));
            }
        }
        past
    }

    fn ask(&mut self, page: Page, limit: u32) {
        self.next = Some(Next::Ask(Request::History { room: self.room.clone(), page, limit }));
    }

    /// A page of the way forth is shown at once, and an empty one is the end.
    fn forth(&mut self, messages: &[Message], me: &UserName) -> Outcome {
        match messages.last() {
            Some(last) => self.ask(Page::After(last.id), PAGE),
            None => self.next = Some(Next::Finish),
        }
        self.show(messages, me)
    }

    /// A page of the way back waits for those before it.
    fn back(&mut self, messages: &[Message], me: &UserName) -> Outcome {
        self.left = self.left.saturating_sub(u32::try_from(messages.len()).unwrap_or(u32::MAX));
        self.pages.push(messages.to_vec());
        match messages.first().filter(|_| self.left > 0) {
            Some(first) => {
                self.ask(Page::Before(first.id), self.left.min(PAGE));
                Ok(())
            }
            None => {
                self.next = Some(Next::Finish);
                std::mem::take(&mut self.pages).iter().rev().try_for_each(|page| self.show(page, me))
            }
        }
    }

    fn show(&mut self, messages: &[Message], me: &UserName) -> Outcome {
        messages.iter().try_for_each(|message| {
            let event = Event::Message { message: message.clone(), replay: true };
            self.printer.told(&Told { reference: None, event }, me)
        })
    }
}

impl Front for Past {
    fn told(&mut self, told: &Told, me: &UserName) -> Outcome {
        match &told.event {
            Event::History { messages, .. } if self.left > 0 => self.back(messages, me),
            Event::History { messages, .. } => self.forth(messages, me),
            Event::Refused(_) => {
                self.next = Some(Next::Finish);
                self.printer.told(told, me)
            }
            // What is said meanwhile comes with its page, or after the end.
            _ => Ok(()),
        }
    }

    fn note(&mut self, happened: &Note, me: &UserName) -> Outcome {
        self.printer.note(happened, me)
    }
}
