//! Which colour means what.

use engine::names::UserName;
use ratatui::style::{Color, Style};

use crate::chat::line::Tone;

/// Colours that are read well on a dark and on a light ground.
const NAMES: [Color; 10] = [
    Color::Cyan,
    Color::Green,
    Color::Magenta,
    Color::Blue,
    Color::Yellow,
    Color::Indexed(166),
    Color::Indexed(133),
    Color::Indexed(67),
    Color::Indexed(107),
    Color::Indexed(37),
];

/// The styles of everything, in colours or without.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Colours(pub(crate) bool);

impl Colours {
    fn with(self, style: Style, colour: Color) -> Style {
        if self.0 { style.fg(colour) } else { style }
    }

    /// A person's own colour, the same on every screen.
    pub(super) fn name(self, name: &UserName) -> Style {
        // FNV-1a: the same everywhere and always, unlike the standard library's.
        let hash = name
            .folded()
            .bytes()
            .fold(0x811c_9dc5_u32, |hash, byte| (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193));
        self.with(Style::new().bold(), NAMES[hash as usize % NAMES.len()])
    }

    pub(super) fn faint(self) -> Style {
        Style::new().dim()
    }

    pub(super) fn mention(self) -> Style {
        self.with(Style::new().bold(), Color::Yellow)
    }

    /// The line above what is new.
    pub(super) fn news(self) -> Style {
        self.with(Style::new(), Color::Red)
    }

    pub(super) fn tone(self, tone: Tone) -> Style {
        match tone {
            Tone::Said | Tone::Help => Style::new(),
            Tone::Aside => self.faint(),
            Tone::Wrong => self.with(Style::new(), Color::Red),
        }
    }

    /// The line between what was said and what is typed.
    pub(super) fn status(self) -> Style {
        Style::new().reversed()
    }

    /// The room one is looking at.
    pub(super) fn active(self) -> Style {
        Style::new().bold().reversed()
    }

    /// A room with something new in it.
    pub(super) fn unread(self, mentioned: bool) -> Style {
        match mentioned {
            true => self.mention(),
            false => Style::new().bold(),
        }
    }
}
