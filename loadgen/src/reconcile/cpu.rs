//! The CPU that the services used. Several of them may be one process, which is told once. Pure.

use super::scrape::Scrape;
use crate::target::Service;

/// What tells processes apart: when it began, and how much memory it has mapped.
type Process = (u64, u64);

/// What a service's process used in a while.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Used {
    service: Service,
    process: Option<Process>,
    seconds: f64,
}

impl Used {
    /// By what a service said at the end of the while, and what was added in it.
    pub(super) fn new(service: Service, now: &Scrape, added: &Scrape) -> Self {
        let of = |metric| now.value(metric, &[]).map(f64::to_bits);
        let process = of("process_start_time_seconds").zip(of("process_virtual_memory_bytes"));
        Used { service, process, seconds: added.value("process_cpu_seconds_total", &[]).unwrap_or(0.0) }
    }
}

/// Services may count their CPU in whole seconds; over less than this they would seem idle or twice as busy.
const LEAST: f64 = 10.0;

/// Each process by its services, such as `chat` or `chat+info`, with its share of one core over so many
/// seconds; nothing when those are too few to know.
pub(super) fn shares(used: &[Used], seconds: f64) -> Vec<(String, f64)> {
    if seconds < LEAST {
        return Vec::new();
    }
    let mut found: Vec<(Option<Process>, String, f64)> = Vec::new();
    for Used { service, process, seconds: cpu } in used {
        match found.iter_mut().find(|(known, ..)| known.is_some() && known == process) {
            Some((_, services, _)) => *services += &format!("+{}", service.name()),
            None => found.push((*process, service.name().to_owned(), cpu / seconds)),
        }
    }
    found.into_iter().map(|(_, services, share)| (services, share)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn services_in_one_process_are_told_once() {
        let used = |service, memory: u32, cpu: u32| {
            let text = format!(
                "process_start_time_seconds 7\nprocess_virtual_memory_bytes {memory}\nprocess_cpu_seconds_total {cpu}\n"
            );
            let scrape = Scrape::parse(&text);
            Used::new(service, &scrape, &scrape)
        };
        let all = [used(Service::Chat, 5, 3), used(Service::Info, 5, 3), used(Service::File, 6, 1)];
        assert_eq!(shares(&all, 10.0), [("chat+info".to_owned(), 0.3), ("file".to_owned(), 0.1)]);
        let silent = Used::new(Service::Chat, &Scrape::default(), &Scrape::default());
        let both = [silent.clone(), silent];
        assert_eq!(shares(&both, 10.0).len(), 2, "those that say nothing are not taken for one");
        assert!(shares(&both, 2.0).is_empty(), "two seconds are too few to know");
    }
}
