//! More than anybody may ask.

use std::io::IoSlice;
use std::net::{Ipv4Addr, UdpSocket};
use std::os::fd::AsRawFd;
use std::time::Instant;

use nix::libc::{in_addr, in_pktinfo};
use nix::sys::socket::{ControlMessage, MsgFlags, SockaddrIn, sendmsg};
use rustix::process::Signal;

use crate::process::Process;

const UNVALIDATED: [&str; 2] = [
    "info_datagram_bytes_total{direction=\"in\",source=\"unvalidated\"}",
    "info_datagram_bytes_total{direction=\"out\",source=\"unvalidated\"}",
];

/// Somebody with all the addresses of the loopback network, sixteen million in 65,536 networks of 256.
struct Everybody {
    socket: UdpSocket,
    to: SockaddrIn,
    /// How many have asked.
    asked: u32,
}

impl Everybody {
    fn at(port: u16) -> Self {
        let socket = UdpSocket::bind("0.0.0.0:0").unwrap();
        Everybody { socket, to: SockaddrIn::new(127, 0, 0, 1, port), asked: 0 }
    }

    /// The next so many ask, each once, and each from a network that the one before is not in.
    fn ask(&mut self, sources: u32) {
        for n in self.asked..self.asked + sources {
            let (network, host) = (n % 65_536, n / 65_536 + 1);
            let address = Ipv4Addr::from_bits(0x7f00_0000 + (network << 8) + host);
            let address = in_addr { s_addr: address.to_bits().to_be() };
            let from = in_pktinfo { ipi_ifindex: 0, ipi_spec_dst: address, ipi_addr: address };
            let (body, told) = ([IoSlice::new(b"x")], [ControlMessage::Ipv4PacketInfo(&from)]);
            sendmsg(self.socket.as_raw_fd(), &body, &told, MsgFlags::empty(), Some(&self.to)).unwrap();
        }
        self.asked += sources;
    }
}

/// A million sources ask as fast as they can, and as many more as the kernel drops of them.
#[test]
fn a_million_sources_leave_no_trace() {
    const SOURCES: u64 = 1_000_000;
    let info = Process::start(&["--trusted", "none"]);
    let seen = || info.metric("info_requests_total{kind=\"unknown\"}");
    let (mut everybody, began) = (Everybody::at(info.port()), Instant::now());
    let mut memory = None;
    while seen() < SOURCES {
        everybody.ask(20_000);
        memory = memory.or((seen() > SOURCES / 10).then(|| info.memory()));
    }
    let grown = info.memory().saturating_sub(memory.unwrap());
    assert!(grown < 1 << 20, "{grown} bytes more after the first tenth");
    let cookies = info.metric("info_responses_total{result=\"cookie\"}");
    let cap = 5_000 * (began.elapsed().as_secs() + 2);
    assert!(cookies > 0 && cookies <= cap, "{cookies} answers, {cap} are allowed");
    assert_eq!(info.metric("info_responses_total{result=\"answer\"}"), 0);
    let [came, went] = UNVALIDATED.map(|sample| info.metric(sample));
    assert_eq!((went, came >= 29 * SOURCES), (cookies * 51, true), "{came} in, {went} out");
    println!("{} asked, {came} bytes in, {went} out, {grown} bytes of memory more", everybody.asked);
}

/// It stands still, so that the kernel must drop what does not fit.
#[test]
fn what_the_kernel_drops_is_counted() {
    let info = Process::start(&[]);
    let drops = || info.metric("info_socket_drops_total");
    let asker = UdpSocket::bind("127.0.0.1:0").unwrap();
    assert_eq!(drops(), 0);
    info.signal(Signal::STOP);
    for _ in 0..20_000 {
        asker.send_to(b"PING", &info.addr).unwrap();
    }
    info.signal(Signal::CONT);
    // The kernel tells how many it has dropped beside the next that finds room.
    while drops() == 0 {
        asker.send_to(b"PING", &info.addr).unwrap();
    }
    let taken = info.metric("info_requests_total{kind=\"ping\"}");
    assert!(taken < 20_000, "{taken} of 20,000 fit into no buffer of this service");
}
