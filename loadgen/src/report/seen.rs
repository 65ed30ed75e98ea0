//! What a run has seen, and each of its counts by name, for whoever asserts, compares or watches.

use serde::{Deserialize, Serialize};

use super::{Chat, Info};
use crate::scenario::file::Files;
use crate::scenario::registry::Entries;

/// What became of everything that was sent.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Seen {
    /// Messages and deliveries.
    pub chat: Chat,
    /// Queries.
    pub info: Info,
    /// Files.
    pub file: Files,
    /// Entries in the registry.
    pub registry: Entries,
}

impl Seen {
    /// Whether there was no traffic, so that nothing can be said about it.
    pub fn is_nothing(&self) -> bool {
        self.chat.sent + self.info.sent + self.file.sent + self.registry.sent == 0
    }

    /// Adds what another load tester has seen.
    pub fn add(&mut self, other: &Seen) {
        self.chat.add(&other.chat);
        self.info.add(&other.info);
        self.file.add(&other.file);
        self.registry.add(&other.registry);
    }

    /// What breaks the ledger: each with how often.
    pub fn breaches(&self) -> Vec<(&'static str, u64)> {
        let others = [
            ("files lost", self.file.lost),
            ("files corrupt", self.file.corrupt),
            ("transfers not ended", self.file.unended()),
            ("entries lost", self.registry.lost),
            ("entries not answered", self.registry.unanswered()),
            ("entries doubled", self.registry.doubled),
            ("entries out of order", self.registry.out_of_order),
        ];
        let others = others.into_iter().filter(|(_, count)| *count > 0);
        self.chat.breaches().into_iter().chain(others).collect()
    }
}

/// Declares the counts, each with its name and where it is found.
macro_rules! counts {
    ($($name:literal => |$from:ident| $count:expr,)*) => {
        /// Every name.
        pub const NAMES: &[&str] = &[$($name,)*];

        impl Seen {
            /// The count of a name; `None` when there is no such name.
            pub fn count(&self, name: &str) -> Option<u64> {
                match name {
                    $($name => { let $from = self; Some($count) })*
                    _ => None,
                }
            }
        }
    };
}

counts! {
    "lost" => |all| all.chat.lost + all.file.lost + all.registry.lost,
    "chat.sent" => |all| all.chat.sent,
    "chat.unsent" => |all| all.chat.unsent,
    "chat.acked" => |all| all.chat.acked,
    "chat.refused" => |all| all.chat.refused,
    "chat.owed" => |all| all.chat.owed,
    "chat.ok" => |all| all.chat.counts.ok,
    "chat.lost" => |all| all.chat.lost,
    "chat.late" => |all| all.chat.counts.late,
    "chat.doubled" => |all| all.chat.counts.doubled,
    "chat.out-of-order" => |all| all.chat.counts.out_of_order,
    "chat.corrupt" => |all| all.chat.counts.corrupt,
    "chat.misrouted" => |all| all.chat.counts.misrouted,
    "chat.foreign" => |all| all.chat.counts.foreign,
    "chat.excused" => |all| all.chat.excused,
    "chat.broken" => |all| all.chat.broken.values().sum(),
    "chat.reconnects" => |all| all.chat.reconnects,
    "chat.unreturned" => |all| all.chat.unreturned,
    "info.sent" => |all| all.info.sent,
    "info.ok" => |all| all.info.replies.ok,
    "info.late" => |all| all.info.replies.late,
    "info.doubled" => |all| all.info.replies.doubled,
    "info.unanswered" => |all| all.info.replies.unanswered,
    "file.sent" => |all| all.file.sent,
    "file.ok" => |all| all.file.ok,
    "file.lost" => |all| all.file.lost,
    "file.corrupt" => |all| all.file.corrupt,
    "file.refused" => |all| all.file.refused.values().sum(),
    "file.failed" => |all| all.file.failed.values().sum(),
    "registry.sent" => |all| all.registry.sent,
    "registry.granted" => |all| all.registry.granted,
    "registry.lost" => |all| all.registry.lost,
    "registry.doubled" => |all| all.registry.doubled,
    "registry.out-of-order" => |all| all.registry.out_of_order,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_has_no_end_breaks_the_ledger() {
        let mut seen = Seen::default();
        (seen.file.sent, seen.file.ok) = (3, 2);
        (seen.registry.sent, seen.registry.granted, seen.registry.refused) = (5, 3, 1);
        assert_eq!(seen.breaches(), [("transfers not ended", 1), ("entries not answered", 1)]);
    }

    #[test]
    fn each_name_has_a_count_and_no_series_is_called_like_one() {
        for name in NAMES {
            assert_eq!(Seen::default().count(name), Some(0), "{name}");
            assert!(crate::recorder::Series::named(name).is_none());
        }
        assert_eq!(Seen::default().count("chat"), None);
    }
}
