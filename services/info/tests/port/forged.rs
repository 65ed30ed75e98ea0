//! Datagrams whose sender is made up. To forge one takes the right to write IP headers; without it these
//! tests say so and are done.

use std::net::{Ipv4Addr, SocketAddr, SocketAddrV4};

use socket2::{Domain, Protocol, Socket, Type};

use crate::service::{Asker, Running, metrics_with, start};

/// Somebody who writes the IP header too.
struct Forger(Socket);

impl Forger {
    fn new() -> Option<Self> {
        let socket = match Socket::new(Domain::IPV4, Type::RAW, Some(Protocol::UDP)) {
            Ok(socket) => socket,
            Err(error) => {
                println!("skipped: nothing can be forged here ({error})");
                return None;
            }
        };
        socket.set_header_included_v4(true).unwrap();
        Some(Forger(socket))
    }

    /// Sends a datagram of somebody else to a service. Its lengths and the checksum of the header are the
    /// kernel's to write (RFC 768: a checksum of zero is none).
    fn send(&self, from: (Ipv4Addr, u16), to: &Running, body: &[u8]) {
        let SocketAddr::V4(to) = to.addr else { panic!("{} is not IPv4", to.addr) };
        let length = u16::try_from(8 + body.len()).unwrap();
        let mut packet = vec![0x45, 0, 0, 0, 0, 0, 0, 0, 64, 17, 0, 0];
        packet.extend(from.0.octets());
        packet.extend(to.ip().octets());
        for field in [from.1, to.port(), length, 0] {
            packet.extend(field.to_be_bytes());
        }
        packet.extend(body);
        self.0.send_to(&packet, &SocketAddrV4::new(*to.ip(), 0).into()).unwrap();
    }
}

/// So many datagrams had this reason, and nobody was told anything.
async fn counted(info: &Running, reason: &str, times: usize) {
    let sample = format!("info_dropped_total{{reason=\"{reason}\"}} {times}\n");
    let after = metrics_with(info, &sample).await;
    for result in ["answer", "cookie"] {
        let none = format!("info_responses_total{{result=\"{result}\"}} 0\n");
        assert!(after.contains(&none), "{after}");
    }
}

#[tokio::test]
async fn nobody_is_answered_at_everybodys_address() {
    let Some(forger) = Forger::new() else { return };
    for trusted in ["0.0.0.0/0", "none"] {
        let info = start(&["--trusted", trusted]).await;
        for nobody in [[255, 255, 255, 255], [224, 0, 0, 1], [239, 255, 255, 255]] {
            forger.send((nobody.into(), 4000), &info, b"STATUS");
        }
        counted(&info, "source_address", 3).await;
        info.stop().await.unwrap();
    }
}

#[tokio::test]
async fn nobody_is_answered_at_a_port_that_answers_everything() {
    let Some(forger) = Forger::new() else { return };
    let info = start(&[]).await;
    let ports = [0, 7, 13, 17, 19, 53, 123, info.addr.port()];
    for port in ports {
        forger.send((Ipv4Addr::LOCALHOST, port), &info, b"STATUS");
    }
    counted(&info, "source_port", ports.len()).await;
    info.stop().await.unwrap();
}

/// A network's broadcast address looks like any other; the kernel knows it and sends nothing there.
#[tokio::test]
async fn what_cannot_be_sent_is_counted_and_ends_nothing() {
    let Some(forger) = Forger::new() else { return };
    let info = start(&[]).await;
    for _ in 0..3 {
        forger.send(([127, 255, 255, 255].into(), 4000), &info, b"STATUS");
    }
    counted(&info, "send_error", 3).await;
    assert_eq!(Asker::of(&info).await.ask("PING x").await, "PONG x");
    info.stop().await.unwrap();
}

/// Two services, each made to believe that the other has asked: whatever is said, nothing is said to it.
#[tokio::test]
async fn two_services_are_not_set_talking_to_each_other() {
    let Some(forger) = Forger::new() else { return };
    let (one, other) = (start(&[]).await, start(&[]).await);
    let questions = ["STATUS", "TIME", "USERS", "ROOMS", "SERVICES", "PING x", "?"];
    for question in questions {
        forger.send((Ipv4Addr::LOCALHOST, other.addr.port()), &one, question.as_bytes());
    }
    metrics_with(&one, &format!("info_responses_total{{result=\"answer\"}} {}\n", questions.len())).await;
    counted(&other, "own_reply", questions.len()).await;
    one.stop().await.unwrap();
    other.stop().await.unwrap();
}
