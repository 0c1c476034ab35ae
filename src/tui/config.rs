//! The files of settings, `theme.toml` and `keys.toml`, read so that every complaint names its place, what was
//! expected and the nearest right thing, and so that one wrong entry leaves all others standing.

use std::borrow::Cow;
use std::fmt;
use std::path::{Path, PathBuf};

use ratatui::style::{Color, Modifier, Style};
use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::keys::Keymap;
use super::theme::{HUES, Palette, Role, Theme};
use crate::script::nearest;

/// Something wrong in a file of settings.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Complaint {
    /// The file's name.
    pub file: String,
    /// The line, from 1; 0 where the file as a whole is meant.
    pub line: usize,
    /// The column in characters, from 1.
    pub column: usize,
    /// What is wrong and what was expected; lower case, no full stop.
    pub message: String,
}

impl fmt::Display for Complaint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.line == 0 {
            write!(f, "{}: {}", self.file, self.message)
        } else {
            write!(f, "{}:{}:{}: {}", self.file, self.line, self.column, self.message)
        }
    }
}

/// The directory of settings: `$XDG_CONFIG_HOME/ipclab`, else `~/.config/ipclab`.
pub fn directory(var: impl Fn(&str) -> Option<String>) -> Option<PathBuf> {
    let set = |name| var(name).map(PathBuf::from).filter(|p| p.is_absolute());
    let base = set("XDG_CONFIG_HOME").or_else(|| set("HOME").map(|home| home.join(".config")))?;
    Some(base.join("ipclab"))
}

/// Lays what the files in `directory` say over `theme` and `keys`.
pub fn load(directory: &Path, theme: &mut Theme, keys: &mut Keymap) -> Vec<Complaint> {
    let mut complaints = Vec::new();
    for name in ["theme.toml", "keys.toml"] {
        match std::fs::read_to_string(directory.join(name)) {
            Ok(text) if name == "theme.toml" => complaints.extend(apply_theme(&text, theme)),
            Ok(text) => complaints.extend(apply_keys(&text, keys)),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
            Err(error) => complaints.push(Complaint {
                file: name.to_owned(),
                line: 0,
                column: 0,
                message: format!("can't be read: {error}"),
            }),
        }
    }
    complaints
}

/// One file's text with what was found wrong in it.
struct Source<'a> {
    file: &'static str,
    text: &'a str,
    complaints: Vec<Complaint>,
}

impl<'a> Source<'a> {
    const fn new(file: &'static str, text: &'a str) -> Self {
        Self { file, text, complaints: Vec::new() }
    }

    fn complain(&mut self, at: usize, message: String) {
        let head = self.text.get(..at).unwrap_or(self.text);
        let line = head.matches('\n').count() + 1;
        let column = head.rsplit('\n').next().unwrap_or_default().chars().count() + 1;
        self.complaints.push(Complaint { file: self.file.to_owned(), line, column, message });
    }

    fn unknown<'w>(&mut self, at: usize, what: &str, word: &str, words: impl Iterator<Item = &'w str>) {
        let words: Vec<&str> = words.collect();
        let message = match nearest(word, words.iter().copied()) {
            Some(near) => format!("unknown {what} `{word}`, the nearest is `{near}`"),
            None if words.len() <= 8 => format!("unknown {what} `{word}`, expected one of {}", words.join(", ")),
            None => format!("unknown {what} `{word}`"),
        };
        self.complain(at, message);
    }

    fn parse(&mut self) -> Option<DeTable<'a>> {
        match DeTable::parse(self.text) {
            Ok(table) => Some(table.into_inner()),
            Err(error) => {
                self.complain(error.span().map_or(0, |s| s.start), error.message().to_lowercase().replace('\n', ", "));
                None
            }
        }
    }
}

/// Lays the text of a `theme.toml` over `theme`.
pub fn apply_theme(text: &str, theme: &mut Theme) -> Vec<Complaint> {
    const PARTS: [&str; 3] = ["base", "roles", "actors"];
    let mut source = Source::new("theme.toml", text);
    let Some(table) = source.parse() else { return source.complaints };
    // The base comes first wherever it stands: it replaces everything.
    if let Some(base) = table.get("base") {
        match base.get_ref() {
            DeValue::String(name) => match Palette::named(name) {
                // Who asked for no colour asked for it with more weight than a file.
                Some(_) if theme.palette == Palette::Mono => {}
                Some(palette) => {
                    *theme = Theme::new(palette, std::ptr::eq(theme.glyphs, &raw const super::glyphs::ASCII));
                }
                None => source.unknown(base.span().start, "base", name, Palette::ALL.iter().map(|(_, n)| *n)),
            },
            _ => source.complain(base.span().start, "`base` is the name of a palette in quotes".to_owned()),
        }
    }
    let mono = theme.palette == Palette::Mono;
    for (key, value) in &table {
        let at = value.span().start;
        match (key.get_ref().as_ref(), value.get_ref()) {
            ("base", _) => {}
            ("roles", DeValue::Table(roles)) => {
                for (name, value) in roles {
                    let Some((role, _)) = Role::ALL.iter().find(|(_, n)| *n == name.get_ref()) else {
                        source.unknown(name.span().start, "role", name.get_ref(), Role::ALL.iter().map(|(_, n)| *n));
                        continue;
                    };
                    if let Some(style) = style_of(&mut source, value, mono) {
                        theme.styles[*role as usize] = style;
                    }
                }
            }
            ("actors", DeValue::Array(hues)) => {
                let given: Vec<Style> = hues.iter().filter_map(|hue| style_of(&mut source, hue, mono)).collect();
                if given.is_empty() || given.len() > HUES {
                    source.complain(at, format!("expected 1 to {HUES} styles, one an actor"));
                } else {
                    theme.hues = std::array::from_fn(|i| given[i % given.len()]);
                }
            }
            ("roles", _) => source.complain(at, "expected a table of roles, `[roles]`".to_owned()),
            ("actors", _) => source.complain(at, "expected a list of styles, `[\"cyan bold\", …]`".to_owned()),
            (other, _) => source.unknown(key.span().start, "setting", other, PARTS.into_iter()),
        }
    }
    source.complaints
}

const MODIFIERS: [(&str, Modifier); 6] = [
    ("bold", Modifier::BOLD),
    ("dim", Modifier::DIM),
    ("italic", Modifier::ITALIC),
    ("underlined", Modifier::UNDERLINED),
    ("reversed", Modifier::REVERSED),
    ("crossed-out", Modifier::CROSSED_OUT),
];
const COLOURS: [(&str, Color); 17] = [
    ("default", Color::Reset),
    ("black", Color::Black),
    ("red", Color::Red),
    ("green", Color::Green),
    ("yellow", Color::Yellow),
    ("blue", Color::Blue),
    ("magenta", Color::Magenta),
    ("cyan", Color::Cyan),
    ("white", Color::Gray),
    ("bright-black", Color::DarkGray),
    ("bright-red", Color::LightRed),
    ("bright-green", Color::LightGreen),
    ("bright-yellow", Color::LightYellow),
    ("bright-blue", Color::LightBlue),
    ("bright-magenta", Color::LightMagenta),
    ("bright-cyan", Color::LightCyan),
    ("bright-white", Color::White),
];

/// A style as words: `"cyan bold"`, `"#ff8800 on black"`.
fn style_of(source: &mut Source<'_>, value: &Spanned<DeValue<'_>>, mono: bool) -> Option<Style> {
    let at = value.span().start;
    let DeValue::String(words) = value.get_ref() else {
        source
            .complain(at, "expected a style as words in quotes, such as \"cyan bold\" or \"#ff8800 on black\"".into());
        return None;
    };
    let (mut style, mut behind) = (Style::new(), false);
    for word in words.split_whitespace() {
        if word == "on" {
            behind = true;
        } else if let Some((_, modifier)) = MODIFIERS.iter().find(|(n, _)| *n == word) {
            style = style.add_modifier(*modifier);
        } else if let Some(color) = color_of(word) {
            style = match (mono, behind) {
                (true, _) => style,
                (false, true) => style.bg(color),
                (false, false) => style.fg(color),
            };
            behind = false;
        } else {
            let words = COLOURS.iter().map(|(n, _)| *n).chain(MODIFIERS.iter().map(|(n, _)| *n));
            source.unknown(at, "colour or modifier", word, words);
            return None;
        }
    }
    Some(style)
}

fn color_of(word: &str) -> Option<Color> {
    if let Some(hex) = word.strip_prefix('#').filter(|h| h.len() == 6 && h.is_ascii()) {
        let n = u32::from_str_radix(hex, 16).ok()?;
        return Some(Color::Rgb((n >> 16) as u8, (n >> 8) as u8, n as u8));
    }
    COLOURS.iter().find(|(n, _)| *n == word).map(|(_, c)| *c)
}

/// Lays the text of a `keys.toml` over `keys`: a table from actions to a key or a list of keys.
pub fn apply_keys(text: &str, keys: &mut Keymap) -> Vec<Complaint> {
    let mut source = Source::new("keys.toml", text);
    let Some(table) = source.parse() else { return source.complaints };
    for (name, value) in &table {
        let at = name.span().start;
        let name: &Cow<'_, str> = name.get_ref();
        let Some(action) = super::keys::action_named(name) else {
            source.unknown(at, "action", name, super::keys::action_names());
            continue;
        };
        let given: Vec<&Spanned<DeValue<'_>>> = match value.get_ref() {
            DeValue::Array(list) => list.iter().collect(),
            _ => vec![value],
        };
        let mut chords = Vec::new();
        for key in given {
            match key.get_ref() {
                DeValue::String(text) => match super::keys::Chord::parse(text) {
                    Ok(chord) => chords.push(chord),
                    Err(message) => source.complain(key.span().start, message),
                },
                _ => source.complain(key.span().start, "expected a key in quotes, such as \"ctrl-r\"".to_owned()),
            }
        }
        if !chords.is_empty() {
            keys.rebind(action, chords);
        }
    }
    for clash in keys.clashes() {
        source.complaints.push(Complaint { file: "keys.toml".to_owned(), line: 0, column: 0, message: clash });
    }
    source.complaints
}

#[cfg(test)]
mod tests {
    use super::*;

    fn theme_says(text: &str) -> Vec<String> {
        let mut theme = Theme::new(Palette::Ansi, false);
        apply_theme(text, &mut theme).iter().map(ToString::to_string).collect()
    }

    #[test]
    fn complaints_name_place_expectation_and_nearest() {
        for (text, complaint) in [
            ("base = \"drak\"", "theme.toml:1:8: unknown base `drak`, the nearest is `dark`"),
            ("base = \"neon\"", "theme.toml:1:8: unknown base `neon`, expected one of ansi, dark, light, mono"),
            ("[roles]\ntitel = \"cyan\"", "theme.toml:2:1: unknown role `titel`, the nearest is `title`"),
            ("[roles]\ntitle = \"cyann\"", "theme.toml:2:9: unknown colour or modifier `cyann`, the nearest is `cyan`"),
            ("rolls = 1", "theme.toml:1:1: unknown setting `rolls`, the nearest is `roles`"),
            ("actors = []", "theme.toml:1:10: expected 1 to 6 styles, one an actor"),
        ] {
            assert_eq!(theme_says(text), [complaint], "{text}");
        }
        assert!(theme_says("base = ").first().is_some_and(|c| c.starts_with("theme.toml:1:")));
    }

    #[test]
    fn one_wrong_entry_leaves_the_others_standing() {
        let mut theme = Theme::new(Palette::Ansi, false);
        let complaints =
            apply_theme("base = \"light\"\n[roles]\nwrong = \"red\"\nerror = \"#102030 bold on white\"", &mut theme);
        assert_eq!(complaints.len(), 1);
        assert_eq!(theme.palette, Palette::Light);
        let error = Style::new().fg(Color::Rgb(16, 32, 48)).bg(Color::Gray).add_modifier(Modifier::BOLD);
        assert_eq!(theme.style(Role::Error), error);
    }

    #[test]
    fn no_colour_enters_a_theme_without_colours() {
        let mut theme = Theme::new(Palette::Mono, false);
        assert!(apply_theme("base = \"dark\"\n[roles]\nerror = \"red bold\"", &mut theme).is_empty());
        assert_eq!(theme.style(Role::Error), Style::new().add_modifier(Modifier::BOLD));
    }

    #[test]
    fn keys_are_named_where_they_are_wrong() {
        let mut keys = Keymap::default();
        let complaints: Vec<_> = apply_keys("qiut = \"x\"\nhelp = \"ctrl-ü-x\"\nundo = 3", &mut keys)
            .iter()
            .map(ToString::to_string)
            .collect();
        assert_eq!(complaints.len(), 3, "{complaints:?}");
        assert_eq!(complaints[2], "keys.toml:3:8: expected a key in quotes, such as \"ctrl-r\"");
        assert!(complaints.contains(&"keys.toml:1:1: unknown action `qiut`, the nearest is `quit`".to_owned()));
    }

    #[test]
    fn relative_directories_are_not_believed() {
        let of = |xdg: &str, home: &str| {
            let (xdg, home) = (xdg.to_owned(), home.to_owned());
            directory(move |name| Some(if name == "HOME" { home.clone() } else { xdg.clone() }))
        };
        assert_eq!(of("/c", "/h"), Some("/c/ipclab".into()));
        assert_eq!(of("c", "/h"), Some("/h/.config/ipclab".into()));
        assert_eq!(of("", ""), None);
    }
}
