//! Claims whose answer somebody waits for.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use engine::names::UserName;
use tokio::sync::oneshot;

use crate::handle::Claim;

/// How long somebody waits for the registry's word before going on without.
const PATIENCE: Duration = Duration::from_secs(2);

/// Those who wait, by the name they claim.
#[derive(Debug, Default)]
pub(crate) struct Claims {
    waiting: BTreeMap<UserName, Waiting>,
}

#[derive(Debug)]
struct Waiting {
    answer: oneshot::Sender<Claim>,
    /// The name until now, when it is a rename.
    from: Option<UserName>,
    until: Instant,
}

/// A claim that the registry refused while somebody waited for it: what has to be undone.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Undo {
    /// The user is not here after all.
    Arrival,
    /// The user keeps this name.
    RenameFrom(UserName),
}

impl Claims {
    /// Somebody waits for a name; `from` is the name until now, when it is a rename.
    pub(crate) fn wait(
        &mut self,
        name: UserName,
        from: Option<UserName>,
        answer: oneshot::Sender<Claim>,
        now: Instant,
    ) {
        self.waiting.insert(name, Waiting { answer, from, until: now + PATIENCE });
    }

    pub(crate) fn grant(&mut self, name: &UserName) {
        if let Some(waiting) = self.waiting.remove(name) {
            answer(waiting, Claim::Granted);
        }
    }

    /// Refuses a name; `None` when nobody waits for it any more.
    pub(crate) fn refuse(&mut self, name: &UserName) -> Option<Undo> {
        let mut waiting = self.waiting.remove(name)?;
        let undo = waiting.from.take().map_or(Undo::Arrival, Undo::RenameFrom);
        answer(waiting, Claim::Taken);
        Some(undo)
    }

    /// The registry can't be asked any more. Hands back the names that users had until now.
    pub(crate) fn grant_all(&mut self) -> Vec<UserName> {
        let granted = std::mem::take(&mut self.waiting).into_values();
        granted
            .filter_map(|mut waiting| {
                let from = waiting.from.take();
                answer(waiting, Claim::Granted);
                from
            })
            .collect()
    }

    /// Whether somebody has waited long enough.
    pub(crate) fn is_overdue(&self, now: Instant) -> bool {
        self.waiting.values().any(|waiting| waiting.until <= now)
    }
}

/// Whoever stopped listening has given the claim up by a release of its own.
fn answer(waiting: Waiting, claim: Claim) {
    let _ = waiting.answer.send(claim);
}
