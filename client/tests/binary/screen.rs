//! The whole-screen chat as a person has it: the real binary in a real terminal.

use std::fs;
use std::process::Command;
use std::sync::mpsc::channel;
use std::thread;
use std::time::Duration;

use insta::assert_snapshot;
use tmux::Terminal;

use crate::scripted::{nobody, serve};
use crate::terminal;

/// Nothing answers the questions that a screen asks beside the chat, so it must not wait for them.
const PATIENT: [&str; 4] = ["--timeout", "10m", "chat", "lobby"];

/// Far longer than any machine needs.
const PATIENCE: Duration = Duration::from_secs(30);

fn chat(at: &str, wide: u32, high: u32) -> Option<Terminal> {
    let gone = nobody();
    terminal::open(&[&["--chat", at, "--info", &gone], &PATIENT[..]].concat(), wide, high)
}

/// After the end: the exit code, the shell's screen, and a terminal that edits and echoes lines.
fn given_back(terminal: &Terminal, exit: &str) {
    let screen = terminal.until(|screen| screen.contains(exit) && screen.contains("echo"));
    assert!(screen.lines().any(|line| line.trim() == "icanon echo"), "{screen}");
    assert!(!terminal.is_alternate());
}

/// A screen 80 columns wide without how long the played server has not answered: a busy machine makes that worth
/// a word.
fn without_the_wait(screen: &str) -> String {
    let parts = || {
        let (before, rest) = screen.split_once(", no answer for ")?;
        let (wait, rest) = rest.split_once(" s ")?;
        let (here, after) = rest.split_once(" here")?;
        let gap = " ".repeat(", no answer for  s".len() + wait.len());
        Some(format!("{before} {here} here{gap}{after}"))
    };
    parts().unwrap_or_else(|| screen.to_owned())
}

#[test]
fn a_person_reads_types_scrolls_and_leaves() {
    let (at, playing) = serve(vec![|mut peer| {
        peer.welcome(40);
        (1..=40).for_each(|id| peer.message(id, "bob", &format!("line {id}")));
        peer.message(41, "bob", "\u{1b}[2J日本語 👍 https://example.org/a/page");
        let said = peer.said();
        assert_eq!(said["text"], "hello, bob");
        peer.ack(&said, 42);
        peer.rest();
    }]);
    let Some(terminal) = chat(&at, 80, 12) else { return };
    terminal.shows("example.org");
    terminal.types("helo, bbo");
    // Two letters back, the wrong ones out, the right ones in; then the l that is missing.
    terminal.press(&["BSpace", "BSpace", "o", "b", "C-a", "Right", "Right", "l", "C-e"]);
    terminal.shows("> hello, bob");
    terminal.press(&["Enter"]);
    // The server's own time stands there once the line is kept.
    let drawn =
        |screen: &str| screen.contains("08:30 <alice> hello, bob") && screen.trim_end().ends_with("\n>");
    assert_snapshot!("a_chat", without_the_wait(&terminal.until(drawn)));
    terminal.press(&["C-l"]);
    terminal.types("drawn anew");
    terminal.shows("> drawn anew");
    terminal.press(&["C-u", "PPage"]);
    terminal.until(|screen| screen.contains("↓ PgDn, Esc") && !screen.contains("hello, bob"));
    terminal.press(&["Escape"]);
    terminal.shows("hello, bob");
    terminal.resize(10, 3);
    assert_snapshot!("ten_by_three", terminal.until(|screen| screen.lines().nth(1) == Some(" #lobby")));
    terminal.resize(80, 24);
    terminal.types("/quit");
    terminal.press(&["Enter"]);
    given_back(&terminal, "exit 0");
    playing.join().unwrap();
}

#[test]
fn a_lost_connection_is_made_again_and_what_was_typed_is_still_there() {
    let (at, playing) = serve(vec![
        |mut peer| {
            peer.welcome(0);
            peer.message(1, "bob", "first");
            peer.said();
            peer.close();
        },
        |mut peer| {
            let hello = peer.welcome(2);
            assert_eq!(hello["rooms"], serde_json::json!([{"room": "lobby", "since": 1}]));
            peer.message(2, "bob", "second");
            let said = peer.said();
            assert_eq!(said["text"], "unheard");
            peer.ack(&said, 3);
            peer.rest();
        },
    ]);
    let Some(terminal) = chat(&at, 70, 12) else { return };
    terminal.shows("first");
    terminal.types("unheard");
    terminal.press(&["Enter"]);
    terminal.types("half a sent");
    let screen = terminal.until(|screen| screen.contains("connected again") && screen.contains("second"));
    assert!(screen.contains("the connection is lost") && screen.contains("> half a sent"), "{screen}");
    assert_eq!(screen.matches("<alice> unheard").count(), 1, "{screen}");
    terminal.press(&["C-c"]);
    terminal.until(|screen| !screen.contains("half a sent"));
    terminal.press(&["C-c"]);
    given_back(&terminal, "exit 130");
    playing.join().unwrap();
}

#[test]
fn signals_and_refusals_give_the_terminal_back() {
    for signal in ["TERM", "HUP", "INT", "QUIT"] {
        let (at, playing) = serve(vec![|mut peer| {
            peer.welcome(0);
            peer.rest();
        }]);
        let Some(terminal) = chat(&at, 60, 20) else { return };
        terminal.shows("bob is here");
        assert!(terminal.is_alternate());
        let killed = Command::new("kill").args([&format!("-{signal}"), &terminal.process()]).status();
        assert!(killed.unwrap().success());
        given_back(&terminal, "exit 130");
        playing.join().unwrap();
    }
    let (at, playing) = serve(vec![|mut peer| {
        peer.say(
            "USERNAME:\n{\"type\":\"error\",\"code\":\"bad_name\",\"message\":\"no such names here\"}\n",
        );
        peer.rest();
    }]);
    let Some(terminal) = chat(&at, 60, 20) else { return };
    terminal.shows("client: no such names here (bad_name)");
    given_back(&terminal, "exit 1");
    playing.join().unwrap();
}

/// Nothing is drawn while the talk is shown alone, so that no write fails.
#[test]
fn a_terminal_that_is_gone_without_a_hang_up_ends_the_chat() {
    let (at, playing) = serve(vec![|mut peer| {
        peer.welcome(0);
        peer.rest();
    }]);
    let (folder, gone) = (tempfile::tempdir().unwrap(), nobody());
    let told = folder.path().join("told");
    assert!(Command::new("mkfifo").arg(&told).status().unwrap().success());
    let (send, receive) = channel();
    let reading = told.clone();
    let reader = thread::spawn(move || send.send(fs::read_to_string(reading).unwrap()));
    let args = [&["--chat", &at, "--info", &gone], &PATIENT[..]].concat();
    let Some(terminal) = terminal::open_unheeding(&told, &args) else { return };
    terminal.shows("bob is here");
    terminal.press(&["M-l"]);
    terminal.shows("any key goes back");
    let client = terminal.process();
    drop(terminal);
    let told = receive.recv_timeout(PATIENCE).inspect_err(|_| {
        Command::new("kill").args(["-KILL", &client]).status().unwrap();
    });
    assert_eq!(told.unwrap(), "client: the terminal is gone\nexit 130\n");
    reader.join().unwrap().unwrap();
    playing.join().unwrap();
}

#[test]
fn a_panic_gives_the_terminal_back_before_it_speaks() {
    let (at, playing) = serve(vec![|mut peer| {
        peer.rest();
    }]);
    let gone = nobody();
    let args = [&["--chat", &at, "--info", &gone], &PATIENT[..]].concat();
    // No thread can have so large a stack, and without one for the keys a screen is of no use.
    let variables = ["RUST_BACKTRACE=0", "RUST_MIN_STACK=4611686018427387904"];
    let Some(terminal) = terminal::open_with(&variables, &args, 80, 20) else { return };
    terminal.shows("panicked at");
    given_back(&terminal, "exit 101");
    playing.join().unwrap();
}

/// As from a terminal that does not mark a paste: so many keys, and more at once than are read at once.
fn pasted() -> String {
    let numbers: String = (0..800).map(|n| format!("{n:03} ")).collect();
    numbers + "the last"
}

#[test]
fn a_paste_comes_whole_without_another_key() {
    let (at, playing) = serve(vec![|mut peer| {
        peer.welcome(0);
        let said = peer.said();
        assert_eq!(said["text"], pasted());
        peer.ack(&said, 1);
        peer.rest();
    }]);
    let Some(terminal) = chat(&at, 80, 12) else { return };
    terminal.shows("bob is here");
    terminal.types(&pasted());
    terminal.shows("the last");
    terminal.press(&["Enter"]);
    terminal.until(|screen| screen.contains("the last") && screen.trim_end().ends_with("\n>"));
    terminal.press(&["C-d"]);
    given_back(&terminal, "exit 0");
    playing.join().unwrap();
}

/// What a wheel sends: a button up, at a column and a row, as xterm has it (SGR 1006).
fn wheel(terminal: &Terminal, button: u32, steps: usize) {
    terminal.types(&format!("\u{1b}[<{button};10;3M").repeat(steps));
}

#[test]
fn the_wheel_scrolls_and_a_click_goes_to_a_room() {
    let (at, playing) = serve(vec![|mut peer| {
        peer.welcome(40);
        (1..=40).for_each(|id| peer.message(id, "bob", &format!("line {id} of it")));
        peer.rest();
    }]);
    let Some(terminal) = chat(&at, 80, 12) else { return };
    terminal.shows("line 40 of");
    wheel(&terminal, 64, 2);
    terminal.until(|screen| {
        screen.contains("↓ PgDn, Esc") && screen.contains("line 34 of") && !screen.contains("line 35 of")
    });
    wheel(&terminal, 65, 2);
    terminal.until(|screen| screen.contains("line 40 of") && !screen.contains("↓ PgDn, Esc"));
    terminal.types("/query bob");
    terminal.press(&["Enter"]);
    terminal.shows(" @bob · connected");
    terminal.types("\u{1b}[<0;3;1M\u{1b}[<0;3;1m");
    terminal.shows(" #lobby · connected");
    terminal.press(&["C-d"]);
    given_back(&terminal, "exit 0");
    playing.join().unwrap();
}

#[test]
fn the_talk_alone_has_addresses_in_one_piece_and_leaves_the_mouse() {
    const ADDRESS: &str =
        "https://example.org/a/page/whose/address/is/longer/than/any/row/of/a/terminal/is/wide";
    let (at, playing) = serve(vec![|mut peer| {
        peer.welcome(1);
        peer.message(1, "bob", ADDRESS);
        peer.rest();
    }]);
    let Some(terminal) = chat(&at, 80, 12) else { return };
    terminal.shows("<bob>");
    terminal.types("half");
    terminal.shows("> half");
    assert!(!terminal.joined().contains(ADDRESS) && terminal.has_mouse());
    terminal.press(&["M-l"]);
    terminal.shows("any key goes back");
    assert!(terminal.joined().contains(&format!("<bob> {ADDRESS}\n")), "{}", terminal.joined());
    assert!(!terminal.has_mouse());
    terminal.press(&["Escape"]);
    let screen = terminal.shows("> half");
    assert!(screen.contains("connected") && terminal.has_mouse(), "{screen}");
    terminal.press(&["M-l"]);
    terminal.shows("any key goes back");
    let killed = Command::new("kill").args(["-TERM", &terminal.process()]).status();
    assert!(killed.unwrap().success());
    given_back(&terminal, "exit 130");
    playing.join().unwrap();
}

/// Some terminals have a cell for each half of a flag, and others two for the whole.
#[test]
fn a_flag_goes_whole_when_it_goes() {
    let (at, playing) = serve(vec![|mut peer| {
        peer.welcome(41);
        peer.message(1, "bob", "from 🇩🇪 to 🇫🇷 by train");
        let said = peer.said();
        peer.ack(&said, 2);
        (3..=41).for_each(|id| peer.message(id, "bob", "far"));
        peer.message(42, "bob", "there");
        peer.rest();
    }]);
    let Some(terminal) = chat(&at, 80, 12) else { return };
    let flags = terminal.shows("by train");
    assert!(flags.contains("from 🇩🇪 to 🇫🇷 by train"), "{flags}");
    terminal.types("go 🇮🇹");
    terminal.shows("go 🇮🇹");
    terminal.press(&["Enter"]);
    let is_half = |c| ('🇦'..='🇿').contains(&c);
    terminal.until(|screen| screen.contains("<bob> there") && !screen.contains(is_half));
    terminal.press(&["C-d"]);
    given_back(&terminal, "exit 0");
    playing.join().unwrap();
}

#[test]
fn the_menu_leads_to_the_screen_and_back() {
    let (at, playing) = serve(vec![|mut peer| {
        assert_eq!(peer.welcome(0)["user"], "carol");
        let said = peer.said();
        assert_eq!(said["text"], "from the menu");
        peer.ack(&said, 1);
        peer.rest();
    }]);
    let gone = nobody();
    let args = ["--chat", &at, "--info", &gone, "--timeout", "10m"];
    let Some(terminal) = terminal::open(&args, 40, 24) else { return };
    terminal.shows("your choice:");
    terminal.press(&["1", "Enter"]);
    terminal.shows("your name [alice]:");
    terminal.types("carol");
    terminal.press(&["Enter"]);
    terminal.shows("bob is here");
    terminal.types("from the menu");
    terminal.press(&["Enter"]);
    terminal.shows("<carol> from the menu");
    terminal.press(&["C-d"]);
    terminal.until(|screen| screen.matches("your choice:").count() == 2);
    terminal.press(&["q", "Enter"]);
    given_back(&terminal, "exit 0");
    playing.join().unwrap();
}
