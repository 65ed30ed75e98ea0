//! The menu, the demo and the command line.

use std::io::Write;

use crate::files::{HELLO, hash, nothing_there, path, there};
use crate::scripted::{AT, Peer, command, expect, nobody, serve};
use crate::terminal;

#[test]
fn the_menu_survives_what_people_type_and_what_is_missing() {
    let (chat, playing) = serve(vec![
        |mut peer| {
            assert_eq!(peer.welcome(0)["user"], "carol");
            let said = peer.object();
            assert_eq!(said["text"], "hello");
            peer.ack(&said, 1);
        },
        |mut peer| {
            assert_eq!(peer.welcome(1)["user"], "carol", "Enter takes the name from before");
        },
    ]);
    let gone = nobody();
    let typed = b"what\n\n1\na[b]\ncarol\nhello\n/quit\n5\n2\nTIME\n2\nNONSENSE\n1\n\n/quit\nq\n";
    let args = ["--chat", &chat, "--info", &gone, "--file", &gone, "--timeout", "1s"];
    let (out, err) = expect(0, &args, typed);
    playing.join().unwrap();
    assert!(out.contains("your name [alice]: ") && out.contains("your name [carol]: "), "{out}");
    assert!(out.contains("that is none of them"), "{out}");
    assert!(out.contains("a name is letters, digits"), "{out}");
    assert_eq!(err.matches(&format!("nothing listens on {gone}")).count(), 2, "{err}");
    assert!(err.contains("info does not know `NONSENSE`"), "{err}");
}

#[test]
fn a_name_that_is_taken_is_asked_again() {
    let (at, playing) = serve(vec![
        |mut peer| {
            peer.say("USERNAME:\n");
            assert_eq!(peer.object()["user"], "carol");
            peer.say("{\"type\":\"error\",\"code\":\"name_taken\",\"message\":\"taken\"}\n");
            peer.rest();
        },
        |mut peer| {
            assert_eq!(peer.welcome(0)["user"], "dave");
            peer.rest();
        },
    ]);
    let gone = nobody();
    let args = ["--chat", &at, "--info", &gone, "--timeout", "10m"];
    let Some(terminal) = terminal::open(&args, 60, 24) else { return };
    terminal.shows("your choice:");
    terminal.press(&["1", "Enter"]);
    terminal.shows("your name [alice]:");
    terminal.types("carol");
    terminal.press(&["Enter"]);
    let asked = terminal.until(|screen| screen.matches("your name [alice]:").count() == 2);
    assert!(asked.contains("-- somebody is called carol already; ") && !asked.contains("--user"), "{asked}");
    terminal.types("dave");
    terminal.press(&["Enter"]);
    terminal.shows("bob is here");
    terminal.press(&["C-d"]);
    terminal.until(|screen| screen.matches("your choice:").count() == 2);
    terminal.press(&["1", "Enter"]);
    terminal.shows("your name [dave]:");
    playing.join().unwrap();
}

#[test]
fn where_to_save_is_asked_of_what_is_there() {
    let (at, playing) = serve(vec![
        |mut peer| nothing_there(&mut peer, "x"),
        |mut peer| {
            assert_eq!(peer.line(), "LIST x/");
            peer.say("LIST 0\n");
        },
        |mut peer| there(&mut peer, "notes/a", HELLO),
        |mut peer| {
            assert_eq!(peer.line(), "DOWNLOAD notes/a");
            peer.say(format!("FILE 5 {} notes/a\nhello", hash(HELLO)));
        },
        |mut peer| there(&mut peer, "notes/b", HELLO),
        |mut peer| nothing_there(&mut peer, "notes"),
        list_notes,
        list_notes,
        |mut peer| {
            assert_eq!(peer.line(), "DOWNLOAD notes/a");
            peer.say(format!("FILE 5 {} notes/a\nhello", hash(HELLO)));
        },
    ]);
    let folder = tempfile::tempdir().unwrap();
    let (file, to) = (path(&folder, "b"), folder.path().display());
    // The second time it is in the way, also where only its folder was told.
    let typed = format!("4\nx\n4\nnotes/a\n{file}\n4\nnotes/b\n{to}\nno\n4\nnotes\n{to}\nq\n");
    let (out, err) = expect(0, &["--file", &at], typed.as_bytes());
    playing.join().unwrap();
    assert_eq!((out.matches(": save ").count(), out.matches("replace it? ").count()), (3, 1), "{out}");
    assert!(out.contains("save it as [a]: ") && out.contains("save them in the folder [.]: "), "{out}");
    assert_eq!(err, "-- there is no such file: x (not_found)\n");
    for fetched in [file, path(&folder, "notes/a")] {
        assert_eq!(std::fs::read(fetched).unwrap(), HELLO);
    }
}

fn list_notes(mut peer: Peer) {
    assert_eq!(peer.line(), "LIST notes/");
    peer.say(format!("LIST 1\n5 {} {AT} notes/a\n", hash(HELLO)));
}

#[test]
fn a_narrow_terminal_breaks_no_words() {
    let gone = nobody();
    let args = ["--chat", &gone, "--info", &gone, "--file", &gone];
    let Some(terminal) = terminal::open(&args, 40, 60) else { return };
    terminal.shows("your choice:");
    terminal.press(&["5", "Enter"]);
    let screen = terminal.until(|screen| screen.matches("your choice:").count() == 2);
    let told: Vec<&str> = screen.lines().skip_while(|line| !line.starts_with("-- ")).take(5).collect();
    assert_eq!(told[0], format!("-- nothing listens on {gone};").chars().take(40).collect::<String>());
    assert_eq!(
        told[1..4],
        [
            "  start it with `docker compose up` or",
            "  `cargo run --release`, or name another",
            "  place with --host or --file"
        ]
    );
    terminal.press(&["6", "Enter"]);
    terminal.shows("-- 5 of 5 steps failed");
    terminal.press(&["q", "Enter"]);
    terminal.shows("exit 0");
}

#[test]
fn the_names_of_files_on_the_command_line_do_not_drive_the_terminal() {
    let (_, err) = expect(2, &["ls", "--\u{1b}]0;title\u{7}\u{1b}[31mred"], b"");
    assert!(err.contains("unexpected argument") && err.contains("red"), "{err}");
    assert!(!err.chars().any(|c| c.is_control() && c != '\n'), "{err:?}");
    let Some(terminal) = terminal::open(&["ls", "--\u{9b}31mred"], 80, 20) else { return };
    terminal.shows("unexpected argument '--\\u{9b}31mred'");
}

#[test]
fn the_end_of_the_input_ends_the_menu() {
    let (out, _) = expect(0, &[], b"");
    assert!(out.contains("1  chat") && out.contains("q  quit"), "{out}");
    for typed in [&b"1\n"[..], b"2\n", b"3\n", b"4\n", b"4\nx\n"] {
        expect(0, &[], typed);
    }
}

#[test]
fn a_demo_without_services_says_what_is_missing() {
    let gone = nobody();
    let (out, err) = expect(3, &["--chat", &gone, "--info", &gone, "--file", &gone, "demo"], b"");
    assert!(
        out.contains(&format!("failed chat: two people meet in a room: nothing listens on {gone}")),
        "{out}"
    );
    assert!(out.contains("failed info: ask for TIME") && out.contains("failed file: upload a file"), "{out}");
    assert_eq!(err, "client: 5 of 5 steps failed\n");
}

/// As when two demos have drawn the same number.
#[test]
fn a_demo_whose_file_is_there_already_names_no_flag_that_nobody_typed() {
    let (at, playing) = serve(vec![|mut peer| {
        let line = peer.line();
        let name = line.strip_prefix("STAT ").unwrap();
        let hash = "0".repeat(64);
        peer.say(format!("STAT 1 {hash} 2026-11-22T08:30:00.000Z {name}\n"));
    }]);
    let gone = nobody();
    let (out, _) = expect(3, &["--chat", &gone, "--info", &gone, "--file", &at, "demo"], b"");
    playing.join().unwrap();
    let told = out.lines().find(|line| line.starts_with("failed file: upload a file: demo-")).unwrap();
    assert!(
        told.ends_with(".txt is there already; try again, the next demo's has another name (taken)"),
        "{told}"
    );
}

#[test]
fn help_documents_the_exit_codes_and_mistakes_name_the_flag() {
    let (help, _) = expect(0, &["--help"], b"");
    for words in ["Exit codes:", "130  interrupted", "PARLANCE_HOST", "client say lobby"] {
        assert!(help.contains(words), "{help}");
    }
    let (version, _) = expect(0, &["--version"], b"");
    assert!(version.starts_with("client "), "{version}");
    let (_, err) = expect(2, &["--chat", "host:x", "chat"], b"");
    assert!(err.contains("--chat") && err.contains("is no port"), "{err}");
}

#[test]
fn a_settings_file_names_host_and_person_and_its_mistakes_are_named() {
    let folder = tempfile::tempdir().unwrap();
    let settings = folder.path().join("client.toml");
    std::fs::write(&settings, "host = \"no.such.host.invalid\"\n").unwrap();
    let named = ["--config", settings.to_str().unwrap(), "ls"];
    let (_, err) = expect(3, &named, b"");
    assert!(err.contains("no.such.host.invalid:9003"), "{err}");
    let gone = nobody();
    let (_, err) = expect(3, &[&named[..], &["--file", &gone]].concat(), b"");
    assert!(err.contains(&gone), "a flag is stronger: {err}");
    std::fs::write(&settings, "\nhots = \"x\"\n").unwrap();
    let (_, err) = expect(2, &named, b"");
    assert!(err.contains("client.toml: unknown field `hots`") && err.contains("in line 2"), "{err}");
    let (_, err) = expect(2, &["--config", "/no/such/file", "ls"], b"");
    assert!(err.contains("/no/such/file"), "{err}");
}

#[test]
fn a_host_that_is_typed_is_stronger_than_addresses_in_the_environment() {
    let gone = nobody();
    let run = |args: &[&str]| {
        let output = command(args).env("PARLANCE_FILE", &gone).output().unwrap();
        assert_eq!(output.status.code(), Some(3));
        String::from_utf8(output.stderr).unwrap()
    };
    assert!(run(&["ls"]).contains(&gone));
    assert!(run(&["ls", "--host", "no.such.host.invalid"]).contains("no.such.host.invalid:9003"));
    let other = nobody();
    assert!(run(&["--host", "no.such.host.invalid", "--file", &other, "ls"]).contains(&other));
}

#[test]
fn the_name_typed_last_is_remembered() {
    let home = tempfile::tempdir().unwrap();
    let run = |typed: &[u8]| {
        let mut child = command(&["--chat", &nobody()]).env("XDG_STATE_HOME", home.path()).spawn().unwrap();
        child.stdin.take().unwrap().write_all(typed).unwrap();
        String::from_utf8(child.wait_with_output().unwrap().stdout).unwrap()
    };
    assert!(run(b"1\ncarol\nq\n").contains("your name [alice]: "));
    assert!(run(b"1\n\nq\n").contains("your name [carol]: "));
}

#[test]
fn shells_and_manuals_are_served() {
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let (script, _) = expect(0, &["completions", shell], b"");
        assert!(script.contains("client") && script.contains("tail"), "{shell}");
    }
    let (page, _) = expect(0, &["man"], b"");
    assert!(page.contains(".TH client 1") && page.contains("PARLANCE_HOST"), "{page}");
    let (page, _) = expect(0, &["man", "put"], b"");
    assert!(page.contains("photos") && page.contains(".SH EXAMPLES"), "{page}");
    let (_, err) = expect(2, &["man", "shout"], b"");
    assert!(err.contains("there is no command shout"), "{err}");
}

#[test]
fn failures_are_objects_for_programs() {
    let (_, err) = expect(3, &["--chat", &nobody(), "--json", "chat"], b"");
    let failure: serde_json::Value = serde_json::from_str(&err).unwrap();
    assert_eq!((&failure["type"], &failure["code"]), (&"error".into(), &"nothing_listens".into()));
}
