//! Doing things when they are due, to within microseconds.
//!
//! A runtime's timer has a grid of a millisecond and shares its thread with everything else. So the pacer
//! is a thread of its own which sleeps coarsely, then spins until the instant itself. How late it
//! nevertheless was is measured for each operation, never assumed.

use std::hint;
use std::num::NonZeroU64;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use crate::clock::Clock;
use crate::schedule::Operation;

/// The last stretch before a due time, which is spent spinning: about what a precise sleep oversleeps. It
/// never yields: Linux takes a yield as the end of a turn, and where others want the core the next turn comes
/// some milliseconds later (EEVDF, `yield_task_fair`).
const FINISH: u64 = 60_000;
/// The longest sleep, so that a stop is noticed.
const NAP: u64 = 50_000_000;

/// Calls `act` with each operation, its number and the time at which it was woken for it, in order; returns
/// after the last, or soon after `stop` was set.
pub fn run(
    operations: &[Operation],
    clock: &Clock,
    stop: &AtomicBool,
    mut act: impl FnMut(u32, Operation, u64),
) {
    sleep_precisely();
    for (number, &operation) in (0u32..).zip(operations) {
        let Some(woken) = wait_until(operation.due, clock, stop) else { return };
        act(number, operation, woken);
    }
}

/// Asks the kernel to end this thread's sleeps on time; by default it may add 50 µs to batch wake-ups.
fn sleep_precisely() {
    // A sandbox may forbid it; then the lag is larger, and is measured.
    let _ = rustix::thread::set_current_timer_slack(NonZeroU64::new(1));
}

/// Waits for a due time and says when it really is; `None` when told to stop.
fn wait_until(due: u64, clock: &Clock, stop: &AtomicBool) -> Option<u64> {
    loop {
        if stop.load(Ordering::Relaxed) {
            return None;
        }
        let now = clock.now();
        match due.saturating_sub(now) {
            0 => return Some(now),
            1..=FINISH => hint::spin_loop(),
            ahead => thread::sleep(Duration::from_nanos((ahead - FINISH).min(NAP))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::schedule::Action;

    fn operations(due: &[u64]) -> Vec<Operation> {
        due.iter().map(|&due| Operation { due, action: Action::Ask { query: 0 } }).collect()
    }

    #[test]
    fn nothing_happens_before_it_is_due() {
        let (clock, stop) = (Clock::default(), AtomicBool::new(false));
        clock.begin(Duration::ZERO);
        let mut woken = Vec::new();
        run(&operations(&[0, 1_000_000, 1_000_000, 3_000_000]), &clock, &stop, |number, operation, now| {
            assert!(now >= operation.due);
            woken.push(number);
        });
        assert_eq!(woken, [0, 1, 2, 3]);
    }

    #[test]
    fn a_stop_ends_it_where_it_is() {
        let (clock, stop) = (Clock::default(), AtomicBool::new(false));
        clock.begin(Duration::ZERO);
        let mut done = 0;
        run(&operations(&[0, 0, u64::MAX]), &clock, &stop, |number, _, _| {
            done += 1;
            stop.store(number == 1, Ordering::Relaxed);
        });
        assert_eq!(done, 2);
    }
}
