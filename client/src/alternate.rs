//! The terminal's alternate screen, and the way back from it however a run ends.

use std::io::{self, Stdout, Write as _, stdout};
use std::sync::Once;
use std::sync::atomic::{AtomicBool, Ordering};

use crossterm::cursor::{Hide, MoveTo, Show};
use crossterm::event::{
    DisableBracketedPaste, DisableMouseCapture, EnableBracketedPaste, EnableMouseCapture,
};
use crossterm::execute;
use crossterm::terminal::{
    Clear, ClearType, EnterAlternateScreen, LeaveAlternateScreen, disable_raw_mode, enable_raw_mode,
};
use ratatui::backend::CrosstermBackend;
use ratatui::{Frame, Terminal};

/// Whether the terminal is in a state from which it must be brought back.
static TAKEN: AtomicBool = AtomicBool::new(false);

/// The whole terminal. It is given back when this is dropped, and before a panic speaks.
pub(crate) struct AlternateScreen {
    terminal: Terminal<CrosstermBackend<Stdout>>,
    mouse: bool,
}

impl AlternateScreen {
    /// Takes the terminal.
    ///
    /// # Errors
    /// The system's.
    pub(crate) fn take(mouse: bool) -> io::Result<Self> {
        static HOOK: Once = Once::new();
        HOOK.call_once(give_back_before_a_panic_speaks);
        enter(mouse)?;
        let terminal = Terminal::new(CrosstermBackend::new(stdout())).inspect_err(|_| give_back())?;
        Ok(AlternateScreen { terminal, mouse })
    }

    /// Draws one frame.
    ///
    /// # Errors
    /// The system's.
    pub(crate) fn draw(&mut self, draw: impl FnOnce(&mut Frame<'_>)) -> io::Result<()> {
        self.terminal.draw(draw).map(|_| ())
    }

    /// Its columns and rows.
    ///
    /// # Errors
    /// The system's.
    pub(crate) fn size(&self) -> io::Result<(u16, u16)> {
        self.terminal.size().map(|size| (size.width, size.height))
    }

    /// Whether nobody can see it any more. Who reads from such a terminal is told of neither keys nor an end.
    pub(crate) fn is_gone(&self) -> bool {
        is_hung_up()
    }

    /// Makes the next frame draw everything anew.
    ///
    /// # Errors
    /// The system's.
    pub(crate) fn forget(&mut self) -> io::Result<()> {
        // Not by `clear`: that asks the terminal where the cursor is, and whoever waits for keys takes the
        // answer away; a serial line gives none.
        let size = self.terminal.size()?;
        self.terminal.resize(size.into())
    }

    /// Shows lines with nothing beside them, and leaves it to the terminal to break them and to have the
    /// mouse, until [`AlternateScreen::show_whole`].
    ///
    /// # Errors
    /// The system's.
    pub(crate) fn show_bare(&mut self, lines: &[String]) -> io::Result<()> {
        execute!(stdout(), DisableMouseCapture, Hide, Clear(ClearType::All), MoveTo(0, 0))?;
        stdout().write_all(lines.join("\r\n").as_bytes())?;
        stdout().flush()
    }

    /// Makes the next frame draw everything again.
    ///
    /// # Errors
    /// The system's.
    pub(crate) fn show_whole(&mut self) -> io::Result<()> {
        if self.mouse {
            execute!(stdout(), EnableMouseCapture)?;
        }
        self.forget()
    }

    /// Rings the bell.
    ///
    /// # Errors
    /// The system's.
    pub(crate) fn ring(&mut self) -> io::Result<()> {
        stdout().write_all(b"\x07")?;
        stdout().flush()
    }

    /// Gives the terminal back, stops as Ctrl-Z stops a program, and takes it again afterwards.
    ///
    /// # Errors
    /// The system's.
    pub(crate) fn suspend(&mut self) -> io::Result<()> {
        give_back();
        stop()?;
        enter(self.mouse)?;
        self.forget()
    }
}

impl Drop for AlternateScreen {
    fn drop(&mut self) {
        give_back();
    }
}

fn enter(mouse: bool) -> io::Result<()> {
    TAKEN.store(true, Ordering::SeqCst);
    let entered = enable_raw_mode().and_then(|()| {
        wait_for_no_byte()?;
        execute!(stdout(), EnterAlternateScreen, EnableBracketedPaste)?;
        if mouse { execute!(stdout(), EnableMouseCapture) } else { Ok(()) }
    });
    entered.inspect_err(|_| give_back())
}

/// A terminal that is gone can't be given back, and whoever ends has other troubles.
fn give_back() {
    if TAKEN.swap(false, Ordering::SeqCst) {
        let _ = execute!(stdout(), DisableMouseCapture, DisableBracketedPaste, LeaveAlternateScreen, Show);
        let _ = disable_raw_mode();
    }
}

fn give_back_before_a_panic_speaks() {
    let speak = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |panic| {
        give_back();
        speak(panic);
    }));
}

/// Of a sequence that has come in part crossterm reads the rest at once, and keys, sizes and the screen would wait
/// until it comes; now it waits for the terminal to have more instead. VMIN and VTIME as in POSIX.1-2024, 11.1.7.
#[cfg(unix)]
fn wait_for_no_byte() -> io::Result<()> {
    use rustix::termios::{OptionalActions, SpecialCodeIndex, tcgetattr, tcsetattr};
    let mut modes = tcgetattr(io::stdin())?;
    modes.special_codes[SpecialCodeIndex::VMIN] = 0;
    modes.special_codes[SpecialCodeIndex::VTIME] = 0;
    Ok(tcsetattr(io::stdin(), OptionalActions::Now, &modes)?)
}

#[cfg(not(unix))]
fn wait_for_no_byte() -> io::Result<()> {
    Ok(())
}

#[cfg(unix)]
fn is_hung_up() -> bool {
    use rustix::event::{PollFd, PollFlags, Timespec, poll};
    let stdin = io::stdin();
    let mut terminal = [PollFd::new(&stdin, PollFlags::empty())];
    let looked = poll(&mut terminal, Some(&Timespec { tv_sec: 0, tv_nsec: 0 }));
    looked.is_ok() && terminal[0].revents().intersects(PollFlags::HUP | PollFlags::ERR)
}

#[cfg(not(unix))]
fn is_hung_up() -> bool {
    false
}

/// As the terminal itself does it: the whole job stops, whatever started it.
#[cfg(unix)]
fn stop() -> io::Result<()> {
    use rustix::process::{Signal, kill_current_process_group};
    Ok(kill_current_process_group(Signal::TSTP)?)
}

#[cfg(not(unix))]
fn stop() -> io::Result<()> {
    Ok(())
}

#[cfg(test)]
mod tests {
    use tmux::Terminal;

    use super::*;

    /// Set for the run that is to panic.
    const PANICS: &str = "PARLANCE_TEST_PANICS";

    #[test]
    fn a_panic_gives_the_terminal_back_before_it_speaks() {
        if std::env::var_os(PANICS).is_some() {
            let _screen = AlternateScreen::take(true).unwrap();
            panic!("on purpose");
        }
        let own = std::env::current_exe().unwrap();
        let name = "alternate::tests::a_panic_gives_the_terminal_back_before_it_speaks";
        let run =
            format!("{PANICS}=1 RUST_BACKTRACE=0 '{}' --exact {name} --nocapture; stty -a", own.display());
        let Some(terminal) = Terminal::open(&run, 100, 40) else { return };
        let last = terminal.shows("icanon");
        assert!(last.contains("on purpose") && !last.contains("-icanon"), "{last}");
    }
}
