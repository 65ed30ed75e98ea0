//! Which local files are meant, and what each is to be called there.

use std::path::{Path, PathBuf};

use engine::file::FileName;

use super::local;
use super::put::{name_of, parse_name};
use crate::errors::{Failure, Outcome};
use crate::terminal::{note, safe};

/// A local file on its way out.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Outgoing {
    pub(super) path: PathBuf,
    pub(super) name: FileName,
}

/// The files behind what was written, in their order. A folder is taken with all that is in it when that
/// is wanted, under its own name or the one that it was called.
pub(super) fn gather(written: &Path, called: Option<&str>, recursive: bool) -> Outcome<Vec<Outgoing>> {
    let mut found = Vec::new();
    for path in expanded(written)? {
        match path.is_dir() && recursive {
            true => walk(&path, name_of(&path, called)?.as_str(), &mut found)?,
            false => found.push(Outgoing { name: name_of(&path, called)?, path }),
        }
    }
    if called.is_some() && !recursive && found.len() > 1 {
        return Err(Failure::Usage("--as names one file, and there are several".into()));
    }
    Ok(found)
}

/// What a shell makes of a pattern, for those that leave it to the programs.
fn expanded(written: &Path) -> Outcome<Vec<PathBuf>> {
    let pattern = written.to_str().filter(|text| text.contains(['*', '?', '[']));
    let Some(pattern) = pattern.filter(|_| !written.exists()) else { return Ok(vec![written.to_owned()]) };
    let paths = glob::glob(pattern).map_err(|error| Failure::Usage(format!("{pattern}: {error}")))?;
    let paths: Vec<PathBuf> = paths.filter_map(Result::ok).collect();
    match paths.is_empty() {
        true => Err(Failure::Usage(format!("no file is like {pattern}"))),
        false => Ok(paths),
    }
}

/// Everything in a folder, sorted by name. Links are not followed: they may lead in circles, or to what is not
/// meant to be given away.
fn walk(folder: &Path, called: &str, found: &mut Vec<Outgoing>) -> Outcome {
    let entries = std::fs::read_dir(folder).map_err(|error| local(folder, &error))?;
    let mut entries = entries.collect::<Result<Vec<_>, _>>().map_err(|error| local(folder, &error))?;
    entries.sort_by_key(std::fs::DirEntry::file_name);
    for entry in entries {
        let path = entry.path();
        let own = entry.file_name();
        let name = own.to_str().map(|own| format!("{called}/{own}"));
        let Some(Ok(name)) = name.as_deref().map(parse_name) else {
            note(&safe(&format!("-- left out {}: the file service has no such names", path.display())));
            continue;
        };
        let kind = entry.file_type().map_err(|error| local(&path, &error))?;
        match () {
            () if kind.is_dir() => walk(&path, name.as_str(), found)?,
            () if kind.is_file() => found.push(Outgoing { path, name }),
            () if kind.is_symlink() => note(&safe(&format!("-- left out {}: it is a link", path.display()))),
            () => note(&safe(&format!("-- left out {}: it is no file", path.display()))),
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(written: &Path, called: Option<&str>, recursive: bool) -> Vec<String> {
        gather(written, called, recursive).unwrap().iter().map(|one| one.name.to_string()).collect()
    }

    #[test]
    fn a_link_in_a_folder_is_not_followed_and_one_that_is_named_is() {
        let folder = tempfile::tempdir().unwrap();
        let (root, secret) = (folder.path().join("photos"), folder.path().join("secret"));
        std::fs::create_dir(&root).unwrap();
        std::fs::write(&secret, "s").unwrap();
        std::fs::write(root.join("cat"), "c").unwrap();
        std::os::unix::fs::symlink(&secret, root.join("link")).unwrap();
        assert_eq!(names(&root, None, true), ["photos/cat"]);
        assert_eq!(names(&root.join("link"), None, false), ["link"]);
    }

    #[test]
    fn a_folder_is_taken_whole_and_what_has_no_name_there_is_left_out() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path().join("notes");
        std::fs::create_dir_all(root.join("deep/er")).unwrap();
        std::fs::create_dir(root.join(".git")).unwrap();
        for file in ["b", "a", "deep/er/c", ".git/config", ".hidden"] {
            std::fs::write(root.join(file), file).unwrap();
        }
        std::os::unix::fs::symlink(&root, root.join("circle")).unwrap();
        assert_eq!(names(&root, None, true), ["notes/a", "notes/b", "notes/deep/er/c"]);
        assert_eq!(names(&root, Some("x/y"), true), ["x/y/a", "x/y/b", "x/y/deep/er/c"]);
        assert_eq!(names(&root, None, false), ["notes"], "which is refused as no file when it is sent");
    }

    #[test]
    fn a_pattern_that_no_shell_has_expanded_is_expanded() {
        let folder = tempfile::tempdir().unwrap();
        ["b.txt", "a.txt", "c.md", "d[1].txt"].iter().for_each(|name| {
            std::fs::write(folder.path().join(name), "x").unwrap();
        });
        assert_eq!(names(&folder.path().join("[ab].txt"), None, false), ["a.txt", "b.txt"]);
        assert_eq!(names(&folder.path().join("d[1].txt"), None, false), ["d[1].txt"], "it is there as it is");
        assert_eq!(gather(&folder.path().join("*.pdf"), None, false).unwrap_err().exit(), 2);
        assert_eq!(gather(&folder.path().join("*.txt"), Some("x"), false).unwrap_err().exit(), 2);
    }
}
