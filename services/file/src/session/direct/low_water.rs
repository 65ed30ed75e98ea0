//! How much must have come before whoever waits for it is woken.

use std::net::TcpStream;

use nix::errno::Errno;
use nix::libc;
use nix::sys::socket::setsockopt;
use nix::sys::socket::sockopt::SetStruct;

/// `SO_RCVLOWAT` of socket(7), which TCP keeps to in `poll` too. The kernel makes room for so much.
#[derive(Debug, Clone, Copy)]
struct LowWater;

nix::setsockopt_impl!(LowWater, libc::SOL_SOCKET, libc::SO_RCVLOWAT, libc::c_int, SetStruct<'_, libc::c_int>);

/// Ends waits at this socket only when so many bytes are there, or its end.
pub(super) fn set_low_water(socket: &TcpStream, bytes: usize) -> Result<(), Errno> {
    setsockopt(socket, LowWater, &libc::c_int::try_from(bytes).unwrap_or(libc::c_int::MAX))
}
