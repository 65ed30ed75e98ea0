//! The CPU that the services used. Several of them may be one process, which is told once. Pure.

use super::scrape::Scrape;
use crate::target::Service;

/// What tells processes apart: when it began, and how much memory it has mapped.
type Process = (u64, u64);

/// Where a process says how much CPU it has used.
const CPU: &str = "process_cpu_seconds_total";
/// How far apart two readings must be at least, in seconds: some count their CPU in whole seconds, and over
/// less than ten of them would seem idle or twice as busy.
const APART: (f64, f64) = (1.0, 10.0);

/// What a service's process used between two readings.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Used {
    service: Service,
    process: Option<Process>,
    /// As a share of one core.
    share: f64,
}

impl Used {
    /// By what a service said before and says now, so many seconds later; `None` when it does not say, began
    /// anew, or those are too few to know.
    pub(super) fn between(service: Service, before: &Scrape, now: &Scrape, seconds: f64) -> Option<Self> {
        let of = |metric| now.value(metric, &[]).map(f64::to_bits);
        let process = of("process_start_time_seconds").zip(of("process_virtual_memory_bytes"));
        let (then, now) = before.value(CPU, &[]).zip(now.value(CPU, &[]))?;
        let least = if then.fract() + now.fract() > 0.0 { APART.0 } else { APART.1 };
        (seconds >= least && now >= then).then(|| Used { service, process, share: (now - then) / seconds })
    }
}

/// Each process by its services, such as `chat` or `chat+info`, with its share of one core.
pub(super) fn shares<'a>(used: impl IntoIterator<Item = &'a Used>) -> Vec<(String, f64)> {
    let mut found: Vec<(Option<Process>, String, f64)> = Vec::new();
    for Used { service, process, share } in used {
        match found.iter_mut().find(|(known, ..)| known.is_some() && known == process) {
            Some((_, services, _)) => *services += &format!("+{}", service.name()),
            None => found.push((*process, service.name().to_owned(), *share)),
        }
    }
    found.into_iter().map(|(_, services, share)| (services, share)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(memory: u32, cpu: f64) -> Scrape {
        Scrape::parse(&format!(
            "process_start_time_seconds 7\nprocess_virtual_memory_bytes {memory}\nprocess_cpu_seconds_total {cpu}\n"
        ))
    }

    #[test]
    fn services_in_one_process_are_told_once() {
        let used =
            |service, memory, cpu| Used::between(service, &said(memory, 0.0), &said(memory, cpu), 10.0);
        let all = [used(Service::Chat, 5, 3.0), used(Service::Info, 5, 3.0), used(Service::File, 6, 1.0)];
        assert_eq!(shares(all.iter().flatten()), [("chat+info".to_owned(), 0.3), ("file".to_owned(), 0.1)]);
    }

    #[test]
    fn those_that_do_not_say_which_process_they_are_are_not_taken_for_one() {
        let [before, after] =
            ["0", "2"].map(|cpu| Scrape::parse(&format!("process_cpu_seconds_total {cpu}\n")));
        let used = |service| Used::between(service, &before, &after, 10.0).unwrap();
        assert_eq!(shares(&[used(Service::Chat), used(Service::Info)]).len(), 2);
    }

    #[test]
    fn whole_seconds_are_only_known_over_many_of_them() {
        let over = |before, after, seconds| {
            Used::between(Service::Chat, &said(5, before), &said(5, after), seconds).map(|used| used.share)
        };
        assert_eq!([over(1.0, 2.0, 9.0), over(1.0, 2.0, 10.0)], [None, Some(0.1)]);
        assert_eq!([over(1.5, 2.0, 0.5), over(1.5, 2.0, 2.0)], [None, Some(0.25)]);
        assert_eq!(over(2.0, 0.5, 10.0), None, "it began anew");
        assert_eq!(Used::between(Service::Chat, &Scrape::default(), &said(5, 1.0), 10.0), None);
    }
}
