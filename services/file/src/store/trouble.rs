//! What the operating system's errors mean to the peer.

use std::io;

use engine::{Code, Refusal};
use rustix::io::Errno;
use tracing::error;

/// The refusal for an error of the disk. What the operator has to look at is logged.
pub(super) fn refusal(error: &io::Error) -> Refusal {
    match Errno::from_io_error(error) {
        Some(Errno::NOSPC | Errno::DQUOT | Errno::FBIG) => {
            Refusal::new(Code::NoSpace, "the server has no space left for it")
        }
        _ => {
            error!(%error, "the data folder failed");
            unavailable()
        }
    }
}

/// The disk can't be used.
pub(super) fn unavailable() -> Refusal {
    Refusal::new(Code::Unavailable, "the server can't use its disk now")
}

/// The refusal for an error on the way to a file that should be there.
pub(super) fn opening(error: &io::Error) -> Refusal {
    if is_absent(error) { not_found() } else { refusal(error) }
}

/// The refusal for an error on the way to where a file is to be put.
pub(super) fn placing(error: &io::Error) -> Refusal {
    match Errno::from_io_error(error) {
        Some(Errno::NOTDIR | Errno::LOOP) => {
            Refusal::new(Code::BadName, "a part of the name is taken by something that is no folder")
        }
        Some(Errno::ISDIR | Errno::EXIST | Errno::NOTEMPTY) => occupied(),
        _ => refusal(error),
    }
}

/// There is no such file.
pub(super) fn not_found() -> Refusal {
    Refusal::new(Code::NotFound, "there is no such file")
}

/// The name stands for a folder, a link, a pipe or a device.
pub(super) fn occupied() -> Refusal {
    Refusal::new(Code::BadName, "the name is taken by something that is no file")
}

/// Nothing, or something that is no file: a link is not followed, a pipe or socket is not opened.
pub(super) fn is_absent(error: &io::Error) -> bool {
    let absent = [Errno::NOENT, Errno::NOTDIR, Errno::LOOP, Errno::NXIO, Errno::NODEV, Errno::ISDIR];
    Errno::from_io_error(error).is_some_and(|errno| absent.contains(&errno))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_disk_is_told_from_a_broken_one() {
        let code = |errno: Errno| refusal(&errno.into()).code;
        assert_eq!([Errno::NOSPC, Errno::DQUOT, Errno::FBIG].map(code), [Code::NoSpace; 3]);
        assert_eq!([Errno::IO, Errno::ROFS].map(code), [Code::Unavailable; 2]);
        assert_eq!(opening(&Errno::LOOP.into()).code, Code::NotFound);
        assert_eq!(opening(&Errno::IO.into()).code, Code::Unavailable);
        assert_eq!(placing(&Errno::NOTDIR.into()).code, Code::BadName);
    }
}
