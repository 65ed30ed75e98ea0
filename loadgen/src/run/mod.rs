//! A run from its first connection to its report.

mod ending;
mod stage;

use std::future::Future;
use std::io::Write;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::select;
use tokio::time::{MissedTickBehavior, interval, sleep, sleep_until};

use crate::audience::Audience;
use crate::cli::{Load, Options};
use crate::environment::Environment;
use crate::failure::Failure;
use crate::limits::{self, Descriptors};
use crate::plan::Plan;
use crate::reconcile::{Books, Pulse};
use crate::recorder::Recorder;
use crate::report::Report;
use crate::scenario::Scene;
use crate::shard::Shard;
use crate::span::Span;
use crate::strain::{CpuTime, Meter, Strain};
use crate::target::Targets;
use crate::timeline::{self, Second};
use crate::traffic::{Cast, Traffic};
pub use stage::shards;
use stage::{Stage, connections};

const SECOND: Duration = Duration::from_secs(1);
/// How often the drain looks whether all has come.
const LOOK: Duration = Duration::from_millis(10);
/// How long the server may take to end the connections that we have ended.
const FAREWELL: Duration = Duration::from_secs(1);

/// Makes a run; `interrupt` ends it early, and it reports all the same.
///
/// # Errors
/// [`Failure`], when traffic never began.
pub async fn run<W: Write>(
    options: &Options,
    audience: &mut Audience<W>,
    interrupt: Pin<&mut impl Future<Output = ()>>,
) -> Result<Report, Failure> {
    let plan = Plan::new(options)?;
    run_on(shards(&plan)?, plan, options, audience, interrupt).await
}

/// Makes the run of a plan on shards that the caller has started for it, with [`shards`], and may keep busy.
///
/// # Errors
/// [`Failure`], when traffic never began.
pub async fn run_on<W: Write>(
    shards: Vec<Shard>,
    plan: Plan,
    options: &Options,
    audience: &mut Audience<W>,
    mut interrupt: Pin<&mut impl Future<Output = ()>>,
) -> Result<Report, Failure> {
    let targets = Targets::resolve(options).await?;
    let descriptors = limits::raise(connections(&plan))?;
    let scene = Arc::new(plan.scene(options, rand::random()));
    let stage = Stage { scene, targets, shards, audience, options };
    let mut act = Act::begin(stage, &plan, interrupt.as_mut()).await?;
    let strain = act.play(options.warmup(), interrupt.as_mut()).await;
    let drained = act.drain(options.timing.drain, interrupt).await;
    let report = act.report(plan, descriptors, strain, drained).await;
    act.cast.crowd.disperse(FAREWELL).await;
    Ok(report)
}

/// Traffic going on.
struct Act<'a, W> {
    stage: Stage<'a, W>,
    cast: Cast,
    traffic: Traffic,
    books: Books,
    pulse: Pulse,
    /// How many datagrams the kernel of info's socket had dropped before; `None` where that can't be known.
    their_drops: Option<u64>,
    began: Instant,
    cpu: CpuTime,
    /// What was recorded in all seconds so far.
    total: Recorder,
    timeline: Vec<Second>,
    /// Since when it is measured, and until when; `None` in the warm-up.
    measured: Option<Span>,
    interrupted: bool,
}

impl<'a, W: Write> Act<'a, W> {
    /// Lets everybody come, opens the books, and lets traffic begin.
    async fn begin(
        mut stage: Stage<'a, W>,
        plan: &Plan,
        interrupt: Pin<&mut impl Future<Output = ()>>,
    ) -> Result<Self, Failure> {
        let cast = stage.assemble(plan, interrupt).await?;
        let books = stage.open_books().await?;
        let (their_drops, pulse) = (stage.their_drops(), books.pulse());
        let traffic = Traffic::start(&stage.scene, cast.clone())
            .map_err(|why| Failure::System { doing: "starting the pacer", why })?;
        Ok(Act {
            stage,
            cast,
            traffic,
            books,
            pulse,
            their_drops,
            began: Instant::now(),
            cpu: CpuTime::now(),
            total: Recorder::default(),
            timeline: Vec::new(),
            measured: None,
            interrupted: false,
        })
    }

    /// Watches until all that was planned is sent, somebody interrupts, or nobody is left; the generator's
    /// effort since the end of the warm-up.
    async fn play(&mut self, warmup: Duration, mut interrupt: Pin<&mut impl Future<Output = ()>>) -> Strain {
        let mut meter = Meter::start();
        let mut seconds = interval(SECOND);
        seconds.set_missed_tick_behavior(MissedTickBehavior::Skip);
        seconds.tick().await;
        let began = Instant::now();
        let mut warm = pin!(sleep_until((began + warmup).into()));
        // Silent users stay as long as talking ones.
        let mut end = pin!(sleep_until((began + self.stage.options.lasts()).into()));
        let mut finished = false;
        loop {
            select! {
                () = self.traffic.finished(), if !finished => finished = true,
                () = end.as_mut(), if finished => break,
                () = interrupt.as_mut() => { self.interrupted = true; break }
                () = warm.as_mut(), if self.measured.is_none() => meter = self.measure(),
                _ = seconds.tick() => {
                    self.second(if self.measured.is_some() { "steady" } else { "warm-up" });
                    if self.is_deserted() { break }
                }
            }
        }
        self.traffic.stop().await;
        self.measured.iter_mut().for_each(Span::end);
        meter.read()
    }

    /// Ends the warm-up: from now on it is measured.
    fn measure(&mut self) -> Meter {
        let meter = Meter::start();
        self.measured = Some(Span::begin());
        self.stage.collect_lateness(&mut Recorder::default());
        meter
    }

    /// Whether chat was all there was, and everybody's connection has ended.
    fn is_deserted(&self) -> bool {
        let users = self.stage.scene.roster.users() as usize;
        let options = self.stage.options;
        let others = [&options.queries, &options.transfers, &options.entries];
        users > 0 && self.cast.crowd.ended() == users && !others.into_iter().any(Load::is_some)
    }

    /// Waits until all that is owed has come, at most `patience`; how long that took.
    async fn drain(&mut self, patience: Duration, interrupt: Pin<&mut impl Future<Output = ()>>) -> Duration {
        let began = Instant::now();
        let mut look = interval(LOOK);
        look.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let settled = async {
            while !self.cast.is_settled() {
                look.tick().await;
            }
        };
        let interrupted = select! {
            () = settled => false,
            () = sleep(patience) => false,
            () = interrupt, if !self.interrupted => true,
        };
        self.interrupted |= interrupted;
        let drained = began.elapsed();
        self.stage.shards.iter().for_each(Shard::settle);
        self.second("drain");
        drained
    }

    /// Takes what was recorded since the last time, shows it, and keeps silent users alive.
    fn second(&mut self, phase: &str) {
        let recent = self.collect();
        let second = self.state(phase, &recent);
        self.cast.crowd.stay(second.at);
        self.total.merge(&recent);
        self.stage.audience.second(&second, &recent, &self.total);
        self.timeline.push(second);
    }

    /// What was recorded since the last time; of the readers' lateness only while it is measured.
    fn collect(&self) -> Recorder {
        let mut recent = Recorder::default();
        self.cast.collect(&mut recent);
        self.traffic.collect(&mut recent);
        if self.measured.is_some() {
            self.stage.collect_lateness(&mut recent);
        }
        recent
    }

    /// How it stands at this moment, with what was recorded since the last time.
    fn state(&mut self, phase: &str, recent: &Recorder) -> Second {
        let Scene { clock, sent, .. } = &*self.stage.scene;
        let crowd = &self.cast.crowd;
        let (counts, files, entries) = (crowd.account().counts, self.cast.files(), self.cast.entries());
        Second {
            at: timeline::second(clock.now(), self.timeline.last()),
            phase: phase.to_owned(),
            messages: sent.messages(),
            owed: sent.owed(),
            arrived: counts.arrived(),
            wrong: counts.wrong() + files.wrong() + entries.wrong(),
            waiting: sent.waiting(),
            queries: sent.queries(),
            unanswered: self.cast.replies().unanswered,
            files: files.ok,
            entries: entries.ok,
            ended: crowd.ended() as u64,
            cpu_share: self.cpu.share_since_last(),
            service_cpu: self.pulse.shares(),
            rows: recent.rows(),
        }
    }

    /// Closes the books, and judges the run.
    async fn report(
        &mut self,
        plan: Plan,
        descriptors: Descriptors,
        strain: Strain,
        drained: Duration,
    ) -> Report {
        let seen = ending::seen(&self.stage.scene, &self.cast);
        let ours = ending::ours(&plan, &seen, &self.cast, self.their_drops, self.stage.their_drops());
        let reconciliation = self.books.close(&ours, self.began.elapsed()).await;
        let Stage { scene, targets, options, .. } = &self.stage;
        ending::Ending {
            environment: Environment::here(scene.roster.run(), targets),
            plan,
            measured: self.measured,
            interrupted: self.interrupted,
            drained,
            total: &self.total,
            seen,
            reconciliation,
            strain,
            descriptors,
            timeline: std::mem::take(&mut self.timeline),
            showing: &options.showing,
        }
        .report()
    }
}
