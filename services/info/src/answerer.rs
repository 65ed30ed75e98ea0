//! From a datagram to its answer: the whole service but for sockets and clocks.

use std::net::IpAddr;
use std::time::Duration;

use chassis::trust::Trusted;
use engine::info::{Admission, Cookie, Gate, Kind, Silence, check_source};
use wire::info::{Answers, Request, cookie};

use crate::datagrams::Peer;

/// What becomes of a datagram.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Outcome<'a> {
    /// The answer to its question.
    Answer(Kind, &'a [u8]),
    /// The proof of address that a stranger has to bring.
    Cookie(Kind, &'a [u8]),
    /// Nothing is said to a question that could be read.
    Refused(Kind, Silence),
    /// Nothing is said to what is no question.
    Unread(Silence),
}

/// Answers datagrams, for as many workers as there are. It has nothing that one of them could wait for.
pub(crate) struct Answerer {
    trusted: Trusted,
    own_port: u16,
    gate: Gate,
}

impl Answerer {
    /// An answerer for the service at a port.
    pub(crate) fn new(trusted: Trusted, own_port: u16, gate: Gate) -> Self {
        Answerer { trusted, own_port, gate }
    }

    /// Whether an address has to be proved before it is answered.
    pub(crate) fn is_stranger(&self, address: IpAddr) -> bool {
        !self.trusted.contains(address)
    }

    /// Decides what a datagram gets, from a stranger or not. `now` counts from the start of the service;
    /// what is said stands in `answers`, or in `space`.
    pub(crate) fn answer<'a>(
        &self,
        datagram: &[u8],
        (from, stranger): (Peer, bool),
        now: Duration,
        answers: &'a Answers,
        space: &'a mut Vec<u8>,
    ) -> Outcome<'a> {
        let request = match Request::decode(datagram) {
            Ok(request) => request,
            Err(why) => return Outcome::Unread(why),
        };
        let question = request.question(stranger);
        match self.admit(from, stranger, request.cookie(), now) {
            Ok(Admission::Answer) => Outcome::Answer(question.kind(), answers.reply(&question, space)),
            Ok(Admission::Prove(proof)) => Outcome::Cookie(question.kind(), cookie(proof, space)),
            Err(why) => Outcome::Refused(question.kind(), why),
        }
    }

    /// Who gets answers, however they are asked for.
    pub(crate) fn gate(&self) -> &Gate {
        &self.gate
    }

    fn admit(
        &self,
        from: Peer,
        stranger: bool,
        cookie: Option<Cookie>,
        now: Duration,
    ) -> Result<Admission, Silence> {
        check_source(from.addr, self.own_port)?;
        if from.is_broadcast() {
            return Err(Silence::Broadcast);
        }
        if stranger { self.gate.admit(from.addr.ip(), cookie, now) } else { Ok(Admission::Answer) }
    }
}

#[cfg(test)]
mod tests;
