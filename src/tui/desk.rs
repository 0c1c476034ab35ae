//! The desk: a stage with its transcript, the prompt, and the script editor. Play is a desk; a lesson has one beside it.

mod asking;
mod commands;
mod pin;
mod pointing;
mod saving;
mod typing;
mod waits;

use std::cell::RefCell;

use pointing::Spot;
use ratatui::buffer::Buffer;
use ratatui::crossterm::event::KeyEvent;
use ratatui::layout::{Position, Rect};
use ratatui::text::Span;

use super::app::{Effect, Notice, Out};
use super::editor::Editor;
use super::keys::{Action, Context};
use super::layout;
use super::link::FromStage;
use super::panes::Sight;
use super::prompt::{self, Candidate, LineEdit, Prompt};
use super::session::{Happened, Session, State};
use super::stage_view::{self, Focus, StageState, focusable};
use super::strip;
use super::text;
use super::theme::{Role, Theme};
use super::transcript::{self, View};
use crate::diagnosis::Looks;
use crate::model::{ActorState, Mode};
use crate::plain::commands::PROMPT;
use crate::script::{Statement, incomplete, parse};

/// What on a desk has the keys.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    /// The prose beside it.
    Prose,
    /// The stage.
    Stage,
    /// The transcript.
    Transcript,
    /// The prompt.
    Prompt,
    /// The script editor.
    Editor,
}

/// What a field asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Asks {
    Open,
    Save,
    Find,
    /// What is typed into an object on stage, line by line until Esc.
    Keys(String),
}

/// A stage with all that stands around it.
#[derive(Debug)]
pub(super) struct Desk {
    /// The stage.
    pub(super) session: Session,
    /// The stage that will take its place once it has come as far.
    coming: Option<Session>,
    /// The prompt.
    pub(super) prompt: Prompt,
    /// What has the keys.
    pub(super) place: Place,
    stage: StageState,
    view: View,
    editor: Editor,
    editor_open: bool,
    field: Option<(Asks, LineEdit)>,
    /// Who waits for whom, what is wrong, and whether two looks agree on it.
    looks: Looks,
    /// The actors that are in a cycle of waits.
    stuck: Vec<String>,
    /// Whether a second look has been asked for and has not come.
    looking: bool,
    /// The session as it was saved last, or as it was given.
    saved: String,
    /// What the stage is held against.
    pin: Option<pin::Pin>,
    /// What was drawn where, for the mouse.
    spots: RefCell<Vec<(Rect, Spot)>>,
}

impl Desk {
    /// A desk with a stage that is being opened.
    pub(super) fn open(out: &mut Out, place: Place) -> Self {
        let stage = out.next_stage();
        Self {
            session: Session::open(stage, &mut out.orders),
            coming: None,
            prompt: Prompt::default(),
            place,
            stage: StageState::default(),
            view: View::default(),
            editor: Editor::new(),
            editor_open: false,
            field: None,
            looks: Looks::default(),
            stuck: Vec::new(),
            looking: false,
            saved: String::new(),
            pin: None,
            spots: RefCell::default(),
        }
    }

    /// Opens a script in the editor.
    pub(super) fn edit(&mut self, editor: Editor) {
        self.editor = editor;
        self.editor_open = true;
        self.place = Place::Editor;
    }

    /// In which context keys are pressed.
    pub(super) fn context(&self) -> Context {
        match &self.field {
            Some((Asks::Keys(_), _)) => return Context::Terminal,
            Some(_) => return Context::Field,
            None => {}
        }
        match self.place {
            Place::Prose => Context::Lesson,
            Place::Stage => Context::Stage,
            Place::Transcript => Context::Transcript,
            Place::Prompt => Context::Prompt,
            Place::Editor => Context::Editor,
        }
    }

    /// Submits a statement; gives its number.
    pub(super) fn say(&mut self, statement: Statement, out: &mut Out) -> u64 {
        self.view.at = None;
        let id = out.next_id();
        self.session.say(id, statement, &mut out.orders);
        id
    }

    /// Begins again on a fresh stage with these statements.
    pub(super) fn restart(&mut self, statements: Vec<Statement>, out: &mut Out) {
        // Opened before the old one is closed: the end of a stage may take longer than the beginning of one.
        let new = Session::open(out.next_stage(), &mut out.orders);
        let old = std::mem::replace(&mut self.session, new);
        old.close(&mut out.orders);
        if let Some(coming) = self.coming.take() {
            coming.close(&mut out.orders);
        }
        self.stage = StageState::default();
        self.view = View::default();
        self.pin = None;
        self.forget_looks();
        for statement in statements {
            self.say(statement, out);
        }
    }

    /// Closes the stage.
    pub(super) fn close(&self, out: &mut Out) {
        self.session.close(&mut out.orders);
        if let Some(coming) = &self.coming {
            coming.close(&mut out.orders);
        }
    }

    /// Takes the last statement back.
    pub(super) fn step_back(&mut self, out: &mut Out) {
        if self.coming.is_some() {
            return;
        }
        if !self.session.can_step_back() {
            let words = if self.session.busy() {
                "something still runs; Esc cancels it"
            } else {
                "there is no statement to step back over"
            };
            out.notice(Notice::warning(words));
            return;
        }
        let stage = out.next_stage();
        let session = self.session.step_back(stage, &mut out.ids, &mut out.orders);
        self.coming = session;
    }

    /// Whether the stage of that number is one of this desk's.
    pub(super) fn owns(&self, stage: u64) -> bool {
        self.session.stage == stage || self.coming.as_ref().is_some_and(|s| s.stage == stage)
    }

    /// Learns what a stage said, and tells what happened on the stage that is shown.
    pub(super) fn learn(&mut self, stage: u64, said: FromStage, out: &mut Out) -> Happened {
        if let Some(coming) = self.coming.as_mut().filter(|s| s.stage == stage) {
            match coming.learn(said) {
                Happened::Replayed(difference) => {
                    let again = matches!(self.session.state, State::Gone(_));
                    if let Some(new) = self.coming.take() {
                        self.session.close(&mut out.orders);
                        self.session = new;
                        self.pin = None;
                        self.look_who_waits(out);
                    }
                    out.notice(match difference {
                        None if again => Notice::good("the same again, on a new stage"),
                        None => Notice::good("one step back, on a new stage"),
                        Some(what) => Notice::warning(format!("this time it came out otherwise: {what}")),
                    });
                }
                Happened::Gone(why) => {
                    self.coming = None;
                    out.notice(Notice::error(format!("the stage to step back to was lost: {why}")));
                }
                Happened::Ended(_) | Happened::Opened | Happened::Refreshed | Happened::Nothing => {}
            }
            return Happened::Nothing;
        }
        let happened = self.session.learn(said);
        if matches!(happened, Happened::Ended(_) | Happened::Refreshed) {
            self.look_who_waits(out);
        }
        if let Happened::Gone(why) = &happened {
            // The focus stays: somebody may be typing.
            let more = match (self.session.can_step_back(), self.place) {
                (true, Place::Prompt | Place::Editor) => "; Esc, then u opens it again and runs the same statements",
                (true, _) => "; u opens it again and runs the same statements",
                (false, _) => "; R opens a fresh one",
            };
            out.notice(Notice::error(format!("{why}{more}")));
        }
        happened
    }

    /// Whether the stage is being opened, or a statement, a step back or a second look has not ended.
    pub(super) fn is_busy(&self) -> bool {
        let opening = self.session.state == State::Opening;
        opening || self.session.busy() || self.coming.is_some() || self.looking
    }

    /// Whether something changes by itself, so that a quiet stage is not what is shown.
    pub(super) fn has_free_runs(&self) -> bool {
        self.session.now.actors.iter().any(|a| matches!(a.state, ActorState::Running { .. }))
    }

    /// A key that no action took.
    pub(super) fn key(&mut self, key: KeyEvent, out: &mut Out) {
        if let Some((Asks::Keys(name), _)) = &self.field {
            let name = name.clone();
            self.key_of_terminal(&name, key, out);
        } else if let Some((_, line)) = &mut self.field {
            line.key(key);
        } else {
            match self.place {
                Place::Editor => self.editor.key(key),
                Place::Prompt => _ = self.prompt.key(key),
                Place::Prose | Place::Stage | Place::Transcript => {}
            }
        }
    }

    /// Pasted text. Several lines go to the script editor, where they can be looked at before they run.
    pub(super) fn paste(&mut self, pasted: &str, out: &mut Out) {
        let fits = if let Some((Asks::Keys(name), _)) = &self.field {
            let name = name.clone();
            self.paste_into_terminal(&name, pasted, out)
        } else if let Some((_, line)) = &mut self.field {
            line.insert(pasted)
        } else if self.place == Place::Editor {
            self.editor.paste(pasted)
        } else if pasted.trim_end().contains(['\n', '\r']) {
            self.editor_open = true;
            self.place = Place::Editor;
            out.notice(Notice::good("several lines: they are in the script editor now"));
            self.editor.paste(pasted)
        } else {
            self.place = Place::Prompt;
            self.prompt.paste(pasted)
        };
        if !fits {
            out.notice(Notice::error(format!("what was pasted is too long: {} bytes", pasted.len())));
        }
    }

    /// What a key means here; whether it meant anything.
    pub(super) fn act(&mut self, action: Action, prose: bool, wide: bool, out: &mut Out) -> bool {
        match action {
            Action::Accept => self.accept(out),
            Action::Cancel => return self.cancel(out),
            Action::Run => self.run_prompt(out),
            Action::Complete => self.complete(out),
            Action::CompleteBack => self.prompt.cycle(false),
            Action::Older => self.prompt.recall(true),
            Action::Newer => self.prompt.recall(false),
            Action::Command => self.place = Place::Prompt,
            Action::Pane => self.next_place(prose, wide, true),
            Action::PaneBack => self.next_place(prose, wide, false),
            Action::Undo => self.step_back(out),
            Action::Reset => {
                self.restart(Vec::new(), out);
                out.notice(Notice::good("a fresh stage"));
            }
            Action::Age => out.orders.push(super::link::ToStage::Refresh(self.session.stage)),
            Action::EditorOpen | Action::EditorHere => {
                let here = self.editor_open && self.place == Place::Editor;
                self.editor_open = !here;
                self.place = if here { Place::Prompt } else { Place::Editor };
            }
            Action::RunLine => {
                for statement in self.editor.line(out.registry) {
                    self.say(statement, out);
                }
            }
            Action::RunAll => {
                if let Some(statements) = self.editor.all(out.registry) {
                    self.restart(statements, out);
                    // What comes of it is seen on the stage.
                    if !wide {
                        self.place = Place::Stage;
                    }
                }
            }
            Action::OpenFile => self.ask(Asks::Open, ""),
            Action::SaveFile => self.ask_where_to_save(),
            Action::Pin => self.pin(out),
            Action::TypeInto => self.type_into(out),
            Action::Find => self.ask(Asks::Find, &self.view.word.clone()),
            Action::FindNext | Action::FindBack => {
                if !self.view.find(&self.session.transcript, action == Action::FindNext) {
                    out.notice(Notice::warning("not found"));
                }
            }
            Action::Filter => self.filter(out),
            Action::Copy => self.copy(out),
            Action::Up => self.step(-1),
            Action::Down => self.step(1),
            Action::Left => self.step(-1),
            Action::Right => self.step(1),
            Action::PageUp => self.page(-1),
            Action::PageDown => self.page(1),
            Action::Top => self.page(-1000),
            Action::Bottom => self.page(1000),
            _ => return false,
        }
        true
    }

    /// What Esc means: the nearest thing that can be left, closed or stopped.
    fn cancel(&mut self, out: &mut Out) -> bool {
        if self.field.take().is_some() {
            return true;
        }
        if self.prompt.offer.take().is_some() {
            return true;
        }
        if self.session.busy() || self.has_free_runs() {
            out.orders.push(super::link::ToStage::Cancel(self.session.stage));
            out.notice(Notice::warning("cancelled: what ran stops before its next call"));
            return true;
        }
        match self.place {
            Place::Prompt if !self.prompt.is_clear() => self.prompt.clear(),
            Place::Prompt => self.place = Place::Stage,
            Place::Editor => {
                self.editor_open = false;
                self.place = Place::Prompt;
            }
            Place::Transcript if self.view.at.is_some() || !self.view.word.is_empty() => {
                self.view.at = None;
                self.view.word.clear();
            }
            Place::Transcript => self.place = Place::Stage,
            Place::Stage if self.stage.focus.is_some() => self.stage.focus = None,
            Place::Stage | Place::Prose => return false,
        }
        true
    }

    fn next_place(&mut self, prose: bool, _wide: bool, forward: bool) {
        let mut places = vec![Place::Stage, Place::Transcript];
        if prose {
            places.insert(0, Place::Prose);
        }
        if self.editor_open {
            places.insert(0, Place::Editor);
        }
        let at = places.iter().position(|p| *p == self.place).unwrap_or(0);
        let count = places.len();
        self.place = places[(at + if forward { 1 } else { count - 1 }) % count];
    }

    fn step(&mut self, by: isize) {
        match self.place {
            Place::Transcript => self.view.step(&self.session.transcript, by),
            Place::Stage => {
                let all = focusable(&self.session.now);
                if all.is_empty() {
                    return;
                }
                let at = self.stage.focus.as_ref().and_then(|f| all.iter().position(|a| a == f));
                let next = match at {
                    Some(at) => (at as isize + by).rem_euclid(all.len() as isize) as usize,
                    None if by > 0 => 0,
                    None => all.len() - 1,
                };
                self.stage.focus = all.get(next).cloned();
            }
            _ => {}
        }
    }

    fn page(&mut self, by: isize) {
        match self.place {
            Place::Transcript | Place::Prompt => self.view.step(&self.session.transcript, by.saturating_mul(10)),
            Place::Stage => {
                let to = self.stage.scroll.saturating_add_signed(by.saturating_mul(10).clamp(-999, 999) as i16);
                self.stage.scroll = to.min(600);
                self.stage.focus = None;
            }
            _ => {}
        }
    }

    fn filter(&mut self, out: &mut Out) {
        let names: Vec<&String> = self.session.now.actors.iter().map(|a| &a.name).collect();
        let at = self.view.actor.as_ref().and_then(|f| names.iter().position(|n| *n == f));
        let next = match (at, self.view.actor.is_some()) {
            (Some(at), _) => names.get(at + 1),
            (None, true) => None,
            (None, false) => names.first(),
        };
        self.view.actor = next.map(|n| (*n).clone());
        self.view.at = None;
        out.notice(match &self.view.actor {
            Some(actor) => Notice::good(format!("only what {actor} does")),
            None => Notice::good("everybody"),
        });
    }

    fn copy(&mut self, out: &mut Out) {
        let copied = match (&self.stage.focus, self.place) {
            (Some(focus), Place::Stage) => {
                let theme = Theme::new(super::theme::Palette::Mono, true);
                let sight = Sight { now: &self.session.now, before: None, theme: &theme, timeless: false, stuck: &[] };
                let lines = match focus {
                    Focus::Actor(name) => {
                        sight.now.actor(name).map(|a| super::panes::card(a, sight, 76, false)).unwrap_or_default()
                    }
                    Focus::Object(name) => {
                        sight.now.object(name).map(|o| super::panes::lines(o, sight, 76, false)).unwrap_or_default()
                    }
                };
                let mut copied = String::new();
                for line in lines {
                    copied.push_str(line.to_string().trim_end());
                    copied.push('\n');
                }
                Some(copied)
            }
            (_, Place::Transcript) => self.view.chosen(&self.session.transcript),
            _ => None,
        };
        match copied {
            Some(copied) => {
                out.effects.push(Effect::Copy(copied));
                out.notice(Notice::good("copied, if the terminal lets programs do that"));
            }
            None => out.notice(Notice::warning("choose a card, a pane or a line to copy first")),
        }
    }

    fn run_prompt(&mut self, out: &mut Out) {
        let line = self.prompt.line.text().to_owned();
        if line.trim().is_empty() && self.prompt.block.is_empty() {
            return;
        }
        if self.prompt.block.is_empty() && self.command(&line, out) {
            return;
        }
        let mut whole = self.prompt.block.join("\n");
        if !whole.is_empty() {
            whole.push('\n');
        }
        let before = whole.len();
        whole.push_str(&line);
        if incomplete(&whole) {
            self.prompt.remember(&line);
            self.prompt.block.push(line);
            self.prompt.line.set("");
            return;
        }
        let (statements, mut errors) = parse(&whole, out.registry);
        if !errors.is_empty() {
            // Errors in lines that were entered already can only be mended by beginning again.
            if errors.iter().all(|e| e.span.end <= before) && before > 0 {
                self.prompt.block.clear();
            }
            for error in &mut errors {
                error.span.start = error.span.start.saturating_sub(before);
                error.span.end = error.span.end.saturating_sub(before);
            }
            if before == 0 {
                PROMPT.amend(&line, &mut errors);
            }
            self.prompt.offer = None;
            self.prompt.errors = errors;
            return;
        }
        self.prompt.remember(&line);
        self.prompt.clear();
        if let State::Gone(why) = &self.session.state {
            out.notice(Notice::error(format!("there is no stage: {why}")));
            return;
        }
        for statement in statements {
            self.say(statement, out);
        }
    }

    fn complete(&mut self, out: &Out) {
        if self.prompt.offer.is_some() {
            self.prompt.cycle(true);
            return;
        }
        if self.complete_command() {
            return;
        }
        let (text, cursor) = self.prompt.whole();
        let scene = crate::script::Scene::of(&self.session.now);
        let completion = crate::script::complete(&text, cursor, out.registry, &scene);
        let before = text.len() - self.prompt.line.text().len();
        let span = completion.start.saturating_sub(before)..self.prompt.line.cursor();
        let candidates = completion.candidates.into_iter().map(|c| Candidate { text: c.insert, doc: c.doc }).collect();
        self.prompt.offer(span, candidates);
    }

    /// The right end of the header: how the stage is.
    pub(super) fn status(&self, theme: &Theme, width: u16) -> Vec<Span<'static>> {
        let dim = |words: String| Span::styled(words, theme.style(Role::Dim));
        let dot = || Span::styled(format!(" {} ", theme.glyphs.dot), theme.style(Role::Dim));
        let mut spans = Vec::new();
        match &self.session.state {
            State::Opening => spans.push(dim("opening the stage".to_owned())),
            State::Gone(_) => spans.push(Span::styled("no stage", theme.style(Role::Error))),
            State::Open(info) => {
                match info.mode {
                    // On a narrow screen the usual is not told.
                    _ if width < 60 && info.mode == Mode::Isolated => {}
                    Mode::Isolated => spans.push(dim("isolated".to_owned())),
                    Mode::Shared => spans.push(Span::styled("shared", theme.style(Role::Warning))),
                }
                if width >= 60 {
                    spans.push(dot());
                    let count = self.session.done();
                    spans.push(dim(format!("{count} statement{}", if count == 1 { "" } else { "s" })));
                }
                if !spans.is_empty() {
                    spans.push(dot());
                }
                spans.push(if self.coming.is_some() {
                    Span::styled("stepping back", theme.style(Role::Running))
                } else if self.session.busy() {
                    Span::styled("a statement runs", theme.style(Role::Running))
                } else if self.has_free_runs() {
                    Span::styled("running freely", theme.style(Role::Running))
                } else if self.session.now.settled {
                    Span::styled(format!("{} settled", theme.glyphs.yes), theme.style(Role::Good))
                } else {
                    Span::styled("not settled", theme.style(Role::Warning))
                });
            }
        }
        spans
    }

    /// Draws the desk, with `prose` in the left column if there is any; gives the cursor's place.
    pub(super) fn render(
        &mut self,
        area: Rect,
        buffer: &mut Buffer,
        look: Look<'_>,
        prose: Option<Prose<'_>>,
    ) -> Option<Position> {
        let wide = area.width >= layout::WIDE;
        let theme = look.theme;
        self.spots.get_mut().clear();
        let ruled = u16::from(area.height >= 30);
        let (mut rest, mut bottom) = layout::bottom(area, self.bottom_rows(area, look) + ruled);
        if ruled > 0 {
            layout::rule(bottom, buffer, theme, Vec::new(), false);
            bottom = Rect { y: bottom.y + 1, height: bottom.height - 1, ..bottom };
        }
        let run_all = look.keys.map_or_else(String::new, |(keys, ascii)| keys.label(Action::RunAll, ascii));
        let on_left = prose.is_some() || self.editor_open;
        if wide && on_left {
            let (left, right) = layout::left(rest, layout::prose_width(area));
            let place = if self.editor_open { Place::Editor } else { Place::Prose };
            self.drawn(left, Spot::Place(place));
            if self.editor_open {
                self.editor.render(layout::inset(left, 1, 0), buffer, theme, self.place == Place::Editor, &run_all);
            } else if let Some(prose) = &prose {
                (prose.draw)(left, buffer, self.place == Place::Prose);
            }
            rest = layout::left(right, 1).1;
        }
        match self.place {
            Place::Editor if !wide => {
                let above = self.strip(rest, self.editor.rows(), buffer, look);
                self.editor.render(above, buffer, theme, true, &run_all);
            }
            Place::Prose if !wide => {
                if let Some(prose) = prose {
                    let above = self.strip(rest, prose.rows, buffer, look);
                    (prose.draw)(above, buffer, true);
                }
            }
            Place::Transcript if !wide => self.transcript(rest, buffer, look),
            _ => {
                // What is to be reached is in sight while somebody works at it.
                if let Some(prose) = prose.filter(|_| !wide) {
                    for line in prose.task.iter().take(usize::from(rest.height / 4)) {
                        layout::line_at(rest, 0, buffer, line);
                        rest = Rect { y: rest.y + 1, height: rest.height - 1, ..rest };
                    }
                }
                self.render_stage(rest, buffer, look, true);
            }
        }
        self.drawn(bottom, Spot::Place(Place::Prompt));
        let cursor = self.bottom(bottom, buffer, look);
        if let Some(offer) = self.prompt.offer.as_ref().filter(|_| self.place == Place::Prompt) {
            let above = Rect { y: area.y, height: bottom.y - area.y, ..area };
            prompt::popup(above, buffer, offer, theme);
        }
        cursor
    }

    /// Draws only the stage, with its transcript if asked.
    pub(super) fn render_stage(&self, area: Rect, buffer: &mut Buffer, look: Look<'_>, transcript: bool) {
        let margin = u16::from(area.width > 60);
        let sight = self.sight(look);
        let wanted = stage_view::needed(area.width - 2 * margin, sight, &self.stage) + 2;
        // In steps, so that the two don't move against each other with every line.
        let wanted = wanted.next_multiple_of(4);
        let least = area.height / 2;
        let most = area.height - (area.height / 4).min(18);
        let rows = if transcript { area.height - wanted.clamp(least, most) } else { 0 };
        let (mut top, below) = layout::bottom(area, rows);
        for line in [self.trouble(look.theme, look.keys), self.pinned(look)].into_iter().flatten() {
            if top.height > 3 {
                let line = text::clip_spans(line, usize::from(top.width), look.theme.glyphs.more);
                layout::line_at(top, 0, buffer, &line.into());
                top = Rect { y: top.y + 1, height: top.height - 1, ..top };
            }
        }
        self.drawn(top, Spot::Place(Place::Stage));
        for (area, focus) in stage_view::render(layout::inset(top, margin, 0), buffer, sight, &self.stage) {
            self.drawn(area, Spot::Node(focus));
        }
        if transcript {
            self.transcript(below, buffer, look);
        }
    }

    /// Draws the stage in a few rows at the bottom of an area in which something else would like so many rows; gives
    /// what is left.
    fn strip(&self, area: Rect, others: u16, buffer: &mut Buffer, look: Look<'_>) -> Rect {
        let sight = self.sight(look);
        let key = look.keys.filter(|_| self.place == Place::Prose).map(|(k, ascii)| k.label(Action::Pane, ascii));
        let trouble = self.trouble(look.theme, look.keys);
        let wanted = strip::wanted(sight, usize::from(area.width.saturating_sub(2)));
        let wanted = wanted + u16::from(trouble.is_some() && wanted > 0);
        let (above, below) =
            layout::bottom(area, wanted.min((area.height * 2 / 5).max(area.height.saturating_sub(others))));
        strip::render(below, buffer, sight, trouble, key);
        self.drawn(below, Spot::Place(Place::Stage));
        above
    }

    /// Whether a word is looked for in the transcript.
    pub(super) const fn searches(&self) -> bool {
        !self.view.word.is_empty()
    }

    /// Whether a card, a pane or a line has the focus.
    pub(super) fn has_detail(&self) -> bool {
        match self.place {
            Place::Transcript => self.session.transcript.len() > 0,
            _ => self.stage.focus.is_some(),
        }
    }

    fn sight<'a>(&'a self, look: Look<'a>) -> Sight<'a> {
        let session = &self.session;
        Sight {
            now: &session.now,
            before: Some(self.pin.as_ref().map_or(&session.before, |pin| &pin.snapshot)),
            theme: look.theme,
            timeless: look.timeless,
            stuck: &self.stuck,
        }
    }

    fn transcript(&self, area: Rect, buffer: &mut Buffer, look: Look<'_>) {
        let theme = look.theme;
        self.drawn(area, Spot::Place(Place::Transcript));
        let focused = self.place == Place::Transcript;
        let dim = theme.style(Role::Dim);
        let mut title = vec![Span::styled("transcript", theme.style(if focused { Role::Title } else { Role::Dim }))];
        if let Some(actor) = &self.view.actor {
            title.push(Span::styled(format!(" of {actor}"), theme.style(Role::Accent)));
        }
        if !self.view.word.is_empty() {
            title.push(Span::styled(format!(" with {}", self.view.word), theme.style(Role::Accent)));
        }
        if self.session.transcript.dropped() > 0 {
            title.push(Span::styled(format!(" ({} older entries dropped)", self.session.transcript.dropped()), dim));
        }
        layout::rule(area, buffer, theme, title, focused);
        let rest = Rect { y: area.y + 1.min(area.height), height: area.height.saturating_sub(1), ..area };
        transcript::render(
            layout::inset(rest, 1, 0),
            buffer,
            &self.session.transcript,
            &self.view,
            self.sight(look),
            focused,
        );
    }

    /// All that is known of what has the focus, as lines.
    pub(super) fn detail(&self, look: Look<'_>, width: usize) -> Option<(String, Vec<ratatui::text::Line<'static>>)> {
        let sight = self.sight(look);
        if self.place == Place::Transcript {
            let lines = transcript::whole(&self.session.transcript, &self.view, sight, width);
            return Some(("A line of the transcript".to_owned(), lines));
        }
        match self.stage.focus.as_ref()? {
            Focus::Actor(name) => {
                let actor = sight.now.actor(name)?;
                let mut lines = super::panes::card(actor, sight, width, false);
                let dim = look.theme.style(Role::Dim);
                let words = format!(
                    "uid {}, {} calls finished, {} dropped from its ring",
                    actor.uid, actor.finished, actor.dropped
                );
                lines.push(Span::styled(text::clip(&words, width, look.theme.glyphs.more), dim).into());
                lines.extend(self.compared(look, width));
                Some((name.clone(), lines))
            }
            Focus::Object(name) => {
                let mut lines = super::panes::detail(sight.now.object(name)?, sight, width);
                lines.extend(self.compared(look, width));
                Some((name.clone(), lines))
            }
        }
    }
}

/// The prose beside a stage.
pub(super) struct Prose<'a> {
    /// Draws it, as it looks with or without the focus.
    pub(super) draw: &'a dyn Fn(Rect, &mut Buffer, bool),
    /// How many rows it would like to have where the screen is too narrow for both side by side.
    pub(super) rows: u16,
    /// What is to be done, for when the prose is not in sight.
    pub(super) task: Vec<ratatui::text::Line<'static>>,
}

/// What a view may look at besides the stage.
#[derive(Debug, Clone, Copy)]
pub(super) struct Look<'a> {
    /// The styles.
    pub(super) theme: &'a Theme,
    /// What the language knows.
    pub(super) registry: &'a crate::script::Registry,
    /// Whether times are left out.
    pub(super) timeless: bool,
    /// Which key does what, and whether it is told in ASCII; `None` where keys mean something else.
    pub(super) keys: Option<(&'a super::keys::Keymap, bool)>,
}
