//! How far a transfer is, for a person at a terminal.

use indicatif::{ProgressBar, ProgressStyle};

/// Fits 40 columns; on more the bar grows.
const SIZED: &str = "{msg:!14} {percent:>3}% {wide_bar} {binary_bytes_per_sec} {eta}";
const UNSIZED: &str = "{msg:!14} {binary_bytes} {binary_bytes_per_sec}";

/// A bar on standard error when that is a terminal, and nothing otherwise. It goes when it is dropped.
pub(super) struct Progress(ProgressBar);

impl Progress {
    /// A transfer of so many bytes, of which some may be done; without a size only the rate is shown.
    pub(super) fn start(what: &str, size: Option<u64>, done: u64) -> Self {
        let (bar, form) = match size {
            Some(size) => (ProgressBar::new(size), SIZED),
            None => (ProgressBar::no_length(), UNSIZED),
        };
        let style = ProgressStyle::with_template(form).expect("the form is a constant that parses");
        bar.set_style(style.progress_chars("=> "));
        bar.set_message(what.to_owned());
        bar.set_position(done);
        bar.reset_eta();
        Progress(bar)
    }

    /// More bytes have moved.
    pub(super) fn moved(&self, bytes: usize) {
        self.0.inc(bytes as u64);
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.0.finish_and_clear();
    }
}
