//! Requests that have no answer yet, each under its key.

use std::collections::VecDeque;

use engine::chat::{Message, Ref, Request, Tagged};
use engine::names::{RoomName, UserName};
use engine::{Code, Refusal};
use wire::chat::json::encode_request;
use wire::lines::MAX_LINE;

/// The requests in the order in which they were made.
pub(super) struct Requests {
    /// Tells this run's keys from any other's: keys must not meet for a day.
    run: u64,
    made: u64,
    open: VecDeque<Open>,
}

struct Open {
    tagged: Tagged,
    sent: bool,
}

impl Requests {
    pub(super) fn new(run: u64) -> Self {
        Requests { run, made: 0, open: VecDeque::new() }
    }

    /// How many have no answer.
    pub(super) fn open(&self) -> usize {
        self.open.len()
    }

    /// How many of them say something.
    pub(super) fn unsaid(&self) -> usize {
        let says = |open: &&Open| matches!(open.tagged.request, Request::Say { .. } | Request::Direct { .. });
        self.open.iter().filter(says).count()
    }

    /// Takes a request on.
    ///
    /// # Errors
    /// [`Code::LineTooLong`]: the server would end the connection, and again whenever it is sent again.
    pub(super) fn add(&mut self, request: Request) -> Result<Ref, Refusal> {
        self.made += 1;
        let key = format!("{:x}-{}", self.run, self.made);
        let key = Ref::parse(&key).expect("hex digits and a hyphen are a key");
        let tagged = Tagged { reference: Some(key.clone()), request };
        if encode_request(&tagged).len() > MAX_LINE {
            return Err(Refusal::new(Code::LineTooLong, "that is too long for one message"));
        }
        self.open.push_back(Open { tagged, sent: false });
        Ok(key)
    }

    /// The lines of all that was not sent yet, which from now on is.
    pub(super) fn send(&mut self) -> impl Iterator<Item = String> {
        self.open.iter_mut().filter(|open| !open.sent).map(|open| {
            open.sent = true;
            encode_request(&open.tagged)
        })
    }

    /// Takes out the request that is answered under this key.
    pub(super) fn answered(&mut self, key: &Ref) -> Option<Request> {
        let at = self.open.iter().position(|open| open.tagged.reference.as_ref() == Some(key))?;
        self.open.remove(at).map(|open| open.tagged.request)
    }

    /// The connection is gone. Everything without an answer will be sent again under its key, by which
    /// the server knows it. Not so a leave, for the next session begins outside; and not a direct message,
    /// which no server keeps and which would be said twice: their addressees are the answer.
    pub(super) fn lost(&mut self) -> Vec<UserName> {
        let mut unsure = Vec::new();
        self.open.retain_mut(|open| match &open.tagged.request {
            Request::Direct { to, .. } if open.sent => {
                unsure.push(to.clone());
                false
            }
            Request::Leave { .. } => false,
            _ => {
                open.sent = false;
                true
            }
        });
        unsure
    }

    /// Whether a join of this room has no answer yet.
    pub(super) fn joins(&self, room: &RoomName) -> bool {
        self.open
            .iter()
            .any(|open| matches!(&open.tagged.request, Request::Join(entry) if entry.room == *room))
    }

    /// Whether this is something to be said that has no answer yet.
    pub(super) fn says(&self, message: &Message) -> bool {
        self.open.iter().any(|open| {
            matches!(&open.tagged.request,
                Request::Say { room, text } if *room == message.room && *text == message.text)
        })
    }
}
