//! Fetching files.

use std::io;
use std::path::{Path, PathBuf};

use engine::file::{Entry, FileName};
use tempfile::NamedTempFile;
use tokio::fs::File;

use super::put::hash_of;
use super::receive::Download;
use super::select::{Selection, is_pattern, select};
use super::{Options, Stored, local};
use crate::cli::Get;
use crate::errors::{Failure, Outcome};
use crate::terminal::output_failed;

/// Fetches files, as it was told; the first that fails ends it.
pub(crate) async fn get(options: &Options, wanted: &Get) -> Outcome {
    let to = wanted.to.as_deref();
    for written in &wanted.names {
        match select(options, written, wanted.recursive).await? {
            Selection::One(name) if to == Some(Path::new("-")) => get_to_stdout(options, &name).await?,
            Selection::One(name) if wanted.names.len() == 1 => {
                let target = target(&name, to)?;
                let stored = get_file(options, &name, &target, wanted.force).await?;
                options.print_fetched(&stored, &target)?;
            }
            Selection::One(name) => {
                let target = folder(to)?.join(name.split().1);
                let stored = get_file(options, &name, &target, wanted.force).await?;
                options.print_fetched(&stored, &target)?;
            }
            Selection::Many(entries) => {
                let kept = kept_part(written, wanted.recursive);
                for entry in &entries {
                    get_entry(options, entry, &folder(to)?.join(kept(&entry.name)), wanted.force).await?;
                }
            }
        }
    }
    Ok(())
}

/// The folder that several files go to.
fn folder(to: Option<&Path>) -> Outcome<&Path> {
    match to {
        Some(to) if to == Path::new("-") => {
            Err(Failure::Usage("only one file can go to standard output".into()))
        }
        Some(to) if !to.is_dir() => Err(no_folder(to)),
        to => Ok(to.unwrap_or(Path::new("."))),
    }
}

/// How much of a name stays in its path here: the file's own name; of a folder that is fetched whole
/// everything from the folder's own name on.
fn kept_part(written: &str, recursive: bool) -> impl Fn(&FileName) -> String {
    let literal = if is_pattern(written) { "" } else { written.trim_end_matches('/') };
    let above = literal.rfind('/').map_or(0, |at| at + 1);
    move |name| if recursive { name.as_str()[above..].to_owned() } else { name.split().1.to_owned() }
}

/// Fetches one of several files; one that is here already, and the same, need not be fetched.
async fn get_entry(options: &Options, entry: &Entry, target: &Path, force: bool) -> Outcome {
    if is_same(entry, target).await? {
        let stored = Stored { size: entry.size, hash: entry.hash, name: entry.name.clone() };
        return options.print_fetched(&stored, target);
    }
    let folder = folder_of(target);
    std::fs::create_dir_all(folder).map_err(|error| local(folder, &error))?;
    let stored = get_file(options, &entry.name, target, force).await?;
    options.print_fetched(&stored, target)
}

async fn is_same(entry: &Entry, target: &Path) -> Outcome<bool> {
    match target.symlink_metadata() {
        Ok(about) if about.is_file() && about.len() == entry.size => {
            Ok(hash_of(target, entry.size).await? == entry.hash)
        }
        _ => Ok(false),
    }
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
    let mut download = Download::begin(options, name).await?;
    // Only the kind: the rest of the error tells of the temporary file.
    let beside = temporary(target).map_err(|error| local(target, &error.kind().into()))?;
    let handle = beside.reopen().map_err(|error| local(target, &error))?;
    let mut file = File::from_std(handle);
    download.receive(&mut file, |error| local(target, &error)).await?;
    file.sync_all().await.map_err(|error| local(target, &error))?;
    put_in_place(beside, target, force)?;
    Ok(download.announced)
}

/// Fetches a small file into memory.
pub(crate) async fn get_memory(options: &Options, name: &FileName) -> Outcome<Vec<u8>> {
    let mut bytes = Vec::new();
    Download::begin(options, name).await?.receive(&mut bytes, output_failed).await?;
    Ok(bytes)
}

async fn get_to_stdout(options: &Options, name: &FileName) -> Outcome {
    Download::begin(options, name).await?.receive(&mut tokio::io::stdout(), output_failed).await
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
    fn a_folder_keeps_its_own_name_and_what_is_in_it() {
        let kept = |written, recursive, name| kept_part(written, recursive)(&FileName::parse(name).unwrap());
        assert_eq!(kept("notes", true, "notes/deep/a"), "notes/deep/a");
        assert_eq!(kept("my/notes/", true, "my/notes/deep/a"), "notes/deep/a");
        assert_eq!(kept("my/*/a", false, "my/notes/a"), "a");
        assert_eq!(kept("my/**", true, "my/notes/a"), "my/notes/a");
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
