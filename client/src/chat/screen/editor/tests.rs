//! What keys and pastes make of a line.

use proptest::prelude::*;

use super::*;

/// Types a text in which `|` is the cursor, does the edits, and shows the same way.
fn after(text: &str, edits: &[Edit]) -> String {
    let mut editor = Editor::default();
    let cursor = text.find('|').unwrap();
    editor.insert(&text.replace('|', "")).unwrap();
    editor.cursor = cursor;
    edits.iter().for_each(|&edit| editor.edit(edit).unwrap());
    let mut shown = editor.text.clone();
    shown.insert(editor.cursor, '|');
    shown
}

#[test]
fn keys_move_and_cut_by_what_a_person_sees() {
    for (before, edits, wanted) in [
        ("ab|", vec![Edit::Left, Edit::Insert('日')], "a日|b"),
        ("x👨‍👩‍👧|", vec![Edit::Backspace], "x|"),
        ("|e\u{301}x", vec![Edit::Delete], "|x"),
        ("one two-three|", vec![Edit::WordLeft], "one two-|three"),
        ("|one two", vec![Edit::WordRight, Edit::WordRight], "one two|"),
        ("one two|", vec![Edit::CutWordLeft, Edit::Start, Edit::Yank], "two|one "),
        ("one| two", vec![Edit::CutToEnd, Edit::Yank, Edit::Yank], "one two two|"),
        ("one| two", vec![Edit::CutToStart], "| two"),
        ("one| two", vec![Edit::CutWordRight], "one|"),
        ("teh|", vec![Edit::Transpose], "the|"),
        ("|", vec![Edit::Backspace, Edit::Delete, Edit::Left, Edit::Right, Edit::Transpose], "|"),
    ] {
        assert_eq!(after(before, &edits), wanted, "{before} {edits:?}");
    }
}

#[test]
fn a_paste_can_not_drive_the_terminal_and_its_lines_are_messages() {
    let mut editor = Editor::default();
    editor.insert("one\r\n\u{1b}[2Jtwo\r\n\n\tthree").unwrap();
    assert_eq!(editor.enter(), ["one", "[2Jtwo", "\tthree"]);
    assert!(editor.is_empty());
}

#[test]
fn what_was_thrown_away_comes_back() {
    let mut editor = Editor::default();
    editor.insert("precious").unwrap();
    editor.clear();
    editor.edit(Edit::Yank).unwrap();
    assert_eq!(editor.line(), ("precious", 8));
    editor.clear();
    editor.edit(Edit::Older).unwrap();
    assert_eq!(editor.line(), ("precious", 8));
}

#[test]
fn a_search_shows_what_it_finds_and_gives_back_what_was_typed() {
    let mut editor = Editor::default();
    for line in ["make test", "make tea"] {
        editor.insert(line).unwrap();
        editor.enter();
    }
    editor.insert("draft").unwrap();
    [Edit::Search, Edit::Insert('t'), Edit::Insert('e'), Edit::Search]
        .into_iter()
        .for_each(|edit| editor.edit(edit).unwrap());
    assert_eq!((editor.line(), editor.search_prompt().as_deref()), (("make test", 9), Some("search `te`: ")));
    assert!(editor.give_up_search() && !editor.give_up_search());
    assert_eq!(editor.line().0, "draft");
    [Edit::Search, Edit::Insert('t'), Edit::Start].into_iter().for_each(|edit| editor.edit(edit).unwrap());
    assert_eq!((editor.line(), editor.search_prompt()), (("make tea", 0), None), "any other key takes it");
    editor.edit(Edit::Search).unwrap();
    assert_eq!(editor.enter(), ["make tea"]);
}

#[test]
fn it_takes_only_so_much_and_all_or_nothing() {
    let mut editor = Editor::default();
    editor.insert(&"x".repeat(MOST - 1)).unwrap();
    assert_eq!((editor.insert("yz"), editor.line().0.len()), (Err(Full), MOST - 1));
    editor.edit(Edit::Insert('y')).unwrap();
    assert_eq!(editor.edit(Edit::Insert('z')), Err(Full));
}

proptest! {
    #[test]
    fn the_cursor_is_always_between_two_characters(
        text in "[a日e\u{301}👍 ]{0,12}",
        keys in proptest::collection::vec(0usize..17, 0..40),
    ) {
        const KEYS: [Edit; 17] = [
            Edit::Insert('é'), Edit::Left, Edit::Right, Edit::WordLeft, Edit::WordRight, Edit::Start,
            Edit::End, Edit::Backspace, Edit::Delete, Edit::CutWordLeft, Edit::CutWordRight,
            Edit::CutToStart, Edit::CutToEnd, Edit::Yank, Edit::Transpose, Edit::Older,
            Edit::Search,
        ];
        let mut editor = Editor::default();
        editor.insert(&text).unwrap();
        for key in keys {
            editor.edit(KEYS[key]).unwrap();
            prop_assert!(editor.text.is_char_boundary(editor.cursor));
        }
    }
}
