//! What befalls the network and its hosts.

use std::time::Duration;

use rand::RngExt;
use rand::rngs::StdRng;
use turmoil::Sim;

use crate::nodes::{CHATS, INFOS, REGISTRY};

/// Something that is broken for a while.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Fault {
    /// The host is killed, and started again when it is over.
    Kill(&'static str),
    /// Nothing gets through between the registry and the host.
    Cut(&'static str),
    /// Nothing gets through from the first to the second.
    OneWay(&'static str, &'static str),
    /// Everything between the registry and the host is late: it arrives when it is over.
    Hold(&'static str),
}

/// A fault and its time.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Planned {
    pub(crate) from: Duration,
    pub(crate) until: Duration,
    pub(crate) fault: Fault,
}

impl Fault {
    fn random(chance: &mut StdRng) -> Self {
        let clients = [CHATS[0], CHATS[1], CHATS[2], INFOS[0], INFOS[1]];
        let host = clients[chance.random_range(0..clients.len())];
        match chance.random_range(0..8) {
            0 | 1 => Fault::Kill(REGISTRY),
            2 => Fault::Kill(CHATS[chance.random_range(0..CHATS.len())]),
            3 | 4 => Fault::Cut(host),
            5 => Fault::OneWay(host, REGISTRY),
            6 => Fault::OneWay(REGISTRY, host),
            _ => Fault::Hold(host),
        }
    }

    pub(crate) fn begin(self, sim: &mut Sim<'_>) {
        match self {
            Fault::Kill(host) => sim.crash(host),
            Fault::Cut(host) => sim.partition(REGISTRY, host),
            Fault::OneWay(from, to) => sim.partition_oneway(from, to),
            Fault::Hold(host) => sim.hold(REGISTRY, host),
        }
    }

    pub(crate) fn end(self, sim: &mut Sim<'_>) {
        match self {
            Fault::Kill(host) => sim.bounce(host),
            Fault::Cut(host) => sim.repair(REGISTRY, host),
            Fault::OneWay(from, to) => sim.repair_oneway(from, to),
            Fault::Hold(host) => sim.release(REGISTRY, host),
        }
    }
}

/// One fault after another, each shorter or longer than a time to live.
pub(crate) fn plan(chance: &mut StdRng) -> Vec<Planned> {
    let mut at = 0;
    let mut next = |chance: &mut StdRng, ms| {
        at += chance.random_range(50..ms);
        Duration::from_millis(at)
    };
    (0..chance.random_range(1..5))
        .map(|_| {
            let (from, until) = (next(chance, 8_000), next(chance, 14_000));
            Planned { from, until, fault: Fault::random(chance) }
        })
        .collect()
}
