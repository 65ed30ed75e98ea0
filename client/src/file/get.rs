//! Fetching files.

use std::io;
use std::path::{Path, PathBuf};

use blake3::{Hash, Hasher};
use engine::file::FileName;
use tempfile::NamedTempFile;
use tokio::fs::File;
use tokio::io::{AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::time::timeout;
use wire::file::{Reply, Request};

use super::connection::{Connection, STALL};
use super::progress::Progress;
use super::put::parse_name;
use super::{Options, Stored, local};
use crate::cli::Get;
use crate::errors::{Failure, Outcome};
use crate::terminal::output_failed;

const CHUNK: usize = 256 * 1024;

/// Fetches one file, as it was told.
pub(crate) async fn get(options: &Options, wanted: &Get) -> Outcome {
    let name = parse_name(&wanted.name)?;
    if wanted.to.as_deref() == Some(Path::new("-")) {
        return get_to_stdout(options, &name).await;
    }
    let target = target(&name, wanted.to.as_deref())?;
    let stored = get_file(options, &name, &target, wanted.force).await?;
    options.print_fetched(&stored, &target)
}

/// Fetches a file into its place: into a temporary file beside it, and when the hash is right under its
/// name. A file that is there already is replaced only with `force`, and what is no file never.
pub(crate) async fn get_file(
    options: &Options,
    name: &FileName,
    target: &Path,
    force: bool,
) -> Outcome<Stored> {
    check_target(target, force)?;
    let mut connection = options.open().await?;
    let announced = announced(&mut connection, name).await?;
    // Only the kind: the rest of the error tells of the temporary file.
    let beside = temporary(target).map_err(|error| local(target, &error.kind().into()))?;
    let handle = beside.reopen().map_err(|error| local(target, &error))?;
    let mut file = File::from_std(handle);
    receive(&mut connection, &announced, &mut file, |error| local(target, &error)).await?;
    file.sync_all().await.map_err(|error| local(target, &error))?;
    put_in_place(beside, target, force)?;
    Ok(announced)
}

/// Fetches a small file into memory.
pub(crate) async fn get_memory(options: &Options, name: &FileName) -> Outcome<Vec<u8>> {
    let mut connection = options.open().await?;
    let announced = announced(&mut connection, name).await?;
    let mut bytes = Vec::new();
    receive(&mut connection, &announced, &mut bytes, output_failed).await?;
    Ok(bytes)
}

async fn get_to_stdout(options: &Options, name: &FileName) -> Outcome {
    let mut connection = options.open().await?;
    let announced = announced(&mut connection, name).await?;
    receive(&mut connection, &announced, &mut tokio::io::stdout(), output_failed).await
}

/// What the service says will follow.
async fn announced(connection: &mut Connection<'_>, name: &FileName) -> Outcome<Stored> {
    let answer = connection.ask(&Request::Download { name: name.clone() }).await;
    match answer.map_err(|failure| failure.naming(name))? {
        Reply::File { size, hash, name } => Ok(Stored { size, hash, name }),
        reply => Err(connection.unexpected(&reply)),
    }
}

/// Takes the bytes that were announced, and verifies them.
async fn receive(
    connection: &mut Connection<'_>,
    announced: &Stored,
    to: &mut (impl AsyncWrite + Unpin),
    failed: impl Fn(io::Error) -> Failure,
) -> Outcome {
    let progress = Progress::start(announced.name.as_str(), Some(announced.size), 0);
    let (mut hasher, mut left, mut chunk) = (Hasher::new(), announced.size, vec![0; CHUNK]);
    while left > 0 {
        let room = usize::try_from(left).map_or(CHUNK, |left| left.min(CHUNK));
        let read = match timeout(STALL, connection.from.read(&mut chunk[..room])).await {
            Ok(Ok(0)) | Ok(Err(_)) => return Err(connection.lost("in the middle of the file")),
            Ok(Ok(read)) => read,
            Err(_) => return Err(connection.lost("in the middle of the file: no byte moved for a minute")),
        };
        hasher.update(&chunk[..read]);
        to.write_all(&chunk[..read]).await.map_err(&failed)?;
        progress.moved(read);
        left -= read as u64;
    }
    to.flush().await.map_err(&failed)?;
    verify(announced, hasher.finalize())
}

fn verify(announced: &Stored, got: Hash) -> Outcome {
    if got == announced.hash {
        return Ok(());
    }
    let (name, wanted) = (announced.name.to_string(), announced.hash.to_string());
    Err(Failure::Mismatch { name, wanted, got: got.to_string() })
}

/// Where the file goes: the last part of its name, here or in the folder that was told.
fn target(name: &FileName, to: Option<&Path>) -> Outcome<PathBuf> {
    let (_, own) = name.split();
    match to {
        None => Ok(PathBuf::from(own)),
        Some(to) if to.is_dir() => Ok(to.join(own)),
        Some(to) if to.as_os_str().as_encoded_bytes().ends_with(b"/") => Err(no_folder(to)),
        Some(to) => Ok(to.to_owned()),
    }
}

/// Whether something may be put there. A link to a file stands for a file; a device, a pipe or a folder
/// would be gone for whoever else uses it.
fn check_target(target: &Path, force: bool) -> Outcome {
    if target.metadata().is_ok_and(|about| !about.is_file()) {
        let target = target.display();
        return Err(Failure::Usage(format!("{target} is no file; `--to -` writes to standard output")));
    }
    if !folder_of(target).is_dir() {
        return Err(no_folder(folder_of(target)));
    }
    if !force && target.symlink_metadata().is_ok() {
        return Err(exists(target));
    }
    Ok(())
}

/// A file in the same folder, so that the rename is one step; it goes by itself when all goes wrong.
fn temporary(target: &Path) -> io::Result<NamedTempFile> {
    let mut builder = tempfile::Builder::new();
    builder.prefix(".fetching-").suffix(".part");
    #[cfg(unix)]
    {
        // As any new file: readable as the person's umask says, not only by the person.
        use std::os::unix::fs::PermissionsExt;
        builder.permissions(std::fs::Permissions::from_mode(0o666));
    }
    builder.tempfile_in(folder_of(target))
}

fn folder_of(target: &Path) -> &Path {
    target.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

fn put_in_place(beside: NamedTempFile, target: &Path, force: bool) -> Outcome {
    let placed = if force { beside.persist(target) } else { beside.persist_noclobber(target) };
    match placed {
        Ok(_) => Ok(()),
        Err(failed) if failed.error.kind() == io::ErrorKind::AlreadyExists => Err(exists(target)),
        Err(failed) => Err(local(target, &failed.error)),
    }
}

fn no_folder(folder: &Path) -> Failure {
    Failure::Usage(format!("there is no folder {}", folder.display()))
}

fn exists(target: &Path) -> Failure {
    Failure::Usage(format!(
        "{} is there already; --force replaces it, --to puts it elsewhere",
        target.display()
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_lands_under_the_last_part_of_its_name() {
        let name = FileName::parse("notes/a b.txt").unwrap();
        let target = |name, to| target(name, to).unwrap();
        assert_eq!(target(&name, None), Path::new("a b.txt"));
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(target(&name, Some(folder.path())), folder.path().join("a b.txt"));
        let file = folder.path().join("other");
        assert_eq!(target(&name, Some(&file)), file);
    }

    #[test]
    fn only_files_are_replaced() {
        let folder = tempfile::tempdir().unwrap();
        let (file, link, dangling) =
            (folder.path().join("a"), folder.path().join("b"), folder.path().join("c"));
        std::fs::write(&file, "old").unwrap();
        std::os::unix::fs::symlink(&file, &link).unwrap();
        std::os::unix::fs::symlink("nowhere", &dangling).unwrap();
        for there in [&file, &link, &dangling] {
            assert!(check_target(there, true).is_ok());
            assert_eq!(check_target(there, false).unwrap_err().exit(), 2);
        }
        for other in [Path::new("/dev/null"), folder.path()] {
            let failure = check_target(other, true).unwrap_err();
            assert!(failure.to_string().contains("is no file"), "{failure}");
        }
        assert!(check_target(&folder.path().join("new"), false).is_ok());
    }

    #[test]
    fn nothing_is_replaced_unasked() {
        let folder = tempfile::tempdir().unwrap();
        let target = folder.path().join("a");
        std::fs::write(&target, "old").unwrap();
        let failure = put_in_place(temporary(&target).unwrap(), &target, false).unwrap_err();
        assert_eq!(failure.exit(), 2);
        assert_eq!(std::fs::read(&target).unwrap(), b"old");
        put_in_place(temporary(&target).unwrap(), &target, true).unwrap();
        assert_eq!(std::fs::read(&target).unwrap(), b"");
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1, "no temporary file stays");
    }
}
