//! Faults for the services' tests to strike with: how often, at which moments, and the file systems that are
//! cut off and filled up.
#![allow(clippy::unwrap_used, reason = "a test that can't go on says so")]

pub mod disk;

use std::env;
use std::io::{self, Write};

use rand::SeedableRng;
use rand::rngs::SmallRng;

/// How often to strike, in lots that each begin with an empty folder: once `lot`, or as asked for by hand.
pub fn lots(lot: usize) -> impl Iterator<Item = usize> {
    let rounds = rounds(lot);
    (0..rounds).step_by(lot).map(move |done| lot.min(rounds - done))
}

/// How often to strike: as often as usual, or as asked for by hand.
pub fn rounds(usual: usize) -> usize {
    asked("PARLANCE_ROUNDS").map_or(usual, |rounds| rounds as usize)
}

/// What decides on the moments. `PARLANCE_SEED` repeats those of another run.
pub fn moments() -> SmallRng {
    let seed = asked("PARLANCE_SEED").unwrap_or_else(rand::random);
    println!("PARLANCE_SEED={seed}");
    SmallRng::seed_from_u64(seed)
}

fn asked(variable: &str) -> Option<u64> {
    let value = env::var(variable).ok()?;
    Some(value.parse().unwrap_or_else(|_| panic!("{variable}={value} is no number")))
}

/// What a fault takes; `None` where it is not to be had, and somebody has been told.
///
/// # Panics
/// When it was asked for by hand.
pub fn or_skip<T>(fault: &str, needed: Result<T, String>) -> Option<T> {
    let missing = match needed {
        Ok(had) => return Some(had),
        Err(missing) => format!("SKIPPED, no {fault} here: {missing}"),
    };
    assert!(env::var_os("PARLANCE_ROUNDS").is_none(), "{missing}");
    // Unlike what is printed, this is seen of a test that passes.
    let _ = io::stderr().write_all(format!("{missing}\n").as_bytes());
    None
}
