//! In: as many as wait, at most a batch.

use std::array;
use std::io::{self, IoSliceMut};
use std::marker::PhantomData;
use std::net::{SocketAddr, SocketAddrV4, SocketAddrV6, UdpSocket};
use std::os::fd::AsRawFd;

use nix::libc;
use nix::sys::socket::{
    ControlMessageOwned, MsgFlags, MultiHeaders, MultiResults, SockaddrIn, SockaddrIn6, SockaddrLike,
    cmsg_space, recvmmsg,
};

use super::{Destination, Peer};

/// Most messages that are taken at once.
const BATCH: usize = 64;
/// Fewest that are made ready for.
const FEWEST: usize = 4;
/// A message may be many datagrams that the kernel has merged, so nothing shorter than the longest will do.
const MESSAGE: usize = 1 << 16;
/// What the kernel may tell beside a message: how long each merged datagram is, how many it has dropped,
/// where it was sent.
const CONTROL: usize = cmsg_space::<i32>() + cmsg_space::<u32>() + cmsg_space::<libc::in6_pktinfo>();

/// The address of a family, as the kernel writes it.
pub(crate) trait Address: SockaddrLike + Copy {
    /// The same for everybody else.
    fn to_std(self) -> SocketAddr;
}

impl Address for SockaddrIn {
    fn to_std(self) -> SocketAddr {
        SocketAddrV4::from(self).into()
    }
}

impl Address for SockaddrIn6 {
    fn to_std(self) -> SocketAddr {
        SocketAddrV6::from(self).into()
    }
}

/// Takes datagrams from one socket, whose family's addresses are known: one for both would be eight times
/// as long, and is copied several times.
pub(crate) struct Inbox<A> {
    family: PhantomData<A>,
    space: Vec<u8>,
    /// How many messages the next call makes ready for.
    room: usize,
    /// How many datagrams the kernel has dropped so far, as far as it has told.
    dropped: u32,
}

impl<A: Address> Inbox<A> {
    pub(crate) fn new() -> Self {
        // Of these pages the kernel gives only those that are written to.
        Inbox { family: PhantomData, space: vec![0; BATCH * MESSAGE], room: FEWEST, dropped: 0 }
    }

    /// Waits for datagrams, hands over all that wait, at most a batch, and returns how many the kernel has
    /// dropped since it last told.
    ///
    /// # Errors
    /// What the kernel says.
    pub(crate) fn receive(
        &mut self,
        socket: &UdpSocket,
        take: impl FnOnce(&mut Arrivals<'_, A>),
    ) -> io::Result<u32> {
        // The kernel notes in a header how much it told beside the message, and would tell no more than that
        // the next time: each serves once.
        let mut headers = MultiHeaders::<A>::preallocate(self.room, Some(vec![0; CONTROL]));
        let mut spaces = self.space.chunks_exact_mut(MESSAGE);
        let mut slices: [_; BATCH] =
            array::from_fn(|_| [IoSliceMut::new(spaces.next().expect("there is one for each"))]);
        let flags = MsgFlags::MSG_WAITFORONE;
        let messages = recvmmsg(socket.as_raw_fd(), &mut headers, slices.iter_mut(), flags, None)?;
        let mut arrivals = Arrivals { messages, taken: 0, dropped: self.dropped };
        take(&mut arrivals);
        let (taken, dropped) = (arrivals.taken, arrivals.dropped);
        self.room = next_room(self.room, taken);
        Ok(dropped.wrapping_sub(std::mem::replace(&mut self.dropped, dropped)))
    }
}

/// Headers cost a little each: after a few messages few are made ready, and more as soon as more come.
fn next_room(room: usize, taken: usize) -> usize {
    if taken == room {
        BATCH.min(room * 2)
    } else if taken <= room / 4 {
        FEWEST.max(room / 2)
    } else {
        room
    }
}

/// What one call has brought.
pub(crate) struct Arrivals<'a, A> {
    messages: MultiResults<'a, A>,
    taken: usize,
    dropped: u32,
}

impl<'a, A: Address> Iterator for Arrivals<'a, A> {
    type Item = Arrival<'a>;

    fn next(&mut self) -> Option<Arrival<'a>> {
        let message = self.messages.next()?;
        self.taken += 1;
        let addr = message.address?.to_std();
        let bytes = message.iovs().next().unwrap_or_default();
        let mut arrival = Arrival { peer: Peer { addr, to: None }, bytes, each: None };
        // What the kernel could not tell in full is nothing that an answer hangs on.
        for told in message.cmsgs().into_iter().flatten() {
            match told {
                ControlMessageOwned::UdpGroSegments(each) => arrival.each = usize::try_from(each).ok(),
                ControlMessageOwned::RxqOvfl(dropped) => self.dropped = dropped,
                ControlMessageOwned::Ipv4PacketInfo(info) => arrival.peer.to = Some(Destination::v4(info)),
                ControlMessageOwned::Ipv6PacketInfo(info) => arrival.peer.to = Some(Destination::v6(info)),
                _ => {}
            }
        }
        Some(arrival)
    }
}

/// One message: a datagram, or several of one sender that the kernel has merged on the way.
pub(crate) struct Arrival<'a> {
    /// Who sent it.
    pub(crate) peer: Peer,
    bytes: &'a [u8],
    /// How long each of the merged datagrams is but the last, which may be shorter.
    each: Option<usize>,
}

impl<'a> Arrival<'a> {
    /// The datagrams; one without a byte is one too.
    pub(crate) fn datagrams(&self) -> impl Iterator<Item = &'a [u8]> + use<'a> {
        let (bytes, each) = (self.bytes, self.each.unwrap_or(self.bytes.len()).max(1));
        let count = bytes.len().div_ceil(each).max(1);
        (0..count).map(move |n| &bytes[n * each..bytes.len().min((n + 1) * each)])
    }
}
