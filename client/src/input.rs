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
/// nobody but this thread may begin one, and whoever asks next gets the line that comes next.
pub(crate) struct Input {
    lines: mpsc::Receiver<Typed>,
}

impl Input {
    /// Begins to read.
    pub(crate) fn open() -> Self {
        // Room for one: a pipe is read only as fast as its lines are used.
        let (to, lines) = mpsc::channel(1);
        std::thread::spawn(move || read(&mut io::stdin().lock(), &to));
        Input { lines }
    }

    /// The next line; may be given up and asked again without losing one.
    pub(crate) async fn next(&mut self) -> Typed {
        self.lines.recv().await.unwrap_or(Typed::End)
    }
}

fn read(from: &mut impl BufRead, to: &mpsc::Sender<Typed>) {
    let mut line = Vec::new();
    loop {
        line.clear();
        let typed = match from.read_until(b'\n', &mut line) {
            Ok(0) => Typed::End,
            Ok(_) => Typed::Line(text(&line)),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
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
    fn lines_come_in_order_and_the_end_is_told() {
        let (to, mut lines) = mpsc::channel(8);
        let mut input: &[u8] = b"one\r\n\n\xffthree";
        std::thread::scope(|scope| {
            let reader = scope.spawn(|| read(&mut input, &to));
            let wanted = ["one", "", "\u{fffd}three"].map(|line| Typed::Line(line.into()));
            for line in wanted.into_iter().chain([Typed::End]) {
                assert_eq!(lines.blocking_recv(), Some(line));
            }
            drop(lines);
            reader.join().unwrap();
        });
    }
}
