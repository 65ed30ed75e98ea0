//! The talk alone.

use super::*;

const ADDRESS: &str = "https://example.org/a/page/whose/address/is/longer/than/the/column/of/the/talk";

/// What is shown after Alt-L.
fn bared(rig: &mut Rig) -> Vec<String> {
    rig.key(KeyCode::Char('l'), KeyModifiers::ALT);
    only_lines(rig)
}

fn only_lines(rig: &mut Rig) -> Vec<String> {
    match rig.grant().pop() {
        Some((_, Wish::Bare(lines))) => lines,
        other => panic!("{other:?}"),
    }
}

#[test]
fn lines_are_whole_and_any_key_goes_back() {
    let mut rig = Rig::inside(80, 10);
    rig.hear(message(1, "bob", &format!("look: {ADDRESS} \u{1b}[2J")));
    assert!(!rig.shows(ADDRESS), "the column has no room for it");
    rig.typed("half");
    let said = format!("08:10 <bob> look: {ADDRESS} \\u{{1b}}[2J");
    let first = "08:10 -- lobby: bob, Carol are here";
    assert_eq!(bared(&mut rig), [first, &said, "-- any key goes back --"]);
    assert!(rig.screen.is_bare());
    rig.hear(message(2, "bob", "meanwhile"));
    assert!(rig.grant().is_empty(), "it stands still");
    rig.press(KeyCode::Char('x'));
    assert_eq!(rig.grant().pop().unwrap().1, Wish::Whole);
    assert!(!rig.screen.is_bare() && rig.shows("> half") && !rig.shows("> halfx"));
    assert!(rig.shows("meanwhile") && !rig.shows("new"), "{}", rig.drawn());
}

#[test]
fn as_much_is_shown_as_the_terminal_has_rows_for() {
    let mut rig = long(30);
    let lines = bared(&mut rig);
    assert_eq!((lines.len(), lines[6].as_str()), (8, "08:10 <bob> line 30 of many"));
    rig.resize(20, 8);
    assert_eq!(only_lines(&mut rig).len(), 4, "three lines of two rows each, and the way back");
    rig.hear(message(31, "bob", &"long ".repeat(1000)));
    rig.resize(10, 3);
    assert_eq!(only_lines(&mut rig).len(), 2, "the lowest is there however long it is");
}

#[test]
fn a_paste_goes_back_and_is_not_lost() {
    let mut rig = long(3);
    bared(&mut rig);
    rig.mouse(MouseEventKind::ScrollUp, 5, 2);
    assert!(rig.screen.is_bare());
    rig.screen.event(&Input::Paste("pasted".into()));
    assert!(!rig.screen.is_bare() && rig.shows("> pasted"));
}

#[test]
fn who_reads_back_sees_the_same_lines() {
    let mut rig = long(30);
    rig.press(KeyCode::PageUp);
    let lines = bared(&mut rig);
    assert_eq!(lines[6], "08:10 <bob> line 25 of many");
}
