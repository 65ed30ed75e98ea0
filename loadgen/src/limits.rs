//! How many sockets this process may open.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use serde::{Deserialize, Serialize};

use crate::failure::Failure;

/// What a run opens beside its users and queries: standard streams, runtimes, name look-ups.
const BESIDES: u64 = 64;

/// The limit on open files, and how much of it a run needs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Descriptors {
    /// What the run needs.
    pub need: u64,
    /// What the process may have.
    pub have: u64,
}

/// Raises the soft limit on open files to the hard one.
///
/// # Errors
/// [`Failure::Descriptors`] when that is not enough for so many sockets.
pub fn raise(sockets: u64) -> Result<Descriptors, Failure> {
    let limit = getrlimit(Resource::Nofile);
    // It may be forbidden; then the limit that holds decides.
    let _ = setrlimit(Resource::Nofile, Rlimit { current: limit.maximum, maximum: limit.maximum });
    check(sockets, getrlimit(Resource::Nofile).current)
}

/// Whether a limit, none when `None`, is enough.
fn check(sockets: u64, limit: Option<u64>) -> Result<Descriptors, Failure> {
    let (need, have) = (sockets + BESIDES, limit.unwrap_or(u64::MAX));
    if need <= have { Ok(Descriptors { need, have }) } else { Err(Failure::Descriptors { need, have }) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn too_low_a_limit_is_refused_with_the_line_that_raises_it() {
        assert!(check(500, Some(1024)).is_ok());
        assert!(check(500, None).is_ok());
        let words = check(1000, Some(1024)).unwrap_err().to_string();
        assert!(words.contains("`ulimit -n 1064`"), "{words}");
        assert!(words.contains("`ulimits: { nofile: 1064 }`"), "{words}");
    }

    #[test]
    fn after_raising_the_soft_limit_is_the_hard_one() {
        raise(1).unwrap();
        let limit = getrlimit(Resource::Nofile);
        assert_eq!(limit.current, limit.maximum);
    }
}
