//! A run from its first connection to its report.

use std::future::Future;
use std::io::{self, Write};
use std::num::NonZeroUsize;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::thread::available_parallelism;
use std::time::{Duration, Instant};

use tokio::select;
use tokio::time::{MissedTickBehavior, interval, sleep, sleep_until};

use crate::cli::Options;
use crate::failure::Failure;
use crate::limits::{self, Descriptors};
use crate::plan::Plan;
use crate::progress::{Progress, Second};
use crate::recorder::{Recorder, Series};
use crate::report::{Chat, Environment, Evidence, Info, Report, SCHEMA_VERSION, Verdict, exit_code};
use crate::scenario::Scene;
use crate::scenario::chat::{Crowd, Gathering};
use crate::scenario::info::{self, Askers};
use crate::shard::Shard;
use crate::strain::{Meter, Strain};
use crate::target::Targets;
use crate::traffic::Traffic;

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
    progress: Progress<W>,
    interrupt: impl Future<Output = ()>,
) -> Result<Report, Failure> {
    let mut interrupt = pin!(interrupt);
    let plan = Plan::new(options)?;
    let targets = Targets::resolve(options).await?;
    let descriptors = limits::raise(u64::from(plan.clients) + u64::from(info::SOCKETS))?;
    let scene = Arc::new(plan.scene(options, rand::random()));
    let shards = shards()?;
    let mut stage = Stage { scene, targets, shards, progress, total: Recorder::default() };
    let mut gathering = stage.open(Duration::from_secs_f64(plan.ramp_seconds));
    stage.gather(&mut gathering, 1, interrupt.as_mut()).await?;
    let askers = stage.ask_around().await?;
    stage.gather(&mut gathering, options.clients, interrupt.as_mut()).await?;
    let crowd = gathering.crowd(options.payload.into());
    let traffic = Traffic::start(&stage.scene, crowd.clone(), askers.clone())
        .map_err(|why| Failure::System { doing: "starting the pacer", why })?;
    let mut act = Act { stage, crowd, askers, traffic, interrupted: false };
    let strain = act.play(options.warmup, interrupt.as_mut()).await;
    let drained = act.drain(options.drain, interrupt).await;
    let report = act.report(plan, descriptors, &strain, drained, options.allow_client_limited);
    act.crowd.disperse(FAREWELL).await;
    Ok(report)
}

/// Readers for half of the cores, since the services under load often share them, and one for info.
fn shards() -> Result<Vec<Shard>, Failure> {
    let cores = available_parallelism().map_or(1, NonZeroUsize::get);
    let shards: io::Result<_> = (0..(cores / 2).max(1) + 1).map(Shard::start).collect();
    shards.map_err(|why| Failure::System { doing: "starting a reading thread", why })
}

/// What stands before anybody acts.
struct Stage<W> {
    scene: Arc<Scene>,
    targets: Targets,
    /// The last one is info's.
    shards: Vec<Shard>,
    progress: Progress<W>,
    total: Recorder,
}

impl<W: Write> Stage<W> {
    /// Sees that info is there.
    async fn ask_around(&self) -> Result<Option<Askers>, Failure> {
        let (Some(info), Some(shard)) = (self.targets.info, self.shards.last()) else { return Ok(None) };
        let askers = Askers::start(&self.scene, info, shard).await;
        askers.map(Some).map_err(|why| Failure::to_ask(info, why))
    }

    /// Lets the users come.
    fn open(&self, ramp: Duration) -> Gathering {
        let readers = &self.shards[..self.shards.len() - 1];
        Gathering::start(&self.scene, self.targets.chat, ramp, readers)
    }

    /// Waits until `wanted` users are in their rooms.
    async fn gather(
        &mut self,
        gathering: &mut Gathering,
        wanted: u32,
        mut interrupt: Pin<&mut impl Future<Output = ()>>,
    ) -> Result<(), Failure> {
        let mut seconds = interval(SECOND);
        seconds.tick().await;
        loop {
            select! {
                reached = gathering.reach(wanted) => {
                    return reached.map_err(|(user, why)| Failure::to_join(user, self.targets.chat, why));
                }
                () = interrupt.as_mut() => return Err(Failure::Interrupted),
                _ = seconds.tick() => {
                    let line = format!("joined: {} of {}", gathering.present(), self.scene.roster.users());
                    self.progress.line(&line);
                }
            }
        }
    }
}

/// Traffic going on.
struct Act<W> {
    stage: Stage<W>,
    crowd: Crowd,
    askers: Option<Askers>,
    traffic: Traffic,
    interrupted: bool,
}

impl<W: Write> Act<W> {
    /// Watches until all that was planned is sent, somebody interrupts, or nobody is left; the generator's
    /// effort since the end of the warm-up.
    async fn play(&mut self, warmup: Duration, mut interrupt: Pin<&mut impl Future<Output = ()>>) -> Strain {
        let mut meter = Meter::start();
        let mut seconds = interval(SECOND);
        seconds.set_missed_tick_behavior(MissedTickBehavior::Skip);
        seconds.tick().await;
        let mut phase = "warm-up";
        let mut warm = pin!(sleep_until((Instant::now() + warmup).into()));
        loop {
            select! {
                () = self.traffic.finished() => break,
                () = interrupt.as_mut() => { self.interrupted = true; break }
                () = warm.as_mut(), if phase == "warm-up" => {
                    phase = "steady";
                    meter = Meter::start();
                }
                _ = seconds.tick() => {
                    self.second(phase);
                    if self.crowd.ended() == self.stage.scene.roster.users() as usize { break }
                }
            }
        }
        self.traffic.stop();
        meter.read()
    }

    /// Waits until all that is owed has come, at most `patience`; how long that took.
    async fn drain(&mut self, patience: Duration, interrupt: Pin<&mut impl Future<Output = ()>>) -> Duration {
        let began = Instant::now();
        let mut look = interval(LOOK);
        look.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let settled = async {
            while !self.is_settled() {
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
        self.second("drain");
        drained
    }

    fn is_settled(&self) -> bool {
        let answered = self.askers.as_ref().is_none_or(|askers| askers.replies().unanswered == 0);
        answered && self.crowd.is_settled()
    }

    /// Takes what was recorded since the last time, shows it, and keeps silent users alive.
    fn second(&mut self, phase: &str) {
        let mut recent = Recorder::default();
        self.crowd.collect(&mut recent);
        self.traffic.collect(&mut recent);
        if let Some(askers) = &self.askers {
            askers.collect(&mut recent);
        }
        let Scene { clock, sent, .. } = &*self.stage.scene;
        let at = clock.now() / 1_000_000_000;
        self.crowd.stay(at);
        self.stage.progress.second(&Second {
            phase,
            at,
            sent: sent.messages(),
            owed: sent.owed(),
            arrived: self.crowd.account().counts.arrived(),
            pending: self.askers.as_ref().map_or(0, |askers| askers.replies().unanswered),
            ended: self.crowd.ended(),
            recent: &recent,
        });
        self.stage.total.merge(&recent);
    }

    fn report(
        &self,
        plan: Plan,
        descriptors: Descriptors,
        strain: &Strain,
        drained: Duration,
        allow_client_limited: bool,
    ) -> Report {
        let Stage { scene, total, .. } = &self.stage;
        let sent = &scene.sent;
        let chat = Chat::new(self.crowd.settle(), sent.messages(), sent.unsent(), sent.owed());
        let replies = self.askers.as_ref().map(Askers::replies).unwrap_or_default();
        let info = Info { sent: sent.queries(), replies };
        let tail = if chat.sent > 0 { Series::Delivery } else { Series::Query };
        let verdict = Verdict::of(&Evidence {
            strain,
            wake: &total.row(Series::Wake),
            tail: &total.row(tail),
            chat: &chat,
            info: &info,
            clipped: total.clipped(),
        });
        Report {
            schema_version: SCHEMA_VERSION,
            environment: self.environment(),
            plan,
            interrupted: self.interrupted,
            drained_seconds: drained.as_secs_f64(),
            rows: Series::ALL.iter().map(|&series| total.row(series)).collect(),
            clipped: total.clipped(),
            strain: strain.clone(),
            descriptors,
            exit_code: exit_code(self.interrupted, &chat, &verdict, allow_client_limited),
            verdict,
            chat,
            info,
        }
    }

    fn environment(&self) -> Environment {
        let Stage { scene, targets, .. } = &self.stage;
        Environment {
            loadgen: env!("CARGO_PKG_VERSION"),
            run: format!("{:08x}", scene.roster.run()),
            chat: targets.chat.to_string(),
            info: targets.info.map(|info| info.to_string()),
            system: format!("{} {}", std::env::consts::OS, std::env::consts::ARCH),
        }
    }
}
