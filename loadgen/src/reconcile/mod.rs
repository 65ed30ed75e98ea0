//! Do the services count what we saw? Their /metrics before and after a run, against our own books.
//!
//! A difference is a finding in itself, whichever side is wrong, and says where to look: between our socket
//! and theirs, inside the service, or between its socket and ours.

mod checks;
mod cpu;
mod pulse;
mod queries;
mod scrape;
pub mod sockets;

use std::net::SocketAddr;
use std::str::FromStr;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use tokio::time::sleep;

use cpu::Used;
pub use pulse::Pulse;
pub use scrape::{Scrape, ScrapeError, scrape};

use crate::failure::Failure;
use crate::report::Seen;
use crate::report::numbers::count;
use crate::target::{Counter, Service};

/// Where one service tells what it counts, or that nobody is to be asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum MetricsOf {
    /// No service.
    Nobody,
    /// A service and its admin port.
    Service(Service, String),
}

impl FromStr for MetricsOf {
    type Err = String;

    fn from_str(written: &str) -> Result<Self, String> {
        if written == "none" {
            return Ok(MetricsOf::Nobody);
        }
        let pair = written.split_once('=');
        let found = pair.and_then(|(name, at)| {
            let service = Service::ALL.into_iter().find(|service| service.name() == name)?;
            Some(MetricsOf::Service(service, at.to_owned()))
        });
        found.ok_or_else(|| "want chat, info, file or registry, such as chat=127.0.0.1:9011, or none".into())
    }
}

/// One figure of ours beside one of a service's.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Check {
    /// What was counted.
    pub what: String,
    /// By us.
    pub ours: u64,
    /// By the service.
    pub theirs: u64,
    /// What the difference is, when there is one.
    pub finding: Option<String>,
}

impl Check {
    fn new(what: &str, ours: u64, theirs: u64, more: &str, less: &str) -> Self {
        let finding = match theirs.cmp(&ours) {
            std::cmp::Ordering::Equal => None,
            std::cmp::Ordering::Greater => Some(format!("{} {more}", count(theirs - ours))),
            std::cmp::Ordering::Less => Some(format!("{} {less}", count(ours - theirs))),
        };
        Check { what: what.to_owned(), ours, theirs, finding }
    }
}

/// The queries that were not answered, by where they stayed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Unanswered {
    /// Never arrived at the service: dropped by its kernel, or on the way there.
    pub before_info: u64,
    /// Of those, what the kernel of the service's socket says it dropped; known on the same machine alone.
    pub their_kernel: Option<u64>,
    /// Not answered because of the service's rate limit.
    pub rate_limited: u64,
    /// Not answered by the service for another reason.
    pub refused: u64,
    /// Answered, and dropped by our own kernel because we did not read in time.
    pub our_kernel: u64,
    /// Answered, and never seen here.
    pub behind_info: u64,
}

impl Unanswered {
    /// At whichever place.
    pub fn all(&self) -> u64 {
        self.before_info + self.rate_limited + self.refused + self.our_kernel + self.behind_info
    }
}

/// Both sides' books.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Reconciliation {
    /// Figure by figure.
    pub checks: Vec<Check>,
    /// Where the unanswered queries stayed; `None` when info was not asked for its figures.
    pub unanswered: Option<Unanswered>,
    /// The CPU that each process used, as a share of one core, by the services in it.
    pub cpu: Vec<(String, f64)>,
    /// Services whose figures are not compared, and why.
    pub unasked: Vec<String>,
}

/// What we have seen ourselves.
#[derive(Debug)]
pub struct Ours<'a> {
    /// What became of everything.
    pub seen: &'a Seen,
    /// What our kernel dropped of the replies, and what that of info's socket dropped of the queries.
    pub drops: (u64, Option<u64>),
    /// Whether lines were written that we do not account for: to slow readers, about comings and goings.
    pub other_lines: bool,
}

/// The services' figures at the beginning of the traffic.
#[derive(Debug)]
pub struct Books {
    before: Vec<(Counter, Scrape)>,
    unasked: Vec<String>,
}

/// How often, and after how long, a service is asked again whose figures still move.
const AGAIN: (u32, Duration) = (20, Duration::from_millis(50));

impl Books {
    /// Asks every service, and waits until what happened before the traffic is counted: until the figures
    /// stand still for `calm`.
    ///
    /// # Errors
    /// [`Failure::Metrics`] when one that was named does not answer.
    pub async fn open(counters: &[Counter], calm: Duration) -> Result<Self, Failure> {
        let (mut before, mut unasked) = (Vec::new(), Vec::new());
        for counter in counters {
            match settled(counter, calm).await {
                Ok(scrape) => before.push((counter.clone(), scrape)),
                Err(why) if counter.named => return Err(Failure::Metrics { at: counter.at, why }),
                Err(why) => unasked.push(format!("{} at {}: {why}", counter.service.name(), counter.at)),
            }
        }
        Ok(Books { before, unasked })
    }

    /// Goes on asking how much CPU they use.
    pub fn pulse(&self) -> Pulse {
        Pulse::start(&self.before)
    }

    /// Asks them again and compares; again when the figures differ, for a service may count a moment after
    /// it has written.
    pub async fn close(&self, ours: &Ours<'_>, lasted: Duration) -> Reconciliation {
        let mut found = self.compare(ours, lasted).await;
        for _ in 0..AGAIN.0 {
            if found.checks.iter().all(|check| check.finding.is_none()) {
                break;
            }
            sleep(AGAIN.1).await;
            let cpu = std::mem::take(&mut found.cpu);
            found = Reconciliation { cpu, ..self.compare(ours, lasted).await };
        }
        found
    }

    async fn compare(&self, ours: &Ours<'_>, lasted: Duration) -> Reconciliation {
        let mut found = Reconciliation { unasked: self.unasked.clone(), ..Reconciliation::default() };
        let mut used = Vec::new();
        for (counter, before) in &self.before {
            match scrape_again(counter).await {
                Ok((at, after)) if after.began_anew(before) => {
                    let (name, why) = (counter.service.name(), anew(counter.at, at));
                    found.unasked.push(format!("{name} at {}: {why}", counter.at));
                }
                Ok((_, after)) => {
                    let added = after.since(before);
                    found.add(counter.service, &added, ours);
                    used.extend(Used::between(counter.service, before, &after, lasted.as_secs_f64()));
                }
                Err(why) => {
                    found.unasked.push(format!("{} at {}: {why}", counter.service.name(), counter.at));
                }
            }
        }
        found.cpu = cpu::shares(&used);
        found
    }
}

/// What is known of a process that has not counted all of the run. Elsewhere it may be another server of the same
/// name that has run all the time: when it began says nothing, for the clocks of two machines may differ.
fn anew(before: SocketAddr, now: SocketAddr) -> String {
    if now == before {
        "it was started anew meanwhile".to_owned()
    } else {
        format!("its name leads to {now} now, where another process counts: a new one, or another server")
    }
}

/// Asks a service that has answered before, and says where it answered: where its name leads now, when nobody does at
/// the first address.
async fn scrape_again(counter: &Counter) -> Result<(SocketAddr, Scrape), ScrapeError> {
    let missed = match scrape(counter.at).await {
        Ok(found) => return Ok((counter.at, found)),
        Err(why) => why,
    };
    let Some(at) = counter.moved_to().await else { return Err(missed) };
    scrape(at).await.map(|found| (at, found)).map_err(|_| missed)
}

/// A scrape that is the same as the one before it.
async fn settled(counter: &Counter, calm: Duration) -> Result<Scrape, ScrapeError> {
    let moving = |scrape: &Scrape| scrape.sum("chat_deliveries_total", &[]);
    let mut last = scrape(counter.at).await?;
    for _ in 0..AGAIN.0 {
        if counter.service != Service::Chat {
            break;
        }
        sleep(calm).await;
        let next = scrape(counter.at).await?;
        let calm = moving(&next) == moving(&last);
        last = next;
        if calm {
            break;
        }
    }
    Ok(last)
}

impl Reconciliation {
    /// Adds what a service has counted during the traffic.
    fn add(&mut self, service: Service, theirs: &Scrape, ours: &Ours<'_>) {
        match service {
            Service::Chat => self.checks.extend(checks::chat(theirs, ours)),
            Service::Info => {
                let (check, unanswered) = queries::trace(theirs, &ours.seen.info, ours.drops);
                self.checks.push(check);
                self.unanswered = Some(unanswered);
            }
            Service::File => self.checks.push(checks::files(theirs, &ours.seen.file)),
            Service::Registry => self.checks.push(checks::entries(theirs, &ours.seen.registry)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ledger::Counts;
    use crate::report::Chat;

    fn found(metrics: &str, chat: Chat) -> Reconciliation {
        let seen = Seen { chat, ..Seen::default() };
        let ours = Ours { seen: &seen, drops: (0, None), other_lines: false };
        let mut found = Reconciliation::default();
        found.add(Service::Chat, &Scrape::parse(metrics), &ours);
        found
    }

    const METRICS: &str = "chat_messages_received_total{kind=\"room\"} 20\n\
        chat_messages_received_total{kind=\"direct\"} 5\n\
        chat_deliveries_total{result=\"written\"} 60\nchat_deliveries_total{result=\"dropped\"} 0\n";

    #[test]
    fn books_that_agree_have_no_finding() {
        let chat = Chat { sent: 20, counts: Counts { ok: 60, ..Counts::default() }, ..Chat::default() };
        let found = found(METRICS, chat);
        assert!(found.checks.iter().all(|check| check.finding.is_none()), "{found:?}");
    }

    #[test]
    fn a_difference_says_where_it_is() {
        let chat = Chat { sent: 22, counts: Counts { ok: 57, ..Counts::default() }, ..Chat::default() };
        let findings: Vec<_> =
            found(METRICS, chat.clone()).checks.into_iter().filter_map(|c| c.finding).collect();
        assert_eq!(findings, ["2 never came to chat", "3 were written that nobody here saw"]);
        let dropping = METRICS.replace("dropped\"} 0", "dropped\"} 3").replace("} 60", "} 57");
        let findings: Vec<_> = found(&dropping, chat).checks.into_iter().filter_map(|c| c.finding).collect();
        assert_eq!(findings[1], "3 were dropped by chat for members that read too slowly");
    }

    #[test]
    fn where_metrics_are_is_read_as_written() {
        let chat = MetricsOf::Service(Service::Chat, "h:1".into());
        assert_eq!(("chat=h:1".parse(), "none".parse()), (Ok(chat), Ok(MetricsOf::Nobody)));
        assert!("caht=h:1".parse::<MetricsOf>().is_err() && "chat".parse::<MetricsOf>().is_err());
    }
}
