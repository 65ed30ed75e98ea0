//! A run from its first connection to its report.

use std::future::Future;
use std::io::{self, Write};
use std::net::{Ipv4Addr, SocketAddr};
use std::num::NonZeroUsize;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::thread::available_parallelism;
use std::time::{Duration, Instant};

use tokio::select;
use tokio::time::{MissedTickBehavior, interval, sleep, sleep_until};

use crate::audience::Audience;
use crate::cli::{Load, Options};
use crate::environment::Environment;
use crate::failure::Failure;
use crate::limits::{self, Descriptors};
use crate::plan::Plan;
use crate::reconcile::{Books, sockets};
use crate::recorder::Recorder;
use crate::scenario::Scene;
use crate::scenario::chat::{Gathering, Venue};
use crate::scenario::file::{AT_ONCE, Couriers};
use crate::scenario::info::{self, Askers};
use crate::scenario::registry::Door;
use crate::shard::Shard;
use crate::sources;
use crate::strain::{CpuTime, Meter, Strain};
use crate::target::{Service, Targets};
use crate::timeline::Second;
use crate::traffic::{Cast, Traffic};

mod ending;

use crate::report::Report;

const SECOND: Duration = Duration::from_secs(1);
/// How often the drain looks whether all has come.
const LOOK: Duration = Duration::from_millis(10);
/// How long the server may take to end the connections that we have ended.
const FAREWELL: Duration = Duration::from_secs(1);
/// Rooms larger than this are told of comings and goings once a second.
const SUMMED_UP: u32 = 200;

/// Makes a run; `interrupt` ends it early, and it reports all the same.
///
/// # Errors
/// [`Failure`], when traffic never began.
pub async fn run<W: Write>(
    options: &Options,
    audience: &mut Audience<W>,
    mut interrupt: Pin<&mut impl Future<Output = ()>>,
) -> Result<Report, Failure> {
    let plan = Plan::new(options)?;
    let targets = Targets::resolve(options).await?;
    let descriptors = limits::raise(connections(&plan))?;
    let scene = Arc::new(plan.scene(options, rand::random()));
    let mut stage = Stage { scene, targets, shards: shards()?, audience, options };
    let cast = stage.assemble(&plan, interrupt.as_mut()).await?;
    let books = stage.open_books().await?;
    let their_drops = stage.their_drops();
    let traffic = Traffic::start(&stage.scene, cast.clone())
        .map_err(|why| Failure::System { doing: "starting the pacer", why })?;
    let (began, cpu, total) = (Instant::now(), CpuTime::now(), Recorder::default());
    let (timeline, interrupted) = (Vec::new(), false);
    let mut act = Act { stage, cast, traffic, books, their_drops, began, cpu, total, timeline, interrupted };
    let strain = act.play(options.warmup(), interrupt.as_mut()).await;
    let drained = act.drain(options.timing.drain, interrupt).await;
    let report = act.report(plan, descriptors, strain, drained).await;
    act.cast.crowd.disperse(FAREWELL).await;
    Ok(report)
}

/// How many sockets a plan needs.
fn connections(plan: &Plan) -> u64 {
    u64::from(plan.clients + info::SOCKETS + plan.watchers) + 2 * AT_ONCE as u64
}

/// Readers for half of the cores, since the services under load often share them, and one for the others.
fn shards() -> Result<Vec<Shard>, Failure> {
    let cores = available_parallelism().map_or(1, NonZeroUsize::get);
    let shards: io::Result<_> = (0..(cores / 2).max(1) + 1).map(Shard::start).collect();
    shards.map_err(|why| Failure::System { doing: "starting a reading thread", why })
}

/// What stands before anybody acts.
struct Stage<'a, W> {
    scene: Arc<Scene>,
    targets: Targets,
    /// The last one is for everything but chat.
    shards: Vec<Shard>,
    audience: &'a mut Audience<W>,
    options: &'a Options,
}

impl<W: Write> Stage<'_, W> {
    /// Lets everybody come who acts.
    async fn assemble(
        &mut self,
        plan: &Plan,
        mut interrupt: Pin<&mut impl Future<Output = ()>>,
    ) -> Result<Cast, Failure> {
        let mut gathering = self.open(plan)?;
        self.gather(&mut gathering, plan.clients.min(1), interrupt.as_mut()).await?;
        let (askers, couriers, door) = (self.askers().await?, self.couriers().await?, self.door().await?);
        self.gather(&mut gathering, plan.clients, interrupt).await?;
        Ok(Cast { crowd: gathering.crowd(), askers, couriers, door })
    }

    fn other_shard(&self) -> &Shard {
        self.shards.last().expect("there is always one")
    }

    /// Lets the users come.
    fn open(&self, plan: &Plan) -> Result<Gathering, Failure> {
        let nowhere = SocketAddr::from((Ipv4Addr::UNSPECIFIED, 0));
        let chat = self.targets.of(Service::Chat).unwrap_or(nowhere);
        let venue = Venue {
            chat,
            sources: sources::choose(plan.clients, chat, &self.options.place.bind)?,
            ramp: Duration::from_secs_f64(plan.ramp_seconds),
            payload: plan.payload_bytes.into(),
        };
        Ok(Gathering::start(&self.scene, &venue, &self.shards[..self.shards.len() - 1]))
    }

    async fn askers(&self) -> Result<Option<Askers>, Failure> {
        let Some(info) = self.targets.of(Service::Info) else { return Ok(None) };
        let askers = Askers::start(&self.scene, info, self.other_shard()).await;
        askers.map(Some).map_err(|why| Failure::to_ask(info, why))
    }

    async fn couriers(&self) -> Result<Option<Couriers>, Failure> {
        let Some((file, flags)) = self.targets.of(Service::File).zip(self.options.files.as_ref()) else {
            return Ok(None);
        };
        let couriers = Couriers::start(&self.scene, file, flags, self.other_shard()).await;
        couriers.map(Some).map_err(|why| Failure::to_reach(file, "connecting to the file service", why))
    }

    async fn door(&self) -> Result<Option<Door>, Failure> {
        let Some((at, flags)) = self.targets.of(Service::Registry).zip(self.options.watchers.as_ref()) else {
            return Ok(None);
        };
        let door = Door::start(&self.scene, at, flags.watchers, self.other_shard()).await;
        door.map(Some).map_err(|why| Failure::to_reach(at, "registering with the registry", why))
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
                    let chat = self.targets.of(Service::Chat);
                    return reached.map_err(|(user, why)| Failure::to_join(user, chat, why));
                }
                () = interrupt.as_mut() => return Err(Failure::Interrupted),
                _ = seconds.tick() => self.audience.joining(gathering.present(), self.scene.roster.users()),
            }
        }
    }

    /// Asks the services what they have counted so far.
    async fn open_books(&self) -> Result<Books, Failure> {
        let rooms = 0..self.scene.roster.rooms();
        let crowded = rooms.map(|room| self.scene.roster.size(room)).any(|size| size > SUMMED_UP);
        let calm = Duration::from_millis(if crowded { 1_100 } else { 50 });
        Books::open(&self.targets.counters, calm).await
    }

    /// What the kernel of info's socket has dropped, where that is this machine's.
    fn their_drops(&self) -> Option<u64> {
        let info = self.targets.of(Service::Info).filter(|info| info.ip().is_loopback())?;
        sockets::drops(&[info.port()])
    }
}

/// Traffic going on.
struct Act<'a, W> {
    stage: Stage<'a, W>,
    cast: Cast,
    traffic: Traffic,
    books: Books,
    their_drops: Option<u64>,
    began: Instant,
    cpu: CpuTime,
    total: Recorder,
    timeline: Vec<Second>,
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
                    if self.is_deserted() { break }
                }
            }
        }
        self.traffic.stop();
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
        self.second("drain");
        drained
    }

    /// Takes what was recorded since the last time, shows it, and keeps silent users alive.
    fn second(&mut self, phase: &str) {
        let mut recent = Recorder::default();
        self.cast.collect(&mut recent);
        self.traffic.collect(&mut recent);
        let Cast { crowd, askers, couriers, door } = &self.cast;
        let Scene { clock, sent, .. } = &*self.stage.scene;
        let at = clock.now() / 1_000_000_000;
        crowd.stay(at);
        let second = Second {
            at,
            phase: phase.to_owned(),
            messages: sent.messages(),
            owed: sent.owed(),
            arrived: crowd.account().counts.arrived(),
            waiting: sent.waiting(),
            queries: sent.queries(),
            unanswered: askers.as_ref().map_or(0, |askers| askers.replies().unanswered),
            files: couriers.as_ref().map_or(0, |couriers| couriers.files().ok),
            entries: door.as_ref().map_or(0, |door| door.entries().ok),
            ended: crowd.ended() as u64,
            cpu_share: self.cpu.share_since_last(),
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
