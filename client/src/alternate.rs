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
    use std::process::{Command, Output};
    use std::time::Duration;

    use super::*;

    /// Set for the run that is to panic.
    const PANICS: &str = "PARLANCE_TEST_PANICS";

    fn tmux(args: &[&str]) -> io::Result<Output> {
        let socket = format!("parlance-panic-{}", std::process::id());
        Command::new("tmux").args(["-L", &socket, "-f", "/dev/null"]).args(args).output()
    }

    #[test]
    fn a_panic_gives_the_terminal_back_before_it_speaks() {
        if std::env::var_os(PANICS).is_some() {
            let _screen = AlternateScreen::take(true).unwrap();
            panic!("on purpose");
        }
        let own = std::env::current_exe().unwrap();
        let name = "alternate::tests::a_panic_gives_the_terminal_back_before_it_speaks";
        let run = format!(
            "{PANICS}=1 RUST_BACKTRACE=0 '{}' --exact {name} --nocapture; stty -a; read -r REPLY",
            own.display()
        );
        let Ok(opened) = tmux(&["new-session", "-d", "-s", "one", "-x", "100", "-y", "40", &run]) else {
            // Not by a macro, whose words the test harness would keep to itself.
            let words = b"SKIPPED: there is no tmux here, so nobody saw a panic on the screen\n";
            return io::stderr().write_all(words).unwrap();
        };
        assert!(opened.status.success(), "{opened:?}");
        let screens = std::iter::repeat_with(|| {
            std::thread::sleep(Duration::from_millis(50));
            let captured = tmux(&["capture-pane", "-p", "-t", "one"]).unwrap().stdout;
            String::from_utf8_lossy(&captured).into_owned()
        });
        let last = screens.take(600).find(|screen| screen.contains("icanon"));
        tmux(&["kill-server"]).unwrap();
        let last = last.unwrap();
        assert!(last.contains("on purpose") && !last.contains("-icanon"), "{last}");
    }
}
