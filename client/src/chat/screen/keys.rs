//! Which key does what: those of shells, irssi and weechat.

use crossterm::event::{KeyCode, KeyEvent, KeyEventKind, KeyModifiers};

use super::editor::Edit;

/// What a key asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Action {
    Edit(Edit),
    Enter,
    Complete {
        forward: bool,
    },
    PageUp,
    PageDown,
    ToOldest,
    ToNewest,
    NextTalk,
    PreviousTalk,
    /// The talk at this place of the list.
    Talk(usize),
    /// The next talk with something new.
    NextUnread,
    /// Throw the line away, or leave.
    Break,
    /// End a search, with the line as it was before.
    GiveUp,
    /// Delete to the right, or leave.
    EndOfInput,
    Repaint,
    /// Show the talk alone.
    Bare,
    Suspend,
}

/// Reads a key; `None` for one that does nothing.
pub(super) fn action(key: KeyEvent) -> Option<Action> {
    if key.kind == KeyEventKind::Release {
        return None;
    }
    let modifiers = key.modifiers;
    // AltGr arrives as both, and types characters.
    let (control, alt) = (modifiers.contains(KeyModifiers::CONTROL), modifiers.contains(KeyModifiers::ALT));
    match key.code {
        KeyCode::Char(c) if control && !alt => with_control(c.to_ascii_lowercase()),
        KeyCode::Char(c) if alt && !control => with_alt(c),
        KeyCode::Char(c) => Some(Action::Edit(Edit::Insert(c))),
        code if control || alt => moved_with(code, alt),
        code => plain(code),
    }
}

fn plain(code: KeyCode) -> Option<Action> {
    Some(match code {
        KeyCode::Enter => Action::Enter,
        KeyCode::Tab => Action::Complete { forward: true },
        KeyCode::BackTab => Action::Complete { forward: false },
        KeyCode::Backspace => Action::Edit(Edit::Backspace),
        KeyCode::Delete => Action::Edit(Edit::Delete),
        KeyCode::Left => Action::Edit(Edit::Left),
        KeyCode::Right => Action::Edit(Edit::Right),
        KeyCode::Home => Action::Edit(Edit::Start),
        KeyCode::End => Action::Edit(Edit::End),
        KeyCode::Up => Action::Edit(Edit::Older),
        KeyCode::Down => Action::Edit(Edit::Newer),
        KeyCode::PageUp => Action::PageUp,
        KeyCode::PageDown => Action::PageDown,
        KeyCode::Esc => Action::ToNewest,
        _ => return None,
    })
}

fn with_control(c: char) -> Option<Action> {
    Some(match c {
        'a' => Action::Edit(Edit::Start),
        'e' => Action::Edit(Edit::End),
        'b' => Action::Edit(Edit::Left),
        'f' => Action::Edit(Edit::Right),
        'h' => Action::Edit(Edit::Backspace),
        'w' => Action::Edit(Edit::CutWordLeft),
        'u' => Action::Edit(Edit::CutToStart),
        'k' => Action::Edit(Edit::CutToEnd),
        'y' => Action::Edit(Edit::Yank),
        't' => Action::Edit(Edit::Transpose),
        'r' => Action::Edit(Edit::Search),
        'g' => Action::GiveUp,
        'i' => Action::Complete { forward: true },
        'j' | 'm' => Action::Enter,
        'n' => Action::NextTalk,
        'p' => Action::PreviousTalk,
        'c' => Action::Break,
        'd' => Action::EndOfInput,
        'l' => Action::Repaint,
        'z' => Action::Suspend,
        _ => return None,
    })
}

fn with_alt(c: char) -> Option<Action> {
    Some(match c {
        'b' => Action::Edit(Edit::WordLeft),
        'f' => Action::Edit(Edit::WordRight),
        'd' => Action::Edit(Edit::CutWordRight),
        'a' => Action::NextUnread,
        'l' => Action::Bare,
        '<' => Action::ToOldest,
        '>' => Action::ToNewest,
        '1'..='9' => Action::Talk(c as usize - '1' as usize),
        _ => return None,
    })
}

fn moved_with(code: KeyCode, alt: bool) -> Option<Action> {
    Some(match code {
        KeyCode::Left | KeyCode::Up if alt => Action::PreviousTalk,
        KeyCode::Right | KeyCode::Down if alt => Action::NextTalk,
        KeyCode::Left => Action::Edit(Edit::WordLeft),
        KeyCode::Right => Action::Edit(Edit::WordRight),
        KeyCode::Backspace => Action::Edit(Edit::CutWordLeft),
        KeyCode::Delete => Action::Edit(Edit::CutWordRight),
        KeyCode::Home => Action::ToOldest,
        KeyCode::End => Action::ToNewest,
        KeyCode::PageUp => Action::PreviousTalk,
        KeyCode::PageDown => Action::NextTalk,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pressed(code: KeyCode, modifiers: KeyModifiers) -> Option<Action> {
        action(KeyEvent::new(code, modifiers))
    }

    #[test]
    fn keys_are_those_that_fingers_know() {
        let (none, control, alt) = (KeyModifiers::NONE, KeyModifiers::CONTROL, KeyModifiers::ALT);
        for (code, modifiers, wanted) in [
            (KeyCode::Char('x'), none, Some(Action::Edit(Edit::Insert('x')))),
            (KeyCode::Char('X'), KeyModifiers::SHIFT, Some(Action::Edit(Edit::Insert('X')))),
            (KeyCode::Char('@'), control | alt, Some(Action::Edit(Edit::Insert('@')))),
            (KeyCode::Char('w'), control, Some(Action::Edit(Edit::CutWordLeft))),
            (KeyCode::Char('3'), alt, Some(Action::Talk(2))),
            (KeyCode::Char('l'), alt, Some(Action::Bare)),
            (KeyCode::Left, control, Some(Action::Edit(Edit::WordLeft))),
            (KeyCode::Left, alt, Some(Action::PreviousTalk)),
            (KeyCode::F(5), none, None),
        ] {
            assert_eq!(pressed(code, modifiers), wanted, "{code:?} {modifiers:?}");
        }
    }

    #[test]
    fn a_key_that_is_let_go_does_nothing() {
        let (code, none) = (KeyCode::Char('x'), KeyModifiers::NONE);
        assert_eq!(action(KeyEvent::new_with_kind(code, none, KeyEventKind::Release)), None);
    }
}
