//! What a chat server survives, struck again and again at moments that nobody chose.
//!
//! `cargo test` strikes a few times. By hand it is as often as wanted, and what was seen is printed:
//!
//!     PARLANCE_ROUNDS=1000 cargo test -p chat --test binary faults::killed -- --nocapture
//!
//! `PARLANCE_SEED` repeats the moments of another run, as far as the machine does. A fault that is not to be
//! had here (it takes root, or a tool) is skipped with a line on standard error, unless it is asked for by
//! `PARLANCE_ROUNDS`: then it fails.

mod backed_up;
mod crowd;
mod disconnected;
mod disk;
mod disk_full;
mod drained;
mod failed_flush;
mod killed;
mod ledger;
mod power_cut;

use std::env;
use std::io::{self, Write};

use rand::SeedableRng;
use rand::rngs::SmallRng;

/// How often to strike, in lots that each begin with an empty folder: once `lot`, or as asked for by hand.
fn lots(lot: usize) -> impl Iterator<Item = usize> {
    let rounds = asked("PARLANCE_ROUNDS").map_or(lot, |rounds| rounds as usize);
    (0..rounds).step_by(lot).map(move |done| lot.min(rounds - done))
}

/// What decides on the moments.
fn moments() -> SmallRng {
    let seed = asked("PARLANCE_SEED").unwrap_or_else(rand::random);
    println!("PARLANCE_SEED={seed}");
    SmallRng::seed_from_u64(seed)
}

fn asked(variable: &str) -> Option<u64> {
    let value = env::var(variable).ok()?;
    Some(value.parse().unwrap_or_else(|_| panic!("{variable}={value} is no number")))
}

/// What a fault takes; `None` where it is not to be had, and somebody has been told.
fn or_skip<T>(fault: &str, needed: Result<T, String>) -> Option<T> {
    let missing = match needed {
        Ok(had) => return Some(had),
        Err(missing) => format!("SKIPPED, no {fault} here: {missing}"),
    };
    assert!(env::var_os("PARLANCE_ROUNDS").is_none(), "{missing}");
    // Unlike what is printed, this is seen of a test that passes.
    io::stderr().write_all(format!("{missing}\n").as_bytes()).unwrap();
    None
}
