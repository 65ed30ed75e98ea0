//! Leases: who may speak, and until when.

use std::collections::{BTreeMap, BTreeSet};

use super::Label;
use crate::names::UserName;

/// Highest lease number: 2^53, so that JavaScript's numbers hold it.
pub(super) const HIGHEST: u64 = 1 << 53;
/// From so many leases on, lapses are gathered over a second and looked at together.
const MANY: usize = 10;
/// How long lapses are gathered, in milliseconds.
const TICK: u64 = 1_000;
/// The share of all leases, in percent, up to which lapses at one time are ordinary deaths.
const ORDINARY_PERCENT: usize = 15;

/// One instance's lease.
#[derive(Debug)]
pub(super) struct Lease {
    pub(super) instance: Label,
    pub(super) ttl: u64,
    /// The generations of the names it holds.
    pub(super) grants: BTreeSet<u64>,
    /// The names that older claims took from it and that it has not been told of.
    pub(super) lost: Vec<UserName>,
    deadline: u64,
    /// It was spared when it lapsed and has not been heard since.
    spared: bool,
}

/// What one look at the deadlines did.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Lapse {
    /// Leases that ended.
    pub expired: usize,
    /// Leases that were spared for one more time to live, because too many lapsed at once or because
    /// nobody looked at the deadlines in time.
    pub spared: usize,
}

/// Every lease by number, instance and deadline.
#[derive(Debug)]
pub(super) struct Leases {
    by_number: BTreeMap<u64, Lease>,
    by_instance: BTreeMap<Label, u64>,
    deadlines: BTreeSet<(u64, u64)>,
    /// Nothing lapses before: a registry that has just started can't know whom it has not heard yet.
    grace_until: u64,
}

impl Leases {
    pub(super) fn new(grace_until: u64) -> Self {
        let (by_number, by_instance, deadlines) = Default::default();
        Leases { by_number, by_instance, deadlines, grace_until }
    }

    /// Whether the registry has started so lately that it can't know everybody yet.
    pub(super) fn is_grace(&self, now: u64) -> bool {
        now < self.grace_until
    }

    pub(super) fn len(&self) -> usize {
        self.by_number.len()
    }

    pub(super) fn get(&self, number: u64) -> Option<&Lease> {
        self.by_number.get(&number)
    }

    pub(super) fn get_mut(&mut self, number: u64) -> Option<&mut Lease> {
        self.by_number.get_mut(&number)
    }

    pub(super) fn of_instance(&self, instance: &Label) -> Option<u64> {
        self.by_instance.get(instance).copied()
    }

    /// A new lease for an instance that has none, numbered by `random` or the next free number.
    pub(super) fn grant(&mut self, instance: Label, random: u64, ttl: u64, now: u64) -> u64 {
        let mut number = random % HIGHEST + 1;
        while self.by_number.contains_key(&number) {
            number = number % HIGHEST + 1;
        }
        let deadline = self.deadline(ttl, now);
        let lease = Lease {
            instance: instance.clone(),
            ttl,
            grants: BTreeSet::new(),
            lost: Vec::new(),
            deadline,
            spared: false,
        };
        self.by_number.insert(number, lease);
        self.by_instance.insert(instance, number);
        self.deadlines.insert((deadline, number));
        number
    }

    /// Begins the lease's time to live anew; `None` when there is no such lease.
    pub(super) fn renew(&mut self, number: u64, now: u64) -> Option<&mut Lease> {
        let ttl = self.by_number.get(&number)?.ttl;
        let deadline = self.deadline(ttl, now);
        self.set_deadline(number, deadline);
        let lease = self.by_number.get_mut(&number)?;
        lease.spared = false;
        Some(lease)
    }

    pub(super) fn end(&mut self, number: u64) -> Option<Lease> {
        let lease = self.by_number.remove(&number)?;
        self.by_instance.remove(&lease.instance);
        self.deadlines.remove(&(lease.deadline, number));
        Some(lease)
    }

    /// When the deadlines want to be looked at next.
    pub(super) fn next_deadline(&self) -> Option<u64> {
        let &(first, _) = self.deadlines.first()?;
        Some(if self.len() < MANY { first } else { first.next_multiple_of(TICK) })
    }

    /// The leases that are over. When the network or this machine is likelier to blame than they are,
    /// each of them is spared for one more time to live, once.
    pub(super) fn lapsed(&mut self, now: u64) -> (Vec<u64>, Lapse) {
        let Some(deadline) = self.next_deadline().filter(|&at| at <= now) else { return Default::default() };
        let due: Vec<u64> = self.deadlines.range(..=(now, u64::MAX)).map(|&(_, number)| number).collect();
        let slept = now - deadline > TICK;
        let blameless = slept || self.is_mass_lapse(due.len());
        let (mut over, mut spared) = (Vec::new(), 0);
        for number in due {
            if blameless && self.spare(number, now) {
                spared += 1;
            } else {
                over.push(number);
            }
        }
        let lapse = Lapse { expired: over.len(), spared };
        (over, lapse)
    }

    fn is_mass_lapse(&self, due: usize) -> bool {
        self.len() >= MANY && due > 1 && due * 100 > self.len() * ORDINARY_PERCENT
    }

    /// Gives the lease one more time to live, unless it has had that already.
    fn spare(&mut self, number: u64, now: u64) -> bool {
        let Some(lease) = self.by_number.get_mut(&number).filter(|lease| !lease.spared) else { return false };
        lease.spared = true;
        let deadline = now + lease.ttl;
        self.set_deadline(number, deadline);
        true
    }

    fn deadline(&self, ttl: u64, now: u64) -> u64 {
        (now + ttl).max(self.grace_until)
    }

    fn set_deadline(&mut self, number: u64, deadline: u64) {
        let Some(lease) = self.by_number.get_mut(&number) else { return };
        self.deadlines.remove(&(lease.deadline, number));
        lease.deadline = deadline;
        self.deadlines.insert((deadline, number));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with(count: u64, ttl: u64) -> Leases {
        let mut leases = Leases::new(0);
        for n in 0..count {
            let instance = Label::parse(&format!("i{n}")).unwrap();
            assert_eq!(leases.grant(instance, n, ttl, 0), n + 1);
        }
        leases
    }

    /// Looks at the deadlines as the machine does: what is over ends.
    fn look(leases: &mut Leases, now: u64) -> Lapse {
        let (over, lapse) = leases.lapsed(now);
        for number in over {
            leases.end(number).unwrap();
        }
        lapse
    }

    #[test]
    fn a_number_that_is_in_use_is_not_given_again() {
        let mut leases = with(1, 10);
        let other = Label::parse("other").unwrap();
        assert_eq!(leases.grant(other, 0, 10, 0), 2);
        let last = Label::parse("last").unwrap();
        assert_eq!(leases.grant(last, HIGHEST - 1, 10, 0), HIGHEST);
        let round = Label::parse("round").unwrap();
        assert_eq!(leases.grant(round, HIGHEST - 1, 10, 0), 3, "after the highest comes the lowest free");
    }

    #[test]
    fn few_leases_lapse_to_the_millisecond_and_many_by_the_second() {
        assert_eq!(with(9, 1_234).next_deadline(), Some(1_234));
        assert_eq!(with(10, 1_234).next_deadline(), Some(2_000));
    }

    #[test]
    fn a_mass_lapse_is_held_once() {
        let mut leases = with(10, 1_000);
        for kept in 3..=10 {
            leases.renew(kept, 900);
        }
        assert_eq!(look(&mut leases, 1_000), Lapse { expired: 0, spared: 2 });
        assert_eq!(look(&mut leases, 1_500), Lapse::default());
        for kept in 3..=10 {
            leases.renew(kept, 1_600);
        }
        leases.renew(1, 1_700);
        assert_eq!(
            look(&mut leases, 2_000),
            Lapse { expired: 1, spared: 0 },
            "the second was not heard again"
        );
        assert_eq!(leases.len(), 9);
    }

    #[test]
    fn ordinary_deaths_are_not_held() {
        let mut leases = with(20, 1_000);
        for kept in 4..=20 {
            leases.renew(kept, 900);
        }
        assert_eq!(look(&mut leases, 1_000), Lapse { expired: 3, spared: 0 }, "15% is not more than 15%");
        let mut leases = with(10, 1_000);
        for kept in 2..=10 {
            leases.renew(kept, 900);
        }
        assert_eq!(look(&mut leases, 1_000), Lapse { expired: 1, spared: 0 }, "one is never a mass");
        let mut leases = with(9, 1_000);
        assert_eq!(look(&mut leases, 1_000), Lapse { expired: 9, spared: 0 }, "nine are too few to judge");
    }

    #[test]
    fn a_registry_that_slept_spares_whom_it_could_not_hear() {
        let mut leases = with(2, 1_000);
        assert_eq!(look(&mut leases, 60_000), Lapse { expired: 0, spared: 2 });
        leases.renew(1, 60_001);
        assert_eq!(look(&mut leases, 61_000), Lapse { expired: 1, spared: 0 });
    }

    #[test]
    fn a_lease_that_is_heard_again_may_be_spared_again() {
        let mut leases = with(10, 1_000);
        assert_eq!(look(&mut leases, 1_000).spared, 10);
        for kept in 1..=10 {
            leases.renew(kept, 1_500);
        }
        assert_eq!(look(&mut leases, 2_500), Lapse::default(), "gathered until the second is full");
        assert_eq!(look(&mut leases, 3_000), Lapse { expired: 0, spared: 10 });
        assert_eq!(look(&mut leases, 4_000), Lapse { expired: 10, spared: 0 });
    }
}
