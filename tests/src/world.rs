//! Services in this process, each on a port of its own.

use std::net::SocketAddr;
use std::path::PathBuf;

use chassis::{Failure, Flags, Running, Service};
use tempfile::TempDir;

/// Which service to start.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Who is here.
    Registry,
    /// Rooms and messages.
    Chat,
    /// Answers over UDP.
    Info,
    /// Files.
    File,
}

impl Kind {
    /// Its name, as in `chat-1`.
    pub fn name(self) -> &'static str {
        match self {
            Kind::Registry => "registry",
            Kind::Chat => "chat",
            Kind::Info => "info",
            Kind::File => "file",
        }
    }
}

/// Where a service is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Place {
    /// Where it serves.
    pub addr: SocketAddr,
    /// Where its admin HTTP is.
    pub admin: SocketAddr,
}

/// Any number of services and a folder for what they keep. Services started after a registry are known to
/// it; what they keep outlives them as long as the world does, so that they can be started again.
///
/// [`World::stop`] drains everything; a world that is dropped begins to.
pub struct World {
    data: TempDir,
    registry: Option<SocketAddr>,
    running: Vec<(String, Running)>,
}

impl Default for World {
    fn default() -> Self {
        World::new()
    }
}

impl World {
    /// A world without services.
    ///
    /// # Panics
    /// Without a place for temporary files.
    pub fn new() -> Self {
        let data = tempfile::tempdir().expect("a place for temporary files");
        World { data, registry: None, running: Vec::new() }
    }

    /// A world with one of each.
    pub async fn whole() -> (World, Stack) {
        let mut world = World::new();
        let registry = world.start(Kind::Registry, &[]).await;
        let chat = world.start(Kind::Chat, &[]).await;
        let info = world.start(Kind::Info, &[]).await;
        let file = world.start(Kind::File, &[]).await;
        (world, Stack { registry, chat, info, file })
    }

    /// Starts `<service>-1` on a free port, with flags beside those that the world gives.
    pub async fn start(&mut self, kind: Kind, flags: &[&str]) -> Place {
        let free = SocketAddr::from(([127, 0, 0, 1], 0));
        self.start_as(kind, &format!("{}-1", kind.name()), free, flags).await
    }

    /// Starts an instance of a service at an address.
    ///
    /// # Panics
    /// When it does not start.
    pub async fn start_as(
        &mut self,
        kind: Kind,
        instance: &str,
        listen: SocketAddr,
        flags: &[&str],
    ) -> Place {
        let mut args = vec!["--listen".to_owned(), listen.to_string()];
        args.extend(["--admin".to_owned(), "127.0.0.1:0".to_owned()]);
        if kind != Kind::Registry {
            let registry = self.registry.map_or_else(|| "none".to_owned(), |addr| addr.to_string());
            args.extend(["--registry".to_owned(), registry, "--instance".to_owned(), instance.to_owned()]);
        }
        if matches!(kind, Kind::Chat | Kind::File) {
            args.extend(["--data".to_owned(), self.data(instance).display().to_string()]);
        }
        args.extend(flags.iter().map(|&flag| flag.to_owned()));
        let args: Vec<&str> = args.iter().map(String::as_str).collect();
        let running = launch(kind, &args).await.unwrap_or_else(|failure| panic!("{instance}: {failure}"));
        let place = Place { addr: running.addr, admin: running.admin };
        if kind == Kind::Registry {
            self.registry = Some(place.addr);
        }
        self.running.push((instance.to_owned(), running));
        place
    }

    /// Where an instance keeps what it keeps.
    pub fn data(&self, instance: &str) -> PathBuf {
        self.data.path().join(instance)
    }

    /// Drains one instance.
    ///
    /// # Panics
    /// When there is none of that name, or it does not end well.
    pub async fn stop_one(&mut self, instance: &str) {
        let at = self.running.iter().position(|(name, _)| name == instance);
        let (_, running) = self.running.remove(at.unwrap_or_else(|| panic!("no {instance} runs")));
        drain(instance, running).await;
    }

    /// Drains all, the first one last: a registry outlives those that are known to it.
    ///
    /// # Panics
    /// When one does not end well.
    pub async fn stop(mut self) {
        while let Some((instance, running)) = self.running.pop() {
            drain(&instance, running).await;
        }
    }
}

impl Drop for World {
    fn drop(&mut self) {
        for (_, running) in &self.running {
            running.begin_drain();
        }
    }
}

/// One of each.
#[derive(Debug, Clone, Copy)]
pub struct Stack {
    /// Who is here.
    pub registry: Place,
    /// Rooms and messages.
    pub chat: Place,
    /// Answers over UDP.
    pub info: Place,
    /// Files.
    pub file: Place,
}

async fn drain(instance: &str, running: Running) {
    let ended = crate::patiently("a drain", running.stop()).await;
    ended.unwrap_or_else(|failure| panic!("{instance}: {failure}"));
}

async fn launch(kind: Kind, args: &[&str]) -> Result<Running, Failure> {
    match kind {
        Kind::Registry => parsed(&registry::SERVICE, args, registry::start).await,
        Kind::Chat => parsed(&chat::SERVICE, args, chat::start).await,
        Kind::Info => parsed(&info::SERVICE, args, info::start).await,
        Kind::File => parsed(&file::SERVICE, args, file::start).await,
    }
}

async fn parsed<C: clap::Args, F: Future<Output = Result<Running, Failure>>>(
    service: &'static Service,
    args: &[&str],
    start: impl FnOnce(C, Flags) -> F,
) -> Result<Running, Failure> {
    let (config, flags) = chassis::parse(service, args).map_err(Failure::fatal)?;
    start(config, flags).await
}
