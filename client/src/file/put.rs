//! Sending files.

use std::io::SeekFrom;
use std::path::Path;

use blake3::{Hash, Hasher};
use engine::file::{Entry, FileName};
use engine::{Code, Refusal};
use tokio::fs::File;
use tokio::io::AsyncSeekExt;
use tokio::time::sleep;
use wire::file::{Reply, Request};

use super::body::Body;
use super::connection::Connection;
use super::gather::{Gathered, Outgoing};
use super::several::each;
use super::{Options, Stored, local};
use crate::backoff::Backoff;
use crate::cli::Put;
use crate::errors::{Failure, Outcome};

/// Up to here a file is sent at once; a larger one is announced with its hash, so that it can go on where
/// it was cut.
const AT_ONCE: u64 = 1024 * 1024;
/// How often a connection may be lost in a row without a byte more at the other side.
pub(super) const TRIES: u32 = 8;

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
        Err(failure) if !keep && failure.code() == Code::Unavailable.as_str() => Ok(None),
        told => told,
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
    let (mut backoff, mut tries, mut reached) = (Backoff::default(), 0, None);
    loop {
        let before = reached;
        let failure = match resume(options, path, sent, name, &mut reached).await {
            Err(failure) if reached.is_some() && is_passing(&failure) => failure,
            done => return done,
        };
        if reached > before {
            (backoff, tries) = (Backoff::default(), 0);
            options.bars.note(&format!("-- {failure}; going on from there as soon as it can be reached"));
        }
        tries += 1;
        if tries > TRIES {
            return Err(failure);
        }
        sleep(backoff.next(rand::random())).await;
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

/// Whether trying again may help.
pub(super) fn is_passing(failure: &Failure) -> bool {
    let busy = matches!(failure, Failure::Refused { code, .. } if code == "busy" || code == "unavailable");
    busy || matches!(failure.exit(), 3 | 4)
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

/// The hash of a file that must not become shorter meanwhile.
pub(super) async fn hash_of(options: &Options, path: &Path, size: u64) -> Outcome<Hash> {
    let file = File::open(path).await.map_err(|error| local(path, &error))?;
    Ok(hashed(options, file, size, path).await?.finalize())
}

/// The bytes of a file from where it stands, hashed.
pub(super) async fn hashed(options: &Options, file: File, size: u64, path: &Path) -> Outcome<Hasher> {
    let progress = options.bars.transfer("reading", Some(size), 0);
    let what = path.display().to_string();
    let mut body = Body::new(file, Some(size), &what);
    loop {
        match body.chunk().await?.len() {
            0 => return Ok(body.hasher),
            read => progress.moved(read),
        }
    }
}

async fn regular_size(path: &Path) -> Outcome<u64> {
    let about = tokio::fs::metadata(path).await.map_err(|error| local(path, &error))?;
    match about.is_file() {
        true => Ok(about.len()),
        false => Err(Failure::Usage(format!("{} is no file; a folder goes with -r", path.display()))),
    }
}

/// What a file is called there: as it was told, or by its own name.
pub(super) fn name_of(path: &Path, called: Option<&str>) -> Outcome<FileName> {
    let own = || {
        let own = path.file_name().and_then(|name| name.to_str());
        own.ok_or_else(|| Failure::Usage(format!("{} needs a name there: --as NAME", path.display())))
    };
    parse_name(called.map_or_else(own, Ok)?)
}

/// Reads a name that somebody typed.
pub(super) fn parse_name(written: &str) -> Outcome<FileName> {
    FileName::parse(written).map_err(|bad| {
        let Refusal { words, .. } = bad.into();
        Failure::Usage(format!("`{written}` is no name for the file service: {words}; another is --as NAME"))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_has_its_own_name_unless_told() {
        let name = |path: &str, called| name_of(Path::new(path), called).map(|name| name.to_string()).ok();
        assert_eq!(name("some/where/a b.txt", None).as_deref(), Some("a b.txt"));
        assert_eq!(name("a.txt", Some("notes/b.txt")).as_deref(), Some("notes/b.txt"));
        assert_eq!(name("/", None), None);
        assert_eq!(name(".bashrc", None), None, "no part of a name begins with a dot");
    }

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
