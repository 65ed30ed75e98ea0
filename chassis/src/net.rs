//! Sockets, opened and tuned in one way for all.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;

use socket2::{Domain, Protocol, SockRef, Socket, TcpKeepalive, Type};
use tokio::net::{TcpListener, TcpStream, UdpSocket};

use crate::failure::Failure;

/// Connections that may wait to be accepted; the kernel's own limit still holds.
const BACKLOG: i32 = 4096;

/// Listens on TCP; `flag` is the one to blame when it can't.
///
/// # Errors
/// [`Failure::Config`] that names the flag.
pub fn listen_tcp(flag: &'static str, addr: SocketAddr) -> Result<TcpListener, Failure> {
    let listen = || -> io::Result<TcpListener> {
        let socket = Socket::new(Domain::for_address(addr), Type::STREAM, Some(Protocol::TCP))?;
        socket.set_reuse_address(true)?;
        socket.set_nonblocking(true)?;
        socket.bind(&addr.into())?;
        socket.listen(BACKLOG)?;
        TcpListener::from_std(socket.into())
    };
    listen().map_err(|error| unusable(flag, addr, &error))
}

/// Opens a UDP port; `flag` is the one to blame when it can't.
///
/// # Errors
/// [`Failure::Config`] that names the flag.
pub fn bind_udp(flag: &'static str, addr: SocketAddr) -> Result<UdpSocket, Failure> {
    let bind = || -> io::Result<UdpSocket> {
        let socket = Socket::new(Domain::for_address(addr), Type::DGRAM, Some(Protocol::UDP))?;
        socket.set_nonblocking(true)?;
        socket.bind(&addr.into())?;
        UdpSocket::from_std(socket.into())
    };
    bind().map_err(|error| unusable(flag, addr, &error))
}

fn unusable(flag: &'static str, addr: SocketAddr, error: &io::Error) -> Failure {
    let problem = match error.kind() {
        io::ErrorKind::AddrInUse => {
            "the port is in use; stop what holds it, or give another (0 picks a free one)".into()
        }
        io::ErrorKind::PermissionDenied => {
            "not allowed; ports below 1024 need privileges, give another".into()
        }
        io::ErrorKind::AddrNotAvailable => "this machine has no such address; 0.0.0.0 is all of them".into(),
        _ => error.to_string(),
    };
    Failure::config(flag, addr, problem)
}

/// Where whoever listens at an address is reached from this machine: a wildcard address can be listened on but
/// is no address to ask.
pub fn reachable(listen: IpAddr) -> IpAddr {
    match listen {
        IpAddr::V4(ip) if ip.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(ip) if ip.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
        ip => ip,
    }
}

/// Sets a connection up: no waiting to fill segments, and a silent peer is probed after 30 s. One whose
/// machine does not answer is gone within 75 s, while a quiet one that does may stay as long as it likes.
pub fn tune(stream: &TcpStream) {
    let keepalive = TcpKeepalive::new()
        .with_time(Duration::from_secs(30))
        .with_interval(Duration::from_secs(15))
        .with_retries(3);
    let socket = SockRef::from(stream);
    // A socket that dies in this moment fails at its first read anyway.
    let _ = stream.set_nodelay(true);
    let _ = socket.set_tcp_keepalive(&keepalive);
    let _ = socket.set_tcp_user_timeout(Some(Duration::from_secs(75)));
}
