//! What is sent to more hosts than one: all of them would answer whoever is named as the sender.

use std::net::{Ipv4Addr, SocketAddr};

use socket2::{Domain, Protocol, Socket, Type};

use crate::service::{Asker, Running, at, metrics_with};

/// Asks a whole network, or a group, from a socket that is in the group at the loopback interface.
fn shout(to: &str, port: u16) {
    let to: Ipv4Addr = to.parse().unwrap();
    let socket = Socket::new(Domain::IPV4, Type::DGRAM, Some(Protocol::UDP)).unwrap();
    socket.set_broadcast(true).unwrap();
    if to.is_multicast() {
        socket.join_multicast_v4(&to, &Ipv4Addr::LOCALHOST).unwrap();
        socket.set_multicast_if_v4(&Ipv4Addr::LOCALHOST).unwrap();
    }
    socket.send_to(b"STATUS", &SocketAddr::from((to, port)).into()).unwrap();
}

/// Nothing has been said to anybody, and somebody who asks the service alone is still answered.
async fn is_silent(info: Running, reason: &str) {
    let sample = format!("info_dropped_total{{reason=\"{reason}\"}} 1\n");
    let after = metrics_with(&info, &sample).await;
    assert!(after.contains("info_responses_total{result=\"answer\"} 0\n"), "{after}");
    let near = SocketAddr::from(([127, 0, 0, 1], info.addr.port()));
    assert_eq!(Asker::to("127.0.0.1:0", near).await.ask("PING x").await, "PONG x");
    info.stop().await.unwrap();
}

#[tokio::test]
async fn a_broadcast_is_counted_and_not_answered() {
    let info = at("0.0.0.0:0").await;
    shout("127.255.255.255", info.addr.port());
    is_silent(info, "broadcast").await;
}

/// A socket for both families is not told that an IPv4 address is a network's broadcast one; but from such an
/// address nothing can be sent. Groups of IPv4 it does not hear at all.
#[tokio::test]
async fn a_broadcast_to_a_socket_for_both_families_is_not_answered_either() {
    let info = at("[::]:0").await;
    shout("127.255.255.255", info.addr.port());
    is_silent(info, "send_error").await;
}

#[tokio::test]
async fn a_multicast_is_counted_and_not_answered() {
    let info = at("0.0.0.0:0").await;
    shout("239.1.2.3", info.addr.port());
    is_silent(info, "broadcast").await;
}
