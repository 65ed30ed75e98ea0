//! How far transfers are, for a person at a terminal.

use indicatif::{MultiProgress, ProgressBar, ProgressStyle};

use crate::errors::Outcome;
use crate::terminal::{note, print, print_words, safe};

/// What a bar looks like; a name takes fourteen columns, and the bar what the rest leaves.
const SIZED: &str = "{msg:!14} {percent:>3}% {wide_bar} {binary_bytes_per_sec} {eta}";
const UNSIZED: &str = "{msg:!14} {binary_bytes} {binary_bytes_per_sec}";
const FILES: &str = "{msg:!14} {pos} of {len}";
/// From this width on each of them fits.
const WIDE: u16 = 44;
/// The same for a narrower terminal.
const NARROW: [(&str, &str); 2] =
    [(SIZED, "{msg:!10} {percent:>3}% {eta}"), (UNSIZED, "{msg:!10} {binary_bytes}")];

/// The bars of all transfers, one below the other on standard error when that is a terminal, and what is
/// printed meanwhile above them.
#[derive(Clone, Default)]
pub(crate) struct Bars(MultiProgress);

impl Bars {
    /// The bar of a transfer of so many bytes, of which some may be done; without a size only the rate is
    /// shown.
    pub(super) fn transfer(&self, what: &str, size: Option<u64>, done: u64) -> Progress {
        let (bar, form) = match size {
            Some(size) => (ProgressBar::new(size), SIZED),
            None => (ProgressBar::no_length(), UNSIZED),
        };
        self.add(bar.with_position(done), form, what)
    }

    /// How many of the files are done; one alone needs no count.
    pub(super) fn files(&self, count: usize) -> Progress {
        match count {
            0 | 1 => Progress(ProgressBar::hidden()),
            _ => self.add(ProgressBar::new(count as u64), FILES, "files"),
        }
    }

    fn add(&self, bar: ProgressBar, form: &str, what: &str) -> Progress {
        let style = ProgressStyle::with_template(fitting(form, columns()))
            .expect("the form is a constant that parses");
        let bar = bar.with_style(style.progress_chars("=> ")).with_message(safe(what).into_owned());
        // Only now: what draws before that is left on the terminal.
        let bar = self.0.insert(0, bar);
        bar.reset_eta();
        Progress(bar)
    }

    /// Prints a line of the output for a program.
    pub(super) fn print_object(&self, object: &str) -> Outcome {
        self.above(|| print(object))
    }

    /// Prints a line of the output for a person.
    pub(super) fn print(&self, line: &str) -> Outcome {
        self.above(|| print_words(&safe(line)))
    }

    /// Tells the person something that is no part of the output.
    pub(super) fn note(&self, line: &str) {
        self.above(|| note(&safe(line)));
    }

    /// Writes to the terminal while no bar is there.
    pub(super) fn above<T>(&self, write: impl FnOnce() -> T) -> T {
        self.0.suspend(write)
    }
}

/// The form, or what stands for it on a terminal of so many columns.
fn fitting(form: &str, columns: u16) -> &str {
    let narrow = NARROW.iter().find(|(wide, _)| *wide == form && columns < WIDE);
    narrow.map_or(form, |(_, narrow)| narrow)
}

fn columns() -> u16 {
    crossterm::terminal::size().map_or(WIDE, |(columns, _)| columns)
}

/// One bar. It goes when it is dropped.
pub(super) struct Progress(ProgressBar);

impl Progress {
    /// More bytes, or files, are done.
    pub(super) fn moved(&self, more: usize) {
        self.0.inc(more as u64);
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.0.finish_and_clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_narrow_terminal_has_forms_that_fit() {
        for form in [SIZED, UNSIZED] {
            assert_eq!(fitting(form, WIDE), form);
            assert_ne!(fitting(form, 30), form);
        }
        assert_eq!(fitting(FILES, 30), FILES);
    }
}
