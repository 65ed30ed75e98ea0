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
use crate::scenario::file::Couriers;
use crate::scenario::registry::Door;
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
    let mut stage = Stage { scene, targets, shards, audience, options };
    let cast = stage.assemble(&plan, interrupt.as_mut()).await?;
    let books = stage.open_books().await?;
    let (their_drops, pulse) = (stage.their_drops(), books.pulse());
    let traffic = Traffic::start(&stage.scene, cast.clone())
        .map_err(|why| Failure::System { doing: "starting the pacer", why })?;
    let (began, cpu, total) = (Instant::now(), CpuTime::now(), Recorder::default());
    let (timeline, interrupted, measured) = (Vec::new(), false, None);
    let mut act = Act {
        stage,
        cast,
        traffic,
        books,
        pulse,
        their_drops,
        began,
        cpu,
        total,
        timeline,
        measured,
        interrupted,
    };
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
    their_drops: Option<u64>,
    began: Instant,
    cpu: CpuTime,
    total: Recorder,
    timeline: Vec<Second>,
    /// Since when it is measured, and until when; `None` in the warm-up.
    measured: Option<Span>,
    interrupted: bool,
}

impl<W: Write> Act<'_, W> {
    /// Watches until all that was planned is sent, somebody interrupts, or nobody is left; the generator's
    /// effort since the end of the warm-up.
    async fn play(&mut self, warmup: Duration, mut interrupt: Pin<&mut impl Future<Output = ()>>) -> Strain {
        let mut meter = Meter::start();
        let mut seconds = interval(SECOND);
        seconds.set_missed_tick_behavior(MissedTickBehavior::Skip);
        seconds.tick().await;
        let mut phase = "warm-up";
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
                () = warm.as_mut(), if phase == "warm-up" => {
                    phase = "steady";
                    meter = Meter::start();
                    self.measured = Some(Span::begin());
                    self.stage.collect_lateness(&mut Recorder::default());
                }
                _ = seconds.tick() => {
                    self.second(phase);
                    if self.is_deserted() { break }
                }
            }
        }
        self.traffic.stop();
        self.measured.iter_mut().for_each(Span::end);
        meter.read()
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
        let mut recent = Recorder::default();
        self.cast.collect(&mut recent);
        self.traffic.collect(&mut recent);
        if self.measured.is_some() {
            self.stage.collect_lateness(&mut recent);
        }
        let Cast { crowd, askers, couriers, door } = &self.cast;
        let Scene { clock, sent, .. } = &*self.stage.scene;
        let at = timeline::second(clock.now(), self.timeline.last());
        crowd.stay(at);
        let counts = crowd.account().counts;
        let files = couriers.as_ref().map(Couriers::files).unwrap_or_default();
        let entries = door.as_ref().map(Door::entries).unwrap_or_default();
        let second = Second {
            at,
            phase: phase.to_owned(),
            messages: sent.messages(),
            owed: sent.owed(),
            arrived: counts.arrived(),
            wrong: counts.wrong() + files.wrong() + entries.wrong(),
            waiting: sent.waiting(),
            queries: sent.queries(),
            unanswered: askers.as_ref().map_or(0, |askers| askers.replies().unanswered),
            files: files.ok,
            entries: entries.ok,
            ended: crowd.ended() as u64,
            cpu_share: self.cpu.share_since_last(),
            service_cpu: self.pulse.shares(),
            rows: recent.rows(),
        };
        self.total.merge(&recent);
        self.stage.audience.second(&second, &recent, &self.total);
        self.timeline.push(second);
    }

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
