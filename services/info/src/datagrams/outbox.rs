//! Out: a batch of replies in as few system calls as they allow.

use std::io::IoSlice;
use std::net::UdpSocket;
use std::ops::Range;
use std::os::fd::AsRawFd;

use arrayvec::ArrayVec;
use nix::errno::Errno;
use nix::libc;
use nix::sys::socket::{ControlMessage, MsgFlags, MultiHeaders, SockaddrStorage, cmsg_space, sendmmsg};

use super::{Destination, Peer};

/// Most replies that are sent at once.
pub(crate) const BATCH: usize = 64;
/// Most bytes that leave as one: a little less than the longest datagram.
const BURST: usize = 60_000;

/// What is said to somebody.
#[derive(Debug)]
pub(crate) struct Reply<'a> {
    /// To whom, and from which address.
    pub(crate) peer: Peer,
    /// What.
    pub(crate) bytes: &'a [u8],
    /// Whether the kernel has taken it.
    pub(crate) sent: bool,
}

/// Sends replies from one socket.
///
/// Neighbours to the same peer leave as one message, which the kernel parts as late as it can
/// (`UDP_SEGMENT`): cheaper even where the receiver takes one at a time, far cheaper where not.
pub(crate) struct Outbox {
    addresses: Vec<Option<SockaddrStorage>>,
    /// For each of what can be told beside a message: nothing, its source, the length of its parts, both.
    headers: [MultiHeaders<SockaddrStorage>; 4],
}

impl Outbox {
    /// For a socket of either family.
    pub(crate) fn new(is_ipv6: bool) -> Self {
        let source =
            if is_ipv6 { cmsg_space::<libc::in6_pktinfo>() } else { cmsg_space::<libc::in_pktinfo>() };
        let spaces = [0, source, cmsg_space::<u16>(), source + cmsg_space::<u16>()];
        let headers = |space| MultiHeaders::preallocate(BATCH, (space > 0).then(|| vec![0; space]));
        Outbox { addresses: Vec::with_capacity(BATCH), headers: spaces.map(headers) }
    }

    /// Sends at most a batch of replies without waiting, and marks those that the kernel has taken.
    pub(crate) fn send(&mut self, socket: &UdpSocket, replies: &mut [Reply<'_>]) {
        let messages = grouped(replies);
        self.send_messages(socket, &messages, replies);
    }

    fn send_messages(&mut self, socket: &UdpSocket, messages: &[Message], replies: &mut [Reply<'_>]) {
        for flight in messages.chunk_by(|one, next| one.told == next.told) {
            self.send_flight(socket, flight, replies);
        }
    }

    /// Sends messages that the same is told beside.
    fn send_flight(&mut self, socket: &UdpSocket, flight: &[Message], replies: &mut [Reply<'_>]) {
        let slices: ArrayVec<_, BATCH> = replies.iter().map(|reply| IoSlice::new(reply.bytes)).collect();
        let bodies: ArrayVec<_, BATCH> = flight.iter().map(|message| &slices[message.replies()]).collect();
        self.addresses.clear();
        self.addresses.extend(flight.iter().map(|message| Some(replies[message.from].peer.addr.into())));
        let told = flight[0].told;
        let (headers, control, fd) = (&mut self.headers[told.index()], told.control(), socket.as_raw_fd());
        let mut alone: ArrayVec<usize, BATCH> = ArrayVec::new();
        let mut at = 0;
        while at < flight.len() {
            let (bodies, addresses) = (&bodies[at..], &self.addresses[at..]);
            let sent = sendmmsg(fd, headers, bodies, addresses, &control, MsgFlags::MSG_DONTWAIT);
            let taken = match sent.map(Iterator::count) {
                Ok(taken) => taken,
                Err(Errno::EINTR) => continue,
                Err(errno) => {
                    if told.each.is_some() && errno != Errno::EAGAIN {
                        alone.extend(flight[at].replies());
                    }
                    0
                }
            };
            let done = flight[at..at + taken].iter().flat_map(Message::replies);
            done.for_each(|reply| replies[reply].sent = true);
            at += taken.max(1);
        }
        // Not every way is one that several can leave on as one.
        let apart: ArrayVec<_, BATCH> = alone.into_iter().map(|at| Message::of(replies, at)).collect();
        self.send_messages(socket, &apart, replies);
    }
}

/// Replies that leave as one message.
#[derive(Debug)]
struct Message {
    from: usize,
    until: usize,
    told: Told,
}

/// What the kernel is told beside a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Told {
    /// From which address it shall leave.
    source: Option<Destination>,
    /// How long each datagram in it is but the last, which may be shorter; none when it is one.
    each: Option<u16>,
}

impl Told {
    fn index(&self) -> usize {
        usize::from(self.source.is_some()) + 2 * usize::from(self.each.is_some())
    }

    fn control(&self) -> ArrayVec<ControlMessage<'_>, 2> {
        let source = self.source.as_ref().map(|source| match source {
            Destination::V4(info) => ControlMessage::Ipv4PacketInfo(info),
            Destination::V6(info) => ControlMessage::Ipv6PacketInfo(info),
        });
        source.into_iter().chain(self.each.as_ref().map(ControlMessage::UdpGsoSegments)).collect()
    }
}

impl Message {
    fn of(replies: &[Reply<'_>], at: usize) -> Self {
        Message { from: at, until: at + 1, told: Told { source: replies[at].peer.to, each: None } }
    }

    fn replies(&self) -> Range<usize> {
        self.from..self.until
    }

    /// Takes the next reply in, where it may leave as one with those that are in it.
    fn take(&mut self, replies: &[Reply<'_>]) -> bool {
        let (first, last, next) = (&replies[self.from], &replies[self.until - 1], &replies[self.until]);
        let each = first.bytes.len();
        let fits = last.bytes.len() == each && next.bytes.len() <= each && !next.bytes.is_empty();
        let has_room = (self.until + 1 - self.from) * each <= BURST;
        let taken = first.peer == next.peer && fits && has_room;
        if taken {
            self.until += 1;
            self.told.each = u16::try_from(each).ok();
        }
        taken
    }

    /// Begins the next one. A datagram that is no longer than the parts before it is told to be one part, so
    /// that it needs no system call of its own.
    fn after(before: Option<&Message>, replies: &[Reply<'_>], at: usize) -> Self {
        let mut message = Message::of(replies, at);
        let each = before.filter(|before| before.told.source == message.told.source);
        let each = each.and_then(|before| before.told.each);
        message.told.each = each.filter(|each| replies[at].bytes.len() <= usize::from(*each));
        message
    }
}

/// The replies as messages, in their order.
fn grouped(replies: &[Reply<'_>]) -> ArrayVec<Message, BATCH> {
    let mut messages: ArrayVec<Message, BATCH> = ArrayVec::new();
    for at in 0..replies.len() {
        if !messages.last_mut().is_some_and(|message| message.take(replies)) {
            messages.push(Message::after(messages.last(), replies, at));
        }
    }
    messages
}

/// How many replies each message holds, and how long its parts are.
#[cfg(test)]
pub(super) fn messages(replies: &[Reply<'_>]) -> Vec<(usize, Option<u16>)> {
    grouped(replies).iter().map(|message| (message.replies().len(), message.told.each)).collect()
}
