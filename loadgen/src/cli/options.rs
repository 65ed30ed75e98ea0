//! What a run is to do, whichever command asked for it.

use std::time::Duration;

use super::flags::{Files, People, Place, Showing, Speech, Timing, Watchers};
use crate::assertion::Assertion;
use crate::profile::{Profile, Stage};

/// What a run is to do, whichever command asked for it.
#[derive(Debug, Clone)]
pub struct Options {
    /// The command.
    pub run: &'static str,
    /// Who chats; `None` when chat is left alone.
    pub people: Option<People>,
    /// Messages.
    pub messages: Load,
    /// UDP queries.
    pub queries: Load,
    /// File transfers.
    pub transfers: Load,
    /// Entries in the registry.
    pub entries: Load,
    /// What is transferred.
    pub files: Option<Files>,
    /// Who watches.
    pub watchers: Option<Watchers>,
    /// When.
    pub timing: Timing,
    /// Where to.
    pub place: Place,
    /// What is judged and shown.
    pub showing: Showing,
}

/// How much of one kind of operation.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Load {
    /// Operations a second, when there are no stages.
    pub rate: f64,
    /// The rate over time.
    pub stages: Vec<Stage>,
}

impl Load {
    /// The same rate all the time.
    pub fn constant(rate: f64) -> Self {
        Load { rate, stages: Vec::new() }
    }

    /// Its rate over a run of so long.
    pub fn profile(&self, lasts: Duration) -> Profile {
        if self.stages.is_empty() {
            Profile::constant(self.rate, lasts)
        } else {
            Profile::stages(&self.stages)
        }
    }

    /// Whether there is any.
    pub fn is_some(&self) -> bool {
        self.rate > 0.0 && self.stages.is_empty() || self.stages.iter().any(|stage| stage.rate > 0.0)
    }

    fn lasts(&self) -> Duration {
        self.stages.iter().map(|stage| stage.lasts).sum()
    }
}

impl Options {
    /// How long traffic runs before it is measured.
    pub fn warmup(&self) -> Duration {
        let usual = if self.staged().is_zero() { Duration::from_secs(3) } else { Duration::ZERO };
        self.timing.warmup.unwrap_or(usual)
    }

    /// How long traffic runs, warm-up and all.
    pub fn lasts(&self) -> Duration {
        match self.staged() {
            Duration::ZERO => self.warmup() + self.timing.duration,
            staged => staged,
        }
    }

    /// How long the longest of the stages' sums is.
    fn staged(&self) -> Duration {
        let loads = [&self.messages, &self.queries, &self.transfers, &self.entries];
        loads.map(Load::lasts).into_iter().max().unwrap_or_default()
    }
}

/// What a search for the limit is to do.
#[derive(Debug, Clone)]
pub struct Search {
    /// The run of each step, but for its rate.
    pub options: Options,
    /// What must hold.
    pub slo: Vec<Assertion>,
    /// How near the limit is found, as a share of it.
    pub within: f64,
}

impl Options {
    /// A run that does nothing yet.
    pub(super) fn silent(run: &'static str, timing: Timing, place: Place, showing: Showing) -> Self {
        let (messages, queries, transfers, entries) =
            (Load::default(), Load::default(), Load::default(), Load::default());
        let (people, files, watchers) = (None, None, None);
        Options {
            run,
            people,
            messages,
            queries,
            transfers,
            entries,
            files,
            watchers,
            timing,
            place,
            showing,
        }
    }
}

impl Speech {
    /// The load of a crowd in which so many speak.
    pub(super) fn load(self, people: &People) -> Load {
        let rate = match self.rate_per_user {
            Some(each) => each * f64::from(people.speakers()),
            None => self.rate,
        };
        Load { rate, stages: self.stages }
    }
}

impl People {
    /// How many of the users say something.
    pub fn speakers(&self) -> u32 {
        self.clients - self.listeners().min(self.clients) - self.slow().min(self.clients)
    }

    /// How many only listen.
    pub fn listeners(&self) -> u32 {
        (f64::from(self.clients) * self.idle).round() as u32
    }

    /// How many listen and read slowly.
    pub fn slow(&self) -> u32 {
        (f64::from(self.clients) * self.slow_readers).round() as u32
    }
}
