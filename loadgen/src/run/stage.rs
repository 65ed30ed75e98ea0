//! Everything that stands before the first operation falls due: sockets, users in their rooms, books open.

use std::future::Future;
use std::io::{self, Write};
use std::net::{Ipv4Addr, SocketAddr};
use std::num::NonZeroUsize;
use std::pin::Pin;
use std::sync::Arc;
use std::thread::available_parallelism;
use std::time::Duration;

use tokio::select;
use tokio::time::interval;

use super::SECOND;
use crate::audience::Audience;
use crate::cli::Options;
use crate::endpoint::Endpoint;
use crate::failure::Failure;
use crate::plan::Plan;
use crate::reconcile::{Books, sockets};
use crate::recorder::{Recorder, Series};
use crate::scenario::Scene;
use crate::scenario::chat::{Gathering, Venue};
use crate::scenario::file::{AT_ONCE, Couriers};
use crate::scenario::info::{self, Askers};
use crate::scenario::registry::Door;
use crate::shard::Shard;
use crate::sources;
use crate::target::{Service, Targets};
use crate::traffic::Cast;

/// Rooms larger than this are told of comings and goings once a second.
const SUMMED_UP: u32 = 200;

/// How many sockets a plan needs.
pub(super) fn connections(plan: &Plan) -> u64 {
    u64::from(plan.clients + info::SOCKETS + plan.watchers) + 2 * AT_ONCE as u64
}

/// The lateness of chat's readers.
const CHAT: [(&str, Series); 1] = [("chat", Series::ChatRead)];
/// That of those who share the last shard.
const OTHERS: [(&str, Series); 3] =
    [("info", Series::InfoRead), ("file", Series::FileRead), ("registry", Series::RegistryRead)];

/// Readers for half of the cores, since the services under load often share them, and one for the others.
///
/// # Errors
/// [`Failure::System`], when the system gives no more threads, descriptors or timers.
pub fn shards(plan: &Plan) -> Result<Vec<Shard>, Failure> {
    let services = plan.services();
    let reads = |of: &[(&str, Series)]| -> Vec<Series> {
        of.iter().filter(|(service, _)| services.contains(service)).map(|(_, series)| *series).collect()
    };
    let chat = (available_parallelism().map_or(1, NonZeroUsize::get) / 2).max(1);
    let start = |number| Shard::start(number, reads(if number < chat { &CHAT } else { &OTHERS }));
    let shards: io::Result<_> = (0..=chat).map(start).collect();
    shards.map_err(|why| Failure::System { doing: "starting a reading thread", why })
}

/// What stands before anybody acts.
pub(super) struct Stage<'a, W> {
    pub(super) scene: Arc<Scene>,
    pub(super) targets: Targets,
    /// The last one is for everything but chat.
    pub(super) shards: Vec<Shard>,
    pub(super) audience: &'a mut Audience<W>,
    pub(super) options: &'a Options,
}

impl<W: Write> Stage<'_, W> {
    /// Lets everybody come who acts.
    pub(super) async fn assemble(
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

    /// Takes away what was recorded of the readers' lateness since the last time.
    pub(super) fn collect_lateness(&self, into: &mut Recorder) {
        self.shards.iter().for_each(|shard| shard.collect(into));
    }

    fn other_shard(&self) -> &Shard {
        self.shards.last().expect("there is always one")
    }

    /// Lets the users come.
    fn open(&mut self, plan: &Plan) -> Result<Gathering, Failure> {
        let nowhere = SocketAddr::from((Ipv4Addr::UNSPECIFIED, 0));
        let chat = self.targets.of(Service::Chat).unwrap_or(nowhere);
        let sources = sources::choose(plan.clients, chat, &self.options.place.bind)?;
        if let Some(warning) = sources::warning(plan.clients, &sources) {
            self.audience.line(&warning);
        }
        let name = self.targets.name_of(Service::Chat).cloned();
        let look_up = move |last| {
            let name = name.clone();
            async move { name?.resolve_from(Some(last)).await.ok() }
        };
        let venue = Venue {
            chat: Endpoint::new(chat, look_up),
            sources,
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
    pub(super) async fn open_books(&self) -> Result<Books, Failure> {
        let rooms = 0..self.scene.roster.rooms();
        let crowded = rooms.map(|room| self.scene.roster.size(room)).any(|size| size > SUMMED_UP);
        let calm = Duration::from_millis(if crowded { 1_100 } else { 50 });
        Books::open(&self.targets.counters, calm).await
    }

    /// What the kernel of info's socket has dropped, where that is this machine's.
    pub(super) fn their_drops(&self) -> Option<u64> {
        let info = self.targets.of(Service::Info).filter(|info| info.ip().is_loopback())?;
        sockets::drops(&[info.port()])
    }
}
