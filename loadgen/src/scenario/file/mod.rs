//! Files: each is uploaded, some in two pieces, fetched again, compared with what was sent, and deleted.

mod content;
mod conversation;

use std::collections::BTreeMap;
use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use engine::file::FileName;
use serde::{Deserialize, Serialize};
use tokio::io::AsyncBufReadExt;
use tokio::net::TcpStream;
use tokio::runtime::Handle;
use tokio::time::timeout;
use wire::file::{Reply, Request};

use content::{Content, Contents};
use conversation::{Conversation, Wrong};

use super::Scene;
use crate::recorder::{Recorder, Series};
use crate::report::add_counts;
use crate::shard::Shard;

/// How many transfers run at once at most, as many as the service takes unless told otherwise; what is due
/// beyond that waits, and its wait is part of its response.
pub const AT_ONCE: usize = 64;

/// What became of the files.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Files {
    /// Transfers that were begun.
    pub sent: u64,
    /// Uploaded, fetched and found the same.
    pub ok: u64,
    /// Fetched, and other than what was stored; or stored under another hash than what was sent.
    pub corrupt: u64,
    /// Stored, as the service said, and not there when it was fetched.
    #[serde(default)]
    pub lost: u64,
    /// What the service refused, by code.
    pub refused: BTreeMap<String, u64>,
    /// What did not end, by reason.
    pub failed: BTreeMap<String, u64>,
    /// Uploads that broke on purpose and went on.
    pub resumed: u64,
    /// Bytes up and down.
    pub bytes: u64,
}

impl Files {
    /// Adds what another load tester has seen.
    pub(crate) fn add(&mut self, other: &Files) {
        self.sent += other.sent;
        self.ok += other.ok;
        self.corrupt += other.corrupt;
        self.lost += other.lost;
        add_counts(&mut self.refused, &other.refused);
        add_counts(&mut self.failed, &other.failed);
        self.resumed += other.resumed;
        self.bytes += other.bytes;
    }

    /// How many stored files were not what was uploaded.
    pub fn wrong(&self) -> u64 {
        self.lost + self.corrupt
    }

    /// Transfers that have not ended.
    pub fn running(&self) -> u64 {
        let ended: u64 = self.refused.values().chain(self.failed.values()).sum();
        self.sent.saturating_sub(self.ok + self.corrupt + self.lost + ended)
    }

    /// Transfers that were begun and did not come to any end that the service told.
    pub fn unended(&self) -> u64 {
        self.running() + self.failed.values().sum::<u64>()
    }
}

/// What the transfers note.
#[derive(Debug, Default)]
struct Desk {
    files: Files,
    recorder: Recorder,
}

/// Everybody who transfers files.
#[derive(Debug, Clone)]
pub struct Couriers {
    scene: Arc<Scene>,
    desk: Arc<Mutex<Desk>>,
    permits: Arc<tokio::sync::Semaphore>,
    service: SocketAddr,
    runtime: Handle,
    contents: Arc<Contents>,
    /// Which share of the uploads breaks.
    resumed: f64,
}

impl Couriers {
    /// Sees that the service is there.
    ///
    /// # Errors
    /// When it is not.
    pub async fn start(
        scene: &Arc<Scene>,
        service: SocketAddr,
        flags: &crate::cli::Files,
        shard: &Shard,
    ) -> io::Result<Self> {
        TcpStream::connect(service).await?;
        Ok(Couriers {
            scene: Arc::clone(scene),
            desk: Arc::default(),
            permits: Arc::new(tokio::sync::Semaphore::new(AT_ONCE)),
            service,
            runtime: shard.handle().clone(),
            contents: Arc::new(Contents::new(scene.roster.run(), flags.size)),
            resumed: flags.resumed,
        })
    }

    /// Begins the transfer that is operation `number`, woken for it at `woken`.
    pub fn transfer(&self, number: u32, file: u32, woken: u64) {
        self.desk().files.sent += 1;
        self.runtime.spawn(self.clone().carry(number, file, woken));
    }

    async fn carry(self, number: u32, file: u32, woken: u64) {
        let Ok(_permit) = self.permits.acquire().await else { return };
        let ended = timeout(
            Duration::from_nanos(self.scene.patience.max(1)) * 6,
            self.round_trip(number, file, woken),
        );
        let ended = ended.await.unwrap_or(Err(Wrong::Slow));
        let files = &mut self.desk().files;
        match ended {
            Ok(()) => files.ok += 1,
            Err(Wrong::Corrupt) => files.corrupt += 1,
            Err(Wrong::Lost) => files.lost += 1,
            Err(Wrong::Refused(code)) => *files.refused.entry(code).or_default() += 1,
            Err(why) => *files.failed.entry(why.to_string()).or_default() += 1,
        }
    }

    async fn round_trip(&self, number: u32, file: u32, woken: u64) -> Result<(), Wrong> {
        let written = format!("load/{:08x}/{file}", self.scene.roster.run());
        let name = FileName::parse(&written).expect("our file names are valid");
        let content = self.contents.of(file);
        let mut line = Conversation::open(self.service).await?;
        let now = self.scene.clock.now();
        self.scene.sent.attempt(number, now);
        self.note(number, Series::FileSocket, now.saturating_sub(woken));
        if content.size() > 1 && is_chosen(file, self.resumed) {
            self.upload_in_pieces(number, &name, &content).await?;
        } else {
            self.upload(number, &name, &content, &mut line).await?;
        }
        self.download(number, &name, &content, &mut line).await.map_err(Wrong::behind_an_ok)?;
        line.ask(&Request::Delete { name }).await.map(|_| ())
    }

    async fn upload(
        &self,
        number: u32,
        name: &FileName,
        content: &Content<'_>,
        line: &mut Conversation,
    ) -> Result<(), Wrong> {
        line.say(&Request::Upload { size: Some(content.size() as u64), name: name.clone() }).await?;
        line.send(content.bytes()).await?;
        let stored = line.answer().await?;
        let now = self.scene.clock.now();
        self.note(number, Series::FileUpload, now.saturating_sub(self.scene.due(number)));
        self.note(number, Series::FileService, now - self.scene.sent.at(number).unwrap_or(now));
        self.desk().files.bytes += content.size() as u64;
        is_stored(&stored, content)
    }

    /// Uploads to the half, breaks off, and goes on; each time from where the service says it is.
    async fn upload_in_pieces(
        &self,
        number: u32,
        name: &FileName,
        content: &Content<'_>,
    ) -> Result<(), Wrong> {
        let (size, hash) = (content.size(), content.hash);
        let request = Request::Resume { size: size as u64, hash, name: name.clone() };
        let (mut first, offset) = self.resume(&request, size).await?;
        let half = offset..offset.max(size / 2);
        first.send(content.part(half.clone())).await?;
        drop(first);
        let began = self.scene.clock.now();
        let (mut second, offset) = self.resume(&request, size).await?;
        let rest = offset..size;
        second.send(content.part(rest.clone())).await?;
        let stored = second.answer().await?;
        self.note(number, Series::FileResume, self.scene.clock.now() - began);
        let mut desk = self.desk();
        desk.files.resumed += 1;
        desk.files.bytes += (half.len() + rest.len()) as u64;
        is_stored(&stored, content)
    }

    /// Asks for an upload to go on, over a connection of its own: that, and from which byte on.
    async fn resume(&self, request: &Request, size: usize) -> Result<(Conversation, usize), Wrong> {
        let mut line = Conversation::open(self.service).await?;
        match line.ask(request).await? {
            Reply::Continue { offset } if offset <= size as u64 => Ok((line, offset as usize)),
            _ => Err(Wrong::Nonsense),
        }
    }

    async fn download(
        &self,
        number: u32,
        name: &FileName,
        content: &Content<'_>,
        line: &mut Conversation,
    ) -> Result<(), Wrong> {
        let began = self.scene.clock.now();
        let Reply::File { size, hash: told, .. } =
            line.ask(&Request::Download { name: name.clone() }).await?
        else {
            return Err(Wrong::Nonsense);
        };
        line.stream.fill_buf().await?;
        self.note(number, Series::FileFirstByte, self.scene.clock.now() - began);
        if size != content.size() as u64 || told != content.hash {
            return Err(Wrong::Corrupt);
        }
        let is_same = content.comes_from(&mut line.stream).await?;
        self.note(number, Series::FileDownload, self.scene.clock.now() - began);
        self.desk().files.bytes += size;
        if is_same { Ok(()) } else { Err(Wrong::Corrupt) }
    }

    fn note(&self, number: u32, series: Series, took: u64) {
        if self.scene.schedule.counts(number) {
            self.desk().recorder.note(series, took);
        }
    }

    /// Takes away what was recorded since the last time.
    pub fn collect(&self, into: &mut Recorder) {
        into.merge(&std::mem::take(&mut self.desk().recorder));
    }

    /// What became of the files so far.
    pub fn files(&self) -> Files {
        self.desk().files.clone()
    }

    fn desk(&self) -> MutexGuard<'_, Desk> {
        self.desk.lock().expect("nothing panics at a desk")
    }
}

/// Whether a file is one of those that are a share of all, spread evenly.
fn is_chosen(file: u32, share: f64) -> bool {
    let so_far = |files: u32| (f64::from(files) * share + 1e-9).floor();
    so_far(file + 1) > so_far(file)
}

fn is_stored(reply: &Reply, sent: &Content<'_>) -> Result<(), Wrong> {
    match reply {
        Reply::Stored { size, hash, .. } if *size == sent.size() as u64 && *hash == sent.hash => Ok(()),
        Reply::Stored { .. } => Err(Wrong::Corrupt),
        _ => Err(Wrong::Nonsense),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_share_of_the_files_is_chosen_evenly() {
        for (share, chosen) in [(0.0, 0), (0.1, 10), (0.25, 25), (0.7, 70), (1.0, 100)] {
            assert_eq!((0..100).filter(|&file| is_chosen(file, share)).count(), chosen, "{share}");
        }
        assert!(
            (0..100)
                .collect::<Vec<_>>()
                .chunks(10)
                .all(|ten| { ten.iter().filter(|&&file| is_chosen(file, 0.7)).count() == 7 })
        );
    }
}
