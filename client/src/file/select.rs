//! Which files of the service are meant.

use engine::file::{Entry, FileName};
use glob::{MatchOptions, Pattern};

use super::Options;
use super::list::entries;
use super::put::parse_name;
use crate::errors::{Failure, Outcome};

/// A star stands for anything but a slash, two stars for folders too.
const AS_IN_A_SHELL: MatchOptions =
    MatchOptions { case_sensitive: true, require_literal_separator: true, require_literal_leading_dot: true };

/// What somebody wrote, and what that means.
pub(super) enum Selection {
    /// One name, which may be there or not.
    One(FileName),
    /// These, which are there.
    Many(Vec<Entry>),
}

/// Finds out what is meant: a name, a pattern, or a folder with all that is in it.
pub(super) async fn select(options: &Options, written: &str, recursive: bool) -> Outcome<Selection> {
    let found = match (is_pattern(written), recursive) {
        (false, false) => return Ok(Selection::One(parse_name(written)?)),
        (true, _) => matching(options, written).await?,
        (false, true) => {
            let folder = parse_name(written.trim_end_matches('/'))?;
            entries(options, &format!("{folder}/")).await?
        }
    };
    match found.is_empty() {
        true => Err(Failure::Refused {
            code: "not_found".into(),
            words: format!("there is no file like {written}; `client ls` shows what there is"),
        }),
        false => Ok(Selection::Many(found)),
    }
}

/// The files whose names are like the pattern; a file that has just that name is meant alone.
pub(super) async fn matching(options: &Options, written: &str) -> Outcome<Vec<Entry>> {
    let pattern = Pattern::new(written).map_err(|error| Failure::Usage(format!("{written}: {error}")))?;
    let mut found = entries(options, literal_start(written)).await?;
    match found.iter().position(|entry| entry.name.as_str() == written) {
        Some(at) => Ok(vec![found.swap_remove(at)]),
        None => {
            found.retain(|entry| pattern.matches_with(entry.name.as_str(), AS_IN_A_SHELL));
            Ok(found)
        }
    }
}

/// Whether a name has something in it that stands for other letters.
pub(super) fn is_pattern(written: &str) -> bool {
    written.contains(['*', '?', '['])
}

fn literal_start(pattern: &str) -> &str {
    &pattern[..pattern.find(['*', '?', '[']).unwrap_or(pattern.len())]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stars_stop_at_folders() {
        let like = |pattern: &str, name: &str| {
            assert!(name.starts_with(literal_start(pattern)) || !is_pattern(pattern));
            Pattern::new(pattern).unwrap().matches_with(name, AS_IN_A_SHELL)
        };
        assert!(like("notes/*.txt", "notes/a.txt") && !like("notes/*.txt", "notes/deep/a.txt"));
        assert!(like("notes/**/*.txt", "notes/deep/er/a.txt"));
        assert!(like("notes/**", "notes/a") && like("notes/**", "notes/deep/er/a.txt"));
        assert!(like("a?[bc]", "axc") && !like("a?[bc]", "axd"));
    }
}
