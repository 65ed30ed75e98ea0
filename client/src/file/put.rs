//! Sending files.

use std::io::SeekFrom;
use std::path::Path;

use blake3::{Hash, Hasher};
use engine::Refusal;
use engine::file::FileName;
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
    // It needs a name, and so it is alone.
    if wanted.files.iter().any(|path| path.as_os_str() == "-") {
        return options.print_stored("stored", &put_stdin(options, called).await?);
    }
    let mut gathered = Gathered::default();
    for path in &wanted.files {
        gathered.add(path, called, wanted.recursive)?;
    }
    let sending = gathered.outgoing.into_iter().map(async |outgoing| {
        let Outgoing { path, name } = outgoing?;
        options.print_stored("stored", &put_file(options, &path, &name).await?)
    });
    let sent = each(options, sending).await;
    gathered.left_out.words().iter().for_each(|words| options.bars.note(words));
    sent.and(gathered.left_out.verdict())
}

/// Sends one file, and compares what the service says that it has.
pub(crate) async fn put_file(options: &Options, path: &Path, name: &FileName) -> Outcome<Stored> {
    let size = regular_size(path).await?;
    let (reply, sent) = match size {
        0..=AT_ONCE => put_at_once(options, path, name).await?,
        _ => put_resuming(options, path, size, name).await?,
    };
    compare(reply, sent)
}

/// What was sent, as this side counted it.
struct Sent {
    size: u64,
    hash: Hash,
}

async fn put_at_once(options: &Options, path: &Path, name: &FileName) -> Outcome<(Reply, Sent)> {
    let bytes = tokio::fs::read(path).await.map_err(|error| local(path, &error))?;
    put_bytes(options, &bytes, name).await
}

async fn put_bytes(options: &Options, bytes: &[u8], name: &FileName) -> Outcome<(Reply, Sent)> {
    let sent = Sent { size: bytes.len() as u64, hash: blake3::hash(bytes) };
    let mut connection = options.open().await?;
    connection.send(&Request::Upload { size: Some(sent.size), name: name.clone() }).await?;
    let progress = options.bars.transfer(name.as_str(), Some(sent.size), 0);
    let mut body = Body::new(bytes, Some(sent.size), name.as_str());
    Ok((body.send(&mut connection, &progress).await?, sent))
}

/// Sends bytes from memory, and compares.
pub(crate) async fn put_memory(options: &Options, bytes: &[u8], name: &FileName) -> Outcome<Stored> {
    let (reply, sent) = put_bytes(options, bytes, name).await?;
    compare(reply, sent)
}

/// Sends a large file, again and again from where it was cut.
async fn put_resuming(options: &Options, path: &Path, size: u64, name: &FileName) -> Outcome<(Reply, Sent)> {
    let sent = Sent { size, hash: hash_of(options, path, size).await? };
    let (mut backoff, mut tries, mut reached) = (Backoff::default(), 0, None);
    loop {
        let before = reached;
        let failure = match resume(options, path, &sent, name, &mut reached).await {
            Err(failure) if reached.is_some() && is_passing(&failure) => failure,
            done => return Ok((done?, sent)),
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

async fn put_stdin(options: &Options, called: Option<&str>) -> Outcome<Stored> {
    let called = called.ok_or_else(|| Failure::Usage("standard input needs a name: --as NAME".into()))?;
    let name = parse_name(called)?;
    let mut connection = Connection::open_unended(&options.endpoint, options.timeout).await?;
    connection.send(&Request::Upload { size: None, name: name.clone() }).await?;
    let progress = options.bars.transfer(name.as_str(), None, 0);
    let mut body = Body::new(tokio::io::stdin(), None, "standard input");
    let reply = body.send(&mut connection, &progress).await?;
    compare(reply, Sent { size: body.size, hash: body.hasher.finalize() })
}

/// The service's own words about what it stored must be ours.
fn compare(reply: Reply, sent: Sent) -> Outcome<Stored> {
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
        assert!(compare(reply(1), Sent { size: 1, hash }).is_ok());
        assert_eq!(compare(reply(2), Sent { size: 1, hash }).err().unwrap().exit(), 5);
        let other = Sent { size: 1, hash: blake3::hash(b"y") };
        assert_eq!(compare(reply(1), other).err().unwrap().exit(), 5);
    }
}
