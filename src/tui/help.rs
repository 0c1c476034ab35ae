//! Help: the keys of the screen from which it was called, and the reference of the language.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};

use super::keys::{Context, Keymap};
use super::layout;
use super::prompt::LineEdit;
use super::text::{self, clip_spans};
use super::theme::{Role, Theme};
use crate::script::{ArgKind, ArgSpec, CallSpec, Form, Registry};

/// A page of help.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Help {
    /// The screen whose keys are told.
    pub(super) of: Context,
    /// The reference rather than the keys.
    pub(super) reference: bool,
    /// The first line that is shown.
    pub(super) scroll: u16,
    /// The word that is looked for.
    pub(super) word: LineEdit,
    /// Whether the word is being typed.
    pub(super) typing: bool,
}

impl Help {
    /// The keys of a screen.
    pub(super) fn new(of: Context) -> Self {
        Self { of, reference: false, scroll: 0, word: LineEdit::default(), typing: false }
    }

    /// The last line to which the page can be scrolled on such a screen.
    pub(super) fn most(&self, registry: &Registry, keys: &Keymap, theme: &Theme, area: Rect) -> u16 {
        let width = usize::from(area.width.min(WIDTH).saturating_sub(4));
        let lines = if self.reference {
            reference_page(self, registry, theme, width).len()
        } else {
            keys_page(self, keys, theme, false, width).len()
        };
        (lines as u16).saturating_sub(area.height.saturating_sub(5))
    }
}

/// How a call is written: `write FD DATA`.
pub(super) fn signature(call: &CallSpec) -> String {
    let mut words = call.name.to_owned();
    for arg in call.args {
        words.push(' ');
        words.push_str(&argument(arg));
    }
    if call.gives {
        words.push_str(" [-> $NAME]");
    }
    words
}

fn argument(arg: &ArgSpec) -> String {
    let name = arg.name.to_uppercase();
    match arg.form {
        Form::Required => name,
        Form::Optional => format!("[{name}]"),
        Form::Keyed => format!("[{}={}]", arg.name, kind(arg.kind)),
    }
}

const fn kind(kind: ArgKind) -> &'static str {
    match kind {
        ArgKind::NewName | ArgKind::ObjectName => "NAME",
        ArgKind::Descriptor(_) => "FD",
        ArgKind::Path => "PATH",
        ArgKind::Id => "ID",
        ArgKind::Tuples(..) => "N…",
        ArgKind::Words(_) => "ADDRESS:N…",
        ArgKind::Actor | ArgKind::NewActor => "ACTOR",
        ArgKind::Signal => "SIGNAL",
        ArgKind::Flags(_) => "FLAGS",
        ArgKind::Constant(_) => "CONSTANT",
        ArgKind::Mode => "MODE",
        ArgKind::Int => "N",
        ArgKind::Count => "COUNT",
        ArgKind::Data => "DATA",
        ArgKind::Value => "VALUE",
        ArgKind::Duration => "TIME",
        ArgKind::Range => "RANGE",
        ArgKind::Place => "PLACE",
        ArgKind::Address => "ADDRESS",
        ArgKind::Variable => "$NAME",
        ArgKind::SocketAddress => "ADDRESS",
        ArgKind::Interests(_) => "FD:EVENTS…",
        ArgKind::Signals => "SIGNALS",
        #[expect(unreachable_patterns, reason = "kinds may be added to the language without a word here")]
        _ => "VALUE",
    }
}

/// How wide the page may get.
const WIDTH: u16 = 100;

/// Columns of the keys' names.
const NAMES: usize = 18;

/// A line that goes on below, behind as many columns as `lead` has.
fn hanging(lead: Vec<Span<'static>>, words: &[Span<'static>], width: usize) -> Vec<Line<'static>> {
    let indent = text::line_width(&lead);
    let mut lines = Vec::new();
    for (y, line) in text::wrap_spans(words, width.saturating_sub(indent)).into_iter().enumerate() {
        let mut spans = if y == 0 { lead.clone() } else { vec![Span::raw(" ".repeat(indent))] };
        spans.extend(line);
        lines.push(Line::from(spans));
    }
    lines
}

fn keys_page(help: &Help, keys: &Keymap, theme: &Theme, ascii: bool, width: usize) -> Vec<Line<'static>> {
    let mut lines = Vec::new();
    for line in keys.help(help.of) {
        let names: Vec<String> = line.keys.iter().map(|k| k.label(ascii)).collect();
        let names = names.join(", ");
        let pad = " ".repeat(NAMES.saturating_sub(text::width(&names)).max(1));
        let lead = vec![Span::styled(names, theme.style(Role::Key)), Span::raw(pad)];
        let words = [
            Span::styled(line.doc, theme.style(Role::Text)),
            Span::styled(format!("  {}", line.name), theme.style(Role::Dim)),
        ];
        lines.extend(hanging(lead, &words, width));
    }
    let dim = |words: &'static str| [Span::styled(words, theme.style(Role::Dim))];
    lines.push(Line::default());
    lines.extend(hanging(Vec::new(), &dim("The word behind each names the action in keys.toml."), width));
    lines.push(Line::default());
    lines.push(Line::from(Span::styled("How a value is known", theme.style(Role::Heading))));
    for (evidence, words) in [
        (crate::model::Evidence::Kernel, "read from the kernel at this moment"),
        (crate::model::Evidence::Reported, "an actor said it"),
        (
            crate::model::Evidence::Mirror,
            "rebuilt from what actors said, and checked against a counter of the kernel's",
        ),
        (crate::model::Evidence::Hidden, "nobody can know it without changing it"),
    ] {
        let mark = super::panes::mark(evidence, theme);
        let word = Span::styled(format!("  {:9}", evidence.word()), theme.style(Role::Value));
        lines.extend(hanging(vec![mark, word], &dim(words), width));
    }
    lines
}

fn reference_page(help: &Help, registry: &Registry, theme: &Theme, width: usize) -> Vec<Line<'static>> {
    let word = help.word.text().to_lowercase();
    let fits = |texts: &[&str]| word.is_empty() || texts.iter().any(|t| t.to_lowercase().contains(&word));
    let mut lines = Vec::new();
    let indented = |words: &str, role| {
        hanging(vec![Span::raw("    ")], &[Span::styled(words.to_owned(), theme.style(role))], width)
    };
    let entry = |lines: &mut Vec<Line<'static>>, head: String, man: &str, doc: &str, example: &str| {
        let head =
            [Span::styled(head, theme.style(Role::Code)), Span::styled(format!("  {man}"), theme.style(Role::Dim))];
        lines.extend(hanging(Vec::new(), &head, width));
        lines.extend(indented(doc, Role::Text));
        lines.extend(example.lines().flat_map(|line| indented(line, Role::Dim)));
    };
    let mut stage = Vec::new();
    for word in crate::script::STAGE_WORDS {
        if fits(&[word.word, word.doc]) {
            entry(&mut stage, word.usage.to_owned(), "", word.doc, word.example);
        }
    }
    if !stage.is_empty() {
        lines.push(Line::from(Span::styled("Words of the stage", theme.style(Role::Heading))));
        lines.append(&mut stage);
    }
    for chapter in &registry.chapters {
        let mut own = Vec::new();
        for call in chapter.calls.iter().filter(|c| fits(&[c.name, c.doc, chapter.title])) {
            entry(&mut own, signature(call), call.man, call.doc, call.example);
            if !call.undefined.is_empty() {
                own.extend(indented(&format!("undefined by POSIX if {}", call.undefined), Role::Warning));
            }
        }
        for predicate in chapter.predicates.iter().filter(|p| fits(&[p.word, p.doc, chapter.title])) {
            entry(&mut own, format!("expect … {}", predicate.word), "", predicate.doc, predicate.example);
        }
        if !own.is_empty() {
            if !lines.is_empty() {
                lines.push(Line::default());
            }
            lines.push(Line::from(Span::styled(chapter.title, theme.style(Role::Heading))));
            lines.append(&mut own);
        }
    }
    if lines.is_empty() {
        let words = format!("nothing is called or described so: {}", help.word.text());
        lines.push(Line::from(Span::styled(words, theme.style(Role::Dim))));
    }
    lines
}

/// Draws the page over the screen.
pub(super) fn render(
    area: Rect,
    buffer: &mut Buffer,
    help: &Help,
    keys: &Keymap,
    registry: &Registry,
    theme: &Theme,
    ascii: bool,
) {
    let area = layout::centered(area, WIDTH, area.height);
    let title = if help.reference { "Help: the language" } else { "Help: the keys of this screen" };
    let inner = layout::window(area, buffer, theme, title);
    let (page, foot) = layout::bottom(inner, 1);
    let width = usize::from(page.width);
    let lines = if help.reference {
        reference_page(help, registry, theme, width)
    } else {
        keys_page(help, keys, theme, ascii, width)
    };
    let top = usize::from(help.scroll).min(lines.len().saturating_sub(usize::from(page.height)));
    let count = lines.len();
    for (y, line) in lines.into_iter().skip(top).take(usize::from(page.height)).enumerate() {
        let line = Line::from(clip_spans(line.spans, width, theme.glyphs.more));
        layout::line_at(page, y as u16, buffer, &line);
    }
    let dim = theme.style(Role::Dim);
    let mut spans = if help.typing || !help.word.text().is_empty() {
        vec![Span::styled("find ", dim), Span::styled(help.word.text().to_owned(), theme.style(Role::Code))]
    } else if help.reference {
        vec![Span::styled("Tab: the keys   /: find a call or predicate", dim)]
    } else {
        vec![Span::styled("Tab: the reference of the language", dim)]
    };
    if help.typing {
        spans.push(Span::styled("_", theme.style(Role::Accent)));
    }
    let shown = (top + usize::from(page.height)).min(count);
    let right = vec![Span::styled(format!("{shown} of {count}"), dim)];
    layout::line_at(foot, 0, buffer, &text::spread(spans, right, width, theme.glyphs.more));
}
