//! What of a folder is not sent, and what that means for whoever asked for all of it.

use std::path::PathBuf;

use crate::errors::{Failure, Outcome, counted};

/// Paths of one kind that are named; more are counted.
const NAMED: usize = 3;

/// What stays here. As rsync does, links and what is no file are told of and are no failure: nobody can
/// expect a file of them. A file that has no name there was asked for and does not arrive.
#[derive(Debug, Default)]
pub(super) struct LeftOut {
    pub(super) links: Vec<PathBuf>,
    pub(super) special: Vec<PathBuf>,
    /// Files and folders whose names the service does not take.
    pub(super) unnamed: Vec<PathBuf>,
}

impl LeftOut {
    /// All of it in one line; nothing when nothing was left out.
    pub(super) fn words(&self) -> Option<String> {
        let kinds = [
            ("link", "links", &self.links),
            ("pipe or device", "pipes or devices", &self.special),
            ("name that the service does not take", "names that the service does not take", &self.unnamed),
        ];
        let told = kinds.into_iter().filter(|(_, _, paths)| !paths.is_empty());
        let told: Vec<String> = told.map(|(one, many, paths)| told_of(paths, one, many)).collect();
        (!told.is_empty()).then(|| format!("-- left out {}", told.join("; ")))
    }

    /// Whether all that was asked for could be sent.
    pub(super) fn verdict(&self) -> Outcome {
        match self.unnamed.len() {
            0 => Ok(()),
            count => Err(Failure::LeftOut(count)),
        }
    }
}

fn told_of(paths: &[PathBuf], one: &str, many: &str) -> String {
    let named: Vec<String> = paths.iter().take(NAMED).map(|path| path.display().to_string()).collect();
    let more = if paths.len() > NAMED { ", …" } else { "" };
    format!("{}: {}{more}", counted(paths.len(), one, many), named.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_of_it_is_one_line_and_only_files_that_are_missed_are_a_failure() {
        let mut left_out = LeftOut::default();
        assert_eq!((left_out.words(), left_out.verdict().is_ok()), (None, true));
        left_out.links = ["a", "b", "c", "d"].map(PathBuf::from).into();
        left_out.special = vec!["pipe".into()];
        assert!(left_out.verdict().is_ok());
        let links = "-- left out 4 links: a, b, c, …; 1 pipe or device: pipe";
        assert_eq!(left_out.words().unwrap(), links);
        left_out.unnamed = vec![".git".into(), ".x".into()];
        let all = format!("{links}; 2 names that the service does not take: .git, .x");
        assert_eq!(left_out.words().unwrap(), all);
        let failure = left_out.verdict().unwrap_err();
        assert_eq!((failure.to_string().as_str(), failure.exit()), ("2 files were left out", 6));
    }
}
