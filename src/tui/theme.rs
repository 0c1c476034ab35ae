//! Colours and modifiers by role.
//!
//! Views name roles and never colours. The default palette has only colours of the terminal's own sixteen that can be
//! read on a dark and on a light ground; `dark` and `light` bring a ground of their own; `mono` has no colour at all
//! and keeps every difference by modifier, glyph and word.

use ratatui::style::{Color, Modifier, Style};

use super::glyphs::{self, Glyphs};

macro_rules! roles {
    ($($(#[$doc:meta])* $role:ident = $name:literal),+ $(,)?) => {
        /// What a piece of the screen means.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub enum Role {
            $($(#[$doc])* $role),+
        }

        impl Role {
            /// All roles with their names in `theme.toml`.
            pub const ALL: &[(Self, &'static str)] = &[$((Self::$role, $name)),+];
        }
    };
}

roles! {
    /// Plain text.
    Text = "text",
    /// Labels, and what matters less.
    Dim = "dim",
    /// Titles of panes and screens.
    Title = "title",
    /// Headings in prose.
    Heading = "heading",
    /// Keys in the line of keys and in help.
    Key = "key",
    /// What the eye should find first.
    Accent = "accent",
    /// Statements and names of the language.
    Code = "code",
    /// Frames.
    Border = "border",
    /// The frame of what has the focus.
    Focus = "focus",
    /// The chosen entry of a list.
    Selection = "selection",
    /// An actor that waits for an order.
    Idle = "idle",
    /// An actor asleep in a call.
    Asleep = "asleep",
    /// An actor that runs.
    Running = "running",
    /// An actor that a signal has stopped.
    Stopped = "stopped",
    /// An actor that has ended.
    Dead = "dead",
    /// Evidence: read from the kernel.
    Kernel = "kernel",
    /// Evidence: an actor said it.
    Reported = "reported",
    /// Evidence: rebuilt and checked.
    Mirror = "mirror",
    /// Evidence: nobody can know.
    Hidden = "hidden",
    /// A value.
    Value = "value",
    /// A value that has changed since the last snapshot.
    Changed = "changed",
    /// Something new.
    Added = "added",
    /// Something gone.
    Removed = "removed",
    /// The full part of a bar.
    Bar = "bar",
    /// The empty part of a bar.
    Hole = "hole",
    /// Something met or right.
    Good = "good",
    /// An error.
    Error = "error",
    /// A warning.
    Warning = "warning",
}

/// How many hues tell actors apart before they repeat.
pub const HUES: usize = 6;

/// The palettes that come with the program.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Palette {
    /// The terminal's own sixteen colours on its own ground.
    Ansi,
    /// A dark ground of its own.
    Dark,
    /// A light ground of its own.
    Light,
    /// No colour.
    Mono,
}

impl Palette {
    /// All palettes with their names.
    pub const ALL: [(Self, &'static str); 4] =
        [(Self::Ansi, "ansi"), (Self::Dark, "dark"), (Self::Light, "light"), (Self::Mono, "mono")];

    /// The palette of that name.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.iter().find(|(_, n)| *n == name).map(|(p, _)| *p)
    }

    /// Its name.
    pub fn name(self) -> &'static str {
        Self::ALL.iter().find(|(p, _)| *p == self).map_or("", |(_, n)| n)
    }

    /// The one after it, around.
    #[must_use]
    pub fn next(self) -> Self {
        let at = Self::ALL.iter().position(|(p, _)| *p == self).unwrap_or(0);
        Self::ALL[(at + 1) % Self::ALL.len()].0
    }
}

/// A style for each role, and the glyphs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Theme {
    /// From which palette it was made.
    pub palette: Palette,
    /// The glyphs.
    pub glyphs: &'static Glyphs,
    pub(super) styles: Vec<Style>,
    pub(super) hues: [Style; HUES],
    /// What lies behind everything.
    pub ground: Style,
}

/// The few colours of a palette, from which all roles are made.
struct Inks {
    text: Color,
    dim: Color,
    blue: Color,
    cyan: Color,
    green: Color,
    red: Color,
    magenta: Color,
    orange: Color,
    hole: Color,
    ground: Color,
    selection: Option<(Color, Color)>,
}

const ANSI: Inks = Inks {
    text: Color::Reset,
    dim: Color::Reset,
    blue: Color::Cyan,
    cyan: Color::Cyan,
    green: Color::Green,
    red: Color::Red,
    magenta: Color::Magenta,
    orange: Color::Magenta,
    hole: Color::Reset,
    ground: Color::Reset,
    selection: None,
};

const DARK: Inks = Inks {
    text: Color::Rgb(0xd5, 0xd8, 0xe4),
    dim: Color::Rgb(0x8a, 0x90, 0xa8),
    blue: Color::Rgb(0x82, 0xaa, 0xff),
    cyan: Color::Rgb(0x7d, 0xcf, 0xe0),
    green: Color::Rgb(0x9e, 0xd0, 0x72),
    red: Color::Rgb(0xf7, 0x8c, 0x8c),
    magenta: Color::Rgb(0xd7, 0x9b, 0xf0),
    orange: Color::Rgb(0xf0, 0xb4, 0x6c),
    hole: Color::Rgb(0x6a, 0x70, 0x88),
    ground: Color::Rgb(0x16, 0x18, 0x22),
    selection: Some((Color::Rgb(0xff, 0xff, 0xff), Color::Rgb(0x33, 0x3c, 0x5e))),
};

const LIGHT: Inks = Inks {
    text: Color::Rgb(0x28, 0x2c, 0x3a),
    dim: Color::Rgb(0x63, 0x69, 0x7c),
    blue: Color::Rgb(0x22, 0x56, 0xc4),
    cyan: Color::Rgb(0x00, 0x6a, 0x83),
    green: Color::Rgb(0x2f, 0x6f, 0x1b),
    red: Color::Rgb(0xb4, 0x23, 0x2a),
    magenta: Color::Rgb(0x8a, 0x2f, 0xa8),
    orange: Color::Rgb(0x94, 0x52, 0x00),
    hole: Color::Rgb(0x85, 0x8b, 0x9c),
    ground: Color::Rgb(0xfb, 0xfa, 0xf7),
    selection: Some((Color::Rgb(0x10, 0x14, 0x24), Color::Rgb(0xd2, 0xdf, 0xf8))),
};

impl Theme {
    /// The theme of a palette.
    pub fn new(palette: Palette, ascii: bool) -> Self {
        let glyphs = if ascii { &glyphs::ASCII } else { &glyphs::UNICODE };
        let (styles, hues, ground) = match palette {
            Palette::Ansi => coloured(&ANSI),
            Palette::Dark => coloured(&DARK),
            Palette::Light => coloured(&LIGHT),
            Palette::Mono => mono(),
        };
        Self { palette, glyphs, styles, hues, ground }
    }

    /// The style of a role.
    pub fn style(&self, role: Role) -> Style {
        self.styles.get(role as usize).copied().unwrap_or_default()
    }

    /// The style of the actor that was born as number `index` on its stage.
    pub const fn hue(&self, index: usize) -> Style {
        self.hues[index % HUES]
    }
}

fn fg(color: Color) -> Style {
    if color == Color::Reset { Style::new() } else { Style::new().fg(color) }
}

/// Where the dim colour is the terminal's own text colour, the modifier makes it dim.
fn faint(color: Color) -> Style {
    if color == Color::Reset { Style::new().add_modifier(Modifier::DIM) } else { Style::new().fg(color) }
}

fn coloured(inks: &Inks) -> (Vec<Style>, [Style; HUES], Style) {
    const B: Modifier = Modifier::BOLD;
    let styles = Role::ALL.iter().map(|(role, _)| match role {
        Role::Text => fg(inks.text),
        Role::Dim | Role::Border | Role::Dead => faint(inks.dim),
        Role::Title => fg(inks.text).add_modifier(B),
        Role::Heading => fg(inks.blue).add_modifier(B),
        Role::Key => fg(inks.cyan).add_modifier(B),
        Role::Accent => fg(inks.orange).add_modifier(B),
        Role::Code => fg(inks.cyan),
        Role::Focus => fg(inks.blue).add_modifier(B),
        Role::Selection => match inks.selection {
            Some((text, ground)) => Style::new().fg(text).bg(ground).add_modifier(B),
            None => Style::new().add_modifier(Modifier::REVERSED),
        },
        Role::Idle | Role::Good | Role::Added => fg(inks.green),
        Role::Asleep => fg(inks.orange),
        Role::Running => fg(inks.cyan).add_modifier(B),
        Role::Stopped | Role::Removed => fg(inks.red),
        Role::Kernel => fg(inks.green),
        Role::Reported => fg(inks.cyan),
        Role::Mirror => fg(inks.magenta),
        Role::Hidden => faint(inks.dim).add_modifier(Modifier::ITALIC),
        Role::Value => fg(inks.text),
        Role::Changed => fg(inks.orange).add_modifier(B),
        Role::Bar => fg(inks.blue),
        Role::Hole => faint(inks.hole),
        Role::Error => fg(inks.red).add_modifier(B),
        Role::Warning => fg(inks.orange),
    });
    let hues = if inks.text == Color::Reset {
        let (c, m, g, r) = (fg(inks.cyan), fg(inks.magenta), fg(inks.green), fg(inks.red));
        [c, m, g, r, c.add_modifier(Modifier::UNDERLINED), m.add_modifier(Modifier::UNDERLINED)]
    } else {
        [inks.blue, inks.magenta, inks.green, inks.orange, inks.cyan, inks.red].map(fg)
    };
    let ground = if inks.ground == Color::Reset { Style::new() } else { Style::new().fg(inks.text).bg(inks.ground) };
    (styles.collect(), hues.map(|h| h.add_modifier(Modifier::BOLD)), ground)
}

fn mono() -> (Vec<Style>, [Style; HUES], Style) {
    let plain = Style::new();
    let (bold, dim) = (plain.add_modifier(Modifier::BOLD), plain.add_modifier(Modifier::DIM));
    let styles = Role::ALL.iter().map(|(role, _)| match role {
        Role::Text | Role::Value | Role::Code | Role::Idle | Role::Good | Role::Bar | Role::Kernel => plain,
        Role::Reported | Role::Mirror => plain,
        Role::Dim | Role::Border | Role::Dead | Role::Hole => dim,
        Role::Hidden => dim.add_modifier(Modifier::ITALIC),
        Role::Title | Role::Key | Role::Accent | Role::Focus | Role::Running | Role::Asleep | Role::Stopped => bold,
        Role::Heading => bold.add_modifier(Modifier::UNDERLINED),
        Role::Selection => plain.add_modifier(Modifier::REVERSED),
        Role::Changed | Role::Added => bold.add_modifier(Modifier::UNDERLINED),
        Role::Removed => plain.add_modifier(Modifier::CROSSED_OUT),
        Role::Error => bold.add_modifier(Modifier::REVERSED),
        Role::Warning => bold,
    });
    (styles.collect(), [bold; HUES], plain)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The sixteen colours of the Tango palette, which most desktops bring in one form or another.
    fn tango(color: Color) -> Option<[u8; 3]> {
        Some(match color {
            Color::Red => [0xcc, 0, 0],
            Color::Green => [0x4e, 0x9a, 0x06],
            Color::Magenta => [0x75, 0x50, 0x7b],
            Color::Cyan => [0x06, 0x98, 0x9a],
            Color::Rgb(r, g, b) => [r, g, b],
            _ => return None,
        })
    }

    fn luminance(rgb: [u8; 3]) -> f64 {
        let [r, g, b] = rgb.map(|c| {
            let c = f64::from(c) / 255.0;
            if c <= 0.03928 { c / 12.92 } else { ((c + 0.055) / 1.055).powf(2.4) }
        });
        0.2126 * r + 0.7152 * g + 0.0722 * b
    }

    fn contrast(a: [u8; 3], b: [u8; 3]) -> f64 {
        let (a, b) = (luminance(a), luminance(b));
        (a.max(b) + 0.05) / (a.min(b) + 0.05)
    }

    fn styles(theme: &Theme) -> impl Iterator<Item = (String, Style)> {
        let roles = Role::ALL.iter().map(|(role, name)| ((*name).to_owned(), theme.style(*role)));
        let hues = theme.hues.iter().enumerate().map(|(i, style)| (format!("actor {i}"), *style));
        roles.chain(hues).collect::<Vec<_>>().into_iter()
    }

    #[test]
    fn palettes_with_a_ground_can_be_read_on_it() {
        for palette in [Palette::Dark, Palette::Light] {
            let theme = Theme::new(palette, false);
            let ground = tango(theme.ground.bg.unwrap()).unwrap();
            for (name, style) in styles(&theme) {
                let text = tango(style.fg.unwrap()).unwrap_or_else(|| panic!("{name} is no colour of its own"));
                let behind = style.bg.map_or(ground, |c| tango(c).unwrap());
                let least = if name == "hole" { 3.0 } else { 4.5 };
                let got = contrast(text, behind);
                assert!(got >= least, "{name} has {got:.2} in {}", palette.name());
            }
        }
    }

    #[test]
    fn the_default_can_be_read_on_black_and_on_white() {
        let theme = Theme::new(Palette::Ansi, false);
        assert_eq!(theme.ground, Style::new(), "the ground is the terminal's own");
        for (name, style) in styles(&theme) {
            assert_eq!(style.bg, None, "{name}");
            let Some(color) = style.fg else { continue };
            let rgb = tango(color).unwrap_or_else(|| panic!("{name}: {color} is not safe on both grounds"));
            for ground in [[0, 0, 0], [255, 255, 255]] {
                let got = contrast(rgb, ground);
                assert!(got >= 2.9, "{name} has {got:.2} on {ground:?}");
            }
        }
    }

    #[test]
    fn mono_has_no_colour_and_still_marks_what_matters() {
        let theme = Theme::new(Palette::Mono, true);
        for (name, style) in styles(&theme) {
            assert_eq!((style.fg, style.bg), (None, None), "{name}");
        }
        for role in [Role::Selection, Role::Changed, Role::Error, Role::Title, Role::Dim] {
            assert_ne!(theme.style(role), Style::new(), "{role:?}");
        }
    }
}
