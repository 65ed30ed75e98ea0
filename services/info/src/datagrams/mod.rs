//! Datagrams in and out, many in one system call.

mod inbox;
mod outbox;
#[cfg(test)]
mod tests;

use std::net::{IpAddr, SocketAddr};

use nix::libc;

pub(crate) use inbox::{Address, Arrival, Inbox};
pub(crate) use outbox::{BATCH, Outbox, Reply};

/// The other end of a datagram, and which of this host's addresses it was sent to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Peer {
    /// Who sent it.
    pub(crate) addr: SocketAddr,
    /// Where it was sent; only known, and only of interest, where the socket is bound to every address.
    pub(crate) to: Option<Destination>,
}

impl Peer {
    /// Whether other hosts may have got the same datagram.
    pub(crate) fn is_broadcast(&self) -> bool {
        self.to.as_ref().is_some_and(Destination::is_broadcast)
    }

    /// What the kernel puts around a datagram to or from here: the IP header without options, and UDP's.
    pub(crate) fn headers(&self) -> usize {
        if self.addr.ip().to_canonical().is_ipv4() { 20 + 8 } else { 40 + 8 }
    }
}

/// The address that a datagram was sent to, in the kernel's own form: an answer is sent from it, so that
/// whoever asks a host of many addresses hears from the one that was asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Destination {
    /// `IP_PKTINFO`
    V4(libc::in_pktinfo),
    /// `IPV6_PKTINFO`, also of IPv4 on a socket for both
    V6(libc::in6_pktinfo),
}

impl Destination {
    /// Without the interface: an answer may take another way back.
    fn v4(info: libc::in_pktinfo) -> Self {
        Destination::V4(libc::in_pktinfo { ipi_ifindex: 0, ..info })
    }

    fn v6(info: libc::in6_pktinfo) -> Self {
        Destination::V6(libc::in6_pktinfo { ipi6_ifindex: 0, ..info })
    }

    fn is_broadcast(&self) -> bool {
        match self {
            // The host's own address stands beside the one in the header when they are not the same.
            Destination::V4(info) => info.ipi_addr != info.ipi_spec_dst,
            Destination::V6(info) => match IpAddr::from(info.ipi6_addr.s6_addr).to_canonical() {
                IpAddr::V4(v4) => v4.is_broadcast() || v4.is_multicast(),
                IpAddr::V6(v6) => v6.is_multicast(),
            },
        }
    }
}
