//! What the process itself uses, for Prometheus: the library's figures, but its CPU time in fractions of a
//! second. Of whole seconds a short look would make nothing, or twice too much.

use prometheus::core::{Collector, Desc};
use prometheus::process_collector::ProcessCollector;
use prometheus::proto::{Counter, MetricFamily};
use rustix::time::{ClockId, clock_gettime};

/// The figure that the library rounds.
const CPU: &str = "process_cpu_seconds_total";

/// The figures of this process.
pub(crate) struct OwnProcess(ProcessCollector);

impl OwnProcess {
    pub(crate) fn new() -> Self {
        OwnProcess(ProcessCollector::for_self())
    }
}

impl Collector for OwnProcess {
    fn desc(&self) -> Vec<&Desc> {
        self.0.desc()
    }

    fn collect(&self) -> Vec<MetricFamily> {
        let mut families = self.0.collect();
        for family in families.iter_mut().filter(|family| family.name() == CPU) {
            family.mut_metric().iter_mut().for_each(|metric| metric.set_counter(cpu_seconds()));
        }
        families
    }
}

fn cpu_seconds() -> Counter {
    let time = clock_gettime(ClockId::ProcessCPUTime);
    let mut counter = Counter::default();
    counter.set_value(time.tv_sec as f64 + time.tv_nsec as f64 / 1e9);
    counter
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn less_than_a_second_is_not_rounded_away() {
        let families = OwnProcess::new().collect();
        let family = families.iter().find(|family| family.name() == CPU).unwrap();
        let told = family.get_metric()[0].get_counter().get_value();
        assert!(told > 0.0 && told.fract() > 0.0, "{told}");
    }
}
