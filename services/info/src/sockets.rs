//! The port, opened once for each worker.

use std::io;
use std::net::SocketAddr;

use chassis::Failure;
use socket2::{Domain, Protocol, SockRef, Socket, Type};
use tokio::net::UdpSocket;

/// Room for a burst while a worker is busy; the kernel's own limit still holds.
const RECEIVE_BUFFER: usize = 4 << 20;

/// Opens as many sockets on one port as there are workers; the kernel spreads the askers over them.
///
/// The first is bound alone, so that a port which another process holds is told as such; only then do the
/// others share it.
///
/// # Errors
/// [`Failure::Config`] that names `--listen`, [`Failure::Fatal`] when the others can't share it.
pub(crate) fn bind(listen: SocketAddr, workers: u16) -> Result<(SocketAddr, Vec<UdpSocket>), Failure> {
    let first = chassis::net::bind_udp("--listen", listen)?;
    let addr = first.local_addr().map_err(Failure::fatal)?;
    let mut sockets = vec![first];
    if workers > 1 {
        SockRef::from(&sockets[0]).set_reuse_port(true).map_err(Failure::fatal)?;
    }
    for _ in 1..workers {
        sockets.push(bind_beside(addr).map_err(Failure::fatal)?);
    }
    for socket in &sockets {
        // A smaller buffer loses bursts earlier and nothing else.
        let _ = SockRef::from(socket).set_recv_buffer_size(RECEIVE_BUFFER);
    }
    Ok((addr, sockets))
}

fn bind_beside(addr: SocketAddr) -> io::Result<UdpSocket> {
    let socket = Socket::new(Domain::for_address(addr), Type::DGRAM, Some(Protocol::UDP))?;
    socket.set_reuse_port(true)?;
    socket.set_nonblocking(true)?;
    socket.bind(&addr.into())?;
    UdpSocket::from_std(socket.into())
}
