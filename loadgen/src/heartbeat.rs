//! How late a reading thread is: every few milliseconds a timer of the kernel's falls due that waits in the same
//! queue as the thread's sockets, and how late it is seen is how late a delivery would have been.
//!
//! So everything counts that keeps a reader from its sockets: a core that others have, a stop, a loop that takes
//! too long. The kernel's own account of the waiting for a core (`schedstat`) knows the first of them alone, and
//! sums, from which no percentile comes. The runtime's timers have a grid of a millisecond, so they would be late
//! on an idle machine, too.

use std::io;
use std::os::fd::OwnedFd;
use std::sync::{Arc, Mutex, MutexGuard};

use rustix::time::{
    ClockId, Itimerspec, TimerfdClockId, TimerfdFlags, TimerfdTimerFlags, Timespec, clock_gettime,
    timerfd_create, timerfd_settime,
};
use tokio::net::unix::pipe::Receiver;

use crate::recorder::{Recorder, Series};

/// Nanoseconds from beat to beat: 100 a second, so that ten seconds have a 99th percentile that is known, for
/// what a hundred wake-ups cost.
const PERIOD: u64 = 10_000_000;

/// The heartbeat of a runtime with a single thread. Clones are the same one.
#[derive(Debug, Clone)]
pub struct Heartbeat {
    book: Arc<Mutex<Book>>,
}

#[derive(Debug)]
struct Book {
    /// Where the lateness is noted.
    series: Vec<Series>,
    /// When the first beat that was not seen yet is due, in nanoseconds of the monotonic clock.
    next: u64,
    late: Recorder,
}

impl Heartbeat {
    /// Begins to beat on the runtime that is entered, and to note the lateness of each beat in these series.
    ///
    /// # Errors
    /// When the system gives no timer.
    pub fn start(series: Vec<Series>) -> io::Result<Self> {
        let next = now() + PERIOD;
        // A timer is read like a pipe, and waited for like one; what waits for any descriptor would be `unsafe`.
        let timer = Receiver::from_owned_fd_unchecked(timer(next)?)?;
        let book = Arc::new(Mutex::new(Book { series, next, late: Recorder::default() }));
        let heartbeat = Heartbeat { book };
        tokio::spawn(heartbeat.clone().beat(timer));
        Ok(heartbeat)
    }

    async fn beat(self, timer: Receiver) {
        while timer.readable().await.is_ok() {
            // How many beats were missed is known by the clock, too.
            if timer.try_read(&mut [0; size_of::<u64>()]).is_ok() {
                self.see();
            }
        }
    }

    /// Notes every beat that is due by now and was not seen before. For the reader itself that is when it sees
    /// them; at the end of a run, those that it has still not seen are at least so late.
    pub fn see(&self) {
        let mut book = self.book();
        let Book { series, next, late } = &mut *book;
        let now = now();
        while *next <= now {
            series.iter().for_each(|&series| late.note(series, now - *next));
            *next += PERIOD;
        }
    }

    /// Takes away what was noted since the last time.
    pub fn collect(&self, into: &mut Recorder) {
        let noted = std::mem::take(&mut self.book().late);
        into.merge(&noted);
    }

    fn book(&self) -> MutexGuard<'_, Book> {
        self.book.lock().expect("nothing panics while it notes a beat")
    }
}

/// A timer that falls due at `first` and each [`PERIOD`] from then on, whoever looks.
fn timer(first: u64) -> io::Result<OwnedFd> {
    let timer = timerfd_create(TimerfdClockId::Monotonic, TimerfdFlags::NONBLOCK | TimerfdFlags::CLOEXEC)?;
    let times = Itimerspec { it_interval: timespec(PERIOD), it_value: timespec(first) };
    timerfd_settime(&timer, TimerfdTimerFlags::ABSTIME, &times)?;
    Ok(timer)
}

fn now() -> u64 {
    let time = clock_gettime(ClockId::Monotonic);
    time.tv_sec as u64 * 1_000_000_000 + time.tv_nsec as u64
}

fn timespec(nanos: u64) -> Timespec {
    Timespec { tv_sec: (nanos / 1_000_000_000) as i64, tv_nsec: (nanos % 1_000_000_000) as i64 }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::recorder::Row;
    use crate::shard::Shard;

    /// A shard whose lateness is chat's, and what it has noted once there is any of it.
    async fn beaten(shard: &Shard, recorder: &mut Recorder) -> Row {
        while recorder.row(Series::ChatRead).n == 0 {
            tokio::time::sleep(Duration::from_millis(1)).await;
            shard.collect(recorder);
        }
        recorder.row(Series::ChatRead)
    }

    #[tokio::test]
    async fn a_reader_that_stands_still_is_late_for_each_beat_of_that_time() {
        let (shard, mut seen) = (Shard::start(0, vec![Series::ChatRead]).unwrap(), Recorder::default());
        beaten(&shard, &mut seen).await;
        let mut still = Recorder::default();
        let stands = shard.handle().spawn(async { std::thread::sleep(Duration::from_millis(100)) });
        stands.await.unwrap();
        shard.settle();
        shard.collect(&mut still);
        let row = still.row(Series::ChatRead);
        assert!(row.n >= 9, "10 beats in 100 ms, one of which may be under way: {row:?}");
        assert!(row.max_ns >= Some(85_000_000), "{row:?}");
        assert!(still.histogram(Series::ChatRead).unwrap().count_between(40_000_000, u64::MAX / 2) >= 5);
    }

    #[tokio::test]
    async fn a_reader_that_never_comes_back_is_as_late_as_the_end_of_the_run() {
        let (shard, mut seen) = (Shard::start(0, vec![Series::InfoRead]).unwrap(), Recorder::default());
        let (go, wait) = std::sync::mpsc::channel::<()>();
        let (tell, is_stuck) = tokio::sync::oneshot::channel();
        let stuck = shard.handle().spawn(async move {
            tell.send(()).unwrap();
            wait.recv()
        });
        is_stuck.await.unwrap();
        tokio::time::sleep(Duration::from_millis(50)).await;
        shard.settle();
        shard.collect(&mut seen);
        let row = seen.row(Series::InfoRead);
        drop(go);
        assert!(stuck.await.unwrap().is_err(), "it was stuck all the time");
        assert!(row.n >= 4 && row.max_ns >= Some(35_000_000), "{row:?}");
    }

    #[tokio::test]
    async fn a_reader_of_several_services_is_late_for_all_of_them() {
        let series = vec![Series::ChatRead, Series::FileRead];
        let (shard, mut seen) = (Shard::start(0, series).unwrap(), Recorder::default());
        let row = beaten(&shard, &mut seen).await;
        assert_eq!(seen.row(Series::FileRead).n, row.n);
        assert_eq!(seen.row(Series::InfoRead).n, 0);
    }
}
