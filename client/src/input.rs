//! The lines that a person types, or that a pipe brings.

use std::io::{self, BufRead};

use tokio::sync::mpsc;

/// What came from standard input.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Typed {
    /// A line without its end; bytes that are no UTF-8 are shown as such.
    Line(String),
    /// The end; a terminal may go on after it.
    End,
}

/// Standard input, read by one thread for the whole run: a read that waits can't be taken back, so
/// nobody but this thread may begin one, and whoever asks next gets the line that comes next. It reads
/// only when it is asked, so that between two lines a screen may have the keys.
pub(crate) struct Input {
    wanted: mpsc::Sender<()>,
    lines: mpsc::Receiver<Typed>,
    /// Whether a line is asked for that has not come yet.
    asked: bool,
}

impl Input {
    /// Makes ready to read.
    pub(crate) fn open() -> Self {
        let (wanted, asked_for) = mpsc::channel(1);
        let (to, lines) = mpsc::channel(1);
        std::thread::spawn(move || read(&mut io::stdin().lock(), asked_for, &to));
        Input { wanted, lines, asked: false }
    }

    /// The next line; may be given up and asked again without losing one.
    pub(crate) async fn next(&mut self) -> Typed {
        if !self.asked {
            // Nobody listens any more when reading has failed.
            self.asked = self.wanted.send(()).await.is_ok();
        }
        let typed = self.lines.recv().await.unwrap_or(Typed::End);
        self.asked = false;
        typed
    }
}

fn read(from: &mut impl BufRead, mut asked_for: mpsc::Receiver<()>, to: &mpsc::Sender<Typed>) {
    let mut line = Vec::new();
    while asked_for.blocking_recv().is_some() {
        line.clear();
        // A read that a signal interrupts is begun again by the library.
        let typed = match from.read_until(b'\n', &mut line) {
            Ok(0) => Typed::End,
            Ok(_) => Typed::Line(text(&line)),
            Err(_) => return,
        };
        if to.blocking_send(typed).is_err() {
            return;
        }
    }
}

fn text(line: &[u8]) -> String {
    let line = line.strip_suffix(b"\n").unwrap_or(line);
    let line = line.strip_suffix(b"\r").unwrap_or(line);
    String::from_utf8_lossy(line).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_come_in_order_and_only_when_asked_for() {
        let (to, mut lines) = mpsc::channel(8);
        let (wanted, asked_for) = mpsc::channel(8);
        let mut input: &[u8] = b"one\r\n\n\xffthree";
        (0..4).for_each(|_| wanted.try_send(()).unwrap());
        drop(wanted);
        read(&mut input, asked_for, &to);
        drop(to);
        let wanted = ["one", "", "\u{fffd}three"].map(|line| Typed::Line(line.into()));
        for line in wanted.into_iter().chain([Typed::End]) {
            assert_eq!(lines.blocking_recv(), Some(line));
        }
        assert_eq!(lines.blocking_recv(), None, "nothing is read that nobody asked for");
    }
}
