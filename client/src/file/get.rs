//! Fetching files.

use std::collections::HashSet;
use std::io;
use std::path::{Path, PathBuf};

use engine::file::{Entry, FileName};
use indicatif::HumanBytes;

use super::hash::hash_of;
use super::partial::{self, Partial};
use super::receive::Download;
use super::select::{Selection, is_pattern, select};
use super::several::each;
use super::{Options, Stored, list, local};
use crate::cli::Get;
use crate::errors::{Failure, Outcome};
use crate::terminal::output_failed;

/// Fetches files, as it was told, several at once.
pub(crate) async fn get(options: &Options, wanted: &Get) -> Outcome {
    if wanted.to.as_deref() == Some(Path::new("-")) {
        return get_to_stdout(options, wanted).await;
    }
    let mut fetches = Vec::new();
    for written in &wanted.names {
        fetches.extend(planned(options, wanted, written).await?);
    }
    check_places(&fetches)?;
    each(options, fetches.iter().map(|fetch| fetch_one(options, fetch, wanted.force))).await
}

/// A file, and where it goes.
struct Fetch {
    name: FileName,
    /// What the service's list said of it; nothing when it was not asked.
    known: Option<Stored>,
    target: PathBuf,
}

/// What is meant by one of the names.
async fn planned(options: &Options, wanted: &Get, written: &str) -> Outcome<Vec<Fetch>> {
    let to = wanted.to.as_deref();
    Ok(match select(options, written, wanted.recursive).await? {
        Selection::One(name) => {
            let alone = wanted.names.len() == 1;
            let target = if alone { target(&name, to)? } else { folder(to)?.join(name.split().1) };
            vec![Fetch { name, known: None, target }]
        }
        Selection::Many(entries) => {
            let (folder, kept) = (folder(to)?, kept_part(written, wanted.recursive));
            let fetch = |Entry { size, hash, name, .. }: Entry| {
                let target = folder.join(kept(&name));
                Fetch { name: name.clone(), known: Some(Stored { size, hash, name }), target }
            };
            entries.into_iter().map(fetch).collect()
        }
    })
}

/// Files of the same name in several folders would be one file here.
fn check_places(fetches: &[Fetch]) -> Outcome {
    let mut places = HashSet::new();
    match fetches.iter().find(|fetch| !places.insert(&fetch.target)) {
        None => Ok(()),
        Some(twice) => {
            let target = twice.target.display();
            Err(Failure::Usage(format!(
                "two of them would be {target}; fetch them one by one with --to, or -r"
            )))
        }
    }
}

/// The folder that several files go to.
fn folder(to: Option<&Path>) -> Outcome<&Path> {
    match to {
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

/// Fetches one file; one that is here already, and the same as in the list, need not be fetched.
async fn fetch_one(options: &Options, fetch: &Fetch, force: bool) -> Outcome {
    let Fetch { name, known, target } = fetch;
    if let Some(known) = known {
        if is_same(options, known, target).await? {
            return options.print_here("unchanged", known, target);
        }
        let folder = folder_of(target);
        std::fs::create_dir_all(folder).map_err(|error| local(folder, &error))?;
    }
    match get_file(options, name, known.as_ref(), target, force).await {
        Ok(stored) => options.print_here("fetched", &stored, target),
        Err(failure) => {
            let fetches = "-r fetches it with all that is in it";
            Err(list::or_folder(options, name, failure, fetches).await)
        }
    }
}

async fn is_same(options: &Options, known: &Stored, target: &Path) -> Outcome<bool> {
    match target.symlink_metadata() {
        Ok(about) if about.is_file() && about.len() == known.size => {
            Ok(hash_of(options, target, known.size).await? == known.hash)
        }
        _ => Ok(false),
    }
}

/// Fetches a file into its place: into a part beside it, and when the hash is right under its name. A
/// file that is there already is replaced only with `force`, and what is no file never.
async fn get_file(
    options: &Options,
    name: &FileName,
    known: Option<&Stored>,
    target: &Path,
    force: bool,
) -> Outcome<Stored> {
    check_target(target, force)?;
    let (mut download, mut part) = match go_on(options, name, known, target).await? {
        Some(begun) => begun,
        None => {
            let download = Download::begin(options, name).await?;
            let part = Partial::open(options, target, &download.announced.hash)?;
            part.spoil();
            (download, part)
        }
    };
    let mut file = part.writer(download.here())?;
    let received = download.receive(&mut file, |error| local(target, &error)).await;
    received.inspect_err(|failure| {
        if matches!(failure, Failure::Mismatch { .. } | Failure::Refused { .. }) {
            part.spoil();
        }
    })?;
    file.sync_all().await.map_err(|error| local(target, &error))?;
    part.place(target, force).map_err(|error| match error.kind() {
        io::ErrorKind::AlreadyExists => exists(target),
        _ => local(target, &error),
    })?;
    Ok(download.announced)
}

/// The download that an earlier run began, if there is a part of it.
async fn go_on<'a>(
    options: &'a Options,
    name: &FileName,
    known: Option<&Stored>,
    target: &Path,
) -> Outcome<Option<(Download<'a>, Partial<'a>)>> {
    let stored = match known {
        Some(known) => known.clone(),
        None if partial::is_any_begun(target) => {
            let Entry { size, hash, name, .. } = options.open().await?.stat(name).await?;
            Stored { size, hash, name }
        }
        None => return Ok(None),
    };
    if !partial::is_begun(target, &stored.hash) {
        return Ok(None);
    }
    let mut part = Partial::open(options, target, &stored.hash)?;
    let here = part.len(stored.size);
    if here == 0 {
        return Ok(None);
    }
    let hasher = part.hashed(here).await?;
    options.bars.note(&format!("-- {} of {name} are here already", HumanBytes(here)));
    Ok(Some((Download::go_on(options, stored, here, hasher), part)))
}

/// Fetches a small file into memory.
pub(crate) async fn get_memory(options: &Options, name: &FileName) -> Outcome<Vec<u8>> {
    let mut bytes = Vec::new();
    Download::begin(options, name).await?.receive(&mut bytes, output_failed).await?;
    Ok(bytes)
}

async fn get_to_stdout(options: &Options, wanted: &Get) -> Outcome {
    for written in &wanted.names {
        let Selection::One(name) = select(options, written, wanted.recursive).await? else {
            return Err(Failure::Usage("only one file can go to standard output".into()));
        };
        Download::begin(options, &name).await?.receive(&mut tokio::io::stdout(), output_failed).await?;
    }
    Ok(())
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

/// Where it lies.
pub(super) fn folder_of(target: &Path) -> &Path {
    target.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."))
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
    fn two_files_never_go_to_one_place() {
        let fetch = |target: &str| {
            let name = FileName::parse("a").unwrap();
            Fetch { name, known: None, target: target.into() }
        };
        assert!(check_places(&[fetch("a"), fetch("b")]).is_ok());
        assert_eq!(check_places(&[fetch("a"), fetch("b"), fetch("a")]).unwrap_err().exit(), 2);
    }
}
