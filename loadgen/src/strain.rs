//! How hard the generator itself had to work: a tester that is out of breath measures itself.

use std::collections::BTreeMap;
use std::fs;
use std::num::NonZeroUsize;
use std::thread::available_parallelism;
use std::time::Instant;

use rustix::time::{ClockId, clock_gettime};
use serde::{Deserialize, Serialize};

use crate::shard::THREAD;

/// The generator's effort over a while.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Strain {
    /// Its CPU time in seconds.
    pub cpu_seconds: f64,
    /// The same as a share of what all its cores offered, 0 to 1.
    pub cpu_share: f64,
    /// How many cores it may use.
    pub cores: usize,
    /// The CPU time of its busiest shard as a share of one core; `None` where the system does not say.
    pub busiest_shard_share: Option<f64>,
    /// How often the system paused it because its quota was used up; `None` where it has none.
    pub throttled: Option<u64>,
}

/// The state of the counters when a while began.
#[derive(Debug)]
pub struct Meter {
    began: Instant,
    cpu: f64,
    shards: BTreeMap<String, f64>,
    throttled: Option<u64>,
}

impl Meter {
    /// Reads the counters.
    pub fn start() -> Self {
        Meter {
            began: Instant::now(),
            cpu: process_seconds(),
            shards: shard_seconds(),
            throttled: throttled(),
        }
    }

    /// Reads them again; the effort since.
    pub fn read(&self) -> Strain {
        let seconds = self.began.elapsed().as_secs_f64().max(1e-9);
        let cores = available_parallelism().map_or(1, NonZeroUsize::get);
        let busiest = shard_seconds().into_iter().filter_map(|(thread, now)| {
            let then = self.shards.get(&thread)?;
            Some((now - then) / seconds)
        });
        let cpu_seconds = process_seconds() - self.cpu;
        Strain {
            cpu_seconds,
            cpu_share: cpu_seconds / seconds / cores as f64,
            cores,
            busiest_shard_share: busiest.max_by(f64::total_cmp),
            throttled: self.throttled.zip(throttled()).map(|(then, now)| now.saturating_sub(then)),
        }
    }
}

/// The CPU time of this process, read now and then.
#[derive(Debug)]
pub struct CpuTime {
    read: Instant,
    seconds: f64,
}

impl CpuTime {
    /// Reads it for the first time.
    pub fn now() -> Self {
        CpuTime { read: Instant::now(), seconds: process_seconds() }
    }

    /// The share of all cores' time since it was last read.
    pub fn share_since_last(&mut self) -> f64 {
        let last = std::mem::replace(self, CpuTime::now());
        let cores = available_parallelism().map_or(1, NonZeroUsize::get) as f64;
        let elapsed = (self.read - last.read).as_secs_f64().max(1e-9);
        (self.seconds - last.seconds) / elapsed / cores
    }
}

fn process_seconds() -> f64 {
    let time = clock_gettime(ClockId::ProcessCPUTime);
    time.tv_sec as f64 + time.tv_nsec as f64 / 1e9
}

/// The CPU time of each shard's thread, by thread id: the first field of `schedstat`, in nanoseconds
/// (Linux, Documentation/scheduler/sched-stats).
fn shard_seconds() -> BTreeMap<String, f64> {
    let Ok(threads) = fs::read_dir("/proc/self/task") else { return BTreeMap::new() };
    let of = |thread: fs::DirEntry| {
        let name = fs::read_to_string(thread.path().join("comm")).ok()?;
        let stat = fs::read_to_string(thread.path().join("schedstat")).ok()?;
        let nanos: f64 = stat.split_whitespace().next()?.parse().ok()?;
        let id = thread.file_name().into_string().ok()?;
        name.starts_with(THREAD).then_some((id, nanos / 1e9))
    };
    threads.flatten().filter_map(of).collect()
}

/// How often the control group that holds this process was throttled.
fn throttled() -> Option<u64> {
    let groups = fs::read_to_string("/proc/self/cgroup").ok()?;
    groups.lines().find_map(|group| {
        let (controllers, path) = group.split_once(':')?.1.split_once(':')?;
        let root = match controllers {
            "" => "/sys/fs/cgroup",
            named if named.split(',').any(|controller| controller == "cpu") => "/sys/fs/cgroup/cpu",
            _ => return None,
        };
        fs::read_to_string(format!("{root}{path}/cpu.stat")).ok().and_then(|stat| count_in(&stat))
    })
}

/// `nr_throttled` in a `cpu.stat`.
fn count_in(stat: &str) -> Option<u64> {
    stat.lines().find_map(|line| line.strip_prefix("nr_throttled ")?.trim().parse().ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn work_shows() {
        let meter = Meter::start();
        let before = process_seconds();
        while process_seconds() - before < 0.01 {
            std::hint::spin_loop();
        }
        assert!(meter.read().cpu_share > 0.0);
    }

    #[test]
    fn throttling_is_found_among_other_figures() {
        assert_eq!(count_in("nr_periods 9\nnr_throttled 3\nthrottled_usec 5\n"), Some(3));
        assert_eq!(count_in("usage_usec 9\n"), None);
    }
}
