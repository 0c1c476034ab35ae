//! The program as a whole: which screen is shown, what an event means, what is drawn.
//!
//! It does nothing by itself: what must be done to the terminal and to stages comes out as [`Effect`]s and orders.

mod choosing;
mod learning;
mod leaving;
mod measuring;
mod pages;

use ratatui::buffer::Buffer;
use ratatui::crossterm::event::{self as input, KeyEventKind, MouseEventKind};
use ratatui::layout::{Position, Rect};
use ratatui::text::{Line, Span};

use super::atlas::{self, Atlas};
use super::desk::{Desk, Look, Place};
use super::editor::Editor;
use super::event::Event;
use super::first::First;
use super::help::Help;
use super::keys::{Action, Chord, Context, Keymap};
use super::layout;
use super::lesson::LessonView;
use super::lessons::Shelf;
use super::link::ToStage;
use super::measure::{Measure, room};
use super::menu::{Entry, Menu};
use super::progress::ProgressView;
use super::text;
use super::theme::{Palette, Role, Theme};
use crate::bench::History;
use crate::script::Registry;

/// What must be done to the terminal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Effect {
    /// Stop the program until the shell brings it forward.
    Suspend,
    /// Hand a text to the terminal's clipboard.
    Copy(String),
    /// Let the mouse speak to us, or to the terminal.
    Mouse(bool),
    /// Draw everything anew.
    Redraw,
    /// Remember that the first minute was gone through: from now on the program starts with the menu.
    FirstMinuteOver,
}

/// How the program ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ending {
    /// The user left.
    Left,
    /// A signal asked for it.
    Signal(i32),
    /// Something went wrong: in words.
    Failed(String),
}

/// One line for the user, until the next key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Notice {
    words: String,
    role: Role,
}

impl Notice {
    /// Something went well.
    pub(super) fn good(words: impl Into<String>) -> Self {
        Self { words: words.into(), role: Role::Good }
    }

    /// Something is to be known.
    pub(super) fn warning(words: impl Into<String>) -> Self {
        Self { words: words.into(), role: Role::Warning }
    }

    /// Something went wrong.
    pub(super) fn error(words: impl Into<String>) -> Self {
        Self { words: words.into(), role: Role::Error }
    }
}

/// What comes out of the program while it handles an event.
#[derive(Debug)]
pub(super) struct Out {
    /// For stages.
    pub(super) orders: Vec<ToStage>,
    /// Experiments to be run.
    pub(super) works: Vec<super::work::Order>,
    /// Something to be measured.
    pub(super) measures: Vec<room::Order>,
    /// For the terminal.
    pub(super) effects: Vec<Effect>,
    /// What the language knows.
    pub(super) registry: &'static Registry,
    notice: Option<Notice>,
    /// What a command at the prompt asks of the program.
    pub(super) asked: Option<Asked>,
    /// The last number given to a statement.
    pub(super) ids: u64,
    stages: u64,
}

impl Out {
    /// Shows a line until the next key.
    pub(super) fn notice(&mut self, notice: Notice) {
        self.notice = Some(notice);
    }

    /// A number for a stage.
    pub(super) const fn next_stage(&mut self) -> u64 {
        self.stages += 1;
        self.stages
    }

    /// A number for a statement.
    pub(super) const fn next_id(&mut self) -> u64 {
        self.ids += 1;
        self.ids
    }
}

/// What a command at the prompt asks of the program.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Asked {
    /// To leave.
    Quit,
    /// Help, on a word if it is not empty.
    Help(String),
    /// Who waits for whom.
    Waits,
}

/// Which screen is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Screen {
    First,
    Menu,
    Lessons,
    Lesson,
    Progress,
    Play,
    Atlas,
    Measure,
}

/// What lies over the screen.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Page {
    Help(Help),
    /// All that is known of what has the focus; the first line that is shown.
    Detail(u16),
    /// Who waits for whom; the first line that is shown.
    Waits(u16),
    /// Messages that were there at the start.
    Messages(Vec<String>),
}

/// With what the program starts.
#[derive(Debug)]
#[expect(clippy::large_enum_variant, reason = "there is but one")]
pub(super) enum Opening {
    First,
    Menu,
    /// The list, or the lesson with that id.
    Learn(Option<String>),
    Progress,
    /// The questions that are due, or all that ever will be.
    Review(bool),
    Play(Option<Editor>),
    /// The measuring room, with what was measured before.
    Measure(History),
}

/// When a screen must be drawn.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Dirty {
    /// Nothing has changed.
    No,
    /// Soon: something changed that nobody waits for at the keyboard.
    Soon,
    /// At once.
    Now,
}

/// The program.
#[derive(Debug)]
pub(super) struct App {
    theme: Theme,
    keys: Keymap,
    ascii: bool,
    timeless: bool,
    screen: Screen,
    page: Option<Page>,
    menu: Menu,
    first: Option<First>,
    play: Option<Desk>,
    lessons: Shelf,
    lesson: Option<LessonView>,
    atlas: Atlas,
    measure: Option<Measure>,
    progress: Option<ProgressView>,
    pub(super) out: Out,
    pub(super) ending: Option<Ending>,
    pub(super) dirty: Dirty,
    /// Whether the stop was asked for by a key, so that the whole process group must be told.
    pub(super) stop_others: bool,
    mouse: bool,
    interrupted: bool,
    /// What was asked of one who wants to leave, until another key.
    leaving: leaving::Leaving,
    /// Whether what stands in Play may be replaced: it was asked for twice.
    replace_play: bool,
    /// From where the stage or lesson was opened, if not from the usual place.
    back: Option<Screen>,
    area: Rect,
}

impl App {
    /// The program before its first event.
    pub(super) fn new(
        theme: Theme,
        keys: Keymap,
        messages: Vec<String>,
        lessons: Shelf,
        opening: Opening,
        area: Rect,
    ) -> Self {
        let ascii = std::ptr::eq(theme.glyphs, &raw const super::glyphs::ASCII);
        let out = Out {
            orders: Vec::new(),
            works: Vec::new(),
            measures: Vec::new(),
            effects: Vec::new(),
            registry: crate::facility::registry(),
            notice: None,
            asked: None,
            ids: 0,
            stages: 0,
        };
        let mut app = Self {
            theme,
            keys,
            ascii,
            timeless: false,
            screen: Screen::Menu,
            page: (!messages.is_empty()).then_some(Page::Messages(messages)),
            menu: Menu::default(),
            first: None,
            play: None,
            lessons,
            lesson: None,
            atlas: Atlas::default(),
            measure: None,
            progress: None,
            out,
            ending: None,
            dirty: Dirty::Now,
            stop_others: false,
            mouse: false,
            interrupted: false,
            leaving: leaving::Leaving::No,
            replace_play: false,
            back: None,
            area,
        };
        match opening {
            Opening::First => {
                app.first = Some(First::open(&mut app.out));
                app.screen = Screen::First;
            }
            Opening::Menu => app.go_menu(),
            Opening::Progress => app.go_progress(),
            Opening::Review(all) => app.go_review(all),
            Opening::Learn(id) => app.go_learn(id.as_deref()),
            Opening::Play(editor) => app.go_play(editor),
            Opening::Measure(history) => app.go_measure(|| history),
        }
        app
    }

    /// The same with what the learner has proved before.
    pub(super) fn with_proofs(mut self, proofs: crate::lesson::proofs::Proofs) -> Self {
        self.atlas.proofs = proofs;
        self
    }

    /// The same in normal form, for pictures: without times.
    pub(super) const fn timeless(mut self) -> Self {
        self.timeless = true;
        self
    }

    fn go_play(&mut self, editor: Option<Editor>) {
        let desk = self.play.get_or_insert_with(|| Desk::open(&mut self.out, Place::Prompt));
        if let Some(editor) = editor {
            desk.edit(editor);
        }
        self.screen = Screen::Play;
    }

    /// The desk that is shown, if one is.
    fn shown_desk(&self) -> Option<&Desk> {
        match self.screen {
            Screen::First => self.first.as_ref().map(|f| &f.desk),
            Screen::Play => self.play.as_ref(),
            Screen::Lesson => self.lesson.as_ref().map(|l| &l.desk),
            Screen::Menu | Screen::Lessons | Screen::Atlas | Screen::Progress | Screen::Measure => None,
        }
    }

    fn desk(&mut self) -> Option<&mut Desk> {
        match self.screen {
            Screen::First => self.first.as_mut().map(|f| &mut f.desk),
            Screen::Play => self.play.as_mut(),
            Screen::Lesson => self.lesson.as_mut().map(|l| &mut l.desk),
            Screen::Menu | Screen::Lessons | Screen::Atlas | Screen::Progress | Screen::Measure => None,
        }
    }

    /// In which context keys are pressed.
    pub(super) fn context(&self) -> Context {
        match (&self.page, self.screen) {
            (Some(Page::Help(help)), _) if help.typing => Context::Field,
            (Some(Page::Help(_)), _) => Context::Page,
            (Some(_), _) => Context::Sheet,
            (None, Screen::First) => Context::First,
            (None, Screen::Menu) => Context::Menu,
            (None, Screen::Lessons) => Context::Lessons,
            (None, Screen::Progress) => self.progress.as_ref().map_or(Context::Progress, ProgressView::context),
            (None, Screen::Lesson) => self.lesson.as_ref().map_or(Context::Lessons, |l| l.desk.context()),
            (None, Screen::Play) => self.play.as_ref().map_or(Context::Menu, Desk::context),
            (None, Screen::Atlas) => self.atlas.context(),
            (None, Screen::Measure) => Context::Measure,
        }
    }

    /// Learns of an event.
    pub(super) fn handle(&mut self, event: Event) {
        match event {
            Event::Input(event) => self.input(event),
            // A terminal that can't be read has hung up, whether the signal has come yet or not.
            Event::InputEnded => self.ending = Some(Ending::Signal(signal_hook::consts::SIGHUP)),
            Event::Resize => self.dirty = Dirty::Now,
            Event::Signal(signal) if signal == signal_hook::consts::SIGTSTP => self.out.effects.push(Effect::Suspend),
            Event::Signal(signal) => self.ending = Some(Ending::Signal(signal)),
            Event::Stage(stage, said) => {
                self.dirty = self.dirty.max(Dirty::Soon);
                if let Some(first) = self.first.as_mut().filter(|f| f.desk.owns(stage)) {
                    first.desk.learn(stage, said, &mut self.out);
                } else if let Some(lesson) = self.lesson.as_mut().filter(|l| l.desk.owns(stage)) {
                    if let Some(lessons) = self.lessons.open() {
                        lesson.learn(stage, said, &mut lessons.progress, &mut self.out);
                    }
                } else if let Some(desk) = self.play.as_mut().filter(|d| d.owns(stage)) {
                    desk.learn(stage, said, &mut self.out);
                }
            }
            Event::Work(number, said) => {
                self.dirty = self.dirty.max(Dirty::Soon);
                self.atlas.learn(number, said, &mut self.out);
            }
            Event::Measure(number, said) => self.measured(number, said),
            Event::Panic(words) => {
                self.dirty = Dirty::Now;
                // Without these two threads the program is deaf.
                if words.starts_with("thread input:") || words.starts_with("thread signals:") {
                    self.ending = Some(Ending::Failed(words));
                } else {
                    self.out.notice(Notice::error(format!("a part of ipclab has failed: {words}")));
                }
            }
        }
    }

    /// Learns the terminal's size.
    pub(super) fn resize(&mut self, area: Rect) {
        self.area = area;
        self.dirty = Dirty::Now;
    }

    fn input(&mut self, event: input::Event) {
        match event {
            input::Event::Key(key) if key.kind != KeyEventKind::Release => {
                self.dirty = Dirty::Now;
                self.out.notice = None;
                let chord = Chord::of(key);
                let context = self.context();
                let action = self.leads_on(context, chord, self.keys.action(context, chord));
                if action != Some(Action::Interrupt) {
                    self.interrupted = false;
                }
                if self.answered_leaving(chord, action) {
                    return;
                }
                if !matches!(action, Some(Action::PlayIt | Action::Choose)) {
                    self.replace_play = false;
                }
                match action {
                    Some(action) => self.act(action),
                    None if context.types() => self.typed(key),
                    None => self.progress.iter_mut().for_each(ProgressView::calm),
                }
            }
            input::Event::Paste(text) => {
                self.dirty = Dirty::Now;
                self.out.notice = None;
                match (&mut self.page, self.screen) {
                    (Some(Page::Help(help)), _) if help.typing => _ = help.word.insert(&text),
                    (None, Screen::Play) => {
                        if let Some(desk) = &mut self.play {
                            desk.paste(&text, &mut self.out);
                        }
                    }
                    (None, Screen::Lesson) => {
                        if let Some(lesson) = &mut self.lesson {
                            lesson.desk.paste(&text, &mut self.out);
                        }
                    }
                    (None, Screen::Atlas) => self.atlas.paste(&text),
                    (None, Screen::Progress) => self.progress.iter_mut().for_each(|view| view.paste(&text)),
                    _ => {}
                }
            }
            input::Event::Mouse(mouse) => {
                let at = Position::new(mouse.column, mouse.row);
                let action = match mouse.kind {
                    MouseEventKind::ScrollUp => Some(Action::Up),
                    MouseEventKind::ScrollDown => Some(Action::Down),
                    MouseEventKind::Down(_) if self.page.is_none() => {
                        self.desk().is_some_and(|desk| desk.click(at)).then_some(Action::Detail)
                    }
                    _ => return,
                };
                self.dirty = Dirty::Now;
                if let Some(action) = action {
                    self.act(action);
                }
            }
            _ => {}
        }
    }

    fn typed(&mut self, key: input::KeyEvent) {
        if let Some(Page::Help(help)) = &mut self.page {
            help.word.key(key);
            help.scroll = 0;
        } else if self.screen == Screen::Atlas {
            self.atlas.key(key);
        } else if let (Screen::Progress, Some(view)) = (self.screen, &mut self.progress) {
            view.key(key);
        } else {
            let desk = match self.screen {
                Screen::Play => self.play.as_mut(),
                Screen::Lesson => self.lesson.as_mut().map(|l| &mut l.desk),
                _ => None,
            };
            if let Some(desk) = desk {
                desk.key(key, &mut self.out);
            }
        }
    }

    fn act(&mut self, action: Action) {
        match action {
            Action::QuitNow => self.leave(false),
            Action::Suspend => {
                self.stop_others = true;
                self.out.effects.push(Effect::Suspend);
            }
            Action::Redraw => self.out.effects.push(Effect::Redraw),
            Action::Mouse => {
                self.mouse = !self.mouse;
                self.out.effects.push(Effect::Mouse(self.mouse));
                self.out.notice(Notice::good(if self.mouse {
                    "the wheel scrolls here; the terminal's own selection needs Shift"
                } else {
                    "the mouse is the terminal's"
                }));
            }
            Action::ThemeNext => {
                let palette = self.theme.palette.next();
                self.theme = Theme::new(palette, self.ascii);
                self.out.notice(Notice::good(format!("palette {}", palette.name())));
                self.out.effects.push(Effect::Redraw);
            }
            Action::Interrupt => self.interrupt(),
            _ if self.page.is_some() => self.act_on_page(action),
            Action::Help | Action::HelpKey => self.page = Some(Page::Help(Help::new(self.context()))),
            Action::Quit => self.leave(false),
            Action::SwapIt if self.screen != Screen::Atlas => self.swap_stage(),
            Action::ToMeasure => self.measure_aside(),
            Action::Waits | Action::WaitsHere => self.page = Some(Page::Waits(0)),
            _ => self.act_on_screen(action),
        }
        match self.out.asked.take() {
            None => {}
            Some(Asked::Quit) => self.leave(false),
            Some(Asked::Waits) => self.page = Some(Page::Waits(0)),
            Some(Asked::Help(word)) => {
                let mut help = Help::new(self.context());
                help.reference = !word.is_empty();
                help.word.set(word);
                self.page = Some(Page::Help(help));
            }
        }
    }

    fn act_on_screen(&mut self, action: Action) {
        let wide = self.area.width >= layout::WIDE;
        match self.screen {
            Screen::First => {
                let Some(first) = &mut self.first else { return };
                if action == Action::Cancel || action == Action::Choose && first.is_over() {
                    if first.is_over() {
                        self.out.effects.push(Effect::FirstMinuteOver);
                    }
                    first.desk.close(&mut self.out);
                    self.first = None;
                    self.go_menu();
                } else {
                    first.act(action, &mut self.out);
                }
            }
            Screen::Menu => match action {
                Action::Up => self.menu.step(-1),
                Action::Down => self.menu.step(1),
                Action::Cancel => self.leave(true),
                Action::Progress => self.go_progress(),
                Action::Choose => match self.menu.chosen() {
                    Entry::First => {
                        self.first = Some(First::open(&mut self.out));
                        self.screen = Screen::First;
                    }
                    Entry::GoOn => self.go_on(),
                    Entry::Progress => self.go_progress(),
                    Entry::Learn => self.go_learn(None),
                    Entry::Play => self.go_play(None),
                    Entry::Map => self.go_atlas(atlas::View::Map),
                    Entry::Compare => self.go_atlas(atlas::View::Compare),
                    Entry::Choose => self.go_atlas(atlas::View::Choose),
                    Entry::Measure => {
                        self.back = None;
                        self.go_measure(History::load);
                    }
                    Entry::Help => {
                        let mut help = Help::new(Context::Menu);
                        help.reference = true;
                        self.page = Some(Page::Help(help));
                    }
                    Entry::Quit => self.leave(false),
                },
                _ => {}
            },
            Screen::Lessons => match (action, self.lessons.open()) {
                (Action::Up, Some(lessons)) => lessons.step(-1),
                (Action::Down, Some(lessons)) => lessons.step(1),
                (Action::PageUp, Some(lessons)) => lessons.leap(-8),
                (Action::PageDown, Some(lessons)) => lessons.leap(8),
                (Action::Top, Some(lessons)) => lessons.leap(isize::MIN),
                (Action::Bottom, Some(lessons)) => lessons.leap(isize::MAX),
                (Action::Choose, Some(lessons)) => {
                    if let Some(lesson) = lessons.chosen() {
                        self.go_lesson(lesson);
                    }
                }
                (Action::Cancel, _) => self.go_menu(),
                (Action::Progress, _) => self.go_progress(),
                (Action::Review, _) => self.go_review(false),
                _ => {}
            },
            Screen::Lesson => self.act_in_lesson(action, wide),
            Screen::Atlas => self.act_in_atlas(action),
            Screen::Progress => self.act_in_progress(action),
            Screen::Measure => self.act_in_measure(action),
            Screen::Play => {
                let Some(desk) = &mut self.play else { return };
                if action == Action::Detail {
                    self.show_detail();
                } else if !desk.act(action, false, wide, &mut self.out) && action == Action::Cancel {
                    let kept = desk.session.done() > 0;
                    match self.way_back(Screen::Menu) {
                        Screen::Menu => {
                            self.go_menu();
                            if kept {
                                self.out.notice(Notice::good("the stage stays as it is: Play leads back to it"));
                            }
                        }
                        screen => self.screen = screen,
                    }
                }
            }
        }
    }

    fn show_detail(&mut self) {
        if self.desk().is_some_and(|d| d.has_detail()) {
            self.page = Some(Page::Detail(0));
        } else {
            self.out.notice(Notice::warning("choose a card or pane with the arrows first"));
        }
    }

    /// Draws the program; gives the cursor's place, if there is one to show.
    pub(super) fn render(&mut self, area: Rect, buffer: &mut Buffer) -> Option<Position> {
        buffer.set_style(area, self.theme.ground);
        if area.width < layout::LEAST.0 || area.height < layout::LEAST.1 {
            layout::too_small(area, buffer, &self.theme);
            return None;
        }
        let mut parts = layout::parts(area);
        let theme = self.theme.clone();
        let told = self.told(area);
        // What is told has as many rows as it needs.
        let more = (told.len() as u16).saturating_sub(1);
        parts.body.height -= more;
        parts.keys = Rect { y: parts.keys.y - more, height: parts.keys.height + more, ..parts.keys };
        let keys = (self.screen != Screen::First).then_some((&self.keys, self.ascii));
        let look = Look { theme: &theme, registry: self.out.registry, timeless: self.timeless, keys };
        let mut cursor = None;
        match self.screen {
            Screen::First => {
                if let Some(first) = &mut self.first {
                    layout::header(
                        parts.header,
                        buffer,
                        &theme,
                        "the first minute",
                        first.desk.status(&theme, area.width),
                    );
                    first.render(parts.body, buffer, look, &self.keys, self.ascii);
                }
            }
            Screen::Menu => {
                layout::header(parts.header, buffer, &theme, "", Vec::new());
                self.menu.render(parts.body, buffer, &theme);
            }
            Screen::Lessons => {
                layout::header(parts.header, buffer, &theme, "Learn", Vec::new());
                if let Some(lessons) = self.lessons.opened() {
                    lessons.render(parts.body, buffer, &theme);
                }
            }
            Screen::Progress => {
                layout::header(parts.header, buffer, &theme, "Progress", Vec::new());
                if let Some(progress) = &mut self.progress {
                    cursor = progress.render(parts.body, buffer, &theme, &self.keys, self.ascii);
                }
            }
            Screen::Lesson => {
                if let Some(lesson) = &mut self.lesson {
                    let status = lesson.desk.status(&theme, area.width);
                    let (title, far) = lesson.title();
                    layout::header_of(parts.header, buffer, &theme, (title, &far), status);
                    cursor = lesson.render(parts.body, buffer, look, &self.keys, self.ascii);
                }
            }
            Screen::Atlas => cursor = self.render_atlas(parts, buffer, &theme),
            Screen::Measure => self.render_measure(parts, buffer, &theme),
            Screen::Play => {
                if let Some(desk) = &mut self.play {
                    layout::header(parts.header, buffer, &theme, "Play", desk.status(&theme, area.width));
                    cursor = desk.render(parts.body, buffer, look, None);
                }
            }
        }
        let context = self.context();
        for (y, line) in told.iter().enumerate() {
            layout::line_at(parts.keys, y as u16, buffer, line);
        }
        if told.is_empty() {
            let first = self.first.as_ref().filter(|_| context == Context::First);
            let pairs = match first {
                Some(first) => first.keys(&self.keys, self.ascii),
                None => self.keys.line(context, self.ascii),
            };
            layout::pairs(parts.keys, buffer, &theme, self.lead(), pairs);
        }
        if let Some(page) = &self.page {
            cursor = None;
            self.render_page(page, parts.body, buffer, look);
        }
        cursor
    }

    /// What is told until the next key, as lines.
    fn told(&self, area: Rect) -> Vec<Line<'static>> {
        let Some(notice) = &self.out.notice else { return Vec::new() };
        let width = usize::from(area.width.saturating_sub(2));
        let mut spans = vec![Span::styled(notice.words.clone(), self.theme.style(notice.role))];
        if notice.role == Role::Good
            && let Some(key) = self.key_that_leads_on()
        {
            let dot = Span::styled(format!(" {} ", self.theme.glyphs.dot), self.theme.style(Role::Good));
            let words = Span::styled(" goes on", self.theme.style(Role::Good));
            spans.extend([dot, Span::styled(key, self.theme.style(Role::Key)), words]);
        }
        let words = text::wrap_spans(&spans, width);
        let indented = words.into_iter().map(|words| std::iter::once(Span::raw(" ")).chain(words).collect());
        let rows = if area.height < 16 { 2 } else { 3 };
        text::cut(indented.collect(), rows, width + 1, &self.theme)
    }

    /// What is wrong with the last statement, or with the program; `None` if all is well.
    pub(super) fn complaint(&mut self) -> Option<String> {
        if let Some(notice) = self.out.notice.as_ref().filter(|n| n.role == Role::Error) {
            return Some(notice.words.clone());
        }
        let desk = self.desk()?;
        desk.prompt.errors.first().map(|e| e.message.clone()).or_else(|| desk.session.transcript.refused())
    }

    /// Whether something that was asked of a stage has not ended yet.
    pub(super) fn is_busy(&self) -> bool {
        let first = self.first.as_ref().map(|f| &f.desk);
        let lesson = self.lesson.as_ref().map(|l| &l.desk);
        let measures = self.measure.as_ref().is_some_and(Measure::is_busy);
        measures || self.atlas.is_busy() || [first, lesson, self.play.as_ref()].into_iter().flatten().any(Desk::is_busy)
    }

    /// Changes the palette.
    pub(super) fn palette(&mut self, palette: Palette) {
        self.theme = Theme::new(palette, self.ascii);
    }
}
