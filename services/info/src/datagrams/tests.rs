//! Two sockets of this host.

use std::io;
use std::net::UdpSocket;

use nix::sys::socket::{SockaddrIn, SockaddrIn6};
use socket2::SockRef;

use super::*;
use crate::sockets;

/// A socket as the service opens it, which takes a runtime for the one beside it.
fn open(addr: &str) -> UdpSocket {
    sockets::bind(addr.parse().unwrap(), 1).unwrap().udp.remove(0)
}

fn asker(to: &UdpSocket, host: &str) -> UdpSocket {
    let asker = UdpSocket::bind((host, 0)).unwrap();
    asker.connect((host, to.local_addr().unwrap().port())).unwrap();
    asker.set_read_timeout(Some(std::time::Duration::from_secs(20))).unwrap();
    asker
}

/// What arrives, datagram by datagram, until there are so many.
fn receive<A: Address>(inbox: &mut Inbox<A>, socket: &UdpSocket, count: usize) -> Vec<(Peer, Vec<u8>)> {
    let mut got = Vec::new();
    while got.len() < count {
        let take = |arrivals: &mut inbox::Arrivals<'_, A>| {
            for arrival in arrivals {
                let peer = arrival.peer;
                got.extend(arrival.datagrams().map(|bytes| (peer, bytes.to_vec())));
            }
        };
        inbox.receive(socket, take).unwrap();
    }
    got
}

fn reply(peer: Peer, bytes: &[u8]) -> Reply<'_> {
    Reply { peer, bytes, sent: false }
}

/// Sends a burst the way that `UDP_SEGMENT` does it.
fn send_as_one(socket: &UdpSocket, bytes: &[u8], each: u16) {
    let parts = [io::IoSlice::new(bytes)];
    let told = [nix::sys::socket::ControlMessage::UdpGsoSegments(&each)];
    let flags = nix::sys::socket::MsgFlags::empty();
    let fd = std::os::fd::AsRawFd::as_raw_fd(socket);
    nix::sys::socket::sendmsg::<()>(fd, &parts, &told, flags, None).unwrap();
}

#[tokio::test]
async fn more_than_a_batch_arrives_in_order_and_whole() {
    arrive_whole::<SockaddrIn>("127.0.0.1:0", "127.0.0.1");
    arrive_whole::<SockaddrIn6>("[::1]:0", "::1");
}

fn arrive_whole<A: Address>(addr: &str, host: &str) {
    let (service, mut inbox) = (open(addr), Inbox::<A>::new());
    let asker = asker(&service, host);
    for n in 0..150u8 {
        asker.send(&vec![n; usize::from(n)]).unwrap();
    }
    let got = receive(&mut inbox, &service, 150);
    for (n, (peer, bytes)) in got.into_iter().enumerate() {
        assert_eq!(bytes.len(), n);
        assert_eq!((peer.addr, peer.to), (asker.local_addr().unwrap(), None));
    }
}

#[tokio::test]
async fn what_was_sent_as_one_is_told_apart_and_answered_as_one() {
    let (service, mut inbox, mut outbox) =
        (open("127.0.0.1:0"), Inbox::<SockaddrIn>::new(), Outbox::new(false));
    let asker = asker(&service, "127.0.0.1");
    send_as_one(&asker, b"PING aPING bPING", 6);
    let got = receive(&mut inbox, &service, 3);
    let said: Vec<_> = got.iter().map(|(_, bytes)| bytes.as_slice()).collect();
    assert_eq!(said, [&b"PING a"[..], b"PING b", b"PING"]);
    let mut replies: Vec<_> = got.iter().map(|(peer, bytes)| reply(*peer, bytes)).collect();
    outbox.send(&service, &mut replies);
    assert!(replies.iter().all(|reply| reply.sent));
    let mut space = [0; 64];
    for expected in [&b"PING a"[..], b"PING b", b"PING"] {
        let len = asker.recv(&mut space).unwrap();
        assert_eq!(&space[..len], expected);
    }
}

#[tokio::test]
async fn a_batch_may_go_to_many_and_one_that_cannot_be_sent_stops_no_other() {
    let (service, mut outbox) = (open("127.0.0.1:0"), Outbox::new(false));
    let askers: Vec<_> = (0..40).map(|_| asker(&service, "127.0.0.1")).collect();
    let nobody = Peer { addr: "127.0.0.1:0".parse().unwrap(), to: None };
    let to = |asker: &UdpSocket| Peer { addr: asker.local_addr().unwrap(), to: None };
    let mut replies: Vec<_> = askers.iter().map(|asker| reply(to(asker), b"hello")).collect();
    replies.insert(20, reply(nobody, b"hello"));
    replies.insert(0, reply(nobody, b"hello"));
    outbox.send(&service, &mut replies);
    assert_eq!(replies.iter().filter(|reply| !reply.sent).count(), 2);
    for asker in askers {
        assert_eq!(asker.recv(&mut [0; 64]).unwrap(), 5);
    }
}

/// Each of three askers gets what is said to it, in its order, however it is mixed with what the others get.
#[tokio::test]
async fn any_mixture_of_bursts_and_single_replies_arrives_whole() {
    let (service, mut outbox) = (open("127.0.0.1:0"), Outbox::new(false));
    let askers: Vec<_> = (0..3).map(|_| asker(&service, "127.0.0.1")).collect();
    let peers: Vec<_> = askers.iter().map(|a| Peer { addr: a.local_addr().unwrap(), to: None }).collect();
    let sizes = [1, 19, 236, 1_200, 5];
    for seed in 0..200_usize {
        // Each number decides for whom, and how long, its neighbours' neighbours are.
        let said: Vec<_> = (0..BATCH)
            .map(|n| (seed * (n / 3 + 1) % 3, vec![n as u8; sizes[seed * (n / 7 + 1) % sizes.len()]]))
            .collect();
        let mut replies: Vec<_> = said.iter().map(|(to, bytes)| reply(peers[*to], bytes)).collect();
        outbox.send(&service, &mut replies);
        assert!(replies.iter().all(|reply| reply.sent), "{seed}");
        for (to, bytes) in &said {
            let mut space = [0; 2_000];
            let len = askers[*to].recv(&mut space).unwrap();
            assert_eq!(&space[..len], bytes, "{seed}");
        }
    }
}

#[test]
fn neighbours_to_one_peer_are_one_message_and_all_of_one_length_one_flight() {
    let peer = |port| Peer { addr: ([127, 0, 0, 1], port).into(), to: None };
    let to = [1, 2, 2, 3, 4, 4, 4, 5].map(|port| reply(peer(port), b"PONG"));
    let told = outbox::messages(&to);
    assert_eq!(told, [(1, None), (2, Some(4)), (1, Some(4)), (3, Some(4)), (1, Some(4))]);
    let lengths = [&b"aa"[..], b"aa", b"a", b"aa", b"aaa", b""].map(|bytes| reply(peer(1), bytes));
    let told = outbox::messages(&lengths);
    assert_eq!(told, [(3, Some(2)), (1, Some(2)), (1, None), (1, None)]);
}

#[tokio::test]
async fn an_answer_leaves_from_the_address_that_was_asked() {
    answer_from::<SockaddrIn>("0.0.0.0:0", "127.0.0.77", "127.0.0.1");
    answer_from::<SockaddrIn6>("[::]:0", "::1", "::1");
    answer_from::<SockaddrIn6>("[::]:0", "127.0.0.77", "127.0.0.1");
}

/// The asker is another of this host's addresses, where there is one.
fn answer_from<A: Address>(any: &str, asked: &str, asker: &str) {
    let service = open(any);
    let (mut inbox, mut outbox) = (Inbox::<A>::new(), Outbox::new(any.starts_with('[')));
    let asker = UdpSocket::bind((asker, 0)).unwrap();
    asker.connect((asked, service.local_addr().unwrap().port())).unwrap();
    asker.send(b"TIME").unwrap();
    let got = receive(&mut inbox, &service, 1);
    let (peer, bytes) = &got[0];
    assert!(!peer.is_broadcast());
    let mut replies = [reply(*peer, bytes), reply(*peer, b"as"), reply(*peer, b"one")];
    outbox.send(&service, &mut replies);
    assert!(replies.iter().all(|reply| reply.sent), "{any} {asked}: {replies:?}");
    // A connected socket takes answers only from where it asked.
    assert_eq!(asker.recv(&mut [0; 64]).unwrap(), 4);
}

#[tokio::test]
async fn what_was_sent_to_everybody_is_known() {
    let (service, mut inbox) = (open("0.0.0.0:0"), Inbox::<SockaddrIn>::new());
    let asker = UdpSocket::bind("127.0.0.1:0").unwrap();
    asker.set_broadcast(true).unwrap();
    // The loopback network has a broadcast address too (127.255.255.255).
    asker.send_to(b"STATUS", ("127.255.255.255", service.local_addr().unwrap().port())).unwrap();
    let got = receive(&mut inbox, &service, 1);
    assert!(got[0].0.is_broadcast(), "{got:?}");
}

#[test]
fn what_was_sent_to_a_group_of_ipv6_is_known() {
    let to = |written: &str| {
        let address: std::net::Ipv6Addr = written.parse().unwrap();
        let ipi6_addr = libc::in6_addr { s6_addr: address.octets() };
        Destination::V6(libc::in6_pktinfo { ipi6_addr, ipi6_ifindex: 0 })
    };
    for everybody in ["ff02::1", "ff0e::1:2", "::ffff:224.0.0.1", "::ffff:255.255.255.255"] {
        assert!(to(everybody).is_broadcast(), "{everybody}");
    }
    for somebody in ["::1", "fe80::1", "2001:db8::1", "::ffff:192.0.2.1"] {
        assert!(!to(somebody).is_broadcast(), "{somebody}");
    }
}

#[tokio::test]
async fn what_the_kernel_drops_is_told() {
    let (service, mut inbox) = (open("127.0.0.1:0"), Inbox::<SockaddrIn>::new());
    SockRef::from(&service).set_recv_buffer_size(0).unwrap();
    let asker = asker(&service, "127.0.0.1");
    for _ in 0..200 {
        asker.send(&[b'x'; 400]).unwrap();
    }
    let (mut taken, mut dropped) = (0, 0);
    while dropped == 0 {
        // The number is told beside the next that finds room.
        dropped += inbox.receive(&service, |arrivals| taken += arrivals.count()).unwrap();
        asker.send(b"x").unwrap();
    }
    assert!(taken < 200, "{taken} of 200 in the least of all buffers");
}
