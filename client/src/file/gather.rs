//! Which local files are meant, and what each is to be called there.

use std::fs::DirEntry;
use std::path::{Path, PathBuf};

use engine::file::FileName;

use super::left_out::LeftOut;
use super::{local, parse_name};
use crate::errors::{Failure, Outcome};

/// A local file on its way out.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Outgoing {
    pub(super) path: PathBuf,
    pub(super) name: FileName,
}

/// What is to be sent, in its order, and what is not.
#[derive(Debug, Default)]
pub(super) struct Gathered {
    /// A folder that can't be read is one file that can't be sent, and stops no other.
    pub(super) outgoing: Vec<Outcome<Outgoing>>,
    pub(super) left_out: LeftOut,
}

impl Gathered {
    /// Adds the files behind what was written, in their order. A folder is taken with all that is in it when
    /// that is wanted, under its own name or the one that it was called.
    pub(super) fn add(&mut self, written: &Path, called: Option<&str>, recursive: bool) -> Outcome {
        let paths = expanded(written)?;
        if called.is_some() && !recursive && paths.len() > 1 {
            return Err(Failure::Usage("--as names one file, and there are several".into()));
        }
        for path in paths {
            let name = name_of(&path, called)?;
            match path.is_dir() && recursive {
                true => self.add_folder(&path, &name),
                false => self.outgoing.push(Ok(Outgoing { path, name })),
            }
        }
        Ok(())
    }

    /// Everything in a folder, sorted by name.
    fn add_folder(&mut self, folder: &Path, called: &FileName) {
        let entries = std::fs::read_dir(folder).and_then(Iterator::collect::<Result<Vec<_>, _>>);
        match entries {
            Ok(mut entries) => {
                entries.sort_by_key(DirEntry::file_name);
                entries.iter().for_each(|entry| self.add_entry(entry, called));
            }
            Err(error) => self.outgoing.push(Err(local(folder, &error))),
        }
    }

    /// Links are not followed: they may lead in circles, or to what is not meant to be given away.
    fn add_entry(&mut self, entry: &DirEntry, called: &FileName) {
        let path = entry.path();
        let own = entry.file_name();
        let name = own.to_str().and_then(|own| parse_name(&format!("{called}/{own}")).ok());
        match (entry.file_type(), name) {
            (Err(error), _) => self.outgoing.push(Err(local(&path, &error))),
            (Ok(kind), _) if kind.is_symlink() => self.left_out.links.push(path),
            (Ok(kind), _) if !kind.is_dir() && !kind.is_file() => self.left_out.special.push(path),
            (Ok(_), None) => self.left_out.unnamed.push(path),
            (Ok(kind), Some(name)) if kind.is_dir() => self.add_folder(&path, &name),
            (Ok(_), Some(name)) => self.outgoing.push(Ok(Outgoing { path, name })),
        }
    }
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

/// What a file is called there: as it was told, or by its own name. Who has told a name knows how.
fn name_of(path: &Path, called: Option<&str>) -> Outcome<FileName> {
    if let Some(called) = called {
        return parse_name(called);
    }
    let own = path.file_name().and_then(|name| name.to_str());
    let needs = || Failure::Usage(format!("{} needs a name there: --as NAME", path.display()));
    parse_name(own.ok_or_else(needs)?)
        .map_err(|failure| Failure::Usage(format!("{failure}; another is --as NAME")))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn gathered(written: &Path, called: Option<&str>, recursive: bool) -> Outcome<Gathered> {
        let mut gathered = Gathered::default();
        gathered.add(written, called, recursive).map(|()| gathered)
    }

    fn names(written: &Path, called: Option<&str>, recursive: bool) -> Vec<String> {
        let outgoing = gathered(written, called, recursive).unwrap().outgoing;
        outgoing.into_iter().map(|one| one.unwrap().name.to_string()).collect()
    }

    #[test]
    fn a_file_has_its_own_name_unless_told() {
        let name = |path: &str, called| name_of(Path::new(path), called).map(|name| name.to_string()).ok();
        assert_eq!(name("some/where/a b.txt", None).as_deref(), Some("a b.txt"));
        assert_eq!(name("a.txt", Some("notes/b.txt")).as_deref(), Some("notes/b.txt"));
        assert_eq!(name("/", None), None);
        assert_eq!(name(".bashrc", None), None, "no part of a name begins with a dot");
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
        let left_out = gathered(&root, None, true).unwrap().left_out;
        assert_eq!(left_out.links, [root.join("circle")]);
        assert_eq!(left_out.unnamed, [root.join(".git"), root.join(".hidden")]);
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
        assert_eq!(gathered(&folder.path().join("*.pdf"), None, false).unwrap_err().exit(), 2);
        assert_eq!(gathered(&folder.path().join("*.txt"), Some("x"), false).unwrap_err().exit(), 2);
    }
}
