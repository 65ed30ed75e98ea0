//! Sending files.

use std::io::SeekFrom;
use std::path::Path;

use blake3::Hash;
use engine::Code;
use engine::file::{Entry, FileName};
use tokio::fs::File;
use tokio::io::AsyncSeekExt;
use wire::file::{Reply, Request};

use super::body::Body;
use super::connection::Connection;
use super::gather::{Gathered, Outgoing};
use super::hash::hash_of;
use super::retry::{Retry, is_passing};
use super::several::each;
use super::{Options, Stored, local, parse_name};
use crate::cli::Put;
use crate::errors::{Failure, Outcome};

/// Up to here a file is sent at once; a larger one is announced with its hash, so that it can go on where
/// it was cut.
const AT_ONCE: u64 = 1024 * 1024;

/// Sends each of the files, and folders with all that is in them, several at once.
pub(crate) async fn put(options: &Options, wanted: &Put) -> Outcome {
    let called = wanted.name.as_deref();
    if called.is_some() && wanted.files.len() > 1 {
        return Err(Failure::Usage("--as names one file, and there are several".into()));
    }
    let keep = wanted.no_clobber;
    // It needs a name, and so it is alone.
    if wanted.files.iter().any(|path| path.as_os_str() == "-") {
        return options.print_there(&put_stdin(options, called, keep).await?);
    }
    let mut gathered = Gathered::default();
    for path in &wanted.files {
        gathered.add(path, called, wanted.recursive)?;
    }
    let sending = gathered.outgoing.into_iter().map(async |outgoing| {
        let Outgoing { path, name } = outgoing?;
        options.print_there(&put_file(options, &path, &name, keep).await?)
    });
    let sent = each(options, sending).await;
    gathered.left_out.words().iter().for_each(|words| options.bars.note(words));
    sent.and(gathered.left_out.verdict())
}

/// A file that is there now, and what that took.
pub(crate) struct Done {
    pub(super) how: How,
    pub(crate) stored: Stored,
}

/// What sending a file has done there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum How {
    /// Nothing had its name.
    Stored,
    /// It took the place of another.
    Replaced,
    /// It was there already, and was not sent.
    Unchanged,
}

impl How {
    pub(super) fn as_str(self) -> &'static str {
        match self {
            How::Stored => "stored",
            How::Replaced => "replaced",
            How::Unchanged => "unchanged",
        }
    }
}

/// Sends one file, and compares what the service says that it has. With `keep` none is replaced.
async fn put_file(options: &Options, path: &Path, name: &FileName, keep: bool) -> Outcome<Done> {
    match regular_size(path).await? {
        0..=AT_ONCE => {
            let bytes = tokio::fs::read(path).await.map_err(|error| local(path, &error))?;
            put_memory(options, &bytes, name, keep).await
        }
        size => put_large(options, path, size, name, keep).await,
    }
}

/// What was sent, as this side counted it.
struct Sent {
    size: u64,
    hash: Hash,
}

/// Sends bytes from memory, and compares. With `keep` no other file is replaced.
pub(crate) async fn put_memory(
    options: &Options,
    bytes: &[u8],
    name: &FileName,
    keep: bool,
) -> Outcome<Done> {
    let sent = Sent { size: bytes.len() as u64, hash: blake3::hash(bytes) };
    let mut connection = options.open().await?;
    let there = there(&mut connection, name, keep).await?;
    if let Some(done) = unchanged(there.as_ref(), &sent) {
        return Ok(done);
    }
    let how = may_send(there.as_ref(), keep)?;
    connection.send(&Request::Upload { size: Some(sent.size), name: name.clone() }).await?;
    let progress = options.bars.transfer(name.as_str(), Some(sent.size), 0);
    let mut body = Body::new(bytes, Some(sent.size), name.as_str());
    let reply = body.send(&mut connection, &progress).await?;
    Ok(Done { how, stored: compare(reply, &sent)? })
}

async fn put_large(options: &Options, path: &Path, size: u64, name: &FileName, keep: bool) -> Outcome<Done> {
    let sent = Sent { size, hash: hash_of(options, path, size).await? };
    let there = there(&mut options.open().await?, name, keep).await?;
    if let Some(done) = unchanged(there.as_ref(), &sent) {
        return Ok(done);
    }
    let how = may_send(there.as_ref(), keep)?;
    let reply = put_resuming(options, path, &sent, name).await?;
    Ok(Done { how, stored: compare(reply, &sent)? })
}

/// What has the name there. What the service can't tell, a file that is being changed or one that it can't read,
/// stops only whoever would keep it.
async fn there(connection: &mut Connection<'_>, name: &FileName, keep: bool) -> Outcome<Option<Entry>> {
    match connection.stat(name).await {
        Err(failure) if failure.code() == Code::NotFound.as_str() => Ok(None),
        Err(failure) if !keep && failure.code() == Code::Unavailable.as_str() => Ok(None),
        told => told.map(Some),
    }
}

/// What is there already need not be sent.
fn unchanged(there: Option<&Entry>, sent: &Sent) -> Option<Done> {
    let same = there.filter(|there| (there.size, there.hash) == (sent.size, sent.hash))?;
    let Entry { size, hash, name, .. } = same.clone();
    Some(Done { how: How::Unchanged, stored: Stored { size, hash, name } })
}

/// What sending will do to what has the name there.
///
/// # Errors
/// That is to be kept.
fn may_send(there: Option<&Entry>, keep: bool) -> Outcome<How> {
    match there {
        None => Ok(How::Stored),
        Some(there) if keep => Err(Failure::Taken(there.name.to_string())),
        Some(_) => Ok(How::Replaced),
    }
}

/// Sends a large file, again and again from where it was cut.
async fn put_resuming(options: &Options, path: &Path, sent: &Sent, name: &FileName) -> Outcome<Reply> {
    let (mut retry, mut reached) = (Retry::default(), None);
    loop {
        let before = reached;
        match resume(options, path, sent, name, &mut reached).await {
            Err(failure) if reached.is_some() && is_passing(&failure) => {
                retry.wait(failure, reached > before, &options.bars).await?;
            }
            done => return done,
        }
    }
}

/// One attempt from the offset that the service names.
async fn resume(
    options: &Options,
    path: &Path,
    sent: &Sent,
    name: &FileName,
    reached: &mut Option<u64>,
) -> Outcome<Reply> {
    let mut connection = options.open().await?;
    let request = Request::Resume { size: sent.size, hash: sent.hash, name: name.clone() };
    let answer = match reached {
        None => connection.ask(&request).await?,
        // What came over before is hashed again before the service says how much that is.
        Some(_) => connection.ask_for_work(&request).await?,
    };
    let offset = match answer {
        Reply::Continue { offset } if offset <= sent.size => offset,
        // It had all of it already.
        reply @ Reply::Stored { .. } => return Ok(reply),
        reply => return Err(connection.unexpected(&reply)),
    };
    *reached = Some(offset);
    let mut file = File::open(path).await.map_err(|error| local(path, &error))?;
    file.seek(SeekFrom::Start(offset)).await.map_err(|error| local(path, &error))?;
    let progress = options.bars.transfer(name.as_str(), Some(sent.size), offset);
    let what = path.display().to_string();
    let mut body = Body::new(file, Some(sent.size - offset), &what);
    body.send(&mut connection, &progress).await
}

async fn put_stdin(options: &Options, called: Option<&str>, keep: bool) -> Outcome<Done> {
    let called = called.ok_or_else(|| Failure::Usage("standard input needs a name: --as NAME".into()))?;
    let name = parse_name(called)?;
    let mut connection = Connection::open_unended(&options.endpoint, options.timeout).await?;
    let how = may_send(there(&mut connection, &name, keep).await?.as_ref(), keep)?;
    connection.send(&Request::Upload { size: None, name: name.clone() }).await?;
    let progress = options.bars.transfer(name.as_str(), None, 0);
    let mut body = Body::new(tokio::io::stdin(), None, "standard input");
    let reply = body.send(&mut connection, &progress).await?;
    let sent = Sent { size: body.size, hash: body.hasher.finalize() };
    Ok(Done { how, stored: compare(reply, &sent)? })
}

/// The service's own words about what it stored must be ours.
fn compare(reply: Reply, sent: &Sent) -> Outcome<Stored> {
    let Reply::Stored { size, hash, name } = reply else {
        return Err(Failure::Refused { code: "unexpected".into(), words: reply.encode().trim_end().into() });
    };
    if (size, hash) == (sent.size, sent.hash) {
        return Ok(Stored { size, hash, name });
    }
    Err(Failure::Mismatch {
        name: name.to_string(),
        wanted: format!("{} ({} bytes)", sent.hash, sent.size),
        got: format!("{hash} ({size} bytes)"),
    })
}

async fn regular_size(path: &Path) -> Outcome<u64> {
    let about = tokio::fs::metadata(path).await.map_err(|error| local(path, &error))?;
    match about.is_file() {
        true => Ok(about.len()),
        false => Err(Failure::Usage(format!("{} is no file; a folder goes with -r", path.display()))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_about_other_bytes_is_told() {
        let (hash, name) = (blake3::hash(b"x"), FileName::parse("a").unwrap());
        let reply = |size| Reply::Stored { size, hash, name: name.clone() };
        assert!(compare(reply(1), &Sent { size: 1, hash }).is_ok());
        assert_eq!(compare(reply(2), &Sent { size: 1, hash }).err().unwrap().exit(), 5);
        let other = Sent { size: 1, hash: blake3::hash(b"y") };
        assert_eq!(compare(reply(1), &other).err().unwrap().exit(), 5);
    }
}
