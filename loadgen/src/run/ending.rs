//! The end of a run: its books are closed, and it is judged.

use std::time::Duration;

use crate::cli::Showing;
use crate::environment::Environment;
use crate::hdr;
use crate::limits::Descriptors;
use crate::plan::Plan;
use crate::reconcile::{Ours, Reconciliation, sockets};
use crate::recorder::Recorder;
use crate::report::{Chat, Evidence, Info, Outcome, Report, SCHEMA_VERSION, Seen, Verdict, exit_code};
use crate::scenario::Scene;
use crate::span::Span;
use crate::strain::Strain;
use crate::timeline::Second;
use crate::traffic::Cast;

/// What became of everything in the end. What still waits will not be sent any more.
pub(super) fn seen(scene: &Scene, cast: &Cast) -> Seen {
    cast.crowd.fall_silent();
    let sent = &scene.sent;
    Seen {
        chat: Chat::new(cast.crowd.settle(), sent),
        info: Info { sent: sent.queries(), replies: cast.replies() },
        file: cast.files(),
        registry: cast.entries(),
    }
}

/// Our side of the books; what info's kernel had dropped before, and has by now.
pub(super) fn ours<'a>(
    plan: &Plan,
    seen: &'a Seen,
    cast: &Cast,
    before: Option<u64>,
    now: Option<u64>,
) -> Ours<'a> {
    let our_drops = cast.askers.as_ref().and_then(|askers| sockets::drops(&askers.ports())).unwrap_or(0);
    let their_drops = before.zip(now).map(|(before, now)| now.saturating_sub(before));
    let breaks = seen.chat.reconnects + seen.chat.unreturned;
    let other_lines = plan.slow_readers > 0 || plan.churn_per_minute > 0.0 || breaks > 0;
    Ours { seen, drops: (our_drops, their_drops), other_lines }
}

/// All that a report is made of.
pub(super) struct Ending<'a> {
    pub(super) environment: Environment,
    pub(super) plan: Plan,
    pub(super) measured: Option<Span>,
    pub(super) interrupted: bool,
    pub(super) drained: Duration,
    pub(super) total: &'a Recorder,
    pub(super) seen: Seen,
    pub(super) reconciliation: Reconciliation,
    pub(super) strain: Strain,
    pub(super) descriptors: Descriptors,
    pub(super) timeline: Vec<Second>,
    pub(super) showing: &'a Showing,
}

impl Ending<'_> {
    /// Judges the run.
    pub(super) fn report(self) -> Report {
        let (rows, clipped) = (self.total.rows(), self.total.clipped());
        let verdict = Verdict::of(&Evidence { strain: &self.strain, rows: &rows, seen: &self.seen, clipped });
        let (asserted, ran) = (&self.showing.assertions, self.plan.services());
        let assertions: Vec<_> =
            asserted.iter().map(|assertion| assertion.judge(&ran, &rows, &self.seen)).collect();
        let exit_code = exit_code(&Outcome {
            interrupted: self.interrupted,
            seen: &self.seen,
            verdict: &verdict,
            allow_client_limited: self.showing.allow_client_limited,
            assertions: &assertions,
        });
        Report {
            schema_version: SCHEMA_VERSION,
            environment: self.environment,
            plan: self.plan,
            measured: self.measured,
            verdict,
            interrupted: self.interrupted,
            drained_seconds: self.drained.as_secs_f64(),
            rows,
            clipped,
            seen: self.seen,
            reconciliation: self.reconciliation,
            assertions,
            strain: self.strain,
            descriptors: self.descriptors,
            timeline: self.timeline,
            histograms: hdr::encode_all(self.total),
            exit_code,
        }
    }
}
