//! The drawing: nothing here decides anything.

use engine::names::UserName;
use ratatui::Frame;
use ratatui::layout::{Position, Rect};
use ratatui::style::Style;
use ratatui::text::{Line, Span};
use unicode_segmentation::UnicodeSegmentation;

use super::Screen;
use super::emoji_flags::part_flags;
use super::entry::Look;
use super::label::{cut, name_of, news};
use super::layout::Layout;
use super::status::Status;
use super::talk::Talk;
use super::wrap::width;
use crate::chat::command::Target;

impl Screen {
    /// Draws everything.
    pub(crate) fn draw(&self, frame: &mut Frame<'_>, status: &Status) {
        let layout = Layout::of(frame.area());
        let talk = self.talk();
        draw_talk(frame, layout, talk, &self.look);
        if let Some(area) = layout.rooms {
            self.draw_rooms(frame, area);
        }
        if let Some(area) = layout.people {
            self.draw_people(frame, area);
        }
        if let Some(area) = layout.status {
            let style = self.look.colours.status();
            frame.buffer_mut().set_style(area, style);
            put(frame, area, 0, &Line::styled(self.status_words(status, area.width), style));
        }
        self.draw_input(frame, layout.input);
        let area = frame.area();
        part_flags(frame.buffer_mut(), area);
    }

    fn draw_rooms(&self, frame: &mut Frame<'_>, area: Rect) {
        let inner = Rect { width: area.width - 1, ..area };
        edge(frame, area, area.right() - 1, self.look.colours.faint());
        // The one that is looked at is always to be seen.
        let first = (self.active + 1).saturating_sub(area.height.into());
        for (row, (at, talk)) in
            self.talks.iter().enumerate().skip(first).take(area.height.into()).enumerate()
        {
            let style = match () {
                () if at == self.active => self.look.colours.active(),
                () if talk.unread > 0 => self.look.colours.unread(talk.mentions > 0),
                () => Style::new(),
            };
            put(frame, inner, row as u16, &Line::styled(room_row(talk, inner.width), style));
        }
    }

    fn draw_people(&self, frame: &mut Frame<'_>, area: Rect) {
        let Target::Room(_) = self.talk().target else { return };
        let inner = Rect { x: area.x + 2, width: area.width - 2, ..area };
        edge(frame, area, area.x, self.look.colours.faint());
        let high = usize::from(area.height);
        let everyone = self.talk().people.count() as usize;
        let all = std::iter::once(&self.me).chain(self.talk().people.iter());
        let mut names: Vec<&UserName> = all.take(high).collect();
        if names.len() == high && everyone > high {
            names.pop();
        }
        for (row, name) in names.iter().enumerate() {
            put(frame, inner, row as u16, &Line::styled(name.to_string(), self.look.colours.name(name)));
        }
        if everyone > names.len() {
            let more = format!("+ {} more", everyone - names.len());
            put(frame, inner, names.len() as u16, &Line::styled(more, self.look.colours.faint()));
        }
    }

    fn draw_input(&self, frame: &mut Frame<'_>, area: Rect) {
        let prompt = self.prompt(area.width);
        let (text, cursor) = self.editor.line();
        let left = area.width.saturating_sub(width(&prompt));
        let (shown, at) = window(text, cursor, left);
        let x = width(&prompt) + at;
        put(frame, area, 0, &Line::from(vec![Span::raw(prompt), Span::raw(shown)]));
        if area.height > 0 {
            let x = area.x + x.min(area.width.saturating_sub(1));
            frame.set_cursor_position(Position { x, y: area.y });
        }
    }

    /// What stands in front of the line that is typed; most of a narrow terminal is for the line.
    fn prompt(&self, wide: u16) -> String {
        match self.editor.search_prompt() {
            Some(search) => cut(&search, wide / 2),
            None if wide >= 20 => "> ".to_owned(),
            None => String::new(),
        }
    }
}

fn draw_talk(frame: &mut Frame<'_>, layout: Layout, talk: &Talk, look: &Look) {
    let rows = talk.visible(layout.pane(), look);
    // What there is stands at the bottom, where one types.
    let empty = usize::from(layout.talk.height).saturating_sub(rows.len());
    for (row, line) in rows.iter().enumerate() {
        put(frame, layout.talk, (empty + row) as u16, line);
    }
}

/// A name, and at the right what is new there.
fn room_row(talk: &Talk, wide: u16) -> String {
    let name = name_of(&talk.target);
    let count = news(talk).map(|count| format!(" {count}")).unwrap_or_default();
    let wide = wide.saturating_sub(width(&count));
    let name = cut(&name, wide);
    let padding = " ".repeat(usize::from(wide.saturating_sub(width(&name))));
    format!("{name}{padding}{count}")
}

/// The part of a line around the cursor that fits, and the cursor's column in it. Line ends are shown as
/// signs, and tabs as spaces.
fn window(text: &str, cursor: usize, wide: u16) -> (String, u16) {
    let shown = |text: &str| text.replace('\n', "⏎").replace('\t', " ");
    let (before, after) = (shown(&text[..cursor]), shown(&text[cursor..]));
    let (mut start, mut columns) = (before.len(), 0);
    // Backwards, for a page may have been pasted. A cell is left for the cursor behind the last character.
    for (at, one) in before.grapheme_indices(true).rev() {
        if columns + width(one) >= wide.max(1) {
            break;
        }
        (start, columns) = (at, columns + width(one));
    }
    (format!("{}{after}", &before[start..]), columns)
}

fn edge(frame: &mut Frame<'_>, area: Rect, x: u16, style: Style) {
    for y in area.top()..area.bottom() {
        frame.buffer_mut().set_string(x, y, "│", style);
    }
}

/// Puts a line into a row of an area; what does not fit is left out.
fn put(frame: &mut Frame<'_>, area: Rect, row: u16, line: &Line<'_>) {
    if row < area.height {
        frame.buffer_mut().set_line(area.x, area.y + row, line, area.width);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_cursor_is_always_to_be_seen() {
        assert_eq!(window("hello", 5, 10), ("hello".into(), 5));
        assert_eq!(window("hello", 5, 4), ("llo".into(), 3));
        assert_eq!(window("日本語", 9, 4), ("語".into(), 2));
        assert_eq!(window("hello", 5, 0), ("".into(), 0));
        let page = "a page that was pasted by mistake ".repeat(3_000);
        assert_eq!(window(&page, page.len(), 11), ("y mistake ".into(), 10));
        assert_eq!(window("one\ntwo\t", 4, 20), ("one⏎two ".into(), 4));
        assert_eq!(window("x", 1, 0), (String::new(), 0));
    }
}
