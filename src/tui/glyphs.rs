//! Every glyph that the screen uses, with its ASCII twin.

use ratatui::symbols::border;

/// The glyphs of one repertoire. Each is one column wide, the words of states aside.
#[derive(Debug, PartialEq, Eq)]
pub struct Glyphs {
    /// Before an actor that waits for an order.
    pub idle: &'static str,
    /// Before one asleep in a call.
    pub asleep: &'static str,
    /// Before one that runs.
    pub running: &'static str,
    /// Before one that a signal has stopped.
    pub stopped: &'static str,
    /// Before one that has ended and was not waited for.
    pub zombie: &'static str,
    /// Before one that is gone.
    pub dead: &'static str,
    /// Something is met, right or done.
    pub yes: &'static str,
    /// Something failed or is wrong.
    pub no: &'static str,
    /// Something is open.
    pub open: &'static str,
    /// Something was begun and is not done.
    pub begun: &'static str,
    /// Before the chosen entry of a list.
    pub chosen: &'static str,
    /// Between parts of a line.
    pub dot: &'static str,
    /// Stands for what was left out.
    pub more: &'static str,
    /// To the right: a descriptor leads to an object, data flows.
    pub right: &'static str,
    /// To the left.
    pub left: &'static str,
    /// The head of a wire along which data flows to the right, and to the left.
    pub heads: [&'static str; 2],
    /// A unit that may be taken.
    pub token: &'static str,
    /// A range that is held for reading.
    pub shade: &'static str,
    /// A range that somebody waits for.
    pub wanted: &'static str,
    /// Behind an owner stands one that waits.
    pub behind: &'static str,
    /// Between words of a title.
    pub dash: &'static str,
    /// An empty place in a bar.
    pub hole: &'static str,
    /// A full place in a bar, then eighths from one to seven.
    pub full: &'static str,
    /// A place filled to that many eighths, from the bottom; the last is full.
    pub fill: [&'static str; 9],
    /// A byte that no character stands for.
    pub byte: &'static str,
    /// Something has changed since the last snapshot.
    pub changed: &'static str,
    /// The prompt.
    pub prompt: &'static str,
    /// Under the place of an error.
    pub caret: &'static str,
    /// A rule across.
    pub rule: &'static str,
    /// Corners and edges of cards and panes.
    pub frame: border::Set<'static>,
    /// Wires by the directions in which they leave a cell: 1 up, 2 right, 4 down, 8 left.
    pub wire: [&'static str; 16],
    /// A wire on which somebody waits: across, and up and down.
    pub waiting: [&'static str; 2],
    /// Where a wire meets the right edge of a frame, and the left edge of one.
    pub joint: [&'static str; 2],
}

/// For terminals that show UTF-8.
pub static UNICODE: Glyphs = Glyphs {
    idle: "●",
    asleep: "◌",
    running: "▶",
    stopped: "■",
    zombie: "†",
    dead: "✝",
    yes: "✓",
    no: "✗",
    open: "○",
    begun: "◐",
    chosen: "▸",
    dot: "·",
    more: "…",
    right: "→",
    left: "←",
    heads: ["▶", "◀"],
    token: "●",
    shade: "▒",
    wanted: "░",
    behind: "└",
    dash: "─",
    hole: "·",
    full: "█",
    fill: ["·", "▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"],
    byte: "·",
    changed: "▪",
    prompt: "❯",
    caret: "^",
    rule: "─",
    frame: border::ROUNDED,
    wire: [" ", "│", "─", "╰", "│", "│", "╭", "├", "─", "╯", "─", "┴", "╮", "┤", "┬", "┼"],
    waiting: ["┄", "┊"],
    joint: ["├", "┤"],
};

/// For all others.
pub static ASCII: Glyphs = Glyphs {
    idle: "*",
    asleep: "z",
    running: ">",
    stopped: "=",
    zombie: "+",
    dead: "x",
    yes: "v",
    no: "x",
    open: "o",
    begun: "-",
    chosen: ">",
    dot: "-",
    more: "~",
    right: ">",
    left: "<",
    heads: [">", "<"],
    token: "o",
    shade: "=",
    wanted: "?",
    behind: "`",
    dash: "-",
    hole: ".",
    full: "#",
    fill: [".", "1", "2", "3", "4", "5", "6", "7", "#"],
    byte: ".",
    changed: "!",
    prompt: ">",
    caret: "^",
    rule: "-",
    frame: border::Set {
        top_left: "+",
        top_right: "+",
        bottom_left: "+",
        bottom_right: "+",
        vertical_left: "|",
        vertical_right: "|",
        horizontal_top: "-",
        horizontal_bottom: "-",
    },
    wire: [" ", "|", "-", "+", "|", "|", "+", "+", "-", "+", "-", "+", "+", "+", "+", "+"],
    waiting: [".", ":"],
    joint: ["+", "+"],
};

/// Whether the locale that the environment names shows UTF-8.
pub fn locale_is_utf8(var: impl Fn(&str) -> Option<String>) -> bool {
    let locale = ["LC_ALL", "LC_CTYPE", "LANG"].into_iter().filter_map(var).find(|v| !v.is_empty());
    locale.is_some_and(|l| {
        let l = l.to_ascii_lowercase();
        l.contains("utf-8") || l.contains("utf8")
    })
}

#[cfg(test)]
mod tests {
    use unicode_width::UnicodeWidthStr as _;

    use super::*;

    fn all(g: &Glyphs) -> Vec<&'static str> {
        let mut all = vec![
            g.idle,
            g.asleep,
            g.running,
            g.stopped,
            g.zombie,
            g.dead,
            g.yes,
            g.no,
            g.open,
            g.chosen,
            g.dot,
            g.more,
            g.right,
            g.left,
            g.behind,
            g.dash,
            g.hole,
            g.full,
            g.byte,
            g.changed,
            g.prompt,
            g.caret,
            g.rule,
            g.frame.top_left,
            g.frame.top_right,
            g.frame.bottom_left,
            g.frame.bottom_right,
            g.frame.vertical_left,
            g.frame.vertical_right,
            g.frame.horizontal_top,
            g.frame.horizontal_bottom,
        ];
        all.extend(g.heads);
        all.extend([g.token, g.shade, g.wanted]);
        all.extend(g.fill);
        all.extend(g.wire);
        all.extend(g.waiting);
        all.extend(g.joint);
        all
    }

    #[test]
    fn each_glyph_is_one_column_wide() {
        for glyph in all(&UNICODE).into_iter().chain(all(&ASCII)) {
            assert_eq!(glyph.width(), 1, "{glyph}");
        }
    }

    #[test]
    fn ascii_twins_are_ascii() {
        for glyph in all(&ASCII) {
            assert!(glyph.is_ascii(), "{glyph}");
        }
    }

    #[test]
    fn states_differ_by_glyph_alone() {
        for g in [&UNICODE, &ASCII] {
            let mut states = vec![g.idle, g.asleep, g.running, g.stopped, g.zombie, g.dead];
            states.sort_unstable();
            states.dedup();
            assert_eq!(states.len(), 6);
        }
    }

    #[test]
    fn the_first_variable_that_is_set_decides() {
        let of = |all: &'static str, lang: &'static str| {
            locale_is_utf8(|name| match name {
                "LC_ALL" => Some(all.to_owned()),
                "LANG" => Some(lang.to_owned()),
                _ => None,
            })
        };
        assert!(of("", "en_US.UTF-8"));
        assert!(of("C.utf8", "C"));
        assert!(!of("C", "en_US.UTF-8"));
        assert!(!of("", ""));
    }
}
