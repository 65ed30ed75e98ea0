//! Which files of the service are meant.

use engine::file::{Entry, FileName};
use glob::{MatchOptions, Pattern};

use super::list::{entries, is_folder};
use super::{Options, parse_name};
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
    match &found[..] {
        [] => Err(Failure::Refused {
            code: "not_found".into(),
            words: format!("there is no file like {written}; `client ls` shows what there is"),
        }),
        // A name may look like a pattern.
        [one] if one.name.as_str() == written => Ok(Selection::One(one.name.clone())),
        _ => Ok(Selection::Many(found)),
    }
}

/// What there is under something that somebody wrote.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Found {
    File,
    /// Those that are like a pattern.
    Files,
    Folder,
}

/// Looks what there is, for whoever is to say where to put it.
///
/// # Errors
/// Nothing is there, or the service can't be asked.
pub(crate) async fn find(options: &Options, written: &str) -> Outcome<Found> {
    let Selection::One(name) = select(options, written, false).await? else { return Ok(Found::Files) };
    match options.open().await?.stat(&name).await {
        Ok(_) => Ok(Found::File),
        Err(failure) if is_folder(options, &name, &failure).await => Ok(Found::Folder),
        Err(failure) => Err(failure),
    }
}

/// The files whose names are like the pattern; a file that has just that name is meant alone.
pub(super) async fn matching(options: &Options, written: &str) -> Outcome<Vec<Entry>> {
    let mut found = entries(options, literal_start(written)).await?;
    if let Some(at) = found.iter().position(|entry| entry.name.as_str() == written) {
        return Ok(vec![found.swap_remove(at)]);
    }
    let pattern = Pattern::new(written).map_err(|error| Failure::Usage(format!("{written}: {error}")))?;
    found.retain(|entry| pattern.matches_with(entry.name.as_str(), AS_IN_A_SHELL));
    Ok(found)
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
