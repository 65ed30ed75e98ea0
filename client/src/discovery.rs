//! Which port a service has, when info knows better than the habit.

use std::time::Duration;

use engine::info::State;

use crate::endpoint::{Endpoint, Service};
use crate::info;

/// However patient somebody is, the usual port is tried after so long without an answer.
const LONGEST: Duration = Duration::from_secs(1);

/// The port of the first instance that is up, or may be, or was: without the registry info still knows where
/// they were, and where one is down it is better to find nothing there than somebody else's at the usual port,
/// who would take what is said. Only the port: the host in its address may be a container's name, which nobody else can look up.
pub(crate) async fn port(info: &Endpoint, service: Service, patience: Duration) -> Option<u16> {
    let options = info::Options { endpoint: info.clone(), timeout: patience.min(LONGEST), json: false };
    let known = info::instances(&options).await.ok()?;
    let of = |state: State| {
        let ours = known.iter().filter(move |one| one.service == service.word() && one.state == state);
        ours.into_iter().find_map(|one| port_of(&one.addr))
    };
    [State::Up, State::Unknown, State::Down].into_iter().find_map(of)
}

fn port_of(addr: &str) -> Option<u16> {
    addr.rsplit_once(':')?.1.parse().ok().filter(|&port| port != 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_port_is_read_from_any_address() {
        for (addr, port) in [
            ("chat:9001", Some(9001)),
            ("[::1]:7000", Some(7000)),
            ("chat", None),
            ("chat:0", None),
            ("", None),
        ] {
            assert_eq!(port_of(addr), port, "{addr}");
        }
    }
}
