//! The terminal while a panel has it: its other screen, its size, and the way back however a run ends.
//!
//! On the other screen nothing is broken anew when the terminal becomes narrower, nothing scrolls, and what was
//! there before is there again afterwards. Each frame says every row anew from its first column, so nothing of
//! an older one is left, whatever size that was for.

use std::io::{self, Write, stderr};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, Once};
use std::thread;

use nix::unistd::{getpgrp, tcgetpgrp};
use rustix::termios::tcgetwinsize;
use signal_hook::consts::{SIGTSTP, SIGTTIN, SIGWINCH};
use signal_hook::iterator::Signals;
use signal_hook::low_level::raise;

use super::panel::Panel;
use crate::recorder::Recorder;
use crate::timeline::Second;

/// To the other screen and back (xterm, private mode 1049), no breaking of long lines (DECAWM), no cursor
/// (DECTCEM). Before the way back it is wiped, for a terminal that has only one.
const TAKE: &str = "\x1b[?1049h\x1b[?7l\x1b[?25l";
const GIVE_BACK: &str = "\x1b[H\x1b[2J\x1b[?7h\x1b[?25h\x1b[?1049l";
/// A frame is to be shown as a whole, where the terminal can do that (private mode 2026).
const WHOLE: (&str, &str) = ("\x1b[?2026h", "\x1b[?2026l");
/// Of a terminal that does not know its size.
const USUAL: (u16, u16) = (80, 24);

/// Whether the terminal must be given back.
static TAKEN: AtomicBool = AtomicBool::new(false);

/// A panel on the terminal at standard error. It is given back when this is dropped, and before a panic speaks.
#[derive(Debug)]
pub struct Screen {
    panel: Arc<Mutex<Panel>>,
}

impl Screen {
    /// Takes the terminal as soon as there is something to show. From now on Ctrl-Z is ours to heed, so there is
    /// one screen in a process.
    ///
    /// # Errors
    /// When the system does not tell about signals, or gives no thread.
    pub fn new(panel: Panel) -> io::Result<Self> {
        static HOOK: Once = Once::new();
        HOOK.call_once(give_back_before_a_panic_speaks);
        let panel = Arc::new(Mutex::new(panel));
        let (signals, shown) = (Signals::new([SIGWINCH, SIGTSTP])?, Arc::clone(&panel));
        thread::Builder::new().name("lg-screen".into()).spawn(move || heed(signals, &shown))?;
        Ok(Screen { panel })
    }

    /// Shows how many users have joined.
    pub(super) fn joining(&self, present: u32, all: u32) {
        let mut panel = lock(&self.panel);
        panel.joined(present, all);
        draw(&panel);
    }

    /// Shows a second, and what was recorded in all of them.
    pub(super) fn second(&self, second: &Second, total: &Recorder) {
        let mut panel = lock(&self.panel);
        panel.note(second, total);
        draw(&panel);
    }

    /// Gives the terminal back until there is something to show again.
    pub(super) fn leave(&self) {
        // Whoever draws is done with it.
        let _panel = self.panel.lock();
        give_back();
    }
}

impl Drop for Screen {
    fn drop(&mut self) {
        self.leave();
    }
}

/// Gives the terminal back, if it was taken.
pub fn give_back() {
    if TAKEN.swap(false, Ordering::SeqCst) {
        write(GIVE_BACK);
    }
}

fn take() {
    if !TAKEN.swap(true, Ordering::SeqCst) {
        write(TAKE);
    }
}

fn draw(panel: &Panel) {
    if is_in_front() {
        take();
        show(panel);
    }
}

/// Draws anew. Until there is something to show, and again once that is over, the terminal is not ours.
fn redraw(panel: &Panel) {
    if TAKEN.load(Ordering::SeqCst) {
        show(panel);
    }
}

fn show(panel: &Panel) {
    let (columns, rows) = size();
    write(&format!("{}{}{}", WHOLE.0, panel.frame(columns, rows), WHOLE.1));
}

/// The terminal's columns and rows at this moment.
fn size() -> (u16, u16) {
    match tcgetwinsize(stderr()) {
        Ok(size) if size.ws_col > 0 && size.ws_row > 0 => (size.ws_col, size.ws_row),
        _ => USUAL,
    }
}

/// Whether the terminal is ours to draw on: behind a shell's `bg` it is the shell's. Groups that began outside of
/// our process namespace are all called 0 (pid_namespaces(7)), and of them it can't be told; rustix's IDs can't
/// even be 0.
fn is_in_front() -> bool {
    tcgetpgrp(stderr()).ok().is_none_or(|front| front == getpgrp())
}

/// Does what the terminal's signals want as long as the process lives, also when nothing is shown any more: a
/// signal that was ours once never gets its default action back. On a thread of its own, for the run's is busy
/// for seconds with a large plan or a large report.
fn heed(mut signals: Signals, panel: &Mutex<Panel>) {
    for signal in signals.forever() {
        let panel = lock(panel);
        if signal == SIGTSTP { stop(&panel) } else { redraw(&panel) }
    }
}

/// As Ctrl-Z stops any other program; returns when it goes on. Nobody draws meanwhile. SIGTTIN stops as SIGTSTP does,
/// and is not handled here; both do nothing where no shell could let us go on, and only the kernel knows whether that
/// is so (POSIX.1-2024, 2.4.3: orphaned process groups).
fn stop(panel: &Panel) {
    let was_taken = TAKEN.load(Ordering::SeqCst);
    give_back();
    // Whoever may not stop goes on.
    let _ = raise(SIGTTIN);
    if was_taken {
        draw(panel);
    }
}

/// A terminal that is gone does not want to know; the run goes on.
fn write(text: &str) {
    let mut out = stderr().lock();
    let _ = out.write_all(text.as_bytes()).and_then(|()| out.flush());
}

fn lock(panel: &Mutex<Panel>) -> MutexGuard<'_, Panel> {
    panel.lock().expect("nothing panics while it draws")
}

fn give_back_before_a_panic_speaks() {
    let speak = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |panic| {
        give_back();
        speak(panic);
    }));
}

#[cfg(test)]
mod tests {
    use tmux::Terminal;
    use tokio::runtime::Builder;

    use super::*;

    /// Set for the run that is to panic.
    const PANICS: &str = "PARLANCE_TEST_PANICS";

    fn panic_while_it_is_shown() {
        Builder::new_current_thread().enable_all().build().unwrap().block_on(async {
            let screen = Screen::new(Panel::new(1, false)).unwrap();
            screen.joining(1, 2);
            panic!("on purpose");
        });
    }

    #[test]
    fn a_panic_gives_the_terminal_back_before_it_speaks() {
        if std::env::var_os(PANICS).is_some() {
            return panic_while_it_is_shown();
        }
        let own = std::env::current_exe().unwrap();
        let name = "audience::screen::tests::a_panic_gives_the_terminal_back_before_it_speaks";
        let run =
            format!("{PANICS}=1 RUST_BACKTRACE=0 '{}' --exact {name} --nocapture; echo over", own.display());
        let Some(terminal) = Terminal::open(&run, 100, 40) else { return };
        let last = terminal.shows("over");
        assert!(last.contains("on purpose") && !last.contains("joining"), "{last}");
        assert!(!terminal.is_alternate() && terminal.has_cursor(), "the first screen, and a cursor on it");
    }
}
