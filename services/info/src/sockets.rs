//! The port, opened once for each worker over UDP and once over TCP.

use std::io;
use std::net::{SocketAddr, UdpSocket};

use chassis::Failure;
use nix::sys::socket::{setsockopt, sockopt};
use socket2::{Domain, Protocol, SockRef, Socket, Type};
use tokio::net::TcpListener;
use tracing::{debug, warn};

/// Room for a burst while a worker is busy, where the kernel's own limit allows it.
const RECEIVE_BUFFER: usize = 4 << 20;
/// How often a free port is looked for that both protocols can have.
const ATTEMPTS: usize = 100;

/// One port, over both protocols.
pub(crate) struct Sockets {
    /// Where it is.
    pub(crate) addr: SocketAddr,
    /// One for each worker; the kernel spreads the askers over them.
    pub(crate) udp: Vec<UdpSocket>,
    /// For those who can't use UDP.
    pub(crate) tcp: TcpListener,
}

/// Opens the port.
///
/// The first socket is bound alone, so that a port which another process holds is told as such; only then
/// do the others share it.
///
/// # Errors
/// [`Failure::Config`] that names `--listen`, [`Failure::Fatal`] when the others can't share it.
pub(crate) fn bind(listen: SocketAddr, workers: u16) -> Result<Sockets, Failure> {
    let (first, tcp) = bind_both(listen)?;
    let addr = first.local_addr().map_err(Failure::fatal)?;
    let mut udp = vec![first];
    if workers > 1 {
        SockRef::from(&udp[0]).set_reuse_port(true).map_err(Failure::fatal)?;
    }
    for _ in 1..workers {
        udp.push(bind_beside(addr).map_err(Failure::fatal)?);
    }
    udp.iter().try_for_each(|socket| set_up(socket, addr)).map_err(Failure::fatal)?;
    ask_for_more(&udp);
    Ok(Sockets { addr, udp, tcp })
}

/// Whichever port is free over UDP need not be so over TCP.
fn bind_both(listen: SocketAddr) -> Result<(UdpSocket, TcpListener), Failure> {
    let attempt = || {
        let udp = chassis::net::bind_udp("--listen", listen)?;
        let addr = udp.local_addr().map_err(Failure::fatal)?;
        let tcp = chassis::net::listen_tcp("--listen", addr)?;
        Ok((udp.into_std().map_err(Failure::fatal)?, tcp))
    };
    let attempts = if listen.port() == 0 { ATTEMPTS } else { 1 };
    let mut bound = attempt();
    for _ in 1..attempts {
        if bound.is_ok() {
            break;
        }
        bound = attempt();
    }
    bound
}

fn bind_beside(addr: SocketAddr) -> io::Result<UdpSocket> {
    let socket = Socket::new(Domain::for_address(addr), Type::DGRAM, Some(Protocol::UDP))?;
    socket.set_reuse_port(true)?;
    socket.bind(&addr.into())?;
    Ok(socket.into())
}

/// Sets up what the workers rely on.
fn set_up(socket: &UdpSocket, addr: SocketAddr) -> io::Result<()> {
    socket.set_nonblocking(false)?;
    if addr.ip().is_unspecified() {
        tell_destinations(socket, addr)?;
    }
    Ok(())
}

/// What is only good to have. A kernel, or what emulates one, may lack it, and then for all sockets alike: the
/// first speaks for the others, and it is said once.
fn ask_for_more(sockets: &[UdpSocket]) {
    if let Err(error) = sockets.iter().try_for_each(|socket| setsockopt(socket, sockopt::RxqOvfl, &1)) {
        warn!(%error, "what the kernel drops is not counted");
    }
    if let Err(error) =
        sockets.iter().try_for_each(|socket| setsockopt(socket, sockopt::UdpGroSegment, &true))
    {
        debug!(%error, "bursts arrive in pieces");
    }
    sockets.iter().for_each(enlarge_buffer);
}

/// A smaller buffer loses bursts earlier and nothing else.
fn enlarge_buffer(socket: &UdpSocket) {
    if setsockopt(socket, sockopt::RcvBufForce, &RECEIVE_BUFFER).is_err() {
        let _ = SockRef::from(socket).set_recv_buffer_size(RECEIVE_BUFFER);
    }
}

/// A socket that is bound to every address hears broadcasts, and is asked at any of them.
fn tell_destinations(socket: &UdpSocket, addr: SocketAddr) -> io::Result<()> {
    match addr {
        SocketAddr::V4(_) => setsockopt(socket, sockopt::Ipv4PacketInfo, &true)?,
        SocketAddr::V6(_) => setsockopt(socket, sockopt::Ipv6RecvPacketInfo, &true)?,
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::fs::File;
    use std::os::fd::OwnedFd;
    use std::sync::Arc;

    use tracing::subscriber::with_default;

    use super::*;

    /// A file knows no option of a socket.
    fn knows_none() -> UdpSocket {
        UdpSocket::from(OwnedFd::from(File::open("/dev/null").unwrap()))
    }

    #[test]
    fn what_is_only_good_to_have_may_be_unknown_and_is_missed_once() {
        let (mut log, writer) = io::pipe().unwrap();
        let subscriber = tracing_subscriber::fmt().with_writer(Arc::new(writer)).finish();
        with_default(subscriber, || ask_for_more(&[knows_none(), knows_none()]));
        let log = io::read_to_string(&mut log).unwrap();
        assert_eq!(log.matches("what the kernel drops is not counted").count(), 1, "{log}");
    }

    #[test]
    fn what_is_relied_on_must_be_known() {
        set_up(&knows_none(), SocketAddr::from(([127, 0, 0, 1], 9002))).unwrap();
        set_up(&knows_none(), SocketAddr::from(([0, 0, 0, 0], 9002))).unwrap_err();
    }
}
