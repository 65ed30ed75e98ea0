//! Where and with what a run was made: what two results must be read with.

use std::collections::BTreeMap;
use std::fs;
use std::num::NonZeroUsize;
use std::thread::available_parallelism;

use serde::{Deserialize, Serialize};

use crate::target::{Service, Targets};

/// Where and with what a run was made.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Environment {
    /// The load tester's version.
    pub loadgen: String,
    /// Of which revision of its source it was built, where the build said so.
    pub revision: Option<String>,
    /// The command line.
    pub flags: Vec<String>,
    /// The run's number, as it stands in its users' names.
    pub run: String,
    /// The services.
    pub targets: BTreeMap<String, String>,
    /// Operating system and architecture.
    pub system: String,
    /// The kernel's version.
    pub kernel: Option<String>,
    /// What the processor calls itself.
    pub cpu: Option<String>,
    /// How many cores the generator may use.
    pub cores: usize,
}

impl Environment {
    /// That of this process, in a run against these targets.
    pub fn here(run: u32, targets: &Targets) -> Self {
        let places = Service::ALL.into_iter().filter_map(|service| Some((service, targets.of(service)?)));
        Environment {
            loadgen: env!("PARLANCE_VERSION").to_owned(),
            revision: Some(env!("PARLANCE_REVISION").to_owned()),
            flags: std::env::args().skip(1).collect(),
            run: format!("{run:08x}"),
            targets: places.map(|(service, at)| (service.name().to_owned(), at.to_string())).collect(),
            system: format!("{} {}", std::env::consts::OS, std::env::consts::ARCH),
            kernel: first_line("/proc/sys/kernel/osrelease"),
            cpu: fs::read_to_string("/proc/cpuinfo").ok().and_then(|text| processor(&text)),
            cores: available_parallelism().map_or(1, NonZeroUsize::get),
        }
    }
}

fn first_line(path: &str) -> Option<String> {
    fs::read_to_string(path).ok()?.lines().next().map(str::to_owned)
}

fn processor(cpuinfo: &str) -> Option<String> {
    let line = cpuinfo.lines().find(|line| line.starts_with("model name"))?;
    line.split_once(':').map(|(_, name)| name.trim().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_processor_has_a_name() {
        assert_eq!(processor("processor: 0\nmodel name\t: A Chip @ 2 GHz\n").unwrap(), "A Chip @ 2 GHz");
        assert_eq!(processor("bogus"), None);
    }
}
