//! Flushes of folders, shared by all who wait for one at the same time.

use std::collections::HashMap;
use std::io;
use std::os::fd::AsFd;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

use rustix::io::Errno;

/// Which folders are being flushed, by device and inode.
#[derive(Debug, Default)]
pub(super) struct Flushes(Mutex<HashMap<(u64, u64), Arc<Turns>>>);

/// The flushes of one folder, one after the other. One that begins covers everything that was done before
/// it began, so whoever comes while one runs needs the next, and so does everybody else who comes then.
#[derive(Debug, Default)]
struct Turns {
    state: Mutex<State>,
    ended: Condvar,
}

#[derive(Debug, Default)]
struct State {
    /// How many have begun, and how many of them have ended.
    begun: u64,
    ended: u64,
    /// The last that failed, and why.
    failed: Option<(u64, Errno)>,
}

impl Flushes {
    /// Flushes a folder: when this returns, what was done in it before is on the disk.
    ///
    /// # Errors
    /// As `fsync`.
    pub(super) fn sync(&self, folder: &impl AsFd) -> io::Result<()> {
        let stat = rustix::fs::fstat(folder)?;
        let key = (stat.st_dev, stat.st_ino);
        let turns = lock(&self.0).entry(key).or_default().clone();
        let flushed = turns.sync(|| rustix::fs::fsync(folder));
        let mut all = lock(&self.0);
        // The table's own and this one: nobody else waits.
        if Arc::strong_count(&turns) == 2 {
            all.remove(&key);
        }
        Ok(flushed?)
    }
}

impl Turns {
    fn sync(&self, flush: impl FnOnce() -> Result<(), Errno>) -> Result<(), Errno> {
        let mut state = lock(&self.state);
        let turn = state.begun + 1;
        while state.begun > state.ended && state.ended < turn {
            state = self.ended.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
        if state.ended < turn {
            state.begun += 1;
            drop(state);
            let flushed = flush();
            state = lock(&self.state);
            state.ended = state.begun;
            if let Err(errno) = flushed {
                state.failed = Some((state.ended, errno));
            }
            self.ended.notify_all();
        }
        match state.failed {
            Some((failed, errno)) if failed >= turn => Err(errno),
            _ => Ok(()),
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::sync::mpsc::channel;
    use std::thread;

    use super::*;

    #[test]
    fn whoever_comes_while_one_runs_shares_the_next() {
        let turns = Turns::default();
        let (flushed, coming) = (AtomicUsize::new(0), AtomicUsize::new(0));
        let (running, is_running) = channel();
        let (go_on, goes_on) = channel::<()>();
        let (all, count) = (&turns, &flushed);
        thread::scope(|scope| {
            scope.spawn(move || {
                all.sync(|| {
                    running.send(()).unwrap();
                    goes_on.recv().unwrap();
                    count.fetch_add(1, Ordering::Relaxed);
                    Ok(())
                })
            });
            is_running.recv().unwrap();
            for _ in 0..8 {
                scope.spawn(|| {
                    coming.fetch_add(1, Ordering::Relaxed);
                    turns.sync(|| {
                        // Those who have not come yet may need one more.
                        flushed.fetch_add(1, Ordering::Relaxed);
                        Ok(())
                    })
                });
            }
            while coming.load(Ordering::Relaxed) < 8 {
                thread::yield_now();
            }
            assert_eq!(flushed.load(Ordering::Relaxed), 0, "nobody overtakes the one that runs");
            go_on.send(()).unwrap();
        });
        let state = turns.state.lock().unwrap();
        assert_eq!(state.begun, state.ended);
        assert_eq!(state.begun, flushed.load(Ordering::Relaxed) as u64);
    }

    #[test]
    fn a_failure_is_told_to_whom_it_concerns() {
        let turns = Turns::default();
        assert_eq!(turns.sync(|| Err(Errno::IO)), Err(Errno::IO));
        assert_eq!(turns.sync(|| Ok(())), Ok(()), "a later flush is another");
    }

    #[test]
    fn nothing_is_kept_of_a_folder_that_nobody_flushes() {
        let (flushes, folder) = (Flushes::default(), tempfile::tempdir().unwrap());
        flushes.sync(&std::fs::File::open(folder.path()).unwrap()).unwrap();
        assert!(flushes.0.lock().unwrap().is_empty());
    }
}
