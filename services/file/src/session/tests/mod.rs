//! Sessions over an 8-byte pipe, on a data folder of their own.

mod bodies;
mod closing;
mod limits;
mod metrics;
mod names;
mod planted;
mod requests;
mod resumes;
mod sockets;
mod unterminated;

use std::collections::BTreeSet;
use std::fs;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use chassis::Life;
use engine::file::{Hash, Limits, Owner, Patience};
use presence::{Presence, RegistryAddr};
use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream, duplex};
use tokio::sync::{Semaphore, oneshot};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use super::{LANES, WORTH_A_THREAD, serve};
use crate::SERVICE;
use crate::ended::Ended;
use crate::metrics::Metrics;
use crate::service::{Service, Terms};
use crate::store::Store;

/// Smaller than any request, so that everything comes and goes in pieces.
const PIPE: usize = 8;

/// A service without a port.
struct House {
    folder: TempDir,
    life: Life,
    service: Arc<Service>,
}

/// What a house is opened with.
struct Rules {
    limits: Limits,
    terms: Terms,
    known_hashes: usize,
}

impl Default for Rules {
    fn default() -> Self {
        Rules {
            limits: Limits { max_file: 8 << 20, quota: None, keep_free: 0, transfers: 64 },
            terms: Terms { idle: Duration::from_secs(75), patience: Patience::default(), pause: None },
            known_hashes: 1000,
        }
    }
}

impl House {
    fn new() -> Self {
        Self::with(Rules::default())
    }

    fn with(rules: Rules) -> Self {
        Self::at(tempfile::tempdir().unwrap(), rules)
    }

    fn at(folder: TempDir, rules: Rules) -> Self {
        let store = Store::open(folder.path(), rules.limits, rules.known_hashes).unwrap();
        let life = Life::new(&SERVICE);
        let metrics = Metrics::new(&life.metrics);
        let nobody = presence::Config { registry: RegistryAddr::None, instance: None, advertise: None };
        let presence = Presence::start(nobody, SERVICE.name, ([127, 0, 0, 1], 0).into(), &life);
        let (terms, failed) = (rules.terms, CancellationToken::new());
        let lanes = Arc::new(Semaphore::new(LANES));
        let service = Arc::new(Service { store, metrics, presence, terms, lanes, failed });
        House { folder, life, service }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn put(&self, name: &str, bytes: &[u8]) {
        fs::create_dir_all(self.path(name).parent().unwrap()).unwrap();
        fs::write(self.path(name), bytes).unwrap();
    }

    fn get(&self, name: &str) -> Vec<u8> {
        fs::read(self.path(name)).unwrap()
    }

    /// Everything that is at the top of the folder, temporaries too.
    fn top(&self) -> BTreeSet<String> {
        fs::read_dir(self.folder.path())
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect()
    }

    /// A connection.
    fn dial(&self) -> Caller {
        self.dial_as(near_owner())
    }

    /// A connection of somebody.
    fn dial_as(&self, owner: Owner) -> Caller {
        let (near, far) = duplex(PIPE);
        let (drain, drained) = oneshot::channel::<()>();
        let service = self.service.clone();
        let ended = tokio::spawn(async move {
            let ended = serve(far, owner, service.clone(), async { drop(drained.await) }).await;
            service.metrics.disconnected(ended);
            ended
        });
        Caller { stream: near, ended, drain: Some(drain) }
    }

    /// A whole conversation: sends everything, closes its side, and reads to the end.
    async fn talk(&self, sent: impl AsRef<[u8]>) -> (String, Ended) {
        let (heard, ended) = self.exchange(sent.as_ref()).await;
        (String::from_utf8(heard).unwrap(), ended)
    }

    async fn exchange(&self, sent: &[u8]) -> (Vec<u8>, Ended) {
        let Caller { stream, ended, drain: _drain } = self.dial();
        let (mut reader, mut writer) = tokio::io::split(stream);
        let mut heard = Vec::new();
        let send = async {
            // The service may close before it has read everything.
            let _ = writer.write_all(sent).await;
            let _ = writer.shutdown().await;
        };
        let (_, read) = tokio::join!(send, reader.read_to_end(&mut heard));
        read.unwrap();
        (heard, ended.await.unwrap())
    }

    /// One sample of the metrics, such as `file_stored_files`.
    fn metric(&self, sample: &str) -> f64 {
        let text = self.life.metrics.render(true);
        let line = text.lines().find_map(|line| line.strip_prefix(sample)?.strip_prefix(' '));
        line.unwrap_or_else(|| panic!("{sample} is exported")).parse().unwrap()
    }
}

/// One open connection.
struct Caller {
    stream: DuplexStream,
    ended: JoinHandle<Ended>,
    drain: Option<oneshot::Sender<()>>,
}

impl Caller {
    async fn send(&mut self, bytes: impl AsRef<[u8]>) {
        self.stream.write_all(bytes.as_ref()).await.unwrap();
    }

    /// The next line, without its end.
    async fn line(&mut self) -> String {
        let mut line = Vec::new();
        loop {
            match self.stream.read_u8().await.unwrap() {
                b'\n' => return String::from_utf8(line).unwrap(),
                byte => line.push(byte),
            }
        }
    }

    async fn rest(&mut self) -> Vec<u8> {
        let mut rest = Vec::new();
        self.stream.read_to_end(&mut rest).await.unwrap();
        rest
    }

    /// Hears everything to the end, and how it came to it.
    async fn hears_out(mut self) -> Ended {
        self.rest().await;
        self.vanish().await
    }

    /// Goes away without a word.
    async fn vanish(self) -> Ended {
        drop(self.stream);
        self.ended.await.unwrap()
    }
}

/// Somebody on this machine.
fn near_owner() -> Owner {
    Owner::of([127, 0, 0, 1].into())
}

fn hash(bytes: &[u8]) -> Hash {
    blake3::hash(bytes)
}

/// Bytes that repeat nowhere soon.
fn noise(len: usize) -> Vec<u8> {
    let mut bytes = vec![0; len];
    blake3::Hasher::new().finalize_xof().fill(&mut bytes);
    bytes
}

fn upload(name: &str, bytes: &[u8]) -> Vec<u8> {
    [format!("UPLOAD {} {name}\n", bytes.len()).as_bytes(), bytes].concat()
}
