//! What a person does at the terminal: keys, pastes, the mouse, another size.

use std::io;
use std::time::Duration;

use crossterm::event::{Event, EventStream, poll, read};
use futures_util::StreamExt;

/// How long to look whether more has come; to crossterm no time at all means not to look (its issue 839).
const A_LOOK: Duration = Duration::from_micros(100);

/// The terminal's events, in their order. There is one reader of them at a time.
pub(super) struct Events(EventStream);

impl Events {
    /// Begins to read.
    pub(super) fn open() -> Self {
        Events(EventStream::new())
    }

    /// Waits for the next; may be given up without losing one. `None` when no more can come.
    ///
    /// # Errors
    /// The system's.
    pub(super) async fn next(&mut self) -> io::Result<Option<Event>> {
        self.0.next().await.transpose()
    }

    /// One more that has come together with the last, without waiting for it.
    ///
    /// Of a sequence that has come in part, nobody waits for the rest here: it is one of the next.
    ///
    /// The stream has a thread that waits, and each event of its own costs a turn of it: a page that is
    /// pasted would come in slowly.
    ///
    /// # Errors
    /// The system's.
    pub(super) fn at_hand(&mut self) -> io::Result<Option<Event>> {
        if poll(A_LOOK)? { read().map(Some) } else { Ok(None) }
    }
}

#[cfg(unix)]
#[cfg(test)]
mod tests {
    use rustix::event::{PollFd, PollFlags, poll};
    use tmux::Terminal;

    use super::*;
    use crate::alternate::AlternateScreen;

    /// Set for the run that is to look.
    const LOOKS: &str = "PARLANCE_TEST_LOOKS";

    fn look_when_something_came() {
        let screen = AlternateScreen::take(false).unwrap();
        println!("ready");
        let stdin = io::stdin();
        poll(&mut [PollFd::new(&stdin, PollFlags::IN)], None).unwrap();
        assert_eq!(Events::open().at_hand().unwrap(), None);
        drop(screen);
        println!("looked");
    }

    #[test]
    fn a_sequence_without_its_end_holds_nobody_up() {
        if std::env::var_os(LOOKS).is_some() {
            return look_when_something_came();
        }
        let own = std::env::current_exe().unwrap();
        let name = "chat::events::tests::a_sequence_without_its_end_holds_nobody_up";
        let run = format!("{LOOKS}=1 '{}' --exact {name} --nocapture", own.display());
        let Some(terminal) = Terminal::open(&run, 80, 12) else { return };
        terminal.shows("ready");
        terminal.types("\u{1b}[");
        terminal.shows("looked");
    }
}
