//! What a run comes to: the exit code.

use super::{Seen, Verdict};
use crate::assertion::Judgement;

/// What a run is judged by.
#[derive(Debug)]
pub struct Outcome<'a> {
    /// Whether somebody ended it early.
    pub interrupted: bool,
    /// What it has seen.
    pub seen: &'a Seen,
    /// What it says about itself.
    pub verdict: &'a Verdict,
    /// Whether the generator may have been the limit.
    pub allow_client_limited: bool,
    /// What was asserted.
    pub assertions: &'a [Judgement],
}

/// The process's exit code: 0 held, 3 an assertion failed, 4 the ledger is broken, 5 the run is invalid, 130
/// interrupted.
///
/// A broken ledger comes before an invalid run: no strain of the generator makes a server double or swap. An
/// invalid run comes before an assertion: what failed may be the generator's own.
pub fn exit_code(outcome: &Outcome<'_>) -> u8 {
    let Outcome { verdict, .. } = outcome;
    if outcome.interrupted {
        130
    } else if !outcome.seen.breaches().is_empty() {
        4
    } else if !(verdict.valid || outcome.allow_client_limited && verdict.client_limited_only) {
        5
    } else if outcome.assertions.iter().any(|judgement| !judgement.held) {
        3
    } else {
        0
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::Chat;

    #[test]
    fn what_is_worst_decides_the_exit_code() {
        let code = |interrupted, lost, limited: Option<bool>, held, allow_client_limited| {
            let seen = Seen { chat: Chat { lost, ..Chat::default() }, ..Seen::default() };
            let verdict = Verdict {
                valid: limited.is_none(),
                client_limited_only: limited.unwrap_or(false),
                ..Verdict::default()
            };
            let assertions = [Judgement { assertion: String::new(), held, found: String::new() }];
            let (seen, verdict, assertions) = (&seen, &verdict, &assertions[..]);
            exit_code(&Outcome { interrupted, seen, verdict, allow_client_limited, assertions })
        };
        assert_eq!(code(false, 0, None, true, false), 0);
        assert_eq!(code(false, 0, None, false, false), 3);
        assert_eq!(code(false, 1, Some(true), false, true), 4);
        assert_eq!(code(true, 1, Some(true), false, true), 130);
        assert_eq!(
            code(false, 0, Some(true), false, false),
            5,
            "whose fault it is that it failed is not known"
        );
        assert_eq!(code(false, 0, Some(true), false, true), 3);
        assert_eq!(code(false, 0, Some(true), true, true), 0);
        assert_eq!(code(false, 0, Some(false), true, true), 5, "the server was not there for all of it");
    }
}
