//! What goes where on a terminal of any size.

use ratatui::layout::Rect;

use super::talk::Pane;

/// From this width on the rooms are listed.
const WITH_ROOMS: u16 = 76;
/// From this width on the people are listed.
const WITH_PEOPLE: u16 = 56;
const ROOMS: u16 = 18;
const PEOPLE: u16 = 16;

/// The parts of the screen; what has no room is not there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Layout {
    pub(super) rooms: Option<Rect>,
    pub(super) talk: Rect,
    pub(super) people: Option<Rect>,
    pub(super) status: Option<Rect>,
    pub(super) input: Rect,
}

impl Layout {
    pub(super) fn of(area: Rect) -> Self {
        let Rect { x, y, width, height } = area;
        let row = |at: u16| Rect { x, y: y + at, width, height: 1.min(height) };
        let input = row(height.saturating_sub(1));
        let status = (height >= 3).then(|| row(height - 2));
        let high = height.saturating_sub(if status.is_some() { 2 } else { 1 });
        let rooms = (width >= WITH_ROOMS).then_some(Rect { x, y, width: ROOMS, height: high });
        let people = (width >= WITH_PEOPLE).then(|| {
            let x = x + width - PEOPLE;
            Rect { x, y, width: PEOPLE, height: high }
        });
        let left = rooms.map_or(0, |rooms| rooms.width);
        let right = people.map_or(0, |people| people.width);
        let talk = Rect { x: x + left, y, width: width - left - right, height: high };
        Layout { rooms, talk, people, status, input }
    }

    pub(super) fn pane(&self) -> Pane {
        Pane { wide: self.talk.width, high: self.talk.height }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_parts_fill_the_screen_and_nothing_overlaps() {
        for (width, height) in [(0, 0), (1, 1), (10, 3), (40, 10), (60, 24), (80, 24), (300, 100)] {
            let area = Rect::new(0, 0, width, height);
            let layout = Layout::of(area);
            let Layout { rooms, talk, people, status, input } = layout;
            let parts: Vec<Rect> =
                [rooms, Some(talk), people, status, Some(input)].into_iter().flatten().collect();
            let cells: u32 = parts.iter().map(|part| part.area()).sum();
            assert_eq!(cells, area.area(), "{layout:?}");
            assert!(parts.iter().all(|part| area.union(*part) == area), "{layout:?}");
        }
        assert!(Layout::of(Rect::new(0, 0, 40, 10)).people.is_none());
    }
}
